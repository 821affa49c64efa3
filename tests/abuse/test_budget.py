"""Family "budget", and what "expression" still has to show on a whole server: whatever an expression does, its run ends within the
budget, the server lives, and the others' runs go on meanwhile.

Each line of budget.txt is an expression that has been the end of somebody's jq: `outcome | input | expression`. The outcome is
`faulted`, `completed`, `refused` (at the deploy), or several of them parted by a comma where versions of libjq differ. What stands
behind "# Slow" is only tried with SALLYPORT_THOROUGH=1."""
import json
import os
import re
import threading
from pathlib import Path

import pytest

from sallyport import ROOT, Client, cli, definition, eventually

FORBIDDEN = [name + ("(1)" if arity == "1" else "") for name, arity in
             re.findall(r'D\("(\w+)", (\d),', (ROOT / "src/flow/expression_lint.h").read_text())]
# How others' expressions got out of theirs. In jq each is an error of its own, at the check.
ESCAPES = ["constructor.constructor('return process')()", "this.constructor", "(function(){ return process })()", "process.mainModule.require('child_process')", "$env.HOME", "$process",
           "require('fs')", "import('fs')", "`${process}`", "(() => process)()", "with (process) env", "new Function('return this')()", "$jmespath(1)", "$evaluateExpression('1')", "globalThis",
           "__import__('os')", "().__class__.__bases__", "{{ 7*7 }}", "{% import os %}", "<%= 7 %>", "$__prog_args", "$ENV.PATH", "import \"a\" as a; 1", "include \"/etc/passwd\"; 1", "input", "[inputs]",
           "$workflow.definition | env", ". as [$a] ?// $ENV | 1", "@sh \"\\(env)\"", "getpath([\"a\"]) | env", "limit(1; env)", "path(env)", "def f: env; f", "reduce env as $x (0; 1)", "try env catch .",
           "env?", "..|env", "{env: env}", "{\"a\": $ENV}", "$ENV as $x | $x", "try error(env) catch .", "label $f | env | break $f"]

QUICK, SLOW = (Path(__file__).resolve().parent / "budget.txt").read_text().split("# Slow")
LINES = [line.split("|", 2) for line in (QUICK + ("# Slow" + SLOW if os.environ.get("SALLYPORT_THOROUGH") else "")).splitlines()
         if line.strip() and not line.startswith("#")]
CASES = [(outcome.strip().split(","), json.loads(given), expression.strip()) for outcome, given, expression in LINES]


def test_what_reaches_out_is_refused_with_its_place(folder):
    """Each function that would read the machine, in a line of its own: the check names line and column of every one."""
    head = ["document: {dsl: 1.0.3, namespace: test, name: out, version: 1.0.0}", "do:"]
    (folder / "out.yaml").write_text("\n".join(head + [f"  - t{i}: {{set: {{v: '${{ . | {name} }}'}}}}" for i, name in enumerate(FORBIDDEN)]) + "\n")
    r = cli("check", folder / "out.yaml")
    assert len(FORBIDDEN) > 15 and r.returncode != 0
    for i, name in enumerate(FORBIDDEN):
        assert re.search(rf"out\.yaml:{i + len(head) + 1}:\d+: .*`{name.split('(')[0]}` is not available", r.stdout + r.stderr), (name, r.stdout, r.stderr)


@pytest.mark.parametrize("expression", ESCAPES)
def test_how_others_got_out(server, expression):
    answer = server.deploy(definition("escape", [{"e": {"set": {"v": "${ " + expression + " }"}}}]), ok=False)
    assert answer.status == 400, answer
    findings = answer.json.get("findings", [])
    assert any(f["level"] == "error" and f["line"] >= 1 for f in findings), answer


@pytest.fixture(scope="module")
def busy(server):
    """A neighbour whose runs go on for as long as this module lasts; their answers at the end."""
    server.may_crash = "worker"  # libjq has asserts of its own
    server.deploy(definition("neighbour", [{"sum": {"set": {"sum": "${ [range(10)] | add }"}}}]))
    stop, answers = threading.Event(), []

    def go():
        client = Client(server.port, server.token, timeout=120)
        while not stop.wait(0.05):
            answers.append(client.post("/api/v1/runs", {"namespace": "test", "workflow": "neighbour", "input": {}, "wait": True}).json)
        client.close()
    thread = threading.Thread(target=go)
    thread.start()
    yield answers
    stop.set()
    thread.join()


@pytest.mark.parametrize("n", range(len(CASES)), ids=[c[2][:40] for c in CASES])
def test_an_expression_ends_within_its_budget(server, busy, n):
    outcomes, given, expression = CASES[n]
    answer = server.deploy(definition(f"evil-{n}", [{"e": {"set": {"v": "${ " + expression + " }"}}}]), ok=False)
    if answer.status != 201:
        assert answer.status == 400 and "refused" in outcomes, answer
        return
    run = server.run(f"evil-{n}", {"given": given})
    assert run.status == 200 and run.json["state"] in outcomes, run
    # What comes out is small, whatever was in the making.
    assert len(run.body) < 200000
    if run.json["state"] == "faulted":
        assert run.json["error"]["type"].startswith("https://open-workflow-specification.org/") and len(run.json["error"]["detail"]) < 5000


def test_the_neighbour_noticed_nothing(server, busy):
    eventually(lambda: len(busy) > 3)
    assert all(a["state"] == "completed" and a["output"] == {"sum": 45} for a in busy)


def test_a_definition_that_takes_long_to_compile_stops_nobody(server, busy):
    """As many brackets as may be, and bindings, which make jq's compiler work."""
    deep = "(" * 150 + "1" + ")" * 150
    do = [{f"t{i}": {"set": {"v": f"${{ [{','.join([deep] * 20)}] | {'reduce . as $x (0; . + 1) | ' * 20} . }}"}}} for i in range(60)]
    answer = server.deploy(definition("long", do), ok=False)
    assert answer.status in (201, 400, 413), answer
    assert server.run("neighbour").json["state"] == "completed"


def test_who_waits_behind_runs_that_use_up_workers_is_not_to_blame(own_server):
    """A run may lose workers, but only those that had it in hand count against it."""
    own_server.deploy(definition("greedy", [{"s": {"set": {"n": "${ last(range(0; 1e18)) }"}}}]))
    own_server.deploy(definition("neighbour", [{"s": {"set": {"n": 1}}}]))
    answers = []

    def go(name):
        body = {"namespace": "test", "workflow": name, "input": {}, "wait": True}
        answers.append((name, Client(own_server.port, own_server.token, timeout=120).post("/api/v1/runs", body).json))

    threads = [threading.Thread(target=go, args=(name,)) for name in ["greedy"] * 8 + ["neighbour"] * 6 + ["greedy"] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for name, run in answers:
        if name == "greedy":
            assert run["error"]["title"] == "Evaluation budget exceeded", run
        else:
            assert run["state"] == "completed", run


EMIT_LARGE = {"emit": {"event": {"with": {"type": "com.example.large", "source": "https://example.com/x", "data": "${ $context.data }"}}}}
MAKE_LARGE = {"set": {"data": "${ \"x\" * 4000000 }"}, "export": {"as": "${ . }"}}


def emit_large(times):
    return {"for": {"in": f"${{ [range({times})] }}"}, "do": [{"event": EMIT_LARGE}, {"pause": {"wait": {"milliseconds": 1}}}]}


def test_a_run_fills_no_disk_with_events(server):
    """Each may be as large as a value, and there may be thousands of them."""
    server.deploy(definition("emits", [{"data": MAKE_LARGE}, {"each": emit_large(1000)}]))
    before = sum(f.stat().st_size for f in server.data.glob("*"))
    run = server.run("emits").json
    assert run["state"] == "faulted" and "more than one run may emit" in run["error"]["detail"], run
    assert sum(f.stat().st_size for f in server.data.glob("*")) - before < 256 << 20


def test_a_run_fills_no_disk_from_start_to_start(own_server):
    """What it emitted in an earlier life of the server counts."""
    own_server.deploy(definition("emits", [{"data": MAKE_LARGE}, {"some": emit_large(8)}, {"long": {"wait": {"seconds": 4}}}, {"more": emit_large(8)}]))
    run = own_server.run("emits", wait=False).json["id"]

    def emitted():
        return len([x for x in own_server.leaves() if x["action"] == "event.emitted"])
    eventually(lambda: emitted() == 8, 10, "the first half")
    own_server.kill_all()
    own_server.start()
    run = own_server.wait_run(run, 30)
    assert run["state"] == "faulted" and "more than one run may emit" in run["error"]["detail"], run
    assert 8 < emitted() < 16
