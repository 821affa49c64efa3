#!/usr/bin/python3
"""A worker that was taken over and says nothing more: it is ended each time that its deadline has passed, and after as many
workers as a run may lose the run faults, instead of waiting for ever. And one that answers each time, but so late that it never
gets anywhere. What it does otherwise is in tests/abuse. It takes some four minutes, whatever DURATION says: LIMIT_RESCUES times
LIMIT_WORKER_SILENCE_MS, and twice that time for the other."""
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "release"
SILENT, LATE = 23, 27
DEFINITION = """
document: {dsl: '1.0.0', namespace: abuse, name: silent, version: '1.0.0'}
do:
  - wait: {wait: {seconds: 1}}
"""


def command(folder, mode):
    (folder / "input.json").write_text('{"mode": %d}' % mode)
    return [folder / "sallyport", "run", "--verbose", "--input", folder / "input.json", folder / "flow.yaml"]


def silent(folder):
    """What went wrong, or None."""
    run = subprocess.run(command(folder, SILENT), capture_output=True, text=True, timeout=600)
    ended = run.stderr.count("event=engine.worker-silent")
    if run.returncode == 1 and "Workers lost" in run.stderr and ended >= 2:
        return None
    return f"{run.stderr[-3000:]}\nthe run ended with {run.returncode} after {ended} silent workers"


def late(folder):
    run = subprocess.Popen(command(folder, LATE), stderr=subprocess.PIPE, text=True)
    timer = threading.Timer(120, run.kill)
    timer.start()
    said = []
    for line in run.stderr:
        said.append(line)
        if "event=engine.worker-silent" in line:
            break
    timer.cancel()
    run.kill()
    run.wait()
    return None if said and "event=engine.worker-silent" in said[-1] else "".join(said)[-3000:] + "\na worker that is always late lives"


def main():
    with tempfile.TemporaryDirectory(prefix="sallyport-silent-") as folder:
        folder = Path(folder)
        folder.chmod(0o755)  # started as root, each role has a user of its own
        for role in (BUILD / "src").glob("*/sallyport*"):
            if role.is_file() and os.access(role, os.X_OK):
                shutil.copy(role, folder)
        shutil.copy(BUILD / "tests/abuse/hostile-worker", folder / "sallyport-worker")
        (folder / "flow.yaml").write_text(DEFINITION)
        started = time.monotonic()
        wrong = [w for w in (late(folder), silent(folder)) if w]
    if wrong:
        print("\n".join(wrong))
        return 1
    print(f"the silent workers were ended, and the late one, in {time.monotonic() - started:.0f} s; the run faulted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
