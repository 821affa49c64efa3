"""System calls of the real roles that fail, by strace. It turns such a call into another one, and that has to be one that the roles'
filters let pass: gettid."""
import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from sallyport import PATIENCE, eventually


def why_not():
    """Why nothing can be injected here, or None."""
    if os.geteuid() != 0:
        return "no right to trace a role"
    return None if shutil.which("strace") else "strace is not there"


def _strace(rule, out, *more):
    rule += ":syscall=gettid" if ":error=" in rule else ""
    return ["strace", "-f", "-qq", "-o", str(out), "-e", f"trace={rule.split(':')[0]}", "-e", f"inject={rule}", *more]


@contextlib.contextmanager
def injected(pid, rule):
    """The system calls of all threads of a role go as strace's `inject` says."""
    tracer = subprocess.Popen(_strace(rule, "/dev/null", "-p", str(pid)), stderr=subprocess.DEVNULL)

    def is_traced():
        assert tracer.poll() is None, "strace cannot attach"
        status = [p.read_text() for p in Path(f"/proc/{pid}/task").glob("*/status")]
        return all(f"TracerPid:\t{tracer.pid}\n" in s for s in status)
    try:
        eventually(is_traced, 5, "the tracer")
        yield
    finally:
        tracer.terminate() # it lets go of what it traces
        tracer.wait(10)


def start_and_end(server, rule, seconds=8):
    """Starts a server under the rule, asks it for something if it comes to be ready, and ends it. Gives whether a call failed, and
    "ready", "ended" or "neither"."""
    out = server.folder / "strace.out"
    server.log_start = server.log_path.stat().st_size if server.log_path.exists() else 0
    with open(server.log_path, "ab") as log:
        server.process = subprocess.Popen(_strace(rule, out, *server.command("127.0.0.1:0")), stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, cwd=server.folder, start_new_session=True,
                                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) # which needs to trace itself
    state, end = "neither", time.monotonic() + seconds * PATIENCE
    while state == "neither" and time.monotonic() < end:
        if server.process.poll() is not None:
            state = "ended"
        elif "event=supervisor.ready" in server.log():
            state = "ready"
        time.sleep(0.05)
    # The line that names the port may be the write that failed.
    if state == "ready" and "event=supervisor.listening" in server.log():
        server.wait_listening()
        with contextlib.suppress(OSError):
            server.client(timeout=5).get("/api/v1/runs")
    stop(server)
    return "(INJECTED)" in out.read_text("utf-8", "replace"), state


def stop(server):
    """What strace runs ends in order if it can; strace ends with it."""
    server._close_clients()
    if server.process.poll() is not None:
        return
    for child in Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split():
        os.kill(int(child), signal.SIGTERM)
    try:
        server.process.wait(10 * PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(server.process.pid, signal.SIGKILL)
        server.process.wait(10)
