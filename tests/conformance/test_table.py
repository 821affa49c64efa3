"""docs/conformance.md says what the programs print: each of its rows is held against a run."""
import os
import re
import subprocess

import pytest

import ctk_gherkin
import test_ctk
import test_examples
from conformance_table import ROOT, ROWS, hold
from sallyport import build_folder

PROGRAMS = ["jcs", "json-schema", "json-suite", "merkle", "uri-template", "url", "wycheproof-primitives", "yaml-suite"]
BY_PYTEST = {"json-parsing (webhooks)", "json-parsing (the API)", "json-parsing (replies)"} # test_json_paths.py
held = set()


@pytest.mark.parametrize("name", PROGRAMS)
def test_program(name):
    program = build_folder() / "tests/conformance" / f"conformance-{name}"
    arguments = [ROOT / "tests/conformance/json_schema.expected"] if name == "json-schema" else []
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=120, env=os.environ)
    found = re.findall(r"^RESULT (.+): (\d+) cases, (\d+) passed, (\d+) refused, (\d+) left out$", done.stdout, re.M)
    if not found and "skipped: there is no suite" in done.stdout + done.stderr:
        pytest.skip("the suite is not beside the project")
    assert done.returncode == 0 and found, done.stdout + done.stderr
    for suite, *counts in found:
        hold(suite, *map(int, counts))
        held.add(suite)


def test_examples_of_the_specification():
    test_examples.ctk_sallyport.need_spec()
    n, refused = len(test_examples.names()), len(test_examples.REFUSED)
    hold("examples", n, n - refused, refused)
    held.add("examples")


def test_conformance_kit():
    test_examples.ctk_sallyport.need_spec()
    scenarios = [s for f in test_ctk.FEATURES.glob("*.feature") for s in ctk_gherkin.read_scenarios(f.read_text(encoding="utf-8"))]
    skipped = sum(any("call: openapi" in (step.doc or "") for step in s.steps) for s in scenarios)
    hold("ctk", len(scenarios), len(scenarios) - skipped, 0, skipped)
    held.add("ctk")


def test_every_row_is_held():
    if not {"jcs", "examples"} <= held:
        pytest.skip("not all suites are beside the project")
    assert held | BY_PYTEST == set(ROWS)
