"""The DSL, clause by clause: each case of dsl_cases/*.yaml is a workflow that runs through `sallyport run`.

    is        what the case shows
    workflow  the definition without its `document`; `do:` alone may stand for it
    input     any JSON value; `input_text` is sent as it stands
    secrets   name: content
    allow     the origins of --allow, instead of all stand-ins
    output    the run completes with just this; `output_text` compares the bytes
    error     the run faults with at least these properties
    refused   the rules of level error that refuse the definition
    context   the context at the end
    started   the names of the tasks in the order in which they started
    statuses  task name: its last status
    requests  what the stand-in hosts were asked, in order: method, path, body, and some headers
    seconds   [at least, at most]
"""
import json
from pathlib import Path

import pytest

import ctk_sallyport
from ctk_sallyport import is_same, read_yaml

CASES = Path(__file__).with_name("dsl_cases")
KEYS = {"is", "workflow", "do", "input", "input_text", "secrets", "output", "output_text", "error", "refused", "context",
        "started", "statuses", "requests", "seconds", "allow"}


def cases():
    for path in sorted(CASES.glob("*.yaml")):
        for case in read_yaml(path.read_text(encoding="utf-8")):
            yield pytest.param(case, id=f"{path.stem}: {case['is']}")


def definition_of(case):
    document = {"dsl": "1.0.3", "namespace": "default", "name": "case", "version": "1.0.0"}
    return json.dumps({"document": document, **case.get("workflow", {}), **({"do": case["do"]} if "do" in case else {})},
                      ensure_ascii=False, indent=1)


def check_end(case, outcome):
    if "refused" in case:
        assert outcome.status == "refused", outcome
        assert sorted(outcome.rules) == sorted(case["refused"]), outcome.stderr
    elif "error" in case:
        assert outcome.status == "faulted", outcome
        for key, value in case["error"].items():
            assert is_same(outcome.error.get(key), value), outcome.error
    else:
        assert outcome.status == "completed", outcome
    if "output" in case:
        assert is_same(outcome.output, case["output"]), outcome.stdout
    if "output_text" in case:
        assert outcome.stdout.rstrip("\n") == case["output_text"]
    if "context" in case:
        assert is_same(outcome.context, case["context"]), outcome.context


def check_trace(case, outcome):
    tasks = [e for e in outcome.trace if e["reference"] != "/"]
    if "started" in case:
        assert [e["name"] for e in tasks if e["status"] == "started"] == case["started"], tasks
    for name, status in case.get("statuses", {}).items():
        assert [e["status"] for e in tasks if e["name"] == name][-1:] == [status], tasks


def check_requests(expected, requests):
    assert len(requests) == len(expected), requests
    for got, want in zip(requests, expected):
        assert [got["method"], got["path"]] == [want["method"], want["path"]]
        if "body" in want:
            assert got["body"].decode() == want["body"]
        headers = {k.lower(): v for k, v in got["headers"].items()}
        for name, value in want.get("headers", {}).items():
            assert headers.get(name.lower()) == value, headers


@pytest.mark.parametrize("case", cases())
def test_dsl(case, tmp_path, hosts):
    assert set(case) <= KEYS, set(case) - KEYS
    given = case.get("input_text", json.dumps(case["input"], ensure_ascii=False) if "input" in case else None)
    outcome = ctk_sallyport.run(tmp_path, definition_of(case), given, hosts, case.get("secrets"), case.get("allow"))
    check_end(case, outcome)
    check_trace(case, outcome)
    if "requests" in case:
        check_requests(case["requests"], hosts.requests)
    if "seconds" in case:
        assert case["seconds"][0] <= outcome.seconds <= case["seconds"][1], outcome.seconds
