"""The description of the API against the server: each route with each access gives what the document says and nothing else, and
each error that it names is provoked, or stands in UNPROVOKED with the reason."""
import hashlib
import http.client
import itertools
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import threading

import pytest

from conftest import make_folder
from jsonschema import Draft202012Validator
from openapi import BUILT, PROBLEM, TYPE, built
from sallyport import ROOT, Answer, Server, call, definition, eventually, sign

API = built()
OPERATIONS = list(API.operations.values())
KEY = "0123456789abcdef-of-the-sender"
ABSENT = {"namespace": "nobody", "name": "nothing", "credential": "nothing", "id": "r0saqmfqhfktm7", "part": "output"}
ROLES = re.findall(r'A\(ACCESS_\w+, "(\w+)"\)', (ROOT / "src/engine/routes.h").read_text())

# Documented, and not provoked here.
UNPROVOKED = {
    ("*", "internal"): "what has no name of its own: no test knows how to make it happen",
    ("*", "protocol"): "an engine that answers nonsense: tests/abuse/test_flood.py has one",
    ("*", "overload"): "tests/abuse/test_flood.py fills queues and memory",
    ("*", "timeout"): "comes after two minutes",
    ("runs_list", "tampered"): "a row that no store has written: tests/unit/store",
    ("audit_leaves", "tampered"): "a row that no store has written: tests/unit/store",
    ("runs_proof", "tampered"): "a log that was rewritten: tests/unit/audit",
    ("audit_checkpoint", "tampered"): "a log that was rewritten: tests/unit/vault",
    ("audit_checkpoint", "conflict"): "a log that was rolled back: tests/unit/vault",
    ("runs_start", "tampered"): "as runs_show, for the run that an Idempotency-Key began",
    ("runs_start", "key"): "a namespace without its key has no workflow that starts",
    ("runs_show", "key"): "a run's namespace is loaded with the run's workflow",
    ("runs_data", "key"): "a run's namespace is loaded with the run's workflow",
    ("runs_trace", "key"): "a run's namespace is loaded with the run's workflow",
    ("runs_replay", "key"): "a run's namespace is loaded with the run's workflow",
    ("runs_replay", "budget"): "the worker is lost within the milliseconds of a replay",
    ("workflows_deploy", "budget"): "a definition that the checker is lost by: tests/abuse/test_hostile_worker.py",
    ("secrets_set", "conflict"): "two changes of one credential within the milliseconds of one",
    ("secrets_revoke", "conflict"): "two changes of one credential within the milliseconds of one",
    ("runs_cancel", "tampered"): "a row that no store has written: tests/unit/store",
}


STORED = ("tampered", "format") # what was altered on disk


def is_unprovoked(operation, what):
    return (operation.id, what) in UNPROVOKED or ("*", what) in UNPROVOKED


def in_words(value):
    return value.id if hasattr(value, "id") else str(value) if value is not None else "done"


# --- the document ----------------------------------------------------------------------------------------------------------


def walk(value, path=()):
    yield path, value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield from walk(inner, (*path, key))


def test_document_has_the_form_of_openapi():
    document = API.document
    assert document["openapi"] == "3.1.0" and document["info"]["title"] and document["info"]["version"]
    assert all(p.startswith("/") for p in document["paths"])
    shapes = [re.sub(r"\{\w+\}", "{}", p) for p in document["paths"]]
    assert len(set(shapes)) == len(shapes), "two paths match the same"
    assert set(document["components"]) <= {"schemas", "responses", "parameters", "headers", "securitySchemes"}
    for name in itertools.chain(*document["components"].values()):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", name), name


def test_references_lead_somewhere_and_nothing_is_left_over():
    used = set()
    for path, value in walk(API.document):
        if path and path[-1] == "$ref":
            at = API.document
            for part in value.removeprefix("#/").split("/"):
                at = at[part]
            used.add(value)
    used |= {f"#/components/securitySchemes/{n}" for o in OPERATIONS for s in o.definition["security"] for n in s}
    there = {f"#/components/{kind}/{name}" for kind, names in API.document["components"].items() for name in names}
    assert used == there


def test_schemas_are_json_schema():
    schemas = [v for p, v in walk(API.document) if p and p[-1] == "schema"] + list(API.document["components"]["schemas"].values())
    assert len(schemas) > 60
    for schema in schemas:
        Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("operation", OPERATIONS, ids=in_words)
def test_operation_has_the_form_of_openapi(operation):
    d = operation.definition
    assert set(d) <= {"operationId", "summary", "tags", "x-sallyport-permission", "x-sallyport-role", "security", "parameters",
                      "requestBody", "responses"}
    parameters = [API.document["components"]["parameters"][p["$ref"].rsplit("/", 1)[1]] if "$ref" in p else p
                  for p in d.get("parameters", [])]
    assert len({(p["in"], p["name"]) for p in parameters}) == len(parameters)
    assert [p["name"] for p in parameters if p["in"] == "path"] == re.findall(r"\{(\w+)\}", operation.path)
    assert all(p.get("required") is True for p in parameters if p["in"] == "path") and all("schema" in p for p in parameters)
    for status in d["responses"]:
        response = API.response(operation, status)
        assert re.fullmatch(r"[2-5]\d\d", status) and response["description"] and len(response["content"]) == 1
    for requirement in d["security"]:
        assert set(requirement) <= set(API.document["components"]["securitySchemes"])


def test_every_route_is_there_with_its_permission():
    source = (ROOT / "src/engine/routes.h").read_text()
    there = re.findall(r'R\(HTTP_(\w+), "([^"]+)", PERMIT_(\w+), (\w+),', source)
    assert len(there) > 20
    assert there == [(o.method, o.path, o.definition["x-sallyport-permission"], o.id) for o in OPERATIONS]
    needed = dict(re.findall(r"P\(PERMIT_(\w+), ACCESS_(\w+)\)", source))
    assert {o.id: needed[o.definition["x-sallyport-permission"]].lower() for o in OPERATIONS} == {o.id: o.role for o in OPERATIONS}


# --- the world ---------------------------------------------------------------------------------------------------------------


class World:
    """A server behind a proxy that we are: each request may come from an address of its own, so that what one does wrong
    (sign-ins, rates) does not fall on the next."""
    CONFIG = {"behindProxy": True, "trustedProxies": ["127.0.0.0/8"], "limits": {"addressPerSecond": 1, "addressBurst": 1000}}

    def __init__(self, folder):
        self.server = Server(folder, config=self.CONFIG, start=False)
        self.server.init()
        self.tokens = {"owner": self.server.token, **{role: self.add_principal(role) for role in ROLES if role != "owner"}}
        self.server.start()
        self.addresses, self.versions = itertools.count(1), itertools.count(1)
        self.names = {"namespace": "test", "name": "echo", "credential": "key", "id": None, "part": "output"}

    def add_principal(self, role):
        """As the owner has one: `init` writes the row before the first start."""
        token = "spt_" + os.urandom(32).hex()
        with sqlite3.connect(self.server.data / "sallyport.db") as db:
            db.execute("INSERT INTO principals (name, role, token_hash, created_ms, expires_ms, is_disabled) VALUES (?, ?, ?, 1, 0, 0)",
                       (f"a-{role}", role, hashlib.sha256(token.encode()).digest()))
        db.close()
        return token

    def populate(self, upstream):
        s = self.server
        s.secret("key", KEY, kind="webhook-key")
        hook = {"scheme": "github", "key": "key"}
        echo = [{"echo": {"set": {"got": "${ . }"}}}]
        s.deploy(definition("echo", echo, webhook=hook))
        s.deploy(definition("at-once", [{"w": {"wait": {"seconds": 60}}}], webhook=dict(hook, answer="accepted")))
        s.deploy(definition("waits", [{"w": {"wait": {"seconds": 60}}}], webhook=hook))
        s.deploy(definition("switched", echo))
        s.deploy(definition("off", echo))
        assert s.api.post("/api/v1/workflows/test/off/disable").status == 200
        s.deploy(definition("strict", echo, webhook=hook, schema={"type": "object", "required": ["id"]}))
        s.deploy(definition("fails", [{"f": {"raise": {"error": {"type": "https://example.com/no", "status": 418}}}}], webhook=hook))
        s.deploy(definition("calls", [{"c": call(upstream.origin + "/broken")}], webhook=hook, origins=[upstream.origin]))
        s.deploy(definition("late", [{"t": {"do": [{"w": {"wait": {"seconds": 60}}}], "timeout": {"after": {"milliseconds": 5}}}}],
                            webhook=hook))
        upstream.reply("/broken", 500)
        self.names["id"] = s.run("echo", {"n": 1}).json["id"]

    def address(self):
        n = next(self.addresses)
        return f"10.{n >> 16 & 255}.{n >> 8 & 255}.{n & 255}"

    def path(self, operation, **names):
        return re.sub(r"\{(\w+)\}", lambda m: {**self.names, **names}[m[1]], operation.path)

    def head(self, operation, token=..., headers=None):
        token = self.tokens["owner"] if token is ... else token
        headers = {"X-Forwarded-For": self.address(), **(headers or {})}
        if token and operation.is_private:
            headers["Authorization"] = f"Bearer {token}"
        return headers

    def body(self, operation):
        if operation.id == "workflows_deploy":
            return json.dumps(definition("deployed", [{"s": {"set": {"a": 1}}}], version=f"1.0.{next(self.versions)}")).encode()
        if operation.id == "secrets_set":
            policy = {"origins": ["https://api.example.com"]}
            box = self.server.seal("a-value-of-a-token", "test", "key", "bearer", policy)
            return json.dumps({"kind": "bearer", "policy": policy, "box": box}).encode()
        if operation.id == "runs_start":
            return b'{"namespace":"test","workflow":"echo","input":{"n":1},"wait":true}'
        return b'{"n":1}' if operation.body else None

    def send(self, operation, query="", body=..., kind=..., names=None, headers=None, method=None, path=None, **head):
        """The request that succeeds, but for what is said otherwise."""
        body = self.body(operation) if body is ... else body
        headers = self.head(operation, headers=headers, **head)
        if operation.body and kind is not None:
            headers["Content-Type"] = next(iter(operation.body["content"])) if kind is ... else kind
        if operation.id == "hook" and "token" not in head:
            headers.update(sign("github", KEY, body, id=os.urandom(8).hex()) | {k: v for k, v in headers.items() if k.startswith("X-Hub")})
        return exchange(self.server.port, method or operation.method, (path or self.path(operation, **(names or {}))) + query, body,
                        headers)

    def raw(self, operation, *lines):
        """With these header lines as they stand here."""
        head = [f"{operation.method} {self.path(operation)} HTTP/1.1", "Host: a", *lines, "", ""]
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=30) as s:
            s.sendall("\r\n".join(head).encode())
            response = http.client.HTTPResponse(s, method=operation.method)
            response.begin()
            return Answer(response, response.read())

    def exhausted(self, operation):
        """From an address that has used its rate up."""
        address = {"X-Forwarded-For": "10.255.255.1"}

        def refused():
            answer = self.send(operation, headers=address)
            return answer if answer.status == 429 else self.use_up(address)
        return eventually(refused, 20, "a rate limit")

    def use_up(self, address):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=30)
        for _ in range(1100):
            connection.request("GET", "/healthz", headers=address)
            response = connection.getresponse()
            response.read()
            if response.status == 429:
                break
        connection.close()


def exchange(port, method, target, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return Answer(response, response.read())
    finally:
        connection.close()


@pytest.fixture(scope="module")
def world(upstream):
    folder = make_folder()
    w = World(folder)
    with w.server:
        w.populate(upstream)
        yield w
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def damaged():
    """A server on whose disk the outputs of two runs were altered: one in its bytes, one in its version."""
    folder = make_folder()
    w = World(folder)
    w.server.deploy(definition("echo", [{"echo": {"set": {"got": "${ . }"}}}]))
    w.ids = {what: w.server.run("echo", {"n": 1}).json["id"] for what in STORED}
    w.server.stop()
    with sqlite3.connect(w.server.data / "sallyport.db") as db:
        (older, a), (newer, b) = db.execute("SELECT id, output FROM runs ORDER BY id").fetchall()
        db.execute("UPDATE runs SET output = ? WHERE id = ?", (a[:-1] + bytes([a[-1] ^ 1]), older))
        db.execute("UPDATE runs SET output = ? WHERE id = ?", (bytes([b[0] ^ 0x80]) + b[1:], newer))
    db.close()
    with w.server.start():
        yield w
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def without_engine():
    """A server whose engine has gone and does not come back: its supervisor does not see it."""
    folder = make_folder()
    w = World(folder)
    w.names["id"] = ABSENT["id"]
    box = w.server.seal("x", "test", "key", "bearer", {})
    w.server.seal = lambda *ignored: box
    w.server.process.send_signal(signal.SIGSTOP)
    os.kill(w.server.roles("engine")[0], signal.SIGKILL)
    eventually(lambda: exchange(w.server.port, "GET", "/healthz").status == 503)
    yield w
    w.server.process.send_signal(signal.SIGCONT)
    w.server.kill_all()
    shutil.rmtree(folder, ignore_errors=True)


def test_document_is_served_as_it_was_built(world):
    answer = world.send(API.operations["openapi"])
    assert answer.status == 200 and answer.body == BUILT.read_bytes()


# --- access ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("access", ["no token", "wrong token", "no bearer", *ROLES])
@pytest.mark.parametrize("operation", OPERATIONS, ids=in_words)
def test_access(world, operation, access):
    """What is named is not there and what is sent is empty, so that who may do it changes nothing."""
    token = world.tokens.get(access, "spt_" + "0" * 64)
    headers = {"no token": {}, "no bearer": {"Authorization": f"Basic {token}"}}.get(access, {"Authorization": f"Bearer {token}"})
    body = b"" if operation.body else None
    kind = {"Content-Type": next(iter(operation.body["content"]))} if operation.body else {}
    answer = exchange(world.server.port, operation.method, world.path(operation, **ABSENT), body,
                      {"X-Forwarded-For": world.address(), **headers, **kind})
    API.check(operation, answer)
    if not operation.is_private:
        assert answer.status in (200, 404), answer
    elif access not in ROLES:
        assert answer.status == 401, answer
    elif ROLES.index(access) < ROLES.index(operation.role):
        assert answer.status == 403, answer
    else:
        assert answer.status in (200, 400, 404), answer


@pytest.mark.parametrize("path", API.document["paths"])
def test_other_methods_are_refused(world, path):
    there = {o.method for o in OPERATIONS if o.path == path}
    there |= {"HEAD"} if "GET" in there else set()
    some = next(o for o in OPERATIONS if o.path == path)
    for method in sorted({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} - there):
        answer = world.send(some, method=method, body=None)
        assert answer.status == 405 and set(answer.headers["allow"].split(", ")) == there, (method, answer)
        if method != "HEAD":
            assert answer.json["type"] == TYPE + "method" and set(answer.json) == {"type", "title", "status", "detail"}
    for method, status, slug in (("TRACE", 405, "method"), ("BREW", 501, "method-unknown"), (some.method.lower(), 501, "method-unknown")):
        answer = world.send(some, method=method, body=None)
        assert (answer.status, answer.json["type"]) == (status, TYPE + slug), answer
        API.validate({"$ref": "#/components/schemas/Problem"}, answer.json)


# --- what is answered --------------------------------------------------------------------------------------------------------


def cancelled(w, operation):
    id = w.server.run("waits", wait=False).json["id"]
    eventually(lambda: w.server.run_state(id)["state"] == "waiting")
    return w.send(operation, names={"id": id})


def proven(w, operation):
    return eventually(lambda: (a := w.send(operation)).status == 200 and a)


def revoked(w, operation):
    w.server.secret("short-lived", "a-value-of-a-token", origins=["https://api.example.com"])
    return w.send(operation, names={"credential": "short-lived"})


DONE = {
    ("runs_cancel", 200): cancelled,
    ("runs_proof", 200): proven,
    ("secrets_revoke", 200): revoked,
    ("secrets_set", 200): lambda w, o: w.server.secret("set", "a-value-of-a-token", origins=["https://api.example.com"]),
    ("workflows_disable", 200): lambda w, o: w.send(o, names={"name": "switched"}),
    ("runs_start", 202): lambda w, o: w.send(o, body=b'{"namespace":"test","workflow":"echo"}'),
    ("hook", 202): lambda w, o: w.send(o, names={"name": "at-once"}),
}


def replayed(w, operation):
    signed = sign("github", KEY, b'{"n":1}', id="once")
    return [w.send(operation, token=None, headers=signed) for _ in range(2)][1]


def key_in_use(w, operation):
    body = b'{"namespace":"test","workflow":"waits","wait":true}' if operation.id == "runs_start" else b"{}"
    if operation.id == "runs_start":
        w.server.run("waits", wait=False, headers={"Idempotency-Key": "used"})
        return w.send(operation, body=body, headers={"Idempotency-Key": "used"})
    return cancelled_meanwhile(w, operation)


def cancelled_meanwhile(w, operation):
    """A delivery that waits for the end of a run, which somebody cancels."""
    answers = []
    sender = threading.Thread(target=lambda: answers.append(w.send(operation, names={"name": "waits"})))
    sender.start()
    run = eventually(lambda: next((r for r in w.server.api.get("/api/v1/runs?workflow=waits&state=waiting").json["runs"]
                                   if r["trigger"] == "webhook"), None))
    w.server.api.post(f"/api/v1/runs/{run['id']}/cancel")
    sender.join()
    return answers[0]


def replay_of_a_waiting_run(w, operation):
    id = w.server.run("waits", wait=False).json["id"]
    eventually(lambda: w.server.run_state(id)["state"] == "waiting")
    return w.send(operation, names={"id": id})


EVERYWHERE = {
    "framing": lambda w, o: w.raw(o, "Content-Length: 0", "Content-Length: 0"), # both kinds of framing libmicrohttpd 1.0 refuses by itself
    "host": lambda w, o: w.raw(o, "Host: b"),
    "header": lambda w, o: w.raw(o, "Content-Type: a/b", "Content-Type: a/b"),
    "target": lambda w, o: w.send(o, query="?a=%00"),
    "forwarded": lambda w, o: w.send(o, headers={"Forwarded": "for=192.0.2.1"}),
    "invalid": lambda w, o: w.send(o, query="?unheard=of"),
    "limit": lambda w, o: w.raw(o, f"Content-Length: {1 << 30}"),
    "target-limit": lambda w, o: w.send(o, query="?" + "a" * 5000),
    "header-limit": lambda w, o: w.send(o, headers={f"X-{n}": "a" for n in range(100)}),
    "rate-limited": lambda w, o: w.exhausted(o),
    "media-type": lambda w, o: w.send(o, kind="text/csv"),
    "syntax": lambda w, o: w.send(o, body=b"{"),
    "unauthenticated": lambda w, o: w.send(o, token=None),
    "denied": lambda w, o: w.send(o, token=w.tokens["nobody"]),
    "not-found": lambda w, o: w.send(o, names=ABSENT),
}
SOMEWHERE = {
    ("hook", "replayed"): replayed,
    ("hook", "conflict"): key_in_use,
    ("runs_start", "conflict"): key_in_use,
    ("runs_start", "not-found"): lambda w, o: w.send(o, body=b'{"namespace":"nobody","workflow":"nothing"}'),
    ("runs_cancel", "conflict"): lambda w, o: w.send(o),
    ("runs_replay", "conflict"): replay_of_a_waiting_run,
    ("workflows_deploy", "definition"): lambda w, o: w.send(o, body=b"document: {}"),
    ("workflows_deploy", "conflict"): lambda w, o: w.send(o, body=json.dumps(definition("echo", [{"s": {"set": {"a": 1}}}])).encode()),
}
FAULTS = {400: "strict", 500: "fails", 502: "calls", 504: "late"}


def provoke(w, operation, status, what):
    if what is None:
        return DONE.get((operation.id, status), lambda w, o: w.send(o))(w, operation)
    if what == "fault":
        return w.send(operation, names={"name": FAULTS[status]})
    return SOMEWHERE.get((operation.id, what), EVERYWHERE.get(what))(w, operation)


OUTCOMES = [x for x in API.outcomes() if not is_unprovoked(x[0], x[2])]


@pytest.mark.parametrize("operation, status, what", [x for x in OUTCOMES if x[2] not in ("unavailable", *STORED)], ids=in_words)
def test_documented_answer_comes(world, operation, status, what):
    answer = provoke(world, operation, status, what)
    assert API.check(operation, answer) == (operation, status, what), answer


@pytest.mark.parametrize("operation", OPERATIONS, ids=in_words)
def test_unavailable_without_an_engine(without_engine, operation):
    answer = without_engine.send(operation)
    assert API.check(operation, answer) == (operation, 503, "unavailable"), answer


@pytest.mark.parametrize("operation, what", [(o, w) for o, _, w in OUTCOMES if w in STORED], ids=in_words)
def test_what_was_altered_on_disk_is_not_shown(damaged, operation, what):
    answer = damaged.send(operation, names={"id": damaged.ids[what]})
    assert API.check(operation, answer) == (operation, 500, what), answer


@pytest.mark.parametrize("what", sorted(set(EVERYWHERE) - {"rate-limited"}))
@pytest.mark.parametrize("operation", OPERATIONS, ids=in_words)
def test_whatever_is_wrong_the_answer_is_documented(world, operation, what):
    if what not in {w for o, _, w in OUTCOMES if o is operation}:
        API.check(operation, EVERYWHERE[what](world, operation))


# --- what is taken -----------------------------------------------------------------------------------------------------------

BODIES = [o for o in OPERATIONS if o.body and "application/json" in o.body["content"] and "$ref" in o.body["content"]["application/json"]["schema"]]
QUERIES = [(o, p) for o in OPERATIONS for p in o.definition.get("parameters", []) if p.get("in") == "query"]


def refused(w, operation, answer):
    assert API.check(operation, answer) == (operation, 400, "invalid"), answer


@pytest.mark.parametrize("operation", BODIES, ids=in_words)
def test_body_is_held_to_its_schema(world, operation):
    name = operation.body["content"]["application/json"]["schema"]["$ref"].rsplit("/", 1)[1]
    schema, good = API.document["components"]["schemas"][name], json.loads(world.body(operation))
    API.validate({"$ref": f"#/components/schemas/{name}"}, good)
    for member, of in schema["properties"].items():
        if of != {"description": of.get("description")}: # any value will do
            refused(world, operation, world.send(operation, body=json.dumps({**good, member: 1}).encode()))
    for member in schema["required"]:
        refused(world, operation, world.send(operation, body=json.dumps({k: v for k, v in good.items() if k != member}).encode()))
    refused(world, operation, world.send(operation, body=json.dumps({**good, "unheard": 1}).encode()))


@pytest.mark.parametrize("operation, parameter", QUERIES, ids=lambda x: x["name"] if isinstance(x, dict) else in_words(x))
def test_query_is_held_to_its_schema(world, operation, parameter):
    name, schema = parameter["name"], parameter["schema"]
    schema = {**schema, **API.document["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], {})}
    good = schema.get("enum") or [schema[k] for k in ("minimum", "maximum", "default") if k in schema] or [
        {"RunId": ABSENT["id"], "Name": "some-name"}[parameter["schema"]["$ref"].rsplit("/", 1)[1]]]
    bad = ["", "no such", "-1", "%F0"] + [schema[k] + d for k, d in (("minimum", -1), ("maximum", 1)) if k in schema]
    for value in good:
        assert API.check(operation, world.send(operation, query=f"?{name}={value}"))[1] == 200
    for value in bad:
        refused(world, operation, world.send(operation, query=f"?{name}={value}".replace(" ", "+")))
    refused(world, operation, world.send(operation, query=f"?{name}={good[0]}&{name}={good[0]}"))


def test_what_is_not_provoked_is_documented():
    documented = {(o.id, what) for o, _, what in API.outcomes()}
    for operation, what in UNPROVOKED:
        assert (operation, what) in documented or (operation == "*" and any(w == what for _, w in documented)), (operation, what)
