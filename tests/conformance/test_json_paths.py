"""JSONTestSuite through a whole server: the body of a webhook, the input of a run by the API, the reply of an upstream, the policy of a
credential. y_ files come out with their value, n_ files are refused and nothing runs. i_ files may go either way, and break nothing.
(json_suite.c has the readers that take no message from outside.)"""
import json
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance_table import hold
from sallyport import ROOT, call, definition

SUITE = Path(os.environ.get("SALLYPORT_SHARED", ROOT / ".." / "shared")) / "suites/json-parsing/test_parsing"
FILES = {p.name: p.read_bytes() for p in sorted(SUITE.glob("*.json"))}
DUPLICATES = {"y_object_duplicated_key.json", "y_object_duplicated_key_and_value.json"} # refused on purpose
# jansson, which reads the API's bodies, has keys that are C strings.
NUL_IN_KEY = {"y_object_escaped_null_in_key.json"}

pytestmark = pytest.mark.skipif(not FILES, reason=f"there is no suite at {SUITE}")


def check(path, verdicts, refused):
    """`verdicts`: {file: (accepted, value)}; `refused`: the y_ files that this path refuses."""
    wrong = [name for name, (accepted, value) in verdicts.items()
             if (name[0] == "n" and accepted)
             or (name[0] == "y" and accepted == (name in refused))
             or (name[0] == "y" and accepted and value != json.loads(FILES[name]))]
    assert not wrong, (path, wrong, [verdicts[name] for name in wrong][:5])
    assert len(verdicts) == len(FILES) >= 318
    assert {accepted for name, (accepted, _) in verdicts.items() if name[0] == "n"} == {False}
    hold(f"json-parsing ({path})", len(verdicts), len(verdicts) - len(refused), len(refused))


@pytest.fixture(scope="module")
def deployed(server, upstream):
    rate = {"limit": 100000, "period": {"seconds": 1}}
    hook = {"scheme": "none"}
    server.deploy(definition("echo", [{"e": {"set": {"got": "${ . }"}}}]))
    server.deploy(definition("hook", [{"e": {"set": {"got": "${ . }"}}}], webhook=hook, rate=rate))
    server.deploy(definition("fetch", [{"c": call(upstream.origin + "/{i}")}, {"s": {"set": {"got": "${ . }"}}}],
                             origins=[upstream.origin]))
    for i, text in enumerate(FILES.values()):
        upstream.reply(f"/{i}", body=text)
    return server


def test_bodies_of_webhooks(deployed):
    verdicts = {}
    for name, text in FILES.items():
        answer = deployed.hook("hook", text, {})
        assert answer.status in (200, 400), (name, answer)
        verdicts[name] = (answer.status == 200, answer.json["got"] if answer.status == 200 else None)
    check("webhooks", verdicts, DUPLICATES)


def test_inputs_of_runs(deployed):
    verdicts = {}
    for name, text in FILES.items():
        answer = deployed.api.post("/api/v1/runs", b'{"namespace":"test","workflow":"echo","wait":true,"input":' + text + b"}")
        assert answer.status in (200, 400), (name, answer)
        # What is nested deeply is JSON to the engine, and too much for the worker: the run faults.
        accepted = answer.status == 200 and answer.json["state"] == "completed"
        assert accepted or answer.status == 400 or "nested" in name, (name, answer)
        verdicts[name] = (accepted, answer.json["output"]["got"] if accepted else None)
    # jansson would take the NUL for the end.
    assert deployed.api.post("/api/v1/runs", b'{"namespace":"test","workflow":"echo"}\0{}').status == 400
    check("the API", verdicts, DUPLICATES | NUL_IN_KEY)


def test_replies_of_upstreams(deployed, upstream):
    verdicts = {}
    with ThreadPoolExecutor(16) as pool:
        runs = list(pool.map(lambda i: deployed.run("fetch", {"i": i}).json, range(len(FILES))))
    for name, run in zip(FILES, runs):
        assert run["state"] in ("completed", "faulted"), run
        if run["state"] == "faulted" and FILES[name]:
            assert "communication" in run["error"]["type"] and "not JSON" in run["error"]["detail"], (name, run)
        # An empty reply has no content, whatever it says that it is.
        verdicts[name] = (run["state"] == "completed" and FILES[name] != b"", run["output"]["got"] if "output" in run else None)
    check("replies", verdicts, DUPLICATES)


def test_policies_of_credentials(deployed):
    """What is no JSON is refused as the body; what is, as a policy."""
    for name, text in FILES.items():
        body = b'{"kind":"bearer","box":"AAAA","policy":' + text + b"}"
        answer = deployed.api.put("/api/v1/secrets/test/x", body)
        assert answer.status == 400, (name, answer)
    assert deployed.api.get("/api/v1/secrets").json["secrets"] == []


def test_there_is_no_other_reader():
    """jansson alone would take a NUL byte for the end of the text: all go through base/json_reader.c."""
    found = subprocess.run(["grep", "-rlE", r"\bjson_load(b|s|f|fd|_file|_callback)? *\(", str(ROOT / "src")], capture_output=True, text=True).stdout
    assert [Path(f).name for f in found.split()] == ["json_reader.c"]
    assert re.search(r"flow_json_parse", (ROOT / "src/flow/run.c").read_text())
