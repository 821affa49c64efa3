"""`make demo` as a newcomer sees it: short, quick, honest about a failure, and nothing is left of it."""
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sallyport import PATIENCE, ROOT, eventually, program

DEMO = ROOT / "dist" / "demo" / "run"


@pytest.fixture
def environment(folder):
    return dict(os.environ, SALLYPORT=program(), TMPDIR=str(folder), NO_COLOR="1")


def parents():
    """{pid: (parent, time of its start)} of all processes that are not zombies."""
    found = {}
    for entry in Path("/proc").iterdir():
        try:
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split() if entry.name.isdigit() else ["Z"]
        except OSError:
            continue
        if fields[0] != "Z":
            found[int(entry.name)] = (int(fields[1]), fields[19])
    return found


class Demo:
    """A demo, and all the processes that were seen below it while it ran: the roles have sessions of their own."""

    def __init__(self, environment):
        self.process = subprocess.Popen([DEMO], env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, start_new_session=True)
        self.seen = set()

    def look(self):
        now, below = parents(), {self.process.pid}
        for _ in range(4):  # demo, server, roles, and one for a subshell between
            below |= {pid for pid, (parent, _start) in now.items() if parent in below}
        self.seen |= {(pid, now[pid][1]) for pid in below - {self.process.pid} if pid in now}
        return len(below) - 1

    def finish(self):
        end = time.monotonic() + 60 * PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < end, "the demo does not end"
            self.look()
            time.sleep(0.05)
        self.stdout, self.stderr = self.process.communicate()
        self.returncode = self.process.returncode
        now = parents()
        assert not [pid for pid, start in self.seen if pid in now and now[pid][1] == start], "the demo left processes behind"
        return self


def demo(environment, **more):
    return Demo(dict(environment, **more)).finish()


def test_demo(environment):
    began = time.monotonic()
    r = demo(environment)
    assert r.returncode == 0, r.stdout + r.stderr
    assert len(r.seen) >= 8  # upstream, supervisor, six roles
    assert r.stderr == ""
    assert time.monotonic() - began < 60
    assert len(r.stdout.splitlines()) < 50
    assert not list(Path(environment["TMPDIR"]).iterdir())


def test_demo_shows_what_it_promises(environment):
    text = demo(environment).stdout
    for line in (r'200 \{"build":"build-1042","status":"queued"', r"/do/2/askForBuild +completed", r"forged signature +401 ",
                 r"delivery again +409 ", r"bad shape +400 .*/ref", r"without a grant +403 .*elsewhere\.example\.net",
                 r"in 0 files", r"intact: \d+ leaves", r"ALTERED: \d+ leaves"):
        assert re.search(line, text), (line, text)
    # No secret: neither the owner's token nor a generated one (48 hexadecimal digits).
    assert "spt_" not in text
    assert not re.search(r"\b[0-9a-f]{48}\b", text)


def test_demo_that_cannot_go_on_says_why(environment):
    r = demo(environment, SALLYPORT="/nowhere/sallyport")
    assert r.returncode == 1
    assert "/nowhere/sallyport is not there" in r.stderr


def test_demo_that_fails_names_its_logs_and_ends_what_it_started(environment, tmp_path):
    # A command that serves, but cannot deploy.
    fake = tmp_path / "sallyport"
    fake.write_text(f'#!/bin/sh\n[ "$1" = workflows ] && {{ echo "sallyport: no" >&2; exit 1; }}\nexec {program()} "$@"\n')
    fake.chmod(0o755)
    r = demo(environment, SALLYPORT=str(fake))
    assert r.returncode == 1
    assert 'demo: failed at "4. ' in r.stderr and "sallyport: no" in r.stderr
    logs = Path(re.search(r"the logs are in (\S+)", r.stderr).group(1))
    assert (logs / "server.log").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_that_is_interrupted_ends_what_it_started(environment, number):
    d = Demo(environment)
    eventually(lambda: d.look() >= 8, 20, "upstream, server and roles")
    os.killpg(d.process.pid, number) if number == signal.SIGINT else d.process.send_signal(number)
    assert d.finish().returncode == 128 + number
    assert not list(Path(environment["TMPDIR"]).iterdir())
