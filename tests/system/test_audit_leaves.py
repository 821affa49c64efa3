"""Leaves that tell of the server itself: who signed in, which settings changed, which worker was used up, and a signed head
at an orderly stop. Leaves of runs and their effects are in test_api.py and test_webhook.py."""
import hashlib
import http.client
import json
import os
import re
import signal
import sqlite3
import threading
import time

import pytest

from sallyport import definition, eventually


def leaves_of(server, action, **members):
    return [x for x in server.leaves() if x.get("action") == action and all(x.get(k) == v for k, v in members.items())]


def settled(server):
    """All leaves of this start are durable: the owner's first request has the last of them."""
    def is_settled():
        actions = [x["action"] for x in server.leaves()]
        starts = [i for i, action in enumerate(actions) if action == "server.started"]
        return len(starts) == server.log(whole=True).count("event=supervisor.ready") and "login.ok" in actions[starts[-1]:]
    eventually(is_settled, 5, "the leaf of the owner's sign-in")


def from_address(server, address):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30, source_address=(address, 0))
    connection.request("GET", "/api/v1/runs", headers={"Authorization": f"Bearer {server.token}"})
    status = connection.getresponse().status
    connection.close()
    return status


def test_sign_in_has_one_leaf_for_each_address(own_server):
    settled(own_server)
    for _ in range(5):
        assert own_server.api.get("/api/v1/runs").status == 200
    assert len(leaves_of(own_server, "login.ok", addr="127.0.0.1", actor="owner", auth="token")) == 1
    assert from_address(own_server, "127.0.0.9") == from_address(own_server, "127.0.0.9") == 200
    assert len(eventually(lambda: leaves_of(own_server, "login.ok", addr="127.0.0.9"), 5, "the leaf")) == 1
    assert len(leaves_of(own_server, "login.ok")) == 2


def test_settings_that_changed_have_a_leaf(own_server):
    settled(own_server)
    assert leaves_of(own_server, "config.changed", object="workers", detail="2")
    before = len(leaves_of(own_server, "config.changed"))
    own_server.stop()
    own_server.start()
    settled(own_server)
    assert len(leaves_of(own_server, "config.changed")) == before, "nothing changed"

    own_server.stop()
    own_server.write_config({"egress": {"connectTo": ["api.example.com:443:127.0.0.1:9"]}})
    own_server.start()
    settled(own_server)
    steered = leaves_of(own_server, "config.changed", object="egress.connectTo")
    assert len(steered) == 1 and "api.example.com:443" in steered[0]["detail"] and "127.0.0.1:9" in steered[0]["detail"]
    assert len(leaves_of(own_server, "config.changed")) == before + 1

    own_server.write_config({"retention": {"days": 7}})
    own_server.process.send_signal(signal.SIGHUP)
    eventually(lambda: leaves_of(own_server, "config.changed", object="egress.connectTo", detail="default"), 5, "the leaf")
    assert leaves_of(own_server, "config.changed", object="retention.days", detail="7")
    own_server.kill_all()
    own_server.start()
    settled(own_server)
    assert len(leaves_of(own_server, "config.changed")) == before + 3, "what was recorded survives"


def test_a_stop_in_order_signs_the_whole_log(own_server):
    own_server.deploy(definition("quick", [{"s": {"set": {"n": 1}}}]))
    for _ in range(20):
        own_server.run("quick")
    own_server.stop()
    report = json.loads(own_server.verify().stdout)
    assert report["size"] > 20 and report["signedSize"] == report["size"], report


def test_what_a_run_emits_is_vouched_for_in_whichever_step_it_comes(own_server):
    emit = {"emit": {"event": {"with": {"type": "t.v1", "data": {"n": 1}}}}}
    wait = {"wait": {"milliseconds": 1}}
    for name, do in {"only": [emit], "twice": [emit, emit], "first": [emit, wait], "last": [wait, emit], "both": [emit, wait, emit]}.items():
        own_server.deploy(definition(name, [{f"t{i}": task} for i, task in enumerate(do)]))
        assert own_server.run(name).json["state"] == "completed"
    result = own_server.verify()
    assert result.returncode == 0 and json.loads(result.stdout)["runs"] == 5, (result.stdout, result.stderr)


def test_leaves_that_nobody_signs_are_told_of(own_server):
    """Who can write the database can add leaves of his own. Those that no server is about to sign are named."""
    own_server.stop()
    database = sqlite3.connect(own_server.data / "sallyport.db", isolation_level=None)
    size, body = database.execute("SELECT idx + 1, body FROM leaves ORDER BY idx DESC LIMIT 1").fetchone()
    now = int(time.time() * 1000)
    for at, warnings in ((now, 0), (now - 120_000, 1), (now + 3_000_000, 1)):
        leaf = json.dumps(json.loads(body) | {"time": at}, separators=(",", ":"), sort_keys=True)
        database.execute("INSERT INTO leaves VALUES (?, ?)", (size, leaf))
        result = own_server.verify()
        report = json.loads(result.stdout)
        assert report["ok"] and report["signedSize"] == size == report["size"] - 1 and report["warnings"] == warnings, (report, result.stderr)
        assert (f"checkpoint.behind, leaf {size}" in result.stderr) == bool(warnings), result.stderr
        database.execute("DELETE FROM leaves WHERE idx = ?", (size,))
    database.close()


def resumed(server):
    """What each start that found something said of it; its leaf is signed before the server is ready."""
    return [(x["object"], x["outcome"], x["detail"]) for x in leaves_of(server, "log.resumed") if "object" in x]


def edit(server, *statements):
    """Of a server that does not run."""
    with sqlite3.connect(server.data / "sallyport.db", isolation_level=None) as database:
        rows = [database.execute(*statement).fetchall() for statement in statements]
    database.close()
    return rows[-1]


def forged(server, *actions, seconds=0):
    """Leaves of an attacker behind those of a server that does not run, `seconds` from the first to the last; the size before."""
    [(size,)] = edit(server, ("SELECT count(*) FROM leaves",))
    now = int(time.time() * 1000)
    for i, action in enumerate(actions):
        leaf = {"action": action, "kind": "server", "outcome": "ok", "time": now + 1000 * seconds * i // max(1, len(actions) - 1)}
        body = json.dumps(leaf, separators=(",", ":"), sort_keys=True) if action else "{}"
        edit(server, ("INSERT INTO leaves VALUES (?, ?)", (size + i, body)))
    return size


def tile_hash(hashes):
    while len(hashes) > 1:
        hashes = [hashlib.sha256(b"\1" + left + right).digest() for left, right in zip(hashes[::2], hashes[1::2])]
    return hashes[0]


def leaf_hash(body):
    return hashlib.sha256(b"\0" + body.encode()).digest()


def refused(server):
    """What a start says that does not come to serve; nothing is added to the log."""
    before = edit(server, ("SELECT count(*) FROM leaves",))
    server.start(wait=False)
    assert server.process.wait(20) != 0
    assert edit(server, ("SELECT count(*) FROM leaves",)) == before
    return re.search(r"the audit log cannot be signed: (.*?); `sallyport audit verify`", server.log())[1]


STOPPED = "the server had stopped in order"
STARTED = "a server that starts does nothing before its start is signed"
NOT_OURS = "they are not as a server writes them"
# After a stop in order, or a crash: (actions, "" is no leaf; seconds from the first to the last; what is said of them, None: a crash)
STOPPED_THEN = [(("login.ok", "login.ok"), 0, STOPPED),
                (("server.started",), 0, None),
                (("log.resumed", "server.started", "log.resumed", "server.started"), 60, None),
                (("server.started", "login.ok"), 0, STARTED),
                (("server.started", "config.changed", "server.stopped"), 0, STARTED)]
CRASHED_THEN = [(("login.ok", "run.started"), 0, None),
                (("login.ok", "run.started"), 60, None),
                (("run.started", "server.stopped", "server.started"), 0, None),
                (("run.started", "server.stopped", "login.ok"), 0, STOPPED),
                (("run.started", "log.resumed", "login.ok"), 0, STARTED),
                (("run.started", ""), 0, NOT_OURS)]


def start_finds(server, n, oddity):
    """A start that finds `n` leaves unsigned, and what it says of them."""
    server.start()
    start, outcome, detail = resumed(server)[-1]
    assert detail == f"{n} without a signature" + (f": {oddity}" if oddity else "")
    assert outcome == ("failed" if oddity else "ok")
    assert f"level={'warn' if oddity else 'info'} event=engine.log-resumed" in server.log()
    return int(start)


def test_a_start_tells_what_it_found_unsigned(own_server):
    """After a stop in order nothing is; an init's leaves are; a crash leaves a second's at most. What else is there is told as odd."""
    [(start, outcome, _)] = resumed(own_server)
    assert (start, outcome) == ("0", "ok"), "what init wrote"
    own_server.stop()
    own_server.start()
    settled(own_server)
    assert len(resumed(own_server)) == 1 and "engine.log-resumed" not in own_server.log()
    for actions, seconds, oddity in STOPPED_THEN:
        own_server.stop()
        size = forged(own_server, *actions, seconds=seconds)
        assert start_finds(own_server, len(actions), oddity) == size
    own_server.stop()
    assert own_server.verify().returncode == 0


def test_a_start_tells_what_a_crash_explains(own_server):
    for actions, seconds, oddity in CRASHED_THEN:
        own_server.kill_all()
        size = forged(own_server, *actions, seconds=seconds)
        [(signed,)] = edit(own_server, ("SELECT max(size) FROM checkpoints",))
        assert start_finds(own_server, size - signed + len(actions), oddity) == signed


@pytest.mark.parametrize("n", [1, 3])
def test_a_log_that_was_cut_serves_nobody(own_server, n):
    """However often it is started: nothing is added, so that it does not grow until nobody sees that it was shorter."""
    own_server.stop()
    [(size,)] = edit(own_server, ("SELECT count(*) FROM leaves",))
    edit(own_server, ("DELETE FROM leaves WHERE idx >= ?", (size - n,)))
    for _ in range(n + 2):
        assert refused(own_server) == f"it has {size - n} leaves, and one of {size} was signed"


def test_a_log_that_was_rewritten_serves_nobody(own_server):
    """As long as it was, and another: so is its root."""
    own_server.stop()
    [(index, body)] = edit(own_server, ("SELECT idx, body FROM leaves ORDER BY idx DESC LIMIT 1",))
    other = body.replace("server.stopped", "server.started")
    edit(own_server, ("UPDATE leaves SET body = ? WHERE idx = ?", (other, index)))
    assert refused(own_server) == f"its first {index + 1} leaves are not those that were signed"


def test_what_is_signed_is_what_is_judged(own_server):
    """Leaves that look like starts that came to nothing, under tiles of others that are put in their place when the vault has signed."""
    own_server.stop()
    size = forged(own_server, *["server.started"] * 260)
    bodies = [body for body, in edit(own_server, ("SELECT body FROM leaves ORDER BY idx LIMIT 256",))]
    hashes = [leaf_hash(body if i < size else body.replace("server.started", "login.ok")) for i, body in enumerate(bodies)]
    edit(own_server, ("INSERT INTO tiles VALUES (0, 0, ?)", (b"".join(hashes),)), ("INSERT INTO tiles VALUES (1, 0, ?)", (tile_hash(hashes),)))
    assert refused(own_server).startswith(f"its leaves from {size} on and its tree differ")
    hashes = [leaf_hash(body) for body in bodies]
    edit(own_server, ("UPDATE tiles SET hashes = ? WHERE level = 0", (b"".join(hashes),)))
    assert refused(own_server).startswith(f"its leaves from {size} on and its tree differ"), "a level above it"
    edit(own_server, ("UPDATE tiles SET hashes = ? WHERE level = 1", (tile_hash(hashes),)), ("DELETE FROM leaves WHERE idx = ?", (size + 1,)))
    assert refused(own_server).startswith(f"its leaves from {size} on and its tree differ"), "a leaf is missing"
    edit(own_server, ("INSERT INTO leaves VALUES (?, ?)", (size + 1, bodies[size + 1])))
    assert start_finds(own_server, 260, None) == size, "starts that came to nothing, as many as there may be"


def test_the_last_signed_leaf_is_proven(own_server):
    """At a multiple of 256 it is under a tile that nothing else reads: what it says of the server must not be another's."""
    own_server.stop()
    size = forged(own_server, *["server.started"] * (254 - edit(own_server, ("SELECT count(*) FROM leaves",))[0][0]))
    server_leaves = [action for action, in edit(own_server, ("SELECT json_extract(body, '$.action') FROM leaves ORDER BY idx LIMIT ?", (size,)))]
    assert server_leaves[-1] == "server.stopped"
    # log.resumed and server.started make 256, whatever comes then; a kill leaves the rest of that life unsigned.
    own_server.start(wait=False)
    eventually(lambda: edit(own_server, ("SELECT max(size) FROM checkpoints",)) == [(256,)], 10, "a signed start at 256")
    own_server.kill_all()
    edit(own_server, ("DELETE FROM leaves WHERE idx >= 256",), ("DELETE FROM checkpoints WHERE size > 256",))
    edit(own_server, ("UPDATE leaves SET body = replace(body, 'server.started', 'server.stopped') WHERE idx = 255",))
    assert refused(own_server) == "its first 256 leaves are not those that were signed"


def test_a_log_with_a_gap_serves_nobody(own_server):
    """In its last 255 leaves the tree itself cannot be made; further back it is the walk that meets it."""
    own_server.stop()
    size = forged(own_server, "server.started", "server.started")
    edit(own_server, ("UPDATE leaves SET idx = idx + 1 WHERE idx = ?", (size + 1,)))
    own_server.start(wait=False)
    assert own_server.process.wait(20) != 0 and "the end of the audit log is damaged" in own_server.log(), own_server.log()


@pytest.mark.parametrize("change", ["size = 0", "size = size + 1", "note = replace(note, 'sallyport/', 'sallyporu/')", "note = ''"])
def test_a_checkpoint_that_was_changed_serves_nobody(own_server, change):
    own_server.stop()
    edit(own_server, ("DELETE FROM checkpoints WHERE size < (SELECT max(size) FROM checkpoints)",), (f"UPDATE checkpoints SET {change}",))
    assert refused(own_server) == "its last checkpoint is not one that this server signed"


def test_a_log_without_any_checkpoint_is_told_of(own_server):
    """Whoever takes the checkpoints away as well forges the whole log: of a server that was ever in use it is more than init writes."""
    own_server.stop()
    edit(own_server, ("DELETE FROM checkpoints",))
    size = forged(own_server, "login.ok")
    assert start_finds(own_server, size + 1, STARTED) == 0


def test_nothing_comes_after_the_leaf_of_a_stop(own_server):
    """Runs that are under way write no leaf behind it: what a start finds there is nobody's but a forger's."""
    body = [{"e": {"emit": {"event": {"with": {"type": "t.v1", "data": {}}}}}}, {"w": {"wait": {"milliseconds": 1}}}]
    own_server.deploy(definition("loops", [{"l": {"for": {"each": "i", "in": "${ [range(2000)] }"}, "do": body}}], concurrency=1000))
    for _ in range(20):
        own_server.run("loops", wait=False)
    own_server.stop()
    with sqlite3.connect(own_server.data / "sallyport.db") as database:
        body, = database.execute("SELECT body FROM leaves ORDER BY idx DESC LIMIT 1").fetchone()
        size, = database.execute("SELECT count(*) FROM leaves").fetchone()
    database.close()
    assert json.loads(body)["action"] == "server.stopped"
    assert json.loads(own_server.verify().stdout)["signedSize"] == size


def test_a_stop_does_not_wait_for_a_dead_vault(own_server):
    [vault] = own_server.roles("vault")
    os.kill(vault, signal.SIGSTOP)
    started = time.monotonic()
    own_server.stop(check=False)
    assert time.monotonic() - started < 40
    assert own_server.verify().returncode == 0


def test_a_used_up_worker_has_a_leaf(own_server):
    own_server.deploy(definition("greedy", [{"s": {"set": {"n": "${ last(range(0; 1e18)) }"}}}]))
    run = own_server.run("greedy").json
    assert run["state"] == "faulted"
    assert len(leaves_of(own_server, "worker.killed", run=run["id"], wf="greedy", detail="processor time")) == 1


def test_a_worker_that_was_killed_is_not_held_against_its_run(own_server):
    own_server.deploy(definition("slow", [{"s": {"set": {"n": "${ last(range(0; 1500000)) }"}}}]))
    client = own_server.client()
    answers = []
    thread = threading.Thread(target=lambda: answers.append(client.post(
        "/api/v1/runs", {"namespace": "test", "workflow": "slow", "input": {}, "wait": True})))
    thread.start()
    time.sleep(0.15)
    for pid in own_server.roles("worker"):
        os.kill(pid, signal.SIGKILL)
    thread.join()
    assert answers[0].status == 200 and answers[0].json["state"] == "completed", answers[0]
    assert not leaves_of(own_server, "run.faulted")
