"""Family "webhook": whose signature counts where. What each scheme refuses is in tests/unit/vault/webhooks.c, what a sender is told
in tests/system/test_webhook.py; here are confusions of schemes, keys and workflows, and the senders' own libraries.

The libraries are strangers from npm, which no other test needs: with SALLYPORT_NODE naming a folder where stripe, standardwebhooks and
@octokit/webhooks-methods were installed (npm install) their signatures are tried, too."""
import gzip
import hashlib
import hmac
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from sallyport import ROOT, definition, mac, sign

KEYS = {"one": "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE=", "two": "whsec_YW5vdGhlci1rZXktb2YtdGhlLXRlc3RzLTI="}
SCHEMES = ["github", "stripe", "slack", "standard-webhooks", "bearer"]
SIGNED = [s for s in SCHEMES if s != "bearer"]
ECHO = [{"echo": {"set": {"seen": "${ . }"}}}]
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module", autouse=True)
def deployed(server):
    for name, key in KEYS.items():
        server.secret(f"key-{name}", key, kind="webhook-key")
        for scheme in SCHEMES:
            server.deploy(definition(f"{scheme}-{name}", ECHO, webhook={"scheme": scheme, "key": f"key-{name}"}))


def body_of(*marks):
    return json.dumps(marks).encode()


@pytest.mark.parametrize("at", SCHEMES)
@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_counts_for_its_scheme_alone(server, scheme, at):
    body = body_of("scheme", scheme, at)
    assert server.hook(f"{at}-one", body, sign(scheme, KEYS["one"], body)).status == (200 if scheme == at else 401)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_signature_counts_for_its_key_alone(server, scheme):
    body = body_of("key", scheme)
    headers = sign(scheme, KEYS["one"], body)
    assert server.hook(f"{scheme}-two", body, headers).status == 401
    # Nor has the other workflow's refusal used it up.
    assert server.hook(f"{scheme}-one", body, headers).status == 200


@pytest.mark.parametrize("scheme", SIGNED)
def test_the_name_of_the_key_or_the_handle_is_not_the_key(server, scheme):
    body = body_of("name", scheme)
    for wrong in ("key-one", "test/key-one", "$secrets.key-one", "", KEYS["one"][6:], KEYS["one"].lower()):
        assert server.hook(f"{scheme}-one", body, sign(scheme, wrong, body)).status == 401, wrong


def test_a_weaker_algorithm_is_no_choice_of_the_senders(server):
    body = body_of("algorithm")
    good = mac(KEYS["one"], body).hexdigest()
    sha1 = hmac.new(KEYS["one"].encode(), body, hashlib.sha1).hexdigest()
    plain = hashlib.sha256(body).hexdigest()
    for headers in ({"X-Hub-Signature": "sha1=" + sha1}, {"X-Hub-Signature-256": "sha1=" + sha1}, {"X-Hub-Signature-256": "sha256=" + sha1},
                    {"X-Hub-Signature-256": "sha256=" + plain}, {"X-Hub-Signature-256": good}, {"X-Hub-Signature-256": "none=" + good},
                    {"X-Hub-Signature-256": "SHA256=" + good}, {"X-Hub-Signature-256": f"sha256={good},sha256={good}"},
                    {"X-Hub-Signature-256": "sha256="}, {"X-Hub-Signature-256": "sha256=" + "0" * 64}):
        assert server.hook("github-one", body, headers).status == 401, headers
    at = str(int(time.time()))
    for header in (f"t={at},v0=" + mac(KEYS["one"], f"{at}.".encode() + body).hexdigest(), f"t={at},v1=", f"t={at}", f"v1={good}",
                   f"t={at},v1={mac(KEYS['one'], body).hexdigest()}", f"t={at},t={at},v1=" + mac(KEYS["one"], f"{at}.".encode() + body).hexdigest()):
        assert server.hook("stripe-one", body, {"Stripe-Signature": header}).status == 401, header


def test_several_signatures_of_a_key_that_changes(server):
    """While a key is changed a sender signs with the old and the new one; one of them has to fit, wherever it stands."""
    at, wrong = str(int(time.time())), "0" * 64
    for n, order in enumerate(("rw", "wr", "wrw")):
        body = body_of("several", n)
        right = mac(KEYS["one"], f"{at}.".encode() + body).hexdigest()
        header = f"t={at}," + ",".join("v1=" + (right if c == "r" else wrong) for c in order)
        assert server.hook("stripe-one", body, {"Stripe-Signature": header}).status == 200, header
    body = body_of("several", "wrong")
    assert server.hook("stripe-one", body, {"Stripe-Signature": f"t={at}" + f",v1={wrong}" * 5}).status == 401


@pytest.mark.parametrize("scheme", SIGNED)
def test_the_raw_body_is_signed(server, scheme):
    """Neither what it means nor what it would be when unpacked."""
    body = b'{"a": 1,"b":2}'
    for other in (b'{"a":1,"b":2}', b'{"b":2,"a": 1}', body + b"\n", b"\xef\xbb\xbf" + body, body + b"\0"):
        assert server.hook(f"{scheme}-one", other, sign(scheme, KEYS["one"], body)).status == 401, other
    packed = gzip.compress(body)
    answer = server.hook(f"{scheme}-one", packed, {**sign(scheme, KEYS["one"], body), "Content-Encoding": "gzip"})
    assert answer.status == 401, answer
    assert server.hook(f"{scheme}-one", packed, {**sign(scheme, KEYS["one"], packed), "Content-Encoding": "gzip"}).status == 400


@pytest.mark.parametrize("scheme", SIGNED)
def test_nothing_is_signed_for_a_stranger(server, scheme):
    """Not in an answer, not in the log, not in a leaf: a server that tells the right signature signs for whoever asks."""
    body, at, id = body_of("oracle", scheme), int(time.time()), "msg_oracle"
    right = re.findall(r"[0-9a-f]{64}|(?<=v1,)[\w+/]{40,}", " ".join(sign(scheme, KEYS["one"], body, at, id).values()))
    answer = server.hook(f"{scheme}-one", body, sign(scheme, "not-the-key-not-the-key", body, at, id))
    assert answer.status == 401
    said = repr(answer) + server.log() + json.dumps(server.leaves())
    assert len(right) == 1 and right[0] not in said
    assert all(server.api.request(method, f"/api/v1/{path}", b"{}").status in (404, 405)
               for method in ("POST", "PUT") for path in ("sign", "webhooks/sign", "secrets/test/key-one/sign", "hooks/test/github-one"))


def test_signatures_are_compared_in_constant_time():
    """By how it is written: what decides is crypto_equal, and nothing compares a MAC that ends at the first difference."""
    folder = ROOT / "src" / "vault" / "webhook"
    for scheme in SCHEMES:
        text = (folder / f"{scheme.split('-')[0]}.c").read_text()
        assert "crypto_equal(" in text or "webhook_hex_is(" in text, scheme
        for line in text.splitlines():
            assert not re.search(r"\b(memcmp|strcmp|strncmp|slice_equal|slice_is)\s*\([^)]*\b(mac|expected|given|bytes)\b", line), line
    assert "crypto_equal(" in (folder / "webhook.c").read_text().split("bool webhook_hex_is", 1)[1].split("\n}", 1)[0]
    assert "sodium_memcmp(" in (ROOT / "src/crypto/init.c").read_text().split("bool crypto_equal", 1)[1].split("\n}", 1)[0]


@pytest.mark.parametrize("scheme", ["github", "stripe", "standard-webhooks"])
def test_senders_own_libraries(server, scheme):
    folder = os.environ.get("SALLYPORT_NODE")
    if not folder or not shutil.which("node"):
        pytest.skip("no node, or SALLYPORT_NODE names no folder with the senders' libraries")
    body = body_of("stranger", scheme, time.time())
    r = subprocess.run(["node", "--input-type=module", "-", scheme, KEYS["one"], body, str(int(time.time())), "msg_stranger"],
                       capture_output=True, text=True, cwd=folder, input=(HERE / "strangers.mjs").read_text())
    if r.returncode == 77:
        pytest.skip(f"the library of {scheme} is not in {folder}")
    assert r.returncode == 0, r.stderr
    headers = json.loads(r.stdout)
    assert server.hook(f"{scheme}-one", body + b" ", headers).status == 401
    assert server.hook(f"{scheme}-one", body, headers).status == 200
