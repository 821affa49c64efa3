#!/usr/bin/python3
"""Faults at each place, where tests/fault takes some: each allocation under vault, audit, journal, store and the running engine; each
system call of each kind at a start of the server; and ever other ways to lose what a disk had not synced.

  DURATION=seconds SEED=number tests/soak/faults.py
"""
import itertools
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "test" # with sanitizers, whatever else is being soaked
CALLS = {"openat": "EMFILE", "newfstatat,fstat": "EIO", "pread64": "EIO", "read": "EIO", "pwrite64": "ENOSPC", "write": "EIO",
         "fdatasync,fsync": "EIO", "ftruncate": "EIO", "flock": "EIO", "fcntl": "EIO", "unlink": "EIO", "socketpair": "EMFILE",
         "listen": "EADDRINUSE", "bind": "EACCES", "pipe2": "EMFILE", "memfd_create": "EMFILE", "epoll_ctl": "ENOMEM",
         "getrandom": "EINTR"} # which is all that it can meet without flags


def build():
    if not (BUILD / "build.ninja").exists():
        subprocess.run(["meson", "setup", str(BUILD), "-Db_sanitize=address,undefined", "-Doptimization=1", "-Db_lundef=false"],
                       cwd=ROOT, check=True)
    subprocess.run(["ninja", "-C", str(BUILD)], check=True)
    folder = BUILD / "bin"
    folder.mkdir(exist_ok=True)
    for path in (BUILD / "src").glob("*/sallyport*"):
        if path.is_file() and os.access(path, os.X_OK):
            shutil.copy2(path, folder / path.name)
    os.environ.update(SALLYPORT_BIN=str(folder), SALLYPORT_BUILD=str(BUILD), ASAN_OPTIONS="detect_leaks=1",
                      LSAN_OPTIONS="print_suppressions=0")


def program(name, **environment):
    """Whether it passes, and how many places it says that it tried."""
    r = subprocess.run([BUILD / "tests" / "fault" / name], env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if r.returncode != 0:
        print(name, environment, r.stdout[-3000:], r.stderr[-6000:], sep="\n")
    return r.returncode == 0, sum(map(int, re.findall(r"(\d+) (?:allocations|operations|syncs|system calls)", r.stdout)))


def each_allocation():
    results = [program(f"fault-{name}", FAULT_STEPS="1") for name in ("vault", "audit", "journal", "store", "schema")]
    engine = subprocess.run([sys.executable, "-m", "pytest", "-q", "tests/fault/test_memory.py"], cwd=ROOT,
                            env={**os.environ, "FAULT_STEPS": "1"}, check=False).returncode == 0
    return all(ok for ok, _ in results) and engine, sum(n for _, n in results)


def starts(until):
    """The N-th call of a kind fails in each process of a start, until it comes too late for a start to make it."""
    sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "system"), str(ROOT / "tests" / "fault")]
    from conftest import make_folder
    from injection import start_and_end, why_not
    from sallyport import Server
    if why_not():
        print("starts are left out:", why_not())
        return 0
    folder, n = make_folder(), 0
    server = Server(folder, start=False)
    server.init()
    for call, error in CALLS.items():
        for at in itertools.count(1):
            has_failed, state = start_and_end(server, f"{call}:error={error}:when={at}")
            server.check_no_crash()
            if not has_failed or time.monotonic() > until:
                break
            n += 1
            print(call, at, state, flush=True)
    with server.start():
        server.stop()
    shutil.rmtree(folder)
    return n


def main():
    duration, seed = int(os.environ.get("DURATION", "3600")), int(os.environ.get("SEED", str(int(time.time()) % 1000000)))
    begun = time.monotonic()
    print("seed", seed, flush=True)
    build()
    ok, allocations = each_allocation()
    calls = starts(begun + duration * 0.7)
    losses = 0
    while ok and (losses == 0 or time.monotonic() < begun + duration):
        ok, n = program("fault-store", FAULT_SEED=str(seed + losses))
        losses += 1
    print(f"{allocations} places in libraries, {calls} failing calls at a start, {losses} ways to lose power" if ok
          else f"failed; seed {seed}, loss {losses}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
