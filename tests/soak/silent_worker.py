#!/usr/bin/python3
"""A worker that was taken over and says nothing more: it is ended each time that its deadline has passed, and after as many
workers as a run may lose the run faults, instead of waiting for ever. What it does otherwise is in tests/abuse. It takes some
three minutes, whatever DURATION says: LIMIT_RESCUES times LIMIT_WORKER_SILENCE_MS."""
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

BUILD = Path(__file__).resolve().parents[2] / "build" / "release"
SILENT = '{"mode": 23}'
DEFINITION = """
document: {dsl: '1.0.0', namespace: abuse, name: silent, version: '1.0.0'}
do:
  - wait: {wait: {seconds: 1}}
"""


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
        run = subprocess.run([folder / "sallyport", "run", "--verbose", "--input", "-", folder / "flow.yaml"], input=SILENT,
                             capture_output=True, text=True, timeout=600)
    took, ended = time.monotonic() - started, run.stderr.count("event=engine.worker-silent")
    if run.returncode != 1 or "Workers lost" not in run.stderr or ended < 2:
        print(run.stderr[-3000:])
        print(f"the run ended with {run.returncode} after {took:.0f} s and {ended} silent workers")
        return 1
    print(f"{ended} silent workers were ended in {took:.0f} s, and the run faulted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
