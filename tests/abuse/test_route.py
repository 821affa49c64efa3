"""Families "route" and "object": no path, method, header or moment leads round the check of a route, and what one may not see is
like what is not there. The routes come from the description of the API."""
import contextlib
import hashlib
import http.client
import json
import os
import shutil
import socket
import sqlite3
import time

import pytest

from conftest import make_folder
from openapi import TYPE, built
from sallyport import Client, Server, call, definition, sign

API = built()
PRIVATE = [o for o in API.operations.values() if o.is_private]
PATHS = sorted({o.path for o in PRIVATE})
KEY = "0123456789abcdef-of-the-sender"
NAMES = {"{namespace}": "test", "{name}": "echo", "{credential}": "key", "{id}": "r0saqmfqhfktm7", "{part}": "output"}


def filled(path, names=NAMES):
    for placeholder, name in names.items():
        path = path.replace(placeholder, name)
    return path


@pytest.fixture(scope="module")
def server():
    folder = make_folder()
    with Server(folder, config={"behindProxy": True, "trustedProxies": ["127.0.0.1"]}) as s:
        s.secret("key", KEY, kind="webhook-key")
        s.deploy(definition("echo", [{"echo": {"set": {"got": "${ . }"}}}], webhook={"scheme": "github", "key": "key"}))
        s.deploy(definition("off", [{"echo": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": "key"}))
        s.deploy(definition("inner", [{"echo": {"set": {"a": 1}}}]))
        assert s.api.post("/api/v1/workflows/test/off/disable").status == 200
        s.addresses = iter(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}" for n in range(1 << 20))
        yield s
    shutil.rmtree(folder, ignore_errors=True)


def stranger(server, method, target, body=None, headers=None):
    """Without a token, each time from another address. The target goes out as it stands here."""
    return send(server, method, target, body, {"X-Forwarded-For": next(server.addresses), **(headers or {})})


def owner(server, method, target, body=None):
    return send(server, method, target, body, {"Authorization": f"Bearer {server.token}"})


def send(server, method, target, body, headers):
    lines = [f"{method} {target} HTTP/1.1", "Host: a", "Connection: close", *(f"{k}: {v}" for k, v in headers.items())]
    lines += [f"Content-Length: {len(body)}"] if body is not None else []
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as s:
        s.sendall("\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b""))
        response = http.client.HTTPResponse(s, method=method)
        response.begin()
        content = response.read()
        return response.status, json.loads(content)["type"].removeprefix(TYPE) if response.status >= 400 and content else None


# --- route -------------------------------------------------------------------------------------------------------------------

# What is done to a path, and what each gets, with a token or without: Kestra let a path through for its end (CVE-2026-53576).
SPELLINGS = {
    "/configs at the end": (lambda p: p + "/configs", (404, "not-found")),
    "/healthz at the end": (lambda p: p + "/healthz", (404, "not-found")),
    "slash at the end": (lambda p: p + "/", (404, "not-found")),
    "two slashes at the end": (lambda p: p + "//", (400, "target")),
    "two slashes at the front": (lambda p: "/" + p, (400, "target")),
    "two slashes within": (lambda p: p[:p.rindex("/")] + "/" + p[p.rindex("/"):], (400, "target")),
    "dot segment": (lambda p: p + "/.", (400, "target")),
    "dot segment within": (lambda p: p[:p.rindex("/")] + "/." + p[p.rindex("/"):], (400, "target")),
    "parent segment": (lambda p: p + "/x/..", (400, "target")),
    "from a public path": (lambda p: "/healthz/.." + p, (400, "target")),
    "to a public path": (lambda p: p + "/../healthz", (400, "target")),
    "encoded slash": (lambda p: p[:p.rindex("/")] + "%2f" + p[p.rindex("/") + 1:], (400, "target")),
    "encoded dot": (lambda p: p + "/%2e%2e/healthz", (400, "target")),
    "twice encoded": (lambda p: p + "/%252e%252e/healthz", (400, "target")),
    "backslash": (lambda p: p.replace("/", "\\"), (400, "target")),
    "encoded backslash": (lambda p: p + "%5c", (400, "target")),
    "encoded letter": (lambda p: p[:2] + f"%{ord(p[2]):02x}" + p[3:], (404, "not-found")),
    "encoded NUL": (lambda p: p + "%00", (400, "target")),
    "encoded line break": (lambda p: p + "%0d%0aX: y", (400, None)),
    "upper case": (lambda p: p.replace("/api", "/API").replace("/metrics", "/METRICS"), (404, "not-found")),
    "fragment": (lambda p: p + "#/healthz", (400, "target")),
    "not UTF-8": (lambda p: p + "\xff", (400, "target")),
    "over-long": (lambda p: p + "/" + "a" * 3000, (414, "target-limit")),
    "another host": (lambda p: "http://elsewhere.example" + p, (400, "host")),
}
# These stay within a segment, and a name may be any; with a parameter in it the route matches and nothing of that name is there.
IN_A_SEGMENT = {"parameter of a segment": ";x=/healthz", "encoded semicolon": "%3bx", "extension": ".json", "space": "%20"}


def test_route_that_is_open_is_one_of_three():
    """All others need a principal; who opens another says so here."""
    assert {o.path: o.definition["x-sallyport-permission"] for o in API.operations.values() if not o.is_private} == {
        "/healthz": "PUBLIC", "/readyz": "PUBLIC", "/hooks/{namespace}/{name}": "SIGNED"}


@pytest.mark.parametrize("how", SPELLINGS)
@pytest.mark.parametrize("path", PATHS)
def test_route_has_one_spelling(server, path, how):
    spell, (status, slug) = SPELLINGS[how]
    target = spell(filled(path))
    other = API.operation("GET", target)
    for who in (stranger, owner):
        got = who(server, "GET", target)
        if other and status == 404: # as /api/v1/runs/configs is the run "configs"
            assert got == ((401, "unauthenticated") if who is stranger else (404, "not-found")), (target, got)
        else:
            assert got[0] == status and slug in (None, got[1]), (target, got)


@pytest.mark.parametrize("how", IN_A_SEGMENT)
@pytest.mark.parametrize("path", PATHS)
def test_route_segment_is_matched_whole(server, path, how):
    target = filled(path) + IN_A_SEGMENT[how]
    other = API.operation("GET", target)
    there = {o.method for o in API.operations.values() if o.pattern.fullmatch(target)}
    got = stranger(server, "GET", target)
    assert got == ((401, "unauthenticated") if other else (405, "method") if there else (404, "not-found")), got
    assert owner(server, "GET", target)[0] in (404, 405)


# Headers by which other systems choose another path, method or user.
TRUSTED_ELSEWHERE = [
    {"X-Original-URL": "/healthz"}, {"X-Rewrite-URL": "/healthz"}, {"X-Forwarded-Path": "/healthz"}, {"X-Forwarded-Prefix": "/healthz/.."},
    {"X-HTTP-Method-Override": "GET"}, {"X-Method-Override": "HEAD"}, {"X-Forwarded-User": "owner"}, {"Remote-User": "owner"},
    {"X-Real-IP": "127.0.0.1"}, {"Origin": "http://127.0.0.1"}, {"Referer": "http://127.0.0.1/healthz"},
    {"Cookie": "token=owner; session=owner"}, {"Authorization": "Bearer"}, {"Authorization": "Basic b3duZXI6b3duZXI="},
    {"X-Hub-Signature-256": "sha256=" + "0" * 64},
    # Temporal answered streams without the check (CVE-2026-5724).
    {"Accept": "text/event-stream"}, {"Upgrade": "websocket", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Version": "13"},
    {"Upgrade": "h2c", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA"}, {"Content-Type": "application/grpc", "TE": "trailers"},
    {"Range": "bytes=0-"}, {"If-None-Match": "*"}, {"Expect": "100-continue"},
]


@pytest.mark.parametrize("headers", TRUSTED_ELSEWHERE, ids=lambda h: ", ".join(f"{k} {v[:20]}" for k, v in h.items()))
def test_route_is_not_opened_by_a_header(server, headers):
    for operation in PRIVATE:
        got = stranger(server, operation.method, filled(operation.path), b"{}" if operation.body else None, headers)
        assert got[0] == 401, (operation, got)


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda o: o.id)
def test_route_is_checked_before_anything_that_it_says(server, operation):
    """Neither query nor body nor media type is looked at for who may not ask: an error of theirs would tell that the path is there."""
    for query, body, headers in (("?unheard=of", None, {}), ("", b"{", {"Content-Type": "application/json"}), ("", b"x", {"Content-Type": "a/b"})):
        assert stranger(server, operation.method, filled(operation.path) + query, body, headers) == (401, "unauthenticated")
    if operation.method == "GET":
        assert stranger(server, "HEAD", filled(operation.path)) == (401, None)


def test_route_is_not_served_before_the_check_is(folder):
    """n8n registered a route before its check (CVE-2026-65014). From the first moment that the port answers, strangers are refused."""
    s = Server(folder, start=False)
    s.init()
    s.start(wait=False)
    s.wait_listening()
    seen = set()
    while True:
        ready = Client(s.port).get("/readyz").status == 200
        for operation in PRIVATE:
            # Without an Authorization header at all, so that the token's absence alone counts.
            answer = Client(s.port).request(operation.method, filled(operation.path), b"{}" if operation.body else None, token=None)
            seen.add(answer.status)
        if ready:
            break
    s.stop()
    assert seen and seen <= {401, 429, 503}, seen


@pytest.fixture(scope="module")
def peopled():
    """A server with more principals than the command can make, so that their rows are written by hand. {what: token}."""
    folder = make_folder()
    with Server(folder) as s:
        s.stop()
        now = int(time.time() * 1000)
        tokens = {"nobody": ("nobody", 0, 0), "expired": ("owner", now - 1000, 0), "disabled": ("owner", 0, 1), "lasting": ("owner", now + 10**8, 0)}
        with contextlib.closing(sqlite3.connect(s.data / "sallyport.db")) as db, db:
            for name, (role, expires, is_disabled) in tokens.items():
                db.execute("INSERT INTO principals (name, role, token_hash, created_ms, expires_ms, is_disabled) VALUES (?, ?, ?, ?, ?, ?)",
                           (name, role, hashlib.sha256(f"spt_{name}".encode()).digest(), now, expires, is_disabled))
        s.start()
        yield s
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda o: o.id)
def test_route_for_each_role(peopled, operation):
    """A role without the permission is refused, whatever else is wrong with the request; the owner's is not."""
    def status(name):
        return peopled.api.request(operation.method, filled(operation.path), b"{" if operation.body else None, token=f"spt_{name}").status
    assert status("nobody") == 403
    assert status("lasting") not in (401, 403)


@pytest.mark.parametrize("name", ["expired", "disabled"])
def test_token_of_who_has_left_is_dead(peopled, name):
    """A leaver's token became an operator's (Windmill #9293)."""
    answers = {peopled.api.get(f"/api/v1/{path}", token=token).body for path in ("runs", "identity") for token in (f"spt_{name}", "spt_never-was")}
    assert len(answers) == 1 and json.loads(answers.pop())["status"] == 401


# --- object ------------------------------------------------------------------------------------------------------------------

READ = [o for o in PRIVATE if o.method == "GET"]


def whole(server, method, target, **more):
    """Everything of the answer that could tell something."""
    answer = server.api.request(method, target, **more)
    return answer.status, sorted((k, v) for k, v in answer.headers.items() if k != "Date"), answer.body


OBJECTS = sorted({o.path for o in PRIVATE if "{" in o.path})


@pytest.mark.parametrize("operation", [o for o in PRIVATE if "{" in o.path and o.method != "PUT"], ids=lambda o: o.id)
def test_object_of_another_namespace_is_like_an_absent_one(server, operation):
    """Whether namespace, name or both are somebody else's or nobody's."""
    others = [{"{namespace}": ns, "{name}": name, "{credential}": name, "{id}": id, "{part}": "output"} for ns, name, id in
              (("nobody", "nothing", "r0saqmfqhfktm7"), ("test", "absent", "r0saqmfqhfktm8"), ("nobody", "echo", "R0SAQMFQHFKTM7"),
               ("nobody", "key", "r" * 14), ("x" * 120, "y" * 120, "z" * 120), ("$secrets", "%24%7Bx%7D", "0"), ("TEST", "ECHO", "r0"))]
    answers = {whole(server, operation.method, filled(operation.path, names)) [0::2] for names in others}
    assert len(answers) == 1 and answers.pop()[0] == 404


@pytest.mark.parametrize("operation", PRIVATE, ids=lambda o: o.id)
def test_object_is_like_an_absent_one_to_a_stranger(server, operation):
    run = server.run("echo").json["id"]
    there = {**NAMES, "{id}": run}
    absent = {"{namespace}": "nobody", "{name}": "nothing", "{credential}": "nothing", "{id}": "r0saqmfqhfktm7", "{part}": "output"}
    answers = {whole(server, operation.method, filled(operation.path, names), token=None, headers={"X-Forwarded-For": next(server.addresses)})[2]
               for names in (there, absent)}
    assert len(answers) == 1


def test_object_webhook_that_is_not_open_is_like_an_absent_one(server):
    """Disabled, without a webhook, of another namespace, or nobody's; signed or not."""
    body = b"{}"
    answers = {whole(server, "POST", path, body=body, token=None, headers=headers)[2]
               for path in ("/hooks/test/off", "/hooks/test/inner", "/hooks/test/nothing", "/hooks/nobody/echo", "/hooks/TEST/echo", "/hooks/test/ECHO")
               for headers in ({}, sign("github", KEY, body))}
    assert len(answers) == 1 and json.loads(answers.pop())["status"] == 404


def test_object_reading_changes_nothing(server):
    """A permission to read was one to change (n8n 2026-45732): after every GET and HEAD all is as before, but for the leaves that tell
    of the looks."""
    run = server.run("echo").json["id"]

    def state():
        return [server.api.get(p).json for p in ("/api/v1/workflows", "/api/v1/secrets", "/api/v1/runs?limit=1000")]
    before, leaves = state(), len(server.leaves())
    for operation in READ:
        for method in ("GET", "HEAD"):
            for query in ("", "?method=DELETE", "?_method=POST", "?action=disable", "?delete=true"):
                server.api.request(method, filled(operation.path, {**NAMES, "{id}": run}) + query)
    assert state() == before
    assert {x["action"] for x in server.leaves()[leaves:]} <= {"run.read", "audit.read"}


def test_object_is_found_in_its_own_namespace_alone(server, upstream):
    """A workflow reaches the credentials of its own namespace: the same name elsewhere is another, or none."""
    server.secret("shared", "canary-of-the-other-namespace", namespace="other", origins=[upstream.origin])
    server.deploy(definition("takes", [{"c": call(upstream.origin + "/taken", authentication={"bearer": {"use": "shared"}})}],
                             secrets=["shared"], origins=[upstream.origin]))
    run = server.run("takes").json
    assert run["state"] == "faulted" and not upstream.got("/taken"), run
    assert "other" not in json.dumps(run) and b"canary" not in json.dumps(run).encode()
