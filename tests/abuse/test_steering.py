"""Families "credential-steering" and "ssrf" on whole programs: data from an upstream or a sender tries to lead a credential, or the
call, elsewhere. The tables for single decisions are host_match.txt, ssrf_uris.txt, ssrf_addresses.txt and credential_steering.txt."""
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sallyport import ROOT, Upstream, call, definition, program

CANARY = "canary-STEERED-h3Yd8wQz"
USE = {"bearer": {"use": "steered"}}


@pytest.fixture(scope="module")
def other():
    with Upstream() as u:
        yield u


@pytest.fixture(scope="module", autouse=True)
def prepared(server, upstream):
    server.secret("steered", CANARY, origins=[upstream.origin], places=["header"])
    server.deploy(definition("inner", [{"c": call("${ .uri }")}], origins=["https://api.example.com"]))
    server.deploy(definition("inwards", [{"c": call(upstream.origin + "/inwards", redirect=True)}], origins=[upstream.origin]))


def has_canary(upstream):
    with upstream.lock:
        return [r for r in upstream.requests if CANARY in str(r.headers) + r.path or CANARY.encode() in r.body]


def run(server, name, do, origins, input=None, **more):
    server.deploy(definition(name, do, origins=origins, secrets=["steered"], **more))
    answer = server.run(name, input)
    assert answer.status == 200 and CANARY.encode() not in answer.body, answer
    return answer.json


def test_pages_do_not_lead_elsewhere(server, upstream, other):
    """CVE-2026-59209: the address of the next page comes from the answer."""
    upstream.reply("/first", body={"next": other.origin + "/second"})
    do = [{"first": call(upstream.origin + "/first", authentication=USE)},
          {"second": call("${ .next }", authentication=USE)}]
    assert run(server, "pages-granted", do, [upstream.origin, other.origin])["state"] == "faulted"
    assert run(server, "pages", do, [upstream.origin])["state"] == "faulted"
    assert has_canary(upstream) and not has_canary(other) and not other.got("/second")


@pytest.mark.parametrize("where", ["host", "port", "userinfo", "scheme", "suffix", "whole", "prefix"])
def test_a_base_address_from_data(server, upstream, other, where):
    """CVE-2026-54304, 65593: what stands before the path is replaced."""
    host, port = other.origin[7:].split(":")
    uris = {"host": "http://{host}/x", "port": f"http://127.0.0.1:{{port}}/x", "userinfo": upstream.origin + "{at}/x", "scheme": "{scheme}://127.0.0.1:{port}/x",
            "suffix": upstream.origin + "{port}/x", "whole": "${ .whole }", "prefix": "${ \"" + upstream.origin + "\" + .at + \"/x\" }"}
    data = {"host": f"{host}:{port}", "port": port, "at": f"@{host}:{port}", "scheme": "http", "whole": other.origin + "/x"}
    answer = server.deploy(definition(f"base-{where}", [{"c": call(uris[where], authentication=USE)}], origins=[upstream.origin], secrets=["steered"]), ok=False)
    if answer.status == 201:
        assert server.run(f"base-{where}", data).json["state"] == "faulted"
    assert not has_canary(other)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_do_not_lead_elsewhere(server, upstream, other, status):
    """Neither to another port, nor another scheme, nor to a host in front of which ours stands as a user."""
    ours = upstream.origin[7:]
    places = [other.origin + "/landed", f"//{other.origin[7:]}/landed", f"http://{ours}@{other.origin[7:]}/landed", "https" + upstream.origin[4:] + "/landed",
              other.origin.replace("127.0.0.1", "localhost") + "/landed", "\\\\" + other.origin[7:] + "\\landed", f"/\\{other.origin[7:]}/landed",
              other.origin + "\t/landed", f"http:{other.origin[7:]}/landed"]
    for n, place in enumerate(places):
        upstream.on("/moved", lambda h, r, p=place: h.answer(status, b"", {"Location": p}))
        run(server, f"moved-{status}-{n}", [{"c": call(upstream.origin + "/moved", authentication=USE, redirect=True)}], [upstream.origin, other.origin])
    assert not has_canary(other)


def test_a_redirect_leaves_the_granted_paths(server, upstream):
    """On the same origin the grant's paths and methods hold for each hop."""
    upstream.on("/in/moved", lambda h, r: h.answer(302, b"", {"Location": "/out/landed"}))
    upstream.on("/in/dots", lambda h, r: h.answer(302, b"", {"Location": "/in/%2e%2e/out/landed"}))
    for path in ("moved", "dots"):
        state = run(server, f"paths-{path}", [{"c": call(f"{upstream.origin}/in/{path}", authentication=USE, redirect=True)}],
                    [{"origin": upstream.origin, "paths": ["/in"]}])["state"]
        assert state == "faulted"
    assert not upstream.got("/out/landed")


@pytest.mark.parametrize("name", ["Host", "host", "Authorization", "Proxy-Authorization", "X-Forwarded-Host", "Cookie"])
def test_headers_set_by_hand(server, upstream, other, name):
    """A Host of one's own is refused; a handle in any header is only resolved at its origin (CVE-2026-59207: connectors that forgot)."""
    value = "evil.test" if name.lower() == "host" else "Bearer ${ $secrets.steered }"
    template = value if name.lower() == "host" else "${ \"Bearer \" + $secrets.steered }"
    answer = server.deploy(definition(f"by-hand-{name.lower()}-{name[0]}", [{"c": call(other.origin + "/by-hand", headers={name: template})}], origins=[other.origin],
                                      secrets=["steered"]), ok=False)
    if answer.status == 201:
        server.run(f"by-hand-{name.lower()}-{name[0]}")
    assert not has_canary(other)
    assert not [r for r in other.got("/by-hand") if r.headers.get("Host") == "evil.test"]


def test_headers_are_not_split_by_data(server, upstream):
    lines = ["a\r\nX-Injected: 1", "a\nX-Injected: 1", "a\rX-Injected: 1", "a\0X-Injected: 1", "a\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"]
    server.deploy(definition("splits", [{"c": call(upstream.origin + "/split", method="post", headers={"X-Data": "${ .line }"},
                                                   query={"q": "${ .line }"}, body="${ .line }")}], origins=[upstream.origin]))
    server.deploy(definition("splits-name", [{"c": call(upstream.origin + "/split", headers="${ {(.line): \"1\"} }")}], origins=[upstream.origin]))
    server.deploy(definition("splits-path", [{"c": call(upstream.origin + "/split/{line}")}], origins=[upstream.origin]))
    server.deploy(definition("splits-uri", [{"c": call("${ \"" + upstream.origin + "/split\" + .line }")}], origins=[upstream.origin]))
    for line in lines:
        for name in ("splits", "splits-name", "splits-path", "splits-uri"):
            server.run(name, {"line": line})
    with upstream.lock:
        assert not [r for r in upstream.requests if r.headers.get("X-Injected") or "smuggled" in r.path.split("?")[0].split("/")[-1:]]
        assert not [r for r in upstream.requests if r.path == "/smuggled"]


@pytest.mark.parametrize("place", ["path", "query", "body", "header name", "host"])
def test_handles_at_places_that_the_credential_does_not_allow(server, upstream, place):
    uri, more = upstream.origin + "/places", {}
    if place == "path":
        uri = "${ \"" + upstream.origin + "/places/\" + $secrets.steered }"
    elif place == "host":
        uri = "${ \"http://\" + $secrets.steered + \".test/\" }"
    elif place == "header name":
        more = {"headers": "${ {($secrets.steered): \"1\"} }"}
    else:
        more = {place: {"k": "${ $secrets.steered }"}}
    run(server, f"at-{place.split()[0]}", [{"c": call(uri, method="post", **more)}], [upstream.origin])
    with upstream.lock:
        assert not [r for r in upstream.requests if r.path.startswith("/places") and (CANARY in r.path or CANARY.encode() in r.body or CANARY in str(r.headers))]


# --- ssrf ---------------------------------------------------------------------------------------------------------------


INNER = ["http://127.0.0.1:{p}", "http://localhost:{p}", "http://127.1:{p}", "http://2130706433:{p}", "http://0x7f000001:{p}", "http://017700000001:{p}",
         "http://0:{p}", "http://0.0.0.0:{p}", "http://[::]:{p}", "http://[::1]:{p}", "http://[::ffff:127.0.0.1]:{p}", "http://[::127.0.0.1]:{p}",
         "http://[64:ff9b::127.0.0.1]:{p}", "http://[2002:7f00:1::]:{p}", "http://[fe80::1%25lo]:{p}", "http://127.0.0.1.:{p}", "http://LOCALHOST.:{p}",
         "http://x.localhost:{p}", "http://169.254.169.254", "http://[fd00:ec2::254]", "http://168.63.129.16", "http://100.100.100.200",
         "http://127%2e0%2e0%2e1:{p}", "http://\u2460\u2461\u2466.0.0.1:{p}", "http://127\u30020\u30020\u30021:{p}"]


@pytest.mark.parametrize("n", range(len(INNER)), ids=INNER)
def test_inner_addresses_from_data(server, other, n):
    """A workflow that was granted an outer origin alone, and a sender who names another."""
    uri = INNER[n].format(p=other.port) + "/inner"
    assert server.run("inner", {"uri": uri}).json["state"] == "faulted"
    assert not other.got("/inner")


@pytest.mark.parametrize("n", range(len(INNER)), ids=INNER)
def test_inner_addresses_behind_a_redirect(server, upstream, other, n):
    upstream.on("/inwards", lambda h, r: h.answer(307, b"", {"Location": (INNER[n].format(p=other.port) + "/inner").encode().decode("latin-1")}))
    assert server.run("inwards").json["state"] == "faulted"
    assert not other.got("/inner")


def test_names_that_change_their_address():
    """DNS rebinding, in a network namespace of its own where 8.8.8.8 is ours and the names' addresses are in a file."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, unshare and ip, for a network namespace of its own")
    probe = subprocess.run(["unshare", "--mount", "--net", "ip", "link", "set", "lo", "up"], capture_output=True)
    if probe.returncode:
        pytest.skip("this machine gives no network namespace")
    r = subprocess.run(["unshare", "--mount", "--net", sys.executable, Path(__file__).with_name("rebinding.py"), program()],
                       capture_output=True, text=True, timeout=240, env=dict(os.environ, PYTHONPATH=str(ROOT / "tests/system")))
    assert r.returncode == 0, r.stdout + r.stderr
    assert json.loads(r.stdout.splitlines()[-1]) == {"public": [0, "outer"], "private": [1, "nothing"], "mixed": [0, "outer"], "mapped": [1, "nothing"],
                                                     "moved": [1, "nothing"], "moved-by-name": [1, "nothing"], "changed": [1, "nothing"]}
