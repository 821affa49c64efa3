"""The workflows of examples/: each passes the check without a remark, and does what its first lines say, against upstreams that
are scripted here. The examples name real-looking origins; --connect-to leads them to this machine."""
import json
import re
import ssl
import subprocess
import time

import pytest

from sallyport import ROOT, Server, Upstream, cli, sign

EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
PUSH = json.loads((ROOT / "dist" / "demo" / "push.json").read_text())
ERRORS = "https://open-workflow-specification.org/spec/1.0.0/errors/"


def hosts(text):
    return sorted(set(re.findall(r"https://([a-z.-]+\.example\.com)", text)))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificate")
    names = ",".join(f"DNS:{h}" for h in hosts("".join(p.read_text() for p in EXAMPLES)))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", "/CN=examples", "-addext", f"subjectAltName={names}", "-keyout", folder / "key.pem",
                    "-out", folder / "certificate.pem"], check=True, capture_output=True)
    return folder


@pytest.fixture
def upstream(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "certificate.pem", certificate / "key.pem")
    with Upstream(context) as u:
        yield u


@pytest.fixture
def run(tmp_path, certificate, upstream):
    """run(NAME, INPUT, secrets) as `sallyport run` does it."""
    def run_(name, input, secrets=None):
        path = ROOT / "examples" / f"{name}.yaml"
        arguments = ["run", path, "--input", "-", "--cacert", certificate / "certificate.pem"]
        for host in hosts(path.read_text()):
            arguments += ["--connect-to", f"{host}:443:127.0.0.1:{upstream.port}", "--allow", f"https://{host}"]
        for secret, value in (secrets or {}).items():
            (tmp_path / secret).write_text(value)
            arguments += ["--secret", f"{secret}={tmp_path / secret}"]
        r = cli(*arguments, input=json.dumps(input), timeout=120)
        for value in (secrets or {}).values():
            assert value not in r.stdout + r.stderr
        return json.loads(r.stdout) if r.returncode == 0 else (r.returncode, json.loads(r.stderr.strip().splitlines()[-1]))
    return run_


def script(upstream, path, *answers):
    """Answers in this order; the last one again and again."""
    left = list(answers)

    def action(handler, request):
        status, body = left.pop(0) if len(left) > 1 else left[0]
        handler.answer(status, body)
    upstream.on(path, action)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_check_has_no_remarks(path):
    r = cli("check", path)
    assert (r.returncode, r.stdout, r.stderr) == (0, "", "")


def test_each_example_begins_with_what_it_teaches():
    assert 6 <= len(EXAMPLES) <= 20
    for path in EXAMPLES:
        assert path.read_text().startswith("# "), path
        assert f"name: {path.stem}\n" in path.read_text(), path


# --- github-push ------------------------------------------------------------------------------------------------------


def test_github_push_asks_for_a_build(run, upstream):
    script(upstream, "/v1/builds", (201, {"id": "b1", "status": "queued"}))
    assert run("github-push", PUSH, {"builds-token": "a-token-for-builds"}) == {
        "build": "b1", "status": "queued", "folders": ["api", "web"]}
    (request,) = upstream.got("/v1/builds")
    assert request.headers["Authorization"] == "Bearer a-token-for-builds"
    assert json.loads(request.body) == {
        "repository": "acme/shop", "commit": PUSH["after"], "by": "mona", "folders": ["api", "web"],
        "subjects": ["Take the tax from the order", "Show it in the basket"]}


def test_github_push_to_a_branch_builds_nothing(run, upstream):
    assert run("github-push", dict(PUSH, ref="refs/heads/topic"), {"builds-token": "a-token-for-builds"}) == {
        "ignored": "a push to refs/heads/topic builds nothing"}
    assert not upstream.requests


def test_github_push_of_a_bad_shape(run, upstream):
    status, error = run("github-push", dict(PUSH, after="HEAD"))
    assert (status, error["type"]) == (1, ERRORS + "validation")
    assert "/after" in error["detail"]
    assert not upstream.requests


# --- chat-notify ------------------------------------------------------------------------------------------------------


def test_chat_notify_tries_again_later(run, upstream):
    script(upstream, "/api/messages", (503, {}), (429, {}), (200, {"id": "m7"}))
    assert run("chat-notify", {"channel": "ops", "text": "up"}, {"chat-token": "a-chat-token"}) == {"delivered": True, "message": "m7"}
    first, second, third = upstream.got("/api/messages")
    assert second.at - first.at >= 0.2 and third.at - second.at >= 0.4
    assert first.headers["Authorization"] == "Bearer a-chat-token"


def test_chat_notify_gives_up_and_goes_on(run, upstream):
    script(upstream, "/api/messages", (500, {}))
    assert run("chat-notify", {"channel": "ops", "text": "up"}, {"chat-token": "a-chat-token"}) == {
        "delivered": False, "reason": "the chat answered 500"}
    assert len(upstream.got("/api/messages")) == 5


def test_chat_notify_does_not_repeat_what_will_not_get_better(run, upstream):
    script(upstream, "/api/messages", (401, {}))
    assert run("chat-notify", {"channel": "ops", "text": "up"}, {"chat-token": "a-chat-token"})["reason"] == "the chat answered 401"
    assert len(upstream.got("/api/messages")) == 1


# --- fan-out-enrichment -----------------------------------------------------------------------------------------------


def enrichment(upstream, score):
    script(upstream, "/v1/hosts/192.0.2.7", (200, {"owner": "shop", "ports": [22, 443]}))
    script(upstream, "/v2/scores", score)
    script(upstream, "/v1/ports/22", (200, {"name": "ssh"}))
    script(upstream, "/v1/ports/443", (200, {"name": "https"}))


def test_fan_out_enrichment(run, upstream):
    enrichment(upstream, (200, {"score": 91}))
    assert run("fan-out-enrichment", {"address": "192.0.2.7"}) == {
        "owner": "shop", "services": ["ssh", "https"], "score": 91, "urgent": True}
    assert upstream.got("/v2/scores")[0].path == "/v2/scores?address=192.0.2.7"


def test_fan_out_enrichment_without_the_nice_to_have(run, upstream):
    enrichment(upstream, (500, {}))
    assert run("fan-out-enrichment", {"address": "192.0.2.7"}) == {
        "owner": "shop", "services": ["ssh", "https"], "score": None, "urgent": False}


# --- approval-timeout -------------------------------------------------------------------------------------------------


def test_approval_timeout_is_decided(run, upstream):
    script(upstream, "/v1/requests", (201, {"id": "a1"}))
    script(upstream, "/v1/requests/a1", (200, {"state": "open"}), (200, {"state": "approved"}))
    assert run("approval-timeout", {"change": "x", "patience": "PT1M", "interval": "PT0.1S"}) == {"approved": True, "state": "approved"}
    assert len(upstream.got("/v1/requests/a1")) == 2


def test_approval_timeout_expires(run, upstream):
    script(upstream, "/v1/requests", (201, {"id": "a1"}))
    script(upstream, "/v1/requests/a1", (200, {"state": "open"}))
    began = time.monotonic()
    assert run("approval-timeout", {"change": "x", "patience": "PT2S", "interval": "PT0.2S"}) == {"approved": False, "state": "expired"}
    assert time.monotonic() - began >= 2


# --- incident-triage --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("signals,action,severity", [
    ({"errorRate": 0.31, "latencyMs": 900}, "page", "critical"),
    ({"errorRate": 0.01, "latencyMs": 2500}, "ticket", "major"),
    ({"errorRate": 0}, "note", "minor"),
])
def test_incident_triage(run, signals, action, severity):
    answer = run("incident-triage", {"service": "payments", "signals": signals})
    assert (answer["action"], answer["severity"], answer["team"]) == (action, severity, "money")


def test_incident_triage_raises_for_an_unknown_service(run):
    status, error = run("incident-triage", {"service": "mill", "signals": {"errorRate": 0}})
    assert status == 1
    assert (error["type"], error["status"]) == ("https://errors.example.com/unknown-service", 404)
    assert error["detail"] == "nobody is on call for mill"


# --- nightly-report ---------------------------------------------------------------------------------------------------


def test_nightly_report_adds_up_all_pages(run, upstream):
    script(upstream, "/api/orders", (200, {"orders": [{"cents": 100}, {"cents": 250}], "more": True}),
           (200, {"orders": [{"cents": 5}], "more": False}))
    script(upstream, "/v1/send", (202, {}))
    secrets = {"shop-user": json.dumps({"username": "report", "password": "night-owl"}), "mail-token": "a-mail-token"}
    assert run("nightly-report", {"day": "2026-03-01"}, secrets) == {"sent": True, "orders": 3, "cents": 355}
    assert [r.path for r in upstream.got("/api/orders")] == ["/api/orders?day=2026-03-01&page=1", "/api/orders?day=2026-03-01&page=2"]
    assert json.loads(upstream.got("/v1/send")[0].body) == {"subject": "Orders of 2026-03-01", "text": "3 orders, 355 cents"}


# --- payment-received: through a server, because its answer comes before its end ---------------------------------------


def test_payment_received_is_answered_at_once_and_booked(folder, certificate, upstream):
    script(upstream, "/v1/entries/evt_1", (200, {"entry": 8}))
    egress = {"caBundle": str(certificate / "certificate.pem"), "connectTo": [f"ledger.example.com:443:127.0.0.1:{upstream.port}"]}
    with Server(folder, config={"egress": egress}) as server:
        server.secret("payments-webhook", "a-secret-of-the-provider", kind="webhook-key", namespace="demo")
        server.secret("ledger-key", "a-ledger-key", origins=["https://ledger.example.com"], namespace="demo")
        server.deploy((ROOT / "examples" / "payment-received.yaml").read_text())
        body = json.dumps({"id": "evt_1", "type": "payment_intent.succeeded", "livemode": True,
                           "data": {"object": {"amount": 1200, "currency": "eur", "receipt_email": "a@b.example"}}}).encode()
        answer = server.hook("payment-received", body, sign("stripe", "a-secret-of-the-provider", body), namespace="demo")
        assert answer.status == 202
        run = server.wait_run(answer.json["id"])
        assert (run["state"], run["output"]) == ("completed", {"booked": 8})
    (request,) = upstream.requests
    assert (request.method, request.headers["X-Api-Key"]) == ("PUT", "a-ledger-key")
    assert json.loads(request.body) == {"amount": 1200, "currency": "eur"}


# --- the timeline that one sees of them ---------------------------------------------------------------------------------


def test_timeline_has_a_line_for_each_attempt(folder, certificate, upstream):
    script(upstream, "/api/messages", (503, {}), (200, {"id": "m7"}))
    egress = {"caBundle": str(certificate / "certificate.pem"), "connectTo": [f"chat.example.com:443:127.0.0.1:{upstream.port}"]}
    with Server(folder, config={"egress": egress}) as server:
        server.secret("chat-token", "a-chat-token", origins=["https://chat.example.com"], namespace="demo")
        server.deploy((ROOT / "examples" / "chat-notify.yaml").read_text())
        id = server.run("chat-notify", {"channel": "ops", "text": "up"}, namespace="demo").json["id"]
        token = folder / "token"
        token.write_text(server.token)
        token.chmod(0o600)
        r = cli("runs", "trace", id, "--server", f"http://127.0.0.1:{server.port}", "--token-file", token)
    assert r.returncode == 0, r.stderr
    lines = [line.split() for line in r.stdout.splitlines()]
    assert [(line[2], line[3]) for line in lines] == [
        ("/", "completed"), ("/do/0/deliver", "completed"), ("/do/0/deliver/try/0/post", "faulted"),
        ("/do/0/deliver/try/0/post", "completed")]
    first, second = int(lines[2][0]), int(lines[3][0])
    assert second - first >= 200
