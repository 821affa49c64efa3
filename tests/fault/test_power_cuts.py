"""The power goes in the middle of everything: the short form of tests/soak/power_cuts.py; and `init` is killed at many moments."""
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sallyport import cli, program

SOAK = Path(__file__).resolve().parents[1] / "soak"
ROUNDS, SKIPPED = 4, 77
MOMENTS = 15


def test_power_cuts():
    environment = {k: v for k, v in os.environ.items() if k != "SOAK_NAMESPACE"}
    r = subprocess.run([sys.executable, SOAK / "power_cuts.py", "--rounds", str(ROUNDS)], capture_output=True, text=True, env=environment,
                       timeout=300)
    if r.returncode == SKIPPED:
        pytest.skip(r.stdout.strip().splitlines()[-1])
    assert r.returncode == 0, r.stdout[-4000:] + r.stderr[-2000:]


def init(home):
    return ["init", "--data", home / "data", "--root-key", home / "keys" / "root.key", "--json"]


def owners(home):
    with sqlite3.connect(f"file:{home}/data/sallyport.db?mode=ro", uri=True) as db:
        return db.execute("SELECT count(*) FROM principals").fetchone()[0]


def test_init_that_is_killed_goes_on(folder):
    """Whenever it dies, the next one makes what is missing; a database that is there is complete."""
    started = time.monotonic()
    assert cli(*init(folder / "whole")).returncode == 0
    whole_s = time.monotonic() - started
    for n in range(MOMENTS):
        home = folder / str(n)
        process = subprocess.Popen([program(), *map(str, init(home))], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        time.sleep(whole_s * n / MOMENTS)
        process.send_signal(signal.SIGKILL)
        told, _ = process.communicate()
        if (home / "data" / "sallyport.db").exists():
            assert owners(home) == 1, f"killed after {n}/{MOMENTS}: a database that nobody owns"
            assert json.loads(told)["token"], f"killed after {n}/{MOMENTS}: a database whose token nobody has seen"
            continue
        again = cli(*init(home))
        assert again.returncode == 0, f"killed after {n}/{MOMENTS}: {again.stderr}"
        assert owners(home) == 1


def test_init_clears_away_what_is_not_finished(folder):
    for path in ("data/sallyport.db.part", "data/sallyport.db.part-wal", "keys/root.key.part", "data/audit.vkey.part"):
        (folder / path).parent.mkdir(mode=0o700, exist_ok=True)
        (folder / path).write_text("half of something")
    r = cli(*init(folder))
    assert r.returncode == 0, r.stderr
    assert owners(folder) == 1 and not list(folder.rglob("*.part*"))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
def test_init_that_cannot_tell_the_token_makes_nothing(folder):
    with open("/dev/full", "w") as full:
        r = subprocess.run([program(), *map(str, init(folder))], stdout=full, stderr=subprocess.PIPE, text=True)
    assert r.returncode == 4 and "standard output" in r.stderr, r
    assert cli(*init(folder)).returncode == 0
