"""Runs one definition through `sallyport run` and says what came of it. The executables are in SALLYPORT_BIN (default:
build/), the specification in SALLYPORT_SHARED/spec (default: ../shared/spec)."""
import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COMMAND = Path(os.environ.get("SALLYPORT_BIN") or ROOT / "build") / "sallyport"
SPEC = Path(os.environ.get("SALLYPORT_SHARED") or ROOT.parent / "shared") / "spec"
FINDING = re.compile(r"^.*:\d+:\d+: (error|warning|note): .*\[([a-z0-9-]+)\]$", re.M)
RUN_TIMEOUT = 60


def need_spec():
    if not SPEC.exists():
        pytest.skip("the specification is not beside the project", allow_module_level=True)


class YamlLoader(yaml.SafeLoader):
    """YAML as the DSL means it: a date is text."""


YamlLoader.yaml_implicit_resolvers = {
    first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def read_yaml(text):
    return yaml.load(text, YamlLoader)


def is_same(a, b):
    """Equality of JSON values: true is not 1, 1.0 is 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(is_same(a[k], b[k]) for k in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(is_same, a, b))
    return a == b and (type(a) is type(b) or isinstance(a, (int, float)) and isinstance(b, (int, float)))


@dataclass
class Outcome:
    """What one run gave: `status` is completed, faulted, cancelled or refused (then `rules` says why)."""
    status: str
    stdout: str
    stderr: str
    output: object
    error: dict
    context: object
    trace: list
    rules: list
    seconds: float


def findings(text):
    """(level, rule) of each finding in the command's output."""
    return FINDING.findall(text)


def run(folder, definition, input_text=None, hosts=None, secrets=None, allow=None):
    """Runs the text `definition` in the scratch folder `folder`; `hosts` is a ctk_hosts.Hosts."""
    (folder / "workflow.yaml").write_text(definition, encoding="utf-8")
    command = [str(COMMAND), "run", "workflow.yaml", "--trace", "trace"]
    if input_text is not None:
        (folder / "input.json").write_text(input_text, encoding="utf-8")
        command += ["--input", "input.json"]
    if hosts:
        command += hosts.options()
        command += [f"--allow={origin}" for origin in (hosts.origins() if allow is None else allow)]
    for name, value in (secrets or {}).items():
        (folder / f"secret-{name}").write_text(value, encoding="utf-8")
        command += ["--secret", f"{name}=secret-{name}"]
    trace_file = folder / "trace"
    trace_file.unlink(missing_ok=True)
    begin = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=RUN_TIMEOUT, check=False)
    seconds = time.monotonic() - begin
    rules = [rule for level, rule in findings(done.stderr) if level == "error"]
    if not trace_file.exists():
        return Outcome("refused", done.stdout, done.stderr, None, None, None, [], rules, seconds)
    *trace, last = [json.loads(line) for line in trace_file.read_text(encoding="utf-8").splitlines()]
    assert done.returncode == (0 if last["status"] == "completed" else 1), done.stderr
    output = json.loads(done.stdout) if done.returncode == 0 else None
    return Outcome(last["status"], done.stdout, done.stderr, output, last.get("error"), last.get("context"), trace, rules, seconds)
