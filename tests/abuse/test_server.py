"""What has gone wrong in systems like this one, tried on a whole server; the families are named as in the list of abuses."""
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import stat
import subprocess
import threading
import time

import pytest

from sallyport import Client, Server, call, cli, definition, eventually, sign

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="
EVIL = ["${ env }", "${ $ENV.HOME }", "${ input }", "${ $secrets }", "{x}", "{{ 7*7 }}", "$secrets.token", "$(id)", "`id`", "; DROP TABLE runs",
        "' OR 1=1 --", "../../etc/passwd", "..\\..\\x", "%2e%2e%2f", "a\nevent=role.started role=evil pid=1", "\r\nX-Injected: 1", "\u202e\u0000",
        "\x1b[31mred", "<script>alert(1)</script>", "__proto__", "spsec_0000000000000000"]


# --- default -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", ["", "admin", "changeme", "owner", "spt_", "null", "undefined", "spt_" + "f" * 64])
def test_default_no_well_known_token_works(own_server, token):
    answer = own_server.api.request("GET", "/api/v1/workflows", headers={"Authorization": f"Bearer {token}"}, token=None)
    assert answer.status in (400, 401), answer


def test_default_files_are_their_owners_alone(own_server):
    for path in [own_server.data, own_server.root_key, *own_server.data.rglob("*")]:
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_default_listens_on_this_machine_alone(own_server):
    listing = subprocess.run(["ss", "-Hltn"], capture_output=True, text=True)
    if listing.returncode != 0:
        pytest.skip("there is no ss")
    mine = [line.split()[3] for line in listing.stdout.splitlines() if line.split()[3].endswith(f":{own_server.port}")]
    assert mine == [f"127.0.0.1:{own_server.port}"]


def test_default_two_servers_share_no_secret(own_server, folder):
    other = folder / "other"
    r = cli("init", "--data", other / "data", "--root-key", other / "root.key", "--json")
    token = json.loads(r.stdout)["token"]
    assert token != own_server.token and (other / "root.key").read_bytes() != own_server.root_key.read_bytes()
    assert own_server.api.request("GET", "/api/v1/workflows", token=token).status == 401


# --- token -------------------------------------------------------------------------------------------------------------


def test_token_works_in_one_place_only(server):
    """Not in the query, not in a cookie, not twice, not as another scheme."""
    ways = [("?access_token=" + server.token, {}), ("?token=" + server.token, {}), ("", {"Cookie": f"token={server.token}"}),
            ("", {"X-Api-Key": server.token}), ("", {"Authorization": f"Basic {server.token}"}), ("", {"Authorization": server.token}),
            ("", {"Authorization": f"Bearer {server.token[:-1]}"}), ("", {"Authorization": f"Bearer {server.token}0"})]
    for query, headers in ways:
        assert server.api.request("GET", "/api/v1/identity" + query, headers=headers, token=None).status == 401, (query, headers)
    assert server.api.get("/api/v1/identity").status == 200


def test_token_is_not_a_webhook_key(server):
    server.secret("hook-key", KEY, kind="webhook-key")
    server.deploy(definition("hooked", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "bearer", "key": "hook-key"}))
    assert server.hook("hooked", b"{}", {"Authorization": f"Bearer {server.token}"}).status == 401
    assert server.api.request("GET", "/api/v1/identity", token=KEY).status == 401


# --- identifier --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("evil", [e for e in EVIL if "\x00" not in e])
def test_identifier_of_a_task_is_just_a_name(server, evil):
    name = f"id-{EVIL.index(evil)}"
    answer = server.deploy(definition(name, [{evil: {"set": {"a": 1}}}]), ok=False)
    if answer.status != 201:
        assert answer.status == 400
        return
    run = server.run(name).json
    assert run["state"] == "completed" and run["output"] == {"a": 1}
    trace = server.api.get(f"/api/v1/runs/{run['id']}/trace").json["trace"]
    assert evil in [t["name"] for t in trace]


@pytest.mark.parametrize("evil", EVIL)
def test_identifier_of_a_workflow_or_namespace_is_checked(server, evil):
    for d in (definition(evil, [{"s": {"set": {"a": 1}}}]), definition("x", [{"s": {"set": {"a": 1}}}], namespace=evil)):
        assert server.deploy(d, ok=False).status == 400


def test_identifier_never_writes_the_log(server):
    for evil in EVIL:
        body = json.dumps({evil: evil}).encode()
        server.hook("hooked", body, {"Authorization": evil.encode("ascii", "replace").decode().replace("\n", " ").replace("\r", " ").replace("\0", " ")})
    text = server.log()
    assert "role=evil" not in text and "\x1b[31m" not in text
    assert all(line.startswith(("level=", "role=")) for line in text.splitlines() if line), text


# --- second-evaluation -------------------------------------------------------------------------------------------------


def test_second_evaluation_of_input(server, upstream):
    """[I9] What comes from outside goes through set, a call's URI, headers, query and body, and errors, as bytes."""
    upstream.on("/mirror", lambda h, r: h.answer(200, {"body": json.loads(r.body), "path": r.path}))
    server.deploy(definition("mirror", [
        {"keep": {"set": {"texts": "${ .texts }"}}},
        {"send": call(upstream.origin + "/mirror", method="post", body="${ . }")},
        {"end": {"set": {"back": "${ .body.texts }"}}}], origins=[upstream.origin]))
    run = server.run("mirror", {"texts": EVIL}).json
    assert run["state"] == "completed" and run["output"] == {"back": EVIL}, run


def test_second_evaluation_in_a_uri(server, upstream):
    server.deploy(definition("places", [{"c": call(upstream.origin + "/at/{x}")}], origins=[{"origin": upstream.origin, "paths": ["/at"]}]))
    for evil in EVIL:
        before = len(upstream.requests)
        run = server.run("places", {"x": evil}).json
        for r in upstream.requests[before:]:
            assert r.path.startswith("/at/") and r.path.count("/") == 2 and "?" not in r.path, (evil, r.path)
        assert run["state"] in ("completed", "faulted")


def test_second_evaluation_in_an_error(server):
    server.deploy(definition("raises", [{"r": {"raise": {"error": {"type": "https://example.com/e", "status": 400, "title": "t",
                                                                     "detail": "${ .text }"}}}}]))
    for evil in EVIL:
        assert server.run("raises", {"text": evil}).json["error"]["detail"] == evil


def test_second_evaluation_cannot_forge_a_handle(server, upstream):
    """The handle of one run is a useless string in the next."""
    server.secret("token", "canary-token-123456", origins=[upstream.origin], places=["header", "body", "query"])
    server.deploy(definition("shows", [{"s": {"set": {"h": "${ $secrets.token }"}}}], secrets=["token"]))
    server.deploy(definition("sends", [{"c": call(upstream.origin + "/forged", method="post", headers={"X-Token": "${ .h }"},
                                                   body={"h": "${ .h }"})}], origins=[upstream.origin], secrets=["token"]))
    handle = server.run("shows").json["output"]["h"]
    assert "canary" not in handle
    server.run("sends", {"h": handle})
    for r in upstream.got("/forged"):
        assert "canary" not in str(r.headers) and b"canary" not in r.body


# --- object, deputy ------------------------------------------------------------------------------------------------------


def test_object_of_another_namespace_is_like_absence(server, upstream):
    server.secret("private", "canary-private-12345", origins=[upstream.origin], namespace="theirs")
    server.deploy(definition("steals", [{"c": call(upstream.origin + "/stolen", authentication={"bearer": {"use": "private"}})}],
                             origins=[upstream.origin], secrets=["private"], namespace="ours"))
    server.deploy(definition("absent", [{"c": call(upstream.origin + "/stolen", authentication={"bearer": {"use": "absent-1"}})}],
                             origins=[upstream.origin], secrets=["absent-1"], namespace="ours"))
    stolen, absent = (server.run(n, namespace="ours").json for n in ("steals", "absent"))
    assert stolen["state"] == absent["state"] == "faulted"
    assert stolen["error"]["detail"].replace("private", "N") == absent["error"]["detail"].replace("absent-1", "N")
    assert not upstream.got("/stolen")


def test_object_of_somebody_else_is_not_had_by_his_idempotency_key(server):
    """A sender who guesses the key of the owner's run, or of another workflow's, gets a run of his own."""
    server.secret("guess-key", KEY, kind="webhook-key")
    for name in ("theirs", "mine"):
        server.deploy(definition(name, [{"s": {"set": {"of": name, "got": "${ . }"}}}], webhook={"scheme": "github", "key": "guess-key"}))
    start = {"namespace": "test", "workflow": "theirs", "input": "the owner's", "wait": True}
    assert server.api.post("/api/v1/runs", start, headers={"Idempotency-Key": "invoice-1"}).json["output"]["got"] == "the owner's"
    for name in ("theirs", "mine"):
        body = json.dumps(f"a sender's to {name}").encode()
        answer = server.hook(name, body, {**sign("github", KEY, body), "Idempotency-Key": "invoice-1"})
        assert answer.json == {"of": name, "got": json.loads(body)}, answer


def test_object_reading_changes_nothing(server):
    server.deploy(definition("read", [{"s": {"set": {"a": 1}}}]))
    id = server.run("read").json["id"]
    before = server.run_state(id)
    for path in ("", "/trace", "/proof"):
        server.api.get(f"/api/v1/runs/{id}{path}")
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert server.api.request(method, f"/api/v1/runs/{id}{path}", b"{}").status in (404, 405)
    assert server.run_state(id) == before


def test_deputy_a_webhook_gets_only_what_the_workflow_may(server, upstream):
    """The sender's data cannot widen the grant: neither host nor credential nor another workflow."""
    server.secret("hook-key-2", KEY, kind="webhook-key")
    server.secret("steered", "canary-steered-12345", origins=["https://api.example.com"])
    server.deploy(definition("proxy", [{"c": call("${ .url }", authentication={"bearer": {"use": "steered"}})}],
                             origins=["https://api.example.com"], secrets=["steered"], webhook={"scheme": "github", "key": "hook-key-2"}))
    for url in (upstream.origin + "/x", "http://127.0.0.1:22/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://169.254.169.254/latest",
                "https://api.example.com@127.0.0.1/", "https://api.example.com.evil.test/", "//127.0.0.1/", "ftp://api.example.com/"):
        body = json.dumps({"url": url}).encode()
        answer = server.hook("proxy", body, sign("github", KEY, body))
        assert answer.status in (400, 403, 500, 502), (url, answer)
        assert b"canary" not in answer.body and url.encode() not in answer.body
    assert not upstream.got("/x")


# --- parser, webhook ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/yaml", "text/plain", "application/json, text/html", ""])
def test_parser_is_the_routes_choice(server, kind):
    body = b'--x\r\nContent-Disposition: form-data; name="a"; filename="/etc/passwd"\r\n\r\n{}\r\n--x--\r\n'
    assert server.hook("hooked", body, {"Authorization": f"Bearer {KEY}"}, kind=kind).status == 415


def test_parser_treats_special_keys_as_keys(server):
    server.deploy(definition("special", [{"s": {"set": "${ . }"}}]))
    data = {"__proto__": {"admin": True}, "constructor": {"prototype": 1}, "": 0, "a.b": [], "$ref": "#/x"}
    assert server.run("special", data).json["output"] == data


def test_webhook_answers_do_not_tell_whether_a_key_exists(server):
    server.deploy(definition("keyless", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": "never-set"}))
    server.deploy(definition("keyed", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": "hook-key"}))
    a, b = (server.hook(n, b"{}", sign("github", "x" * 20, b"{}")) for n in ("keyless", "keyed"))
    assert (a.status, a.body) == (b.status, b.body) and a.status == 401


# --- flood -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def flooded(server):
    server.secret("flood-key", KEY, kind="webhook-key")
    server.deploy(definition("flooded", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": "flood-key"}))


def test_flood_of_strangers_leaves_the_owner_alone(server, flooded):
    before = memory(server)
    for _ in range(300):
        server.hook("flooded", b"[" + b"0," * 20000 + b"0]", sign("github", "wrong-key-wrong-key", b"x"))
    assert server.run("flooded", {}).status == 200
    assert memory(server) - before < 96 << 20, "refused deliveries are not kept"


def test_flood_of_large_deliveries_loses_none(server, flooded):
    """The vault has one large delivery at a time; each is answered, the good as the forged."""
    answers, lock = [], threading.Lock()

    def send(n):
        body = json.dumps({"n": n, "filler": "x" * (300 << 10)}).encode()
        headers = sign("github", KEY if n % 2 else "wrong-key-wrong-key", body)
        answer = server.hook("flooded", body, headers, client=Client(server.port))
        with lock:
            answers.append((n, answer.status))
    threads = [threading.Thread(target=send, args=(n,)) for n in range(16)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(answers) == [(n, 200 if n % 2 else 401) for n in range(16)]


def ask_from(server, address, token):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    connection.request("GET", "/api/v1/identity", headers={"Authorization": f"Bearer {token}"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


def test_flood_of_guesses_is_slowed_down(own_server):
    """Who guesses tokens is refused for a while, whatever he sends then; nobody else is."""
    answers = [ask_from(own_server, "127.0.0.7", f"spt_{n:043}") for n in range(200)]
    statuses = [a.status for a in answers]
    first = statuses.index(429)
    assert set(statuses[:first]) == {401} and set(statuses[first:]) == {429} and first <= 60
    assert all(1 <= int(a.headers["Retry-After"]) <= 60 for a in answers[first:])
    assert ask_from(own_server, "127.0.0.7", own_server.token).status == 429, "the right one, too, or he would know it"
    assert ask_from(own_server, "127.0.0.8", own_server.token).status == 200


def test_flood_of_guesses_from_one_network_is_one_guesser(folder):
    """Who has an IPv6 address has a /64 of them."""
    with Server(folder, config={"behindProxy": True, "trustedProxies": ["127.0.0.1"]}) as server:
        def guess(address):
            return server.api.request("GET", "/api/v1/identity", headers={"X-Forwarded-For": address}, token="spt_guess").status
        statuses = [guess(f"2001:db8:1:2:{n:x}::1") for n in range(60)]
        assert statuses[0] == 401 and statuses[-1] == 429
        assert guess("2001:db8:1:3::1") == 401


def test_flood_of_refusals_does_not_flood_the_log(own_server):
    """Of one kind of refusal the first have leaves, and then how many more there were: nobody fills the disk by being refused."""
    begun = time.monotonic()
    for n in range(300):
        assert ask_from(own_server, f"127.0.1.{n % 50 + 1}", "spt_guess").status == 401
    seconds = time.monotonic() - begun

    def told():
        leaves = [x for x in own_server.leaves() if x["action"] == "login.failed"]
        more = [int(x["detail"].split()[0]) for x in leaves if x["detail"].endswith("more in 10 seconds")]
        return (len(leaves) - len(more), sum(more))
    eventually(lambda: sum(told()) == 300, 15, "the count of all refusals")
    assert 100 <= told()[0] <= 100 + seconds / 5 + 1, (told(), seconds)


def test_flood_of_the_owners_own_requests_has_an_end(folder):
    """A token that was stolen, or a script that runs wild, is held to a rate, too."""
    with Server(folder, config={"limits": {"principalPerSecond": 1, "principalBurst": 20}}) as server:
        answers = [server.api.get("/api/v1/identity") for _ in range(200)]
        assert {a.status for a in answers} == {200, 429}
        assert all(1 <= int(a.headers["Retry-After"]) for a in answers if a.status == 429)


def test_flood_of_one_address_leaves_the_others_alone(folder):
    """Before a signature is looked at, or a name."""
    with Server(folder, config={"limits": {"addressPerSecond": 1, "addressBurst": 20}}) as server:
        answers = [from_address(server, "127.0.0.7", n) for n in range(100)]
        assert {a.status for a in answers} == {404, 429}
        assert all(int(a.headers["Retry-After"]) >= 1 for a in answers if a.status == 429)
        assert from_address(server, "127.0.0.8", 0).status == 404


def from_address(server, address, n):
    kept = server.__dict__.setdefault("kept", {})
    connection = kept.setdefault(address, http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0)))
    connection.request("POST", f"/hooks/test/nobody-{n}", b"{}", {"Content-Type": "application/json"})
    answer = connection.getresponse()
    answer.read()
    return answer


def memory(server):
    total = 0
    for pid in [*server.roles("engine"), *server.roles("vault"), *server.roles("worker")]:
        with open(f"/proc/{pid}/statm") as f:
            total += int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return total


def deliver(server, address, name, body, key=KEY):
    """The status, or 0 where the connection ended without an answer, and how long it took."""
    return timed(deliver_once, server, address, name, body, key)


def deliver_once(server, address, name, body, key):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    status = 0
    try:
        with contextlib.suppress(BrokenPipeError):  # refused before all of it was sent
            connection.request("POST", f"/hooks/test/{name}", body, {"Content-Type": "application/json", **sign("github", key, body)})
        status = connection.getresponse().status
    except (http.client.HTTPException, ConnectionError):
        pass
    finally:
        connection.close()
    return status


def patient_server(folder, **limits):
    server = Server(folder, config={"limits": limits})
    server.secret("flood-key", KEY, kind="webhook-key")
    schema = {"type": "object", "required": ["n"]}
    for name, more in (("flooded", {}), ("narrow", {"rate": {"limit": 1, "period": {"hours": 1}}})):
        server.deploy(definition(name, [{"s": {"set": {"a": 1}}}], schema=schema, webhook={"scheme": "github", "key": "flood-key"}, **more))
    return server


def test_flood_counts_refusals_of_strangers_alone(folder):
    """With one refusal in a second, and ten at once: who signs is refused for what is in the body as often as he sends it."""
    def late(answers):
        return sum(took > 0.9 for _, took in answers)

    with patient_server(folder, refusalsPerSecond=1) as server:
        signed = [deliver(server, "127.0.0.7", "flooded", json.dumps([n]).encode()) for n in range(20)]
        assert {status for status, _ in signed} == {400} and late(signed) <= 1
        rated = [deliver(server, "127.0.0.7", "narrow", json.dumps({"n": n}).encode()) for n in range(20)]
        assert [status for status, _ in rated] == [200] + [429] * 19 and late(rated) >= 3, "before it was known who sent them"
        known = [timed(server.api.get, "/api/v1/runs/nothing-of-this-name") for _ in range(20)]
        assert {answer.status for answer, _ in known} <= {400, 404} and late(known) <= 1
        forged = [deliver(server, "127.0.0.7", "flooded", b"{}", "wrong-key-wrong-key") for _ in range(20)]
        assert {status for status, _ in forged} == {401} and late(forged) >= 3
        signed = [deliver(server, "127.0.0.7", "flooded", json.dumps({"n": n}).encode()) for n in range(20)]
        assert {status for status, _ in signed} == {200} and late(signed) <= 1, "not held up where strangers are"


def timed(do, *args):
    began = time.monotonic()
    return do(*args), time.monotonic() - began


def test_flood_of_forged_large_bodies_lets_true_ones_through(folder):
    """Six addresses send nothing but large forgeries; four large deliveries at once of another are all accepted."""
    with patient_server(folder, refusalsPerSecond=20) as server:
        forgery, told, over = b"x" * (4 << 20), collections.Counter(), threading.Event()

        def flood(n):
            while not over.is_set():
                told[deliver(server, f"127.0.3.{1 + n % 6}", "flooded", forgery, "wrong-key-wrong-key")[0]] += 1

        def send(n):
            body = json.dumps({"n": n, "filler": "x" * (3 << 20)}).encode()
            began, status = time.monotonic(), 0
            while status in (0, 503) and time.monotonic() - began < 40:
                status = deliver(server, "127.0.0.9", "flooded", body)[0]
            return status

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            floods = [pool.submit(flood, n) for n in range(12)]
            try:
                eventually(lambda: told[429] >= 6, 40)
                before = told.total()
                began = time.monotonic()
                assert [f.result() for f in [pool.submit(send, n) for n in range(4)]] == [200] * 4
                assert told.total() - before <= 30 + 24 * (time.monotonic() - began), "who is refused waits"
            finally:
                over.set()
            [f.result() for f in floods]
