"""Faults of the machine under a whole server: a full disk, roles that stand still, a lost upstream."""
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from conftest import make_folder
from injection import injected, start_and_end, why_not
from sallyport import Client, Server, call, definition, eventually, sign

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="


@pytest.fixture
def small_disk():
    """A folder on a disk of its own with room for little."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder = make_folder()
    (folder / "disk").mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m,mode=0711", "tmpfs", folder / "disk"], capture_output=True).returncode != 0:
        pytest.skip("no right to mount")
    yield folder
    subprocess.run(["umount", "-l", folder / "disk"], check=False)
    shutil.rmtree(folder, ignore_errors=True)


def comes_back(server, answered):
    """Started again, it has every run that was answered, takes new ones, and its log verifies."""
    with server.start():
        for id, n in answered.items():
            assert server.run_state(id)["output"] == {"n": n}
        assert server.run("echo", {"n": 1}).status == 200
        server.stop()
        result = server.verify()
        assert result.returncode == 0, result.stdout + result.stderr


def test_full_disk_loses_nothing_that_was_answered(small_disk):
    server = Server(small_disk, start=False)
    server.data = small_disk / "disk" / "data"
    server.init()
    answered, refused = {}, None
    with server.start():
        server.deploy(definition("echo", [{"s": {"set": {"n": "${ .n }"}}}]))
        for n in range(600):
            answer = server.run("echo", {"n": n, "ballast": "x" * 20000})
            if answer.status != 200:
                refused = answer
                break
            answered[answer.json["id"]] = n
        assert refused is not None and refused.status in (500, 503), refused
        assert refused.headers["content-type"] == "application/problem+json"
        assert server.run("echo", {"n": 0}).status in (500, 503), "nothing runs once the log cannot be written [I1]"
        assert server.api.get("/readyz").status == 503
        server.stop(check=False)
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk / "disk"], check=True)
    assert answered
    comes_back(server, answered)


# --- a disk that fails, is made read-only, or stalls --------------------------------------------------------------------


can_inject = pytest.mark.skipif(bool(why_not()), reason=str(why_not()))


def store_failed(server):
    return "sallyport_store_failed 1" in server.api.get("/metrics").body.decode()


@can_inject
@pytest.mark.parametrize("rule", ["fdatasync,fsync:error=EIO", "pwrite64:error=EIO", "pwrite64,ftruncate:error=EROFS",
                                  "pwrite64:error=ENOSPC:when=3+"])
def test_disk_that_fails_once_it_runs(own_server, rule):
    """The error sticks, also when the disk works again: nobody knows what of the last write it has. Reads go on. A start brings
    everything back that was answered. EROFS is what a file system answers that the kernel has made read-only."""
    server = own_server
    server.deploy(definition("echo", [{"s": {"set": {"n": "${ .n }"}}}]))
    answered = {server.run("echo", {"n": n}).json["id"]: n for n in range(5)}
    with injected(server.roles("engine")[0], rule):
        def refused():
            n = len(answered)
            answer = server.run("echo", {"n": n})
            if answer.status == 200:
                answered[answer.json["id"]] = n
            return answer if answer.status != 200 else None
        answer = eventually(refused, 5, "the failure")
        assert answer.status in (500, 503) and answer.headers["content-type"] == "application/problem+json", answer
    assert server.run("echo", {"n": 0}).status == 503, "it sticks"
    assert server.api.get("/readyz").status == 503 and store_failed(server)
    id = next(iter(answered))
    assert server.run_state(id) is None or server.run_state(id)["output"] == {"n": 0}
    server.stop()
    comes_back(server, answered)


@can_inject
def test_disk_that_is_slow(own_server):
    """Nothing is answered before it is on the disk, and commits take what came meanwhile."""
    server, delay = own_server, 0.4
    server.deploy(definition("echo", [{"s": {"set": {"n": "${ .n }"}}}], concurrency=1000))
    took, answers, begun = [], [], time.monotonic()

    def send(n):
        at, client = time.monotonic(), server.client()
        answers.append((n, client.post("/api/v1/runs", {"namespace": "test", "workflow": "echo", "input": {"n": n}, "wait": True})))
        took.append(time.monotonic() - at)
    with injected(server.roles("engine")[0], f"fdatasync,fsync:delay_enter={int(delay * 1e6)}"):
        threads = [threading.Thread(target=send, args=(n,)) for n in range(60)]
        [t.start() for t in threads]
        [t.join() for t in threads]
        elapsed = time.monotonic() - begun
    assert min(took) >= delay, "an answer came before its write could have ended"
    assert [a.status for _, a in answers] == [200] * 60
    assert elapsed < 60 * delay, "each run had a commit of its own"
    server.kill_all()
    with server.start():
        for n, answer in answers:
            assert server.run_state(answer.json["id"])["output"] == {"n": n}


@can_inject
def test_disk_that_stands_still(own_server):
    """What is under way waits, unanswered; what comes is refused at once instead of queueing; when the disk goes on, so does all."""
    server = own_server
    server.deploy(definition("echo", [{"s": {"set": {"n": "${ .n }"}}}]))
    first = []
    with injected(server.roles("engine")[0], "fdatasync,fsync:delay_enter=9000000"):
        begun = time.monotonic()
        thread = threading.Thread(target=lambda: first.append((server.client(timeout=60).post(
            "/api/v1/runs", {"namespace": "test", "workflow": "echo", "input": {"n": 1}, "wait": True}), time.monotonic())))
        thread.start()
        eventually(lambda: server.api.get("/readyz").status == 503, 8, "the health's word")
        assert b"disk does not keep up" in server.api.get("/readyz").body
        asked = time.monotonic()
        assert server.run("echo", {"n": 2}).status == 503
        assert time.monotonic() < asked + 5, "a refusal that waits is none"
        assert not first, "answered while its write stood still"
        thread.join()
    assert first[0][0].status == 200 and first[0][1] - begun >= 9
    server.wait_ready()
    assert server.run("echo", {"n": 3}).status == 200


@can_inject
@pytest.mark.parametrize("rule", ["pread64:error=EIO:when=8+", "pwrite64:error=ENOSPC", "fdatasync,fsync:error=EIO", "flock:error=EIO",
                                  "socketpair:error=EMFILE", "listen:error=EADDRINUSE"])
def test_start_with_system_calls_that_fail(folder, rule):
    """It ends with a reason, or does without; and the next start finds everything in its place. Each call of each kind: `make soak`."""
    server = Server(folder, start=False)
    server.init()
    has_failed, state = start_and_end(server, rule)
    assert has_failed and state in ("ready", "ended"), (state, server.log())
    assert state == "ready" or (server.process.returncode in (1, 4) and re.search(r"level=error|^sallyportd: ", server.log(), re.M)), (server.process.returncode, server.log())
    server.check_no_crash()
    with server.start():
        server.deploy(definition("w", [{"s": {"set": {"a": 1}}}]))
        assert server.run("w").json["output"] == {"a": 1}


# --- roles and upstreams ------------------------------------------------------------------------------------------------


def test_a_vault_that_dies_while_the_server_starts(own_server):
    """At any step of the start, its signature included: the next vault takes part from the beginning, and the start has its leaf once."""
    id = own_server.deploy(definition("echo", [{"s": {"set": {"n": "${ .n }"}}}])) and own_server.run("echo", {"n": 1}).json["id"]
    for n in range(16):
        own_server.stop()
        own_server.start(wait=False)
        [vault] = eventually(lambda: own_server.roles("vault"), 10, "the vault")
        time.sleep(n * 0.004)
        os.kill(vault, signal.SIGKILL)
        own_server.wait_listening()
        own_server.wait_ready(30)
        assert own_server.run_state(id)["output"] == {"n": 1}
    starts = [leaf for leaf in own_server.leaves() if leaf["action"] == "server.started"]
    assert len(starts) == own_server.log(whole=True).count("event=supervisor.ready")
    own_server.stop()
    assert own_server.verify().returncode == 0


@pytest.mark.parametrize("role", ["vault", "egress", "worker"])
def test_role_that_stands_still(own_server, upstream, role):
    """Nobody hangs for ever because one role does not answer; when it goes on, so does everything."""
    upstream.reply("/still")
    own_server.secret("hook-key", KEY, kind="webhook-key")
    own_server.deploy(definition("w", [{"c": call(upstream.origin + "/still")}], origins=[upstream.origin],
                                 webhook={"scheme": "github", "key": "hook-key", "answer": "accepted"}))
    pids = own_server.roles(role)
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    answers = []

    def send(n):
        body = json.dumps({"n": n}).encode()
        answers.append(own_server.hook("w", body, sign("github", KEY, body), client=Client(own_server.port, timeout=30)))
    threads = [threading.Thread(target=send, args=(n,)) for n in range(5)]
    [t.start() for t in threads]
    time.sleep(0.5)
    assert own_server.api.get("/api/v1/runs").status == 200, "reads do not wait for it"
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    [t.join() for t in threads]
    assert [a.status for a in answers] == [202] * 5, answers
    for a in answers:
        assert own_server.wait_run(a.json["id"])["state"] == "completed"


def test_upstream_that_is_lost_and_comes_back(own_server, upstream):
    """A `try` with a retry outlives it."""
    count = []

    def action(handler, request):
        count.append(1)
        if len(count) < 3:
            handler.reset()
        else:
            handler.answer(200, {"ok": True})
    upstream.on("/flaky", action)
    retry = {"delay": {"milliseconds": 50}, "limit": {"attempt": {"count": 5}}}
    own_server.deploy(definition("retries", [{"t": {"try": [{"c": call(upstream.origin + "/flaky")}], "catch": {"retry": retry}}}],
                                 origins=[upstream.origin]))
    run = own_server.run("retries").json
    assert run["state"] == "completed" and run["output"] == {"ok": True}, run
    assert own_server.api.post(f"/api/v1/runs/{run['id']}/replay").json["identical"] is True


def test_all_roles_die_again_and_again(own_server):
    """Restarts are paced, and the server is there again when it ends."""
    own_server.deploy(definition("w", [{"s": {"set": {"a": 1}}}]))
    for _ in range(3):
        for pid in list(own_server.roles().values()):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        time.sleep(0.3)
    own_server.wait_ready(10)
    assert own_server.run("w").json["output"] == {"a": 1}
