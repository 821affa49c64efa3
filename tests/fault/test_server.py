"""Faults of the machine under a whole server: a full disk, roles that stand still, a lost upstream."""
import json
import os
import shutil
import signal
import subprocess
import threading
import time

import pytest

from conftest import make_folder
from sallyport import Client, Server, call, definition, sign

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
    with server.start():
        assert answered
        for id, n in answered.items():
            assert server.run_state(id)["output"] == {"n": n}
        assert server.run("echo", {"n": 1}).status == 200
        server.stop()
        result = server.verify()
        assert result.returncode == 0, result.stdout + result.stderr


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
