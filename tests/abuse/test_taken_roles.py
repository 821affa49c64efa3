"""Threat model: what each role can do that was taken over, and what it cannot (docs/threat-model.md, its table). A real
server, whose roles work as ever, until the test speaks on the channels of one of them."""
import base64
import json
import os
import random
import re
import shutil
import socket
import sqlite3
import threading
import time
import urllib.parse

import pytest

from conftest import make_folder
from sallyport import PATIENCE, Upstream, call, definition, eventually, sign
from taken import FIELDS, LIMITS, ROLES as ROLE_NAMES, TYPES, Taken, decode, effects, encode, pairs, read

ROLES = ["gateway", "engine", "vault", "egress", "worker", "checker"]
TOKEN = "canary-TOKEN-u3Kd8WvXz5Rp"
HOOK_KEY = "whsec_" + base64.b64encode(b"canary-HOOK-m9Qf4TbYh2Lc").decode()


def code_of(name):
    """A code of base/error.h, as it is on a channel."""
    rows = [r.split(",") for r in read("base/error.h").split("E(")[1:]]
    numbers = {r[0].strip(): int(r[1]) for r in rows if r[0].strip().startswith("SP_")}
    return -numbers[name]


EDENIED = code_of("SP_EDENIED")
CALL = {"method": "GET", "follow_redirects": 1, "timeout_ms": 5000}


@pytest.fixture(scope="module")
def evil():
    with Upstream() as u:
        yield u


@pytest.fixture(scope="module")
def world(upstream):
    """All roles in the test's hands, each honest until it is asked for something else."""
    folder = make_folder()
    with Taken(folder, ROLES) as server:
        upstream.on("/echo", lambda h, r: h.answer(200, {"headers": dict(r.headers), "body": r.body.decode("utf-8", "replace")},
                                                   {"X-Echo": r.headers.get("Authorization", "")}))
        server.secret("token", TOKEN, origins=[upstream.origin], methods=["GET"])
        server.secret("hook", HOOK_KEY, kind="webhook-key")
        server.secret("spare", "canary-SPARE-z4Hn7PwQe2", origins=[upstream.origin]) # no workflow has it
        server.deploy(definition("caller", [{"c": call(upstream.origin + "/echo", authentication={"bearer": {"use": "token"}})}],
                                 origins=[upstream.origin], secrets=["token"]))
        server.deploy(definition("hooked", [{"s": {"set": {"done": True}}}],
                                 webhook={"scheme": "standard-webhooks", "key": "hook"}))
        server.deploy(definition("waits", [{"w": {"wait": {"seconds": 30}}}]))
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def rough(folder):
    """A server for one test that ends some of its roles."""
    with Taken(folder, ROLES) as server:
        server.deploy(definition("plain", [{"s": {"set": {"n": "${ .n }"}}}]))
        server.role("checker", life=1)
        server.wait_ready()
        yield server


def serves(server, n=7):
    answer = server.run("plain", {"n": n})
    return answer.status == 200 and answer.json["output"] == {"n": n}


# Who has whom started again that speaks out of turn (src/supervisor/member.c). Another one has lost his channel, and ends by
# himself when he is honest.
RESTARTERS = {("gateway", "engine"), ("egress", "engine"), ("worker", "engine"), ("checker", "engine"), ("engine", "vault"),
              ("egress", "vault")}


def is_out_of_turn(server, name, peer, NAME, **fields):
    """Whether the peer closes the channel on which this was said, and has the role that said it started again."""
    life = server.lives(name) - 1
    role = server.role(name, life=life)
    wire = role.peer(peer)
    wire.send(NAME, **fields)
    closed = eventually(lambda: wire.socket.fileno() < 0, 10, f"{peer} closes the channel of {name}")
    if (name, peer) not in RESTARTERS:
        role.end()
    server.role(name, life=life + 1)
    server.wait_ready()
    return closed


def others(server, name):
    follow = {name, "checker"} | ({"worker"} if name == "engine" else set())
    return {k: v for k, v in server.roles().items() if k[0] not in follow}


# --- any role ----------------------------------------------------------------------------------------------------------


# Every type that a role may not say on a channel, though another may: as many cases as the table of messages has holes.
CHANNELS = [("gateway", "engine"), ("engine", "gateway"), ("engine", "vault"), ("vault", "engine"), ("engine", "egress"),
            ("egress", "engine"), ("egress", "vault"), ("vault", "egress"), ("engine", "worker"), ("worker", "engine"),
            ("engine", "checker"), ("checker", "engine")]


@pytest.mark.parametrize("name, peer", CHANNELS, ids=[f"{a}-{b}" for a, b in CHANNELS])
def test_a_role_that_speaks_out_of_turn_ends_alone(rough, name, peer):
    wrong = sorted(NAME for NAME, (_, _, sender, receiver) in TYPES.items() if (sender, receiver) != (name, peer))
    assert len(wrong) > 20
    before = others(rough, name)
    # A few of them, others each time: all are in tests/unit/wire.
    for NAME in wrong[os.getpid() % 17::17]:
        assert is_out_of_turn(rough, name, peer, NAME)
    left = {k: v for k, v in rough.roles().items() if k in before and k[0] != ("worker" if peer == "worker" else peer)}
    assert left == {k: v for k, v in before.items() if k in left}
    assert serves(rough)


@pytest.mark.parametrize("name", ["gateway", "vault", "egress", "worker", "checker"])
def test_no_role_ends_the_server(rough, name):
    """By saying that it will not serve, by ending as if it could not be executed, by orders that are the engine's."""
    before = others(rough, name)
    lies = [("CONTROL_FAILED", {"code": EDENIED, "text": "give up"}), ("CONTROL_RESTART", {"role": 3}),
            ("CONTROL_READY", {}), ("CONTROL_STOP", {})]
    for NAME, fields in lies:
        life = rough.lives(name) - 1
        rough.role(name, life=life).control.send(NAME, **fields)
        rough.role(name, life=life + 1)
        rough.wait_ready()
    life = rough.lives(name) - 1
    rough.role(name, life=life).end(127)
    rough.role(name, life=life + 1)
    rough.wait_ready()
    assert others(rough, name) == before
    assert serves(rough)


def test_a_role_writes_lines_of_its_own_alone(world):
    """Whatever it says, each line of the log begins with who said it, and a flood is cut off."""
    worker, begun = world.latest("worker"), time.monotonic()
    worker.control.send("CONTROL_LOG", level=1, line="event=first\nrole=engine index=0 level=info event=forged\r\x1b[31m\u2028\u0085")
    for n in range(3000):
        worker.control.send("CONTROL_LOG", level=1, line=f"event=many n={n}")
    eventually(lambda: "event=role.log-flood role=worker" in world.log(), 10, "the end of the flood")
    lines = [line for line in re.split(r"[\r\n\x0b\x0c\x85\u2028\u2029]", world.log()) if "forged" in line or "many" in line]
    assert "event=first?role=engine" in lines[0] and all(line.startswith("role=worker index=0 ") and "\x1b" not in line for line in lines), lines[0]
    assert len(lines) <= 500 * (time.monotonic() - begun + 2)


def test_a_descriptor_where_none_belongs_closes_the_channel(rough):
    for name, peer, NAME in [("gateway", "engine", "HTTP_GONE"), ("worker", "engine", "WORKER_STEP"), ("egress", "vault", "VAULT_USE")]:
        life = rough.lives(name) - 1
        role = rough.role(name, life=life)
        role.peer(peer).send_frame(TYPES[NAME][0], encode(TYPES[NAME][1]), fd=0)
        eventually(lambda: role.peer(peer).socket.fileno() < 0, 10, "the channel's end")
        rough.role(name, life=life + 1)
        rough.wait_ready()
    assert serves(rough)


# --- engine ------------------------------------------------------------------------------------------------------------


def test_engine_is_given_no_value_of_a_credential(world):
    """No message that reaches it has a field for one, and none that reached it had one in it, though the upstream sent it back."""
    reach = [FIELDS[name] for _, name, sender, receiver in TYPES.values() if (sender, receiver) == ("vault", "engine")]
    assert len(reach) >= 6 and not [f for fields in reach for _, f, _ in fields if f == "value"]
    answer = world.run("caller")
    assert answer.status == 200 and answer.json["state"] == "completed", answer
    engine = world.role("engine")
    heard = b"".join(m.payload for m in engine.seen)
    assert len(heard) > 5000
    for form in (TOKEN.encode(), base64.b64encode(TOKEN.encode()), urllib.parse.quote(TOKEN).encode(), TOKEN.encode().hex().encode(),
                 HOOK_KEY.encode(), base64.b64decode(HOOK_KEY[6:])):
        assert form not in heard


def call_as_engine(world, origin, auth_use="token", method="GET", grants=None, secrets=("token",), **more):
    effect = encode("effect_call", **{**CALL, "method": method, "uri": origin + "/echo", "auth": 2, "auth_use": auth_use, **more})
    return world.role("engine").ask("egress", "EGRESS_CALL", ns="test", grants=json.dumps(grants or [origin]), nonce=b"n" * 16,
                                    secrets=pairs(*(x for s in secrets for x in (s, ""))), call=effect)


def test_engine_can_send_what_credentials_allow_and_sees_it_scrubbed(world, upstream):
    answer = call_as_engine(world, upstream.origin)
    assert (answer["code"], answer["status"]) == (0, 200), answer
    assert upstream.got("/echo")[-1].headers["Authorization"] == f"Bearer {TOKEN}"
    assert TOKEN.encode() not in answer["body"] + answer["headers"]


@pytest.mark.parametrize("how", ["origin", "method", "kind", "name", "namespace"])
def test_engine_cannot_steer_a_credential(world, upstream, evil, how):
    n = len(upstream.got("/echo"))
    if how == "origin":
        answer = call_as_engine(world, evil.origin)
    elif how == "method":
        answer = call_as_engine(world, upstream.origin, method="DELETE")
    elif how == "kind":
        answer = call_as_engine(world, upstream.origin, auth_use="hook", secrets=["hook"])
    elif how == "name":
        answer = call_as_engine(world, upstream.origin, auth_use="other", secrets=["other"])
    else:
        effect = encode("effect_call", **CALL, uri=upstream.origin + "/echo", auth=2, auth_use="token")
        answer = world.role("engine").ask("egress", "EGRESS_CALL", ns="elsewhere", grants=json.dumps([upstream.origin]),
                                          secrets=pairs("token", ""), call=effect)
    assert answer["code"] < 0 and answer["was_sent"] == 0, answer
    assert not evil.got("/echo") and len(upstream.got("/echo")) == n


def box(world, upstream, name="boxed", kind="bearer", policy=None):
    policy = policy or {"origins": [upstream.origin]}
    sealed = base64.b64decode(world.seal("canary-BOXED-x8Rw2NcVt6Jm", "test", name, kind, policy))
    return {"ns": "test", "name": name, "version": 1, "kind": 1, "box": sealed,
            "policy": json.dumps(policy, separators=(",", ":"), sort_keys=True)}


@pytest.mark.parametrize("change", [
    {"policy": '{"origins":["http://127.0.0.1:1"]}'}, {"policy": "{}"}, {"policy": ""}, {"name": "other"}, {"ns": "other"}, {"kind": 3},
    {"kind": 0}, {"kind": 4, "policy": "{}"}, {"box": b""}, {"box": b"\0" * 200}])
def test_engine_cannot_give_a_sealed_credential_another_purpose(world, upstream, change):
    fields = box(world, upstream)
    assert world.role("engine").ask("vault", "VAULT_WRAP", **fields)["code"] == 0
    answer = world.role("engine").ask("vault", "VAULT_WRAP", **{**fields, **change})
    assert answer["code"] < 0 and not answer["wrapped"], answer


@pytest.mark.parametrize("change", [{"name": "token"}, {"ns": "other"}, {"version": 3}, {"flip": 0}, {"flip": -1}, {"flip": 40}])
def test_engine_cannot_load_a_wrapped_credential_as_another(world, upstream, change):
    engine = world.role("engine")
    fields = box(world, upstream)
    wrapped = engine.ask("vault", "VAULT_WRAP", **fields)["wrapped"]
    if "flip" in change:
        wrapped = bytearray(wrapped)
        wrapped[change["flip"]] ^= 1
        change = {}
    load = {"ns": "test", "name": "boxed", "version": 1, "wrapped": bytes(wrapped), **change}
    assert engine.ask("vault", "VAULT_LOAD", **load)["code"] < 0
    # The one in use is as it was.
    assert call_as_engine(world, upstream.origin)["code"] == 0


def test_engine_cannot_put_an_earlier_version_back(world, upstream):
    """While the vault lives; it keeps no state on disk (known weaknesses)."""
    engine = world.role("engine")
    wrapped = {}
    for version in (5, 6):
        wrapped[version] = engine.ask("vault", "VAULT_WRAP", **{**box(world, upstream), "version": version})["wrapped"]
    assert engine.ask("vault", "VAULT_LOAD", ns="test", name="boxed", version=6, wrapped=wrapped[6])["code"] == 0
    assert engine.ask("vault", "VAULT_LOAD", ns="test", name="boxed", version=5, wrapped=wrapped[5])["code"] < 0


def test_engine_cannot_have_another_log_signed(world):
    """Rewritten at the same size, forked, shrunken, and with what is no proof: the answer is the one signed last."""
    engine = world.role("engine")

    def last_signed():
        signed = [m.fields for m in engine.seen if m.name == "VAULT_SIGNED"]
        return signed[-1]["checkpoint"] if signed and signed[-1]["code"] == 0 else None
    note = eventually(last_signed, 10, "a checkpoint")
    size = int(note.split(b"\n")[1])
    root = base64.b64decode(note.split(b"\n")[2])
    assert size > 3
    cases = {"rewritten": (size, b"x" * 32, b"", b""), "forked": (size + 1, b"x" * 32, b"y" * 64, b""), "no proof": (size + 5, root, b"", b""),
             "shrunken": (size - 1, root, b"", b""), "empty": (0, bytes(32), b"", b""), "from an invented one": (size + 1, b"x" * 32, b"", note.replace(b"\n", b"\n1", 1)),
             "long proof": (size + 1, b"x" * 32, b"z" * 32 * 64, note), "huge": ((1 << 64) - 1, b"x" * 32, b"z" * 32, note)}
    for how, (n, head, proof, last) in cases.items():
        answer = engine.ask("vault", "VAULT_SIGN", size=n, root=head, proof=proof, last=last)
        assert answer["code"] < 0, how
        said = answer["checkpoint"]
        assert not said or int(said.split(b"\n")[1]) >= size, how
        assert base64.b64encode(b"x" * 32) not in said, how
    # And goes on with the true one.
    world.run("caller")
    eventually(lambda: last_signed() and int(last_signed().split(b"\n")[1]) > size, 10, "the next checkpoint")


@pytest.mark.parametrize("change", [{"wrapped": b"\0" * 80}, {"ns": "other"}, {"ns": ""}, {"ns": "../x"}])
def test_engine_is_not_given_a_key_for_what_was_not_wrapped(world, change):
    engine = world.role("engine")
    wrapped = engine.ask("vault", "VAULT_NAMESPACE", ns="fresh")["wrapped"]
    answer = engine.ask("vault", "VAULT_NAMESPACE", **{"ns": "fresh", "wrapped": wrapped, **change})
    assert answer["code"] < 0 and answer["key"] == bytes(32)


def test_engine_cannot_restart_the_vault(rough):
    """It would make the vault forget what it signed last; nor itself, nor what is no role. Those it may that it serves or asks."""
    before = others(rough, "engine")
    for role in ("vault", "engine", "supervisor", None):
        life = rough.lives("engine") - 1
        rough.role("engine", life=life).control.send("CONTROL_RESTART", role=ROLE_NAMES.index(role) if role else 200)
        rough.role("engine", life=life + 1)
        rough.wait_ready()
    assert others(rough, "engine") == before
    life = rough.lives("engine") - 1
    for role in ("gateway", "egress", "worker", "checker"):
        n = rough.lives(role)
        rough.role("engine", life=life).control.send("CONTROL_RESTART", role=ROLE_NAMES.index(role))
        rough.role(role, life=n)
        rough.wait_ready()
    assert rough.lives("engine") == life + 1 and serves(rough)


# --- gateway -----------------------------------------------------------------------------------------------------------


def request(world, method, path, body=b"", headers=(), address="127.0.0.1"):
    methods = {"GET": 1, "POST": 3, "PUT": 4, "DELETE": 6}
    answer = world.role("gateway").ask("engine", "HTTP_REQUEST", method=methods[method], path=path, body=body,
                                       headers=pairs(*(x for pair in headers for x in pair)), peer=b"\0" * 10 + b"\xff\xff" + socket.inet_aton(address), is_tls=1)
    return answer["status"], answer["body"]


@pytest.mark.parametrize("header", [(), ("authorization", "Bearer spt_" + "0" * 64), ("x-principal", "owner"), ("authorization", "Basic b3duZXI6"),
                                    ("x-sallyport-principal", "owner"), ("authorization", "Bearer ")])
def test_gateway_cannot_invent_a_principal(world, header):
    for method, path in [("GET", "/api/v1/workflows"), ("POST", "/api/v1/runs"), ("PUT", "/api/v1/secrets/test/token"), ("GET", "/api/v1/audit/leaves")]:
        # Each from another address: of one, failures to sign in are counted.
        status, body = request(world, method, path, b"{}", [header] if header else [], f"198.51.100.{random.randrange(1, 255)}")
        assert status == 401, (method, path, status, body)


def test_gateway_can_use_the_owners_token_as_it_passes(world):
    """In the table under “can”: it sees it."""
    assert request(world, "GET", "/api/v1/workflows", headers=[("authorization", f"Bearer {world.token}")])[0] == 200


def test_gateway_cannot_forge_or_repeat_a_webhook(world):
    body = b'{"event":"paid"}'
    signed = {k.lower(): v for k, v in sign("standard-webhooks", HOOK_KEY, body).items()}
    hook = lambda headers, b=body: request(world, "POST", "/hooks/test/hooked", b, [*headers.items(), ("content-type", "application/json")])
    forged = {k.lower(): v for k, v in sign("standard-webhooks", "whsec_" + base64.b64encode(b"x" * 24).decode(), body).items()}
    for headers, b in [({}, body), (forged, body), (signed, body + b" "), ({**signed, "webhook-id": "msg_other"}, body),
                       ({**signed, "webhook-timestamp": str(int(time.time()) - 100000)}, body)]:
        assert hook(headers, b)[0] == 401
    assert hook(signed)[0] == 200
    runs = len([x for x in world.leaves() if x["action"] == "run.completed"])
    hook(signed)
    hook(signed)
    assert len([x for x in world.leaves() if x["action"] == "run.completed"]) == runs


def test_gateway_cannot_fill_the_engine(folder):
    """Deliveries whose signature nobody has checked yet are what the engine keeps for strangers: as much of them as the limit, and
    then a refusal that keeps nothing."""
    with Taken(folder, ["gateway", "vault"]) as server:
        server.secret("hook", HOOK_KEY, kind="webhook-key")
        server.deploy(definition("hooked", [{"s": {"set": {"done": True}}}], webhook={"scheme": "github", "key": "hook"}))
        server.role("vault").filters["VAULT_VERIFIED"] = lambda m: None
        gateway, body = server.role("gateway"), b" " * (4 << 20)
        most = LIMITS["LIMIT_REQUESTS_TOTAL"] // len(body)
        for n in range(most):
            gateway.peer("engine").send("HTTP_REQUEST", tag=n, method=3, path="/hooks/test/hooked", body=body,
                                        headers=pairs("content-type", "application/json"), peer=bytes(16))
        answer = gateway.ask("engine", "HTTP_REQUEST", method=3, path="/hooks/test/hooked", body=body, peer=bytes(16), seconds=30,
                             headers=pairs("content-type", "application/json"))
        assert answer["status"] == 503, answer
        # Small ones have room.
        assert gateway.ask("engine", "HTTP_REQUEST", method=1, path="/healthz", peer=bytes(16))["status"] == 200


@pytest.mark.parametrize("change", ["name", "kind", "policy", "namespace"])
def test_gateway_cannot_set_a_captured_credential_otherwise(world, upstream, evil, change):
    policy, path, kind = {"origins": [upstream.origin]}, "/api/v1/secrets/test/captured", "bearer"
    sealed = world.seal("canary-CAPTURED-k2Bn7QxWd4", "test", "captured", "bearer", policy)
    if change == "name":
        path = "/api/v1/secrets/test/other"
    elif change == "namespace":
        path = "/api/v1/secrets/other/captured"
    elif change == "kind":
        kind, policy = "api-key", {**policy, "header": "X-Key"}
    else:
        policy = {"origins": [evil.origin]}
    owner = [("authorization", f"Bearer {world.token}"), ("content-type", "application/json")]
    status, body = request(world, "PUT", path, json.dumps({"kind": kind, "policy": policy, "box": sealed}).encode(), owner)
    assert status == 400, body


def test_gateway_reads_no_credential_that_is_being_set(world, upstream):
    secret = "canary-PASSING-r4Gx9LmZk1"
    world.secret("passing", secret, origins=[upstream.origin])
    passed = b"".join(m.payload for m in world.role("gateway").seen)
    assert b"passing" in passed and secret.encode() not in passed


# --- egress ------------------------------------------------------------------------------------------------------------


def use(world, origin, **change):
    at = urllib.parse.urlsplit(origin)
    return world.role("egress").ask("vault", "VAULT_USE", **{"ns": "test", "name": "token", "scheme": at.scheme, "host": at.hostname,
                                    "port": at.port, "method": "GET", "place": 1, "form": 2, **change})


def test_egress_can_ask_for_what_a_policy_allows(world, upstream):
    assert TOKEN.encode() in use(world, upstream.origin)["value"]


@pytest.mark.parametrize("change", [
    {"host": "example.com"}, {"host": "127.0.0.2"}, {"host": "127.0.0.1."}, {"host": ""}, {"port": 1}, {"port": 0}, {"scheme": "https"},
    {"scheme": ""}, {"method": "DELETE"}, {"method": "get"}, {"method": ""}, {"place": 2}, {"place": 3}, {"place": 0}, {"place": 255},
    {"form": 3}, {"form": 4}, {"form": 0}, {"form": 255}, {"ns": "other"}, {"name": "none"}, {"name": "hook"}, {"name": "hook", "form": 1},
    {"name": "token\u00e9"}, {"name": ""}], ids=str)
def test_egress_is_refused_a_credential_for_anything_else(world, upstream, change):
    answer = use(world, upstream.origin, **change)
    assert answer["code"] < 0 and answer["value"] == b"" and answer["header"] == b"", answer


def test_results_of_what_was_not_asked_change_nothing(world, upstream):
    egress = world.role("egress").peer("engine")
    run = world.run("waits", wait=False).json["id"]
    for tag in (0, 1, 2, 1 << 32, (1 << 32) + 1, (1 << 64) - 1):
        egress.send("EGRESS_RESULT", tag=tag, status=200, body=b"{}", uri="http://evil/", was_sent=1)
    assert world.run("caller").json["state"] == "completed"
    assert world.run_state(run)["state"] in ("running", "waiting")
    world.api.post(f"/api/v1/runs/{run}/cancel")


def test_a_result_counts_once(world, upstream):
    """The first one; each further one finds no question."""
    def twice(message):
        later = decode("egress_result", message.payload)
        later.update(body=b'{"second":true}', status=201)
        message.fd = None
        return [message, type(message)(message.type, encode("egress_result", **later))]
    egress = world.role("egress")
    egress.filters["EGRESS_RESULT"] = twice
    try:
        for _ in range(3):
            answer = world.run("caller").json
            assert answer["state"] == "completed" and "second" not in json.dumps(answer["output"]), answer
    finally:
        egress.filters.clear()


LIES = {
    "status": {"status": 65535}, "no status": {"status": 0}, "not UTF-8": {"body": b'{"a":"\xff"}'}, "not JSON": {"body": b"{"}, "code": {"code": 1},
    "unknown code": {"code": -(1 << 31)}, "headers": {"headers": b"\xff\xff\xff\xff"}, "names": {"credentials": "a," * 500},
    "reason": {"code": EDENIED, "reason": "${ 1 } \n x"}, "sizes": {"bytes_in": (1 << 64) - 1, "bytes_out": (1 << 64) - 1},
    "depth": {"body": b"[" * 100000}, "was sent": {"was_sent": 255}, "uri": {"uri": "\n\n"}}


@pytest.mark.parametrize("lie", LIES)
def test_a_false_result_harms_its_run_alone(world, upstream, lie):
    def falsify(message):
        return type(message)(message.type, encode("egress_result", **{**decode("egress_result", message.payload), **LIES[lie]}))
    egress = world.role("egress")
    egress.filters["EGRESS_RESULT"] = falsify
    try:
        answer = world.run("caller")
        assert answer.status == 200 and answer.json["state"] in ("completed", "faulted"), answer
    finally:
        egress.filters.clear()
    assert world.run("caller").json["state"] == "completed"
    assert world.lives("engine") == 1


def test_egress_cannot_fill_the_engine(folder):
    """Answers that come faster than runs go on, of an upstream or of egress itself: beyond the limit their calls end without them."""
    with Taken(folder, ["egress", "worker"], honest=lambda role, index, n: role != "egress") as server:
        calls = [{f"b{n}": call("https://api.example.com/")} for n in range(64)]
        server.deploy(definition("wide", [{"f": {"fork": {"branches": calls}}}], origins=["https://api.example.com"]))
        server.deploy(definition("late", [{"c": call("https://api.example.com/")}], origins=["https://api.example.com"]))
        server.run("wide", wait=False)
        egress = server.role("egress").peer("engine")
        tags = [egress.receive().fields["tag"] for _ in calls]
        server.run("late", wait=False)
        tags.append(egress.receive().fields["tag"])
        workers = [server.role("worker", i) for i in range(2)]
        for worker in workers:
            worker.filters["WORKER_STEP"] = lambda m: None
        body = b'"' + b"x" * (LIMITS["LIMIT_RESULTS_TOTAL"] // len(calls) - 2) + b'"'
        for tag in tags:
            egress.send("EGRESS_RESULT", tag=tag, status=200, body=body, was_sent=1)
        results = eventually(lambda: (r := [m.fields for w in workers for m in w.seen if m.name == "WORKER_RESULT"])[1:] and r, 20, "both results")
        assert sorted((r["code"], len(r["body"])) for r in results) == [(code_of("SP_EOVERLOAD"), 0), (0, len(body))]


@pytest.mark.parametrize("said", ["VAULT_DONE", "VAULT_IDENTITY", "VAULT_NAMESPACE_KEY", "VAULT_VERIFIED"])
def test_vault_cannot_answer_a_question_with_another_ones_answer(rough, said):
    """The tag of a signature that is asked for, in an answer of another shape: the engine would read the one as the other."""
    vault = rough.role("vault")

    def answer_otherwise(message):
        return type(message)(TYPES[said][0], encode(TYPES[said][1], tag=decode("vault_signed", message.payload)["tag"]))
    before = others(rough, "vault")
    vault.filters["VAULT_SIGNED"] = answer_otherwise
    rough.run("plain", {"n": 2})
    eventually(lambda: vault.peer("engine").socket.fileno() < 0, 10, "the engine closes the vault's channel")
    vault.end()
    rough.role("vault", life=1)
    rough.wait_ready()
    assert others(rough, "vault") == before and serves(rough)


@pytest.fixture
def first_signature(folder):
    """A server that is started, and what its vault is to do when it is asked for the first signature or has given it."""
    def start(**filters):
        server = Taken(folder, ["vault"], filters={"vault": filters}, start=False)
        servers.append(server)
        server.init()
        return server.start(wait=False)
    servers = []
    yield start
    for server in servers:
        server.__exit__(None, None, None)


def test_nobody_is_served_before_the_start_is_signed(first_signature):
    """So that leaves of a life never stand behind a start without a signature."""
    held, is_held = [], threading.Event()

    def hold(message):
        if is_held.is_set():
            return message
        held.append(type(message)(message.type, message.payload))
        is_held.set()
        return None
    server = first_signature(VAULT_SIGNED=hold)
    assert is_held.wait(10 * PATIENCE)
    time.sleep(0.5)
    assert "event=supervisor.ready" not in server.log() and "event=supervisor.listening" not in server.log()
    server.role("vault").peer("engine").send_frame(held[0].type, held[0].payload)
    server.wait_listening()
    server.wait_ready()
    assert [leaf["action"] for leaf in server.leaves()].count("server.started") == 1


def test_a_vault_that_dies_when_it_is_asked_for_the_first_signature(first_signature):
    lives = []

    def die(message):
        lives.append(message)
        if len(lives) > 3:
            return message
        server.role("vault", life=len(lives) - 1).end()
        return None
    server = first_signature(VAULT_SIGN=die)
    server.wait_listening()
    server.wait_ready(30)
    assert len(lives) >= 4 and server.lives("vault") == 4
    assert [leaf["action"] for leaf in server.leaves()].count("server.started") == 1


def test_what_is_judged_is_what_was_opened(first_signature):
    """The log's tree is made when the database is opened; the leaves are looked at when the vault is known. Written between the two, they differ."""
    is_held, may_go = threading.Event(), threading.Event()

    def hold(message):
        is_held.set()
        may_go.wait(20 * PATIENCE)
        return message
    server = first_signature(VAULT_IDENTITY=hold)
    assert is_held.wait(10 * PATIENCE)
    with sqlite3.connect(server.data / "sallyport.db") as database:
        assert database.execute("UPDATE leaves SET body = replace(body, '\"ok\"', '\"no\"') WHERE idx = 0").rowcount == 1
    database.close()
    may_go.set()
    assert server.process.wait(20 * PATIENCE) == 4
    assert "the audit log cannot be signed: its leaves from 0 on and its tree differ" in server.log()


def test_a_start_that_the_vault_will_not_sign_serves_nobody(first_signature):
    def refuse(message):
        tag = decode("vault_signed", message.payload)["tag"]
        return type(message)(message.type, encode("vault_signed", tag=tag, code=code_of("SP_ECONFLICT"), reason="another log was signed"))
    server = first_signature(VAULT_SIGNED=refuse)
    assert server.process.wait(20 * PATIENCE) == 4
    assert "the audit log cannot be signed: another log was signed; `sallyport audit verify`" in server.log()


def test_a_delivery_counts_by_the_version_that_is_live_when_its_signature_is_known(folder):
    """A vault that takes its time: meanwhile a key was changed, or the webhook taken away."""
    with Taken(folder, ["gateway", "vault"]) as server:
        def version(n, key, name):
            more = {"webhook": {"scheme": "standard-webhooks", "key": key}} if key else {}
            server.deploy(definition(name, [{"s": {"set": {"version": n}}}], version=f"1.0.{n}", **more))

        keys = {name: "whsec_" + base64.b64encode(f"canary-{name}-m9Qf4TbYh2Lc".encode()).decode() for name in ("old", "new")}
        for name, key in keys.items():
            server.secret(name, key, kind="webhook-key")
        vault, held, answers = server.role("vault"), [], {}

        def deliver(name, key):
            headers = [(k.lower(), v) for k, v in sign("standard-webhooks", keys[key], b"{}").items()] + [("content-type", "application/json")]
            answers[name] = request(server, "POST", f"/hooks/test/{name}", b"{}", headers)
        changes = {"kept": "old", "changed": "new", "gone": None}
        for name in changes:
            version(0, "old", name)
        vault.filters["VAULT_VERIFIED"] = held.append
        threads = [threading.Thread(target=deliver, args=(name, "old")) for name in changes]
        [t.start() for t in threads]
        eventually(lambda: len(held) == len(changes), 10, "the vault's answers")
        for name, key in changes.items():
            version(1, key, name)
        vault.filters.clear()
        for message in held:
            vault.peer("engine").send_frame(message.type, message.payload)
        [t.join() for t in threads]
        assert answers["kept"] == (200, b'{"version":1}')
        assert [answers[name][0] for name in ("changed", "gone")] == [401, 404], answers


# --- worker ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def lying(world):
    """Has the workers answer each step of a run with what the test says; `lie(fields)` changes the honest step."""
    workers = [world.latest("worker", i) for i in range(2)]

    def set_lie(lie):
        for w in workers:
            w.filters["WORKER_STEP"] = lambda m: type(m)(m.type, encode("worker_step", **lie(decode("worker_step", m.payload))))
    yield set_lie
    for w in workers:
        w.filters.clear()


def waiting(fields, *items):
    return {**fields, "status": 1, "effects": effects(*items), "output": b"", "error": b"", "context": b""}


@pytest.mark.parametrize("uri, auth_use", [("{evil}/stolen", ""), ("{evil}/stolen", "token"), ("{upstream}/echo", "hook"), ("{upstream}/echo", "boxed"), ("{upstream}/echo", "spare")])
def test_worker_cannot_call_beyond_the_grants(world, upstream, evil, lying, uri, auth_use):
    uri = uri.format(evil=evil.origin, upstream=upstream.origin)
    n = len(upstream.got("/echo"))
    record = encode("effect_call", **CALL, uri=uri, path_template="/x", auth=2 if auth_use else 0, auth_use=auth_use)
    lying(lambda fields: waiting(fields, (1, 1, record)) if fields["results"] == 0 else fields)
    answer = world.run("caller").json
    assert answer["state"] == "faulted", answer
    assert not evil.got("/stolen") and len(upstream.got("/echo")) == n


def test_worker_cannot_end_or_answer_another_workers_run(world, upstream):
    """A run that is in another worker, which waits for its call."""
    upstream.hang("/hangs")
    world.deploy(definition("hangs", [{"c": call(upstream.origin + "/hangs")}], origins=[upstream.origin]))
    workers = [world.latest("worker", i) for i in range(2)]
    marks = [len(w.seen) for w in workers]
    run = world.run("hangs", wait=False).json["id"]
    eventually(lambda: upstream.got("/hangs"), 5, "the call")
    (holder, number), = {(w, m.fields["run"]) for w, mark in zip(workers, marks) for m in w.seen[mark:] if m.name == "WORKER_START"}
    for results in (0, 1, 2):
        workers[1 - holder.index].say("engine", "WORKER_STEP", run=number, status=2, results=results, output="{}", context="null")
    assert world.run("caller").json["state"] == "completed"
    assert world.run_state(run)["state"] in ("running", "waiting")
    world.api.post(f"/api/v1/runs/{run}/cancel")


def test_worker_cannot_take_the_step_that_another_worker_owes(rough):
    """While the run is in the other one's hands, whose step has not come yet."""
    workers, held = [rough.latest("worker", i) for i in range(2)], []
    for worker in workers:
        worker.filters["WORKER_STEP"] = lambda m, w=worker: held.append((w, m))
    run = rough.run("plain", {"n": 1}, wait=False).json["id"]
    (holder, step), = eventually(lambda: held, 5, "the step")
    number, liar = step.fields["run"], workers[1 - holder.index]
    for worker in workers:
        worker.filters.clear()
    life = rough.lives("worker", liar.index)
    liar.say("engine", "WORKER_STEP", run=number, status=2, output='{"n":"stolen"}', context="null")
    rough.role("worker", liar.index, life=life)  # it spoke out of turn, and the engine has heard it
    holder.peer("engine").send_frame(step.type, step.payload)
    assert rough.wait_run(run)["output"] == {"n": 1}


def test_worker_that_takes_nothing_up_does_not_fill_the_engine(folder):
    """Nor does a sender whose runs are slower than he sends: what waits for a worker has a limit, and then there is a 503."""
    with Taken(folder, ["gateway", "worker"]) as server:
        server.deploy(definition("takes", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "none", "answer": "accepted"}))
        for i in range(2):
            server.role("worker", i).filters["WORKER_STEP"] = lambda m: None
        body = b'"' + b"x" * ((4 << 20) - 2) + b'"'
        most = LIMITS["LIMIT_INPUTS_TOTAL"] // len(body)
        statuses = [server.role("gateway").ask("engine", "HTTP_REQUEST", method=3, path="/hooks/test/takes", body=b, peer=bytes(16),
                                               headers=pairs("content-type", "application/json"))["status"] for b in [body] * (most + 1) + [b"1"]]
        assert statuses == [202] * most + [503, 503], statuses


def test_worker_sees_no_secret_and_no_run_of_others(world, upstream):
    """What passes to it: the runs that it was given, handles instead of values."""
    world.run("caller")
    for i in range(2):
        worker = world.latest("worker", i)
        heard = b"".join(m.payload for m in worker.seen)
        assert TOKEN.encode() not in heard and HOOK_KEY.encode() not in heard and world.token.encode() not in heard
        given = {m.fields["run"] for m in worker.seen if m.name == "WORKER_START"}
        assert {m.fields["run"] for m in worker.seen if m.name in ("WORKER_RESULT", "WORKER_DROP")} <= given


# --- checker -----------------------------------------------------------------------------------------------------------


def test_each_definition_has_a_checker_of_its_own(world):
    n = world.lives("checker")
    for i in range(3):
        world.deploy(definition(f"fresh{i}", [{"s": {"set": {"a": i}}}]))
    eventually(lambda: world.lives("checker") == n + 3, 5, "a checker for each deploy")
    for life in range(world.lives("checker")):
        assert len([m for m in world.role("checker", life=life).seen if m.name == "CHECKER_CHECK"]) <= 1


def test_checker_cannot_speak_about_another_definition(world, upstream, evil):
    """One that was taken over answers before it is asked, or twice: the answer counts for its own definition or not at all."""
    honest = definition("victim", [{"s": {"set": {"a": 1}}}], origins=[upstream.origin])
    manifests = []

    def twice(message):
        fields = message.fields
        manifests.append(fields["manifest"])
        later = {**fields, "manifest": fields["manifest"].replace(upstream.origin.encode(), evil.origin.encode())}
        return [message] + [type(message)(message.type, encode("checker_findings", **{**later, "tag": fields["tag"] + i})) for i in range(3)]
    for life in (world.lives("checker") - 1,):
        world.role("checker", life=life).filters["CHECKER_FINDINGS"] = twice
    world.deploy(honest)
    world.deploy({**honest, "document": {**honest["document"], "name": "victim2"}})
    assert len(manifests) == 1
    for name in ("victim", "victim2"):
        text = json.dumps(world.api.get(f"/api/v1/workflows/test/{name}").json["manifest"])
        assert upstream.origin in text and evil.origin not in text


def test_checker_that_answers_unasked_is_ended(rough):
    n = rough.lives("checker")
    rough.role("checker", life=n - 1).peer("engine").send("CHECKER_FINDINGS", tag=1, manifest='{"name":"x"}', findings="[]")
    rough.role("checker", life=n)
    rough.deploy(definition("after", [{"s": {"set": {"a": 1}}}]))
    assert serves(rough)


def test_checker_that_dies_costs_its_deploy_alone(rough):
    checker = rough.role("checker", life=rough.lives("checker") - 1)
    checker.filters["CHECKER_CHECK"] = lambda m: checker.end()
    answer = rough.deploy(definition("costly", [{"s": {"set": {"a": 1}}}]), ok=False)
    assert answer.status >= 400 and "too costly" in answer.body.decode(), answer
    rough.deploy(definition("after", [{"s": {"set": {"a": 1}}}]))
    assert serves(rough)
