"""Threat model: a worker that was taken over gets no more than its own runs. The engine survives each of its lies: it faults
the run, or ignores what was said."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build-dev"))
DEFINITION = """
document: {dsl: '1.0.0', namespace: abuse, name: hostile, version: '1.0.0'}
do:
  - wait: {wait: {seconds: 1}}
"""
FAULTS = [0, 1, 2, 3, 4, 10, 11, 12, 13, 15, 16, 26]  # the run faults at once
CLOSES = [5, 14, 20, 22, 24, 25, 6]                   # the worker is lost, again and again, until the run faults


@pytest.fixture(scope="session")
def command(tmp_path_factory):
    place = tmp_path_factory.mktemp("bin")
    for role in (BUILD / "src").glob("*/sallyport*"):
        if role.is_file() and os.access(role, os.X_OK):
            shutil.copy(role, place)
    shutil.copy(BUILD / "tests/abuse/hostile-worker", place / "sallyport-worker")
    return place / "sallyport"


def run(command, tmp_path, mode):
    (tmp_path / "flow.yaml").write_text(DEFINITION)
    (tmp_path / "input.json").write_text(json.dumps({"mode": mode}))
    return subprocess.run([command, "run", "--verbose", "--input", tmp_path / "input.json", tmp_path / "flow.yaml"],
                          capture_output=True, text=True, timeout=90)


def assert_engine_lives(result):
    for line in result.stderr.splitlines():
        died = "level=warn" in line and "role.ended role=engine" in line
        assert not died and "broken invariant" not in line and "Sanitizer" not in line and "runtime error:" not in line, result.stderr


@pytest.mark.parametrize("mode", FAULTS)
def test_a_lie_faults_the_run(command, tmp_path, mode):
    result = run(command, tmp_path, mode)
    assert_engine_lives(result)
    assert result.returncode == 1, result.stderr
    assert "errors/runtime" in result.stderr


@pytest.mark.parametrize("mode", CLOSES)
def test_a_worker_that_speaks_nonsense_is_closed_and_the_run_ends(command, tmp_path, mode):
    result = run(command, tmp_path, mode)
    assert_engine_lives(result)
    assert result.returncode == 1, result.stderr
    assert "errors/runtime" in result.stderr


def test_an_end_that_is_said_twice_changes_nothing(command, tmp_path):
    result = run(command, tmp_path, 21)
    assert_engine_lives(result)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout) == {"hostile": True}
