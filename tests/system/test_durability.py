"""What was accepted is never lost, and happens once: roles and whole servers are killed under load."""
import fcntl
import itertools
import json
import os
import random
import re
import signal
import sqlite3
import threading
import time

import pytest

from sallyport import Client, Server, call, definition, eventually, is_alive, sign

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="
TOKEN = "canary-upstream-token-12345"
NUMBERS = itertools.count()


def deploy(server, upstream):
    server.secret("hook-key", KEY, kind="webhook-key")
    server.secret("upstream-token", TOKEN, origins=[upstream.origin])
    w2 = [{"shape": {"set": {"n": "${ .n }", "twice": "${ .n * 2 }"}}},
          {"send": call(upstream.origin + "/effect", method="post", body={"n": "${ .n }"},
                        authentication={"bearer": {"use": "upstream-token"}})},
          {"end": {"set": {"n": "${ .n }", "ok": True}}}]
    for name, answer in (("w2", "output"), ("w2-later", "accepted")):
        server.deploy(definition(name, w2, origins=[upstream.origin], secrets=["upstream-token"],
                                 rate={"limit": 100000, "period": {"seconds": 1}},
                                 webhook={"scheme": "github", "key": "hook-key", "answer": answer}))


@pytest.fixture
def loaded(own_server, upstream):
    upstream.requests.clear()
    upstream.on("/effect", lambda handler, request: handler.answer(200, request.body))
    deploy(own_server, upstream)
    return own_server


class Load:
    """Deliveries from several threads until it is stopped; keeps what the server promised."""

    def __init__(self, server, name="w2-later", threads=4):
        self.server, self.name, self.accepted, self.statuses, self.is_over = server, name, {}, [], False
        self.lock = threading.Lock()
        self.threads = [threading.Thread(target=self.work, daemon=True) for _ in range(threads)]

    def __enter__(self):
        [t.start() for t in self.threads]
        return self

    def __exit__(self, *_):
        self.is_over = True
        [t.join(60) for t in self.threads]

    def work(self):
        client = Client(self.server.port, timeout=20)
        while not self.is_over:
            with self.lock:
                n = next(NUMBERS)
            body = json.dumps({"n": n}).encode()
            try:
                answer = self.server.hook(self.name, body, sign("github", KEY, body), client=client, retry=False)
            except OSError:
                client.close()
                time.sleep(0.05)
                continue
            self.statuses.append(answer.status)
            if answer.status in (200, 202):
                id = answer.json["id"] if answer.status == 202 else answer.headers["sallyport-run"]
                with self.lock:
                    self.accepted[id] = (n, answer.json if answer.status == 200 else None)
            time.sleep(0.005)
        client.close()


def check_all_ended(server, load, upstream, faults_allowed=0):
    """Each accepted run has ended once, and each effect has reached the upstream with one key alone."""
    assert load.accepted, load.statuses
    faulted = []
    for id, (n, _) in load.accepted.items():
        run = server.wait_run(id, 20)
        assert run["input"] == {"n": n}
        if run["state"] == "completed":
            assert run["output"] == {"n": n, "ok": True}, run
        else:
            faulted.append(run)
    assert len(faulted) <= faults_allowed, faulted[:3]
    keys = {}
    for r in upstream.got("/effect"):
        assert r.headers["Authorization"] == f"Bearer {TOKEN}"
        keys.setdefault(json.loads(r.body)["n"], set()).add(r.headers["Idempotency-Key"])
    for id, (n, _) in load.accepted.items():
        state = server.run_state(id)["state"]
        assert len(keys.get(n, ())) == 1 or state == "faulted", (id, n, keys.get(n))
    ends = [x["run"] for x in server.leaves() if x["action"] in ("run.completed", "run.faulted", "run.cancelled")]
    assert len(ends) == len(set(ends)), "a run ended twice"
    assert set(load.accepted) <= set(ends)


def check_log(server):
    server.stop()
    result = server.verify()
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("role", ["worker", "egress", "vault", "gateway", "engine"])
def test_killed_role_comes_back(loaded, upstream, role):
    # Workers hold nothing but what the engine gave them, and end with it; a checker ends with its answer to the deploy.
    follow = {role, "checker"} | ({"worker"} if role == "engine" else set())
    others = {k: v for k, v in loaded.roles().items() if k[0] not in follow}
    kills = 3
    with Load(loaded) as load:
        for _ in range(kills):
            time.sleep(0.3 + random.random() * 0.3)
            pid = random.choice(loaded.roles(role))
            os.kill(pid, signal.SIGKILL)
            eventually(lambda: not is_alive(pid) and len(loaded.roles(role)) == (2 if role == "worker" else 1), 3,
                       lambda: loaded.situation(f"the next life of {role}", pid))
            loaded.wait_ready(3)
            eventually(lambda: load.statuses and load.statuses[-1] == 202, 3,
                       lambda: loaded.situation(f"accepted deliveries after {role} was killed"))
    assert {k: v for k, v in loaded.roles().items() if k[0] not in follow} == others, "another role went with it"
    assert set(load.statuses) <= {202, 500, 502, 503}, set(load.statuses)
    # The run whose step the worker was in when it was killed counts as the one that killed it.
    check_all_ended(loaded, load, upstream, faults_allowed=kills if role == "worker" else 0)
    check_log(loaded)


def test_kill_of_everything_under_load(loaded, upstream):
    listen = f"127.0.0.1:{loaded.port}"
    promised = {}
    for _ in range(2):
        with Load(loaded, "w2") as answered, Load(loaded) as accepted:
            time.sleep(0.8)
            loaded.kill_all()
        promised.update(answered.accepted)
        loaded.start(listen)
        check_all_ended(loaded, accepted, upstream)
        for id, (n, output) in answered.accepted.items():
            run = loaded.run_state(id)
            assert run["state"] == "completed" and run["output"] == output, "an answer is durable"
    assert promised
    check_log(loaded)


def test_waiting_runs_fire_once_after_a_restart(own_server, upstream):
    upstream.reply("/fired")
    upstream.requests.clear()
    own_server.deploy(definition("sleeper", [{"w": {"wait": "PT2S"}}, {"c": call(upstream.origin + "/fired", method="post", body={})}],
                                 origins=[upstream.origin]))
    ids = [own_server.run("sleeper", {"n": n}, wait=False).json["id"] for n in range(20)]
    eventually(lambda: all(own_server.run_state(i)["state"] == "waiting" for i in ids))
    own_server.kill_all()
    own_server.start()
    for i in ids:
        assert own_server.wait_run(i)["state"] == "completed"
    assert len(upstream.got("/fired")) == len(ids)
    check_log(own_server)


def test_waiting_runs_sleep_through_the_death_of_other_roles(own_server, upstream):
    upstream.reply("/slept")
    upstream.requests.clear()
    own_server.deploy(definition("sleeper", [{"w": {"wait": "PT5S"}}, {"c": call(upstream.origin + "/slept", method="post", body={})}],
                                 origins=[upstream.origin]))
    ids = [own_server.run("sleeper", {"n": n}, wait=False).json["id"] for n in range(20)]
    eventually(lambda: all(own_server.run_state(i)["state"] == "waiting" for i in ids))
    engine = own_server.roles("engine")
    for role in ("egress", "vault"):
        pid = own_server.roles(role)[0]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda: own_server.roles(role) not in ([], [pid]), 3, lambda: own_server.situation(f"the next life of {role}", pid))
        own_server.wait_ready(3)
    for i in ids:
        assert own_server.wait_run(i)["state"] == "completed"
    assert own_server.roles("engine") == engine, "the engine died"
    assert len(upstream.got("/slept")) == len(ids)


def test_orderly_stop_and_start_keep_waiting_runs(own_server):
    own_server.deploy(definition("sleeper", [{"w": {"wait": "PT1.5S"}}, {"s": {"set": {"done": True}}}]))
    id = own_server.run("sleeper", wait=False).json["id"]
    eventually(lambda: own_server.run_state(id)["state"] == "waiting")
    own_server.stop()
    own_server.start()
    assert own_server.wait_run(id)["output"] == {"done": True}
    assert own_server.api.post(f"/api/v1/runs/{id}/replay").json["identical"] is True
    check_log(own_server)


def test_run_that_cannot_be_taken_up_is_not_taken_for_absent(own_server):
    waits = [{"w": {"wait": {"seconds": 60}}}]
    own_server.deploy(definition("sleeper", waits))
    id = own_server.run("sleeper", wait=False).json["id"]
    eventually(lambda: own_server.run_state(id)["state"] == "waiting")
    own_server.deploy(definition("sleeper", waits, version="2.0.0"))
    own_server.stop()
    with sqlite3.connect(own_server.data / "sallyport.db") as db:
        db.execute("UPDATE workflows SET manifest = '{}' WHERE version = '1.0.0'")
    db.close()
    own_server.start()
    assert "engine.run-not-recovered" in own_server.log(whole=True)
    refused = own_server.api.post(f"/api/v1/runs/{id}/cancel")
    assert refused.status == 503 and "could not be taken up" in refused.json["detail"], refused
    assert own_server.run_state(id)["state"] == "waiting"


def test_post_under_way_is_repeated_with_its_key(own_server, upstream):
    """A call whose answer is lost with egress goes out again, and the upstream can see that it is the same."""
    first = threading.Event()

    def action(handler, request):
        if first.is_set():
            handler.answer(200, {"ok": 1})
        else:
            first.set()
            time.sleep(3)
            handler.answer(200, {"ok": 0})
    upstream.requests.clear()
    upstream.on("/once", action)
    own_server.deploy(definition("once", [{"c": call(upstream.origin + "/once", method="post", body={"a": 1})}], origins=[upstream.origin]))
    id = own_server.run("once", wait=False).json["id"]
    assert first.wait(5)
    os.kill(own_server.roles("egress")[0], signal.SIGKILL)
    assert own_server.wait_run(id)["output"] == {"ok": 1}
    got = upstream.got("/once")
    assert len(got) == 2 and got[0].headers["Idempotency-Key"] == got[1].headers["Idempotency-Key"] and got[0].headers["Idempotency-Key"]


def test_call_that_waits_for_a_vault_that_dies(own_server, upstream):
    """Egress and the engine may hear of the vault's death in either order: the call goes out when there is a vault again."""
    upstream.reply("/kept")
    upstream.requests.clear()
    own_server.secret("kept", TOKEN, origins=[upstream.origin])
    own_server.deploy(definition("kept", [{"c": call(upstream.origin + "/kept", method="post", authentication={"bearer": {"use": "kept"}})}],
                                 origins=[upstream.origin], secrets=["kept"]))
    vault, engine = own_server.roles("vault")[0], own_server.roles("engine")[0]
    time.sleep(1.2) # a vault that is new has every benefit of the doubt
    os.kill(vault, signal.SIGSTOP)
    ids = [own_server.run("kept", wait=False).json["id"] for _ in range(5)]
    eventually(lambda: all(own_server.run_state(i)["state"] == "waiting" for i in ids))
    time.sleep(0.3) # the questions are with the vault
    os.kill(engine, signal.SIGSTOP)
    os.kill(vault, signal.SIGKILL)
    eventually(lambda: not is_alive(vault), 3, lambda: own_server.situation("the death of the vault", vault))
    time.sleep(0.3) # the answers are with the engine
    os.kill(engine, signal.SIGCONT)
    for i in ids:
        assert own_server.wait_run(i)["state"] == "completed", own_server.run_state(i)
    assert len(upstream.got("/kept")) == len(ids)


def test_deliveries_stay_known_after_a_restart(own_server):
    own_server.secret("hook-key", KEY, kind="webhook-key")
    own_server.deploy(definition("hook", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "standard-webhooks", "key": "hook-key"}))
    headers = sign("standard-webhooks", KEY, b"{}")
    assert own_server.hook("hook", b"{}", headers).status == 200
    own_server.kill_all()
    own_server.start()
    assert own_server.hook("hook", b"{}", headers).status == 409


def test_worker_that_hears_late_of_its_engines_death(own_server):
    own_server.deploy(definition("w", [{"s": {"set": {"a": 1}}}]))
    worker, engine = own_server.roles("worker")[0], own_server.roles("engine")
    os.kill(worker, signal.SIGSTOP)
    os.kill(engine[0], signal.SIGKILL)
    eventually(lambda: own_server.roles("engine") not in ([], engine), 3, lambda: own_server.situation("the next engine", *engine))
    os.kill(worker, signal.SIGCONT)
    eventually(lambda: worker not in own_server.roles("worker") and len(own_server.roles("worker")) == 2, 3,
               lambda: own_server.situation("the next worker", worker))
    own_server.wait_ready(3)
    assert own_server.run("w").json["output"] == {"a": 1}
    assert "event=role.failed" not in own_server.log(), own_server.log()


def test_nobody_is_told_that_a_delivery_was_accepted_before_it_was(own_server):
    own_server.secret("hook-key", KEY, kind="webhook-key")
    own_server.deploy(definition("hook", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": "hook-key"}))
    headers = sign("github", KEY, b"{}")
    for pid in own_server.roles("worker"):
        os.kill(pid, signal.SIGSTOP)
    answers = []

    def deliver():
        try:
            answers.append(own_server.hook("hook", b"{}", headers, client=own_server.client()))
        except OSError:
            pass # it was the first, and waited until the server died
    both = [threading.Thread(target=deliver) for _ in range(2)]
    [t.start() for t in both]
    again = eventually(lambda: answers, what="the answer to the second")[0]
    assert again.status == 409 and again.json["type"].endswith(":conflict"), again
    own_server.kill_all()
    [t.join() for t in both]
    own_server.start()
    assert own_server.hook("hook", b"{}", headers).status == 200
    again = own_server.hook("hook", b"{}", headers)
    assert again.status == 409 and again.json["type"].endswith(":replayed"), again


BOMBS = {
    "endless recursion": "${ def f: f; f }",
    "endless repetition": "${ [repeat(1)] | length }",
    "endless generator": "${ last(range(0; 1e18)) }",
    "huge allocation": "${ [range(0; 1e9)] | length }",
    "doubling": '${ reduce range(0; 64) as $i ("x"; . + .) | length }',
    "deep nesting": "${ reduce range(0; 1e7) as $i (1; [.]) }",
    "regular expression": '${ ("a" * 40) | test("(a+)+$b") }',
}


@pytest.fixture(scope="module")
def bombed(upstream):
    import shutil
    from conftest import make_folder
    folder = make_folder()
    with Server(folder) as server:
        # libjq frees a nesting of ten million levels by recursion: its worker's stack ends before its budget does.
        server.may_crash = "worker"
        server.deploy(definition("calm", [{"s": {"set": {"n": "${ .n }"}}}]))
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("bomb", BOMBS)
def test_run_that_takes_too_much_faults_alone(bombed, bomb):
    name = re.sub(r"\W", "-", bomb)
    answer = bombed.deploy(definition(name, [{"s": {"set": {"x": BOMBS[bomb]}}}]), ok=False)
    if answer.status == 400:
        assert answer.json["findings"], "refused at the check, which is better still"
        return
    answers, is_over = [], threading.Event()

    def calm():
        client, n = bombed.client(), 0
        while not is_over.is_set():
            n += 1
            answers.append((n, client.post("/api/v1/runs", {"namespace": "test", "workflow": "calm", "input": {"n": n}, "wait": True})))
            time.sleep(0.02)
    thread = threading.Thread(target=calm)
    thread.start()
    started = time.monotonic()
    run = bombed.run(name).json
    took = time.monotonic() - started
    is_over.set()
    thread.join()
    assert run["state"] == "faulted" and run["error"]["title"] and run["error"]["detail"], run
    assert took < 30, f"{took:.1f} s"
    for n, answer in answers:
        assert answer.status == 200 and answer.json.get("output") == {"n": n}, answer
    trace = bombed.api.get(f"/api/v1/runs/{run['id']}/trace")
    assert trace.status == 200
    assert len([x for x in bombed.leaves() if x.get("run") == run["id"] and x["action"] == "run.faulted"]) == 1
    bombed.wait_ready()


def test_a_start_waits_for_an_earlier_engine_to_let_go(own_server):
    own_server.kill_all()
    with open(own_server.data / "sallyport.db-lock", "r+b") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        own_server.start(wait=False)
        time.sleep(0.7)
    own_server.wait_listening()
    own_server.wait_ready()
