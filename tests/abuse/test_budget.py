"""Family "budget", and what "expression" still has to show on a whole server: whatever an expression does, its run ends within the
budget, the server lives, and the others' runs go on meanwhile.

Each line of budget.txt is an expression that has been the end of somebody's jq: `outcome | input | expression`. The outcome is
`faulted`, `completed`, `refused` (at the deploy), or several of them parted by a comma where versions of libjq differ. What stands
behind "# Slow" is only tried with SALLYPORT_THOROUGH=1."""
import json
import os
import threading
from pathlib import Path

import pytest

from sallyport import Client, definition, eventually

QUICK, SLOW = (Path(__file__).resolve().parent / "budget.txt").read_text().split("# Slow")
LINES = [line.split("|", 2) for line in (QUICK + ("# Slow" + SLOW if os.environ.get("SALLYPORT_THOROUGH") else "")).splitlines()
         if line.strip() and not line.startswith("#")]
CASES = [(outcome.strip().split(","), json.loads(given), expression.strip()) for outcome, given, expression in LINES]


@pytest.fixture(scope="module")
def busy(server):
    """A neighbour whose runs go on for as long as this module lasts; their answers at the end."""
    server.may_crash = "worker"  # libjq has asserts of its own
    server.deploy(definition("neighbour", [{"sum": {"set": {"sum": "${ [range(10)] | add }"}}}]))
    stop, answers = threading.Event(), []

    def go():
        client = Client(server.port, server.token, timeout=120)
        while not stop.wait(0.05):
            answers.append(client.post("/api/v1/runs", {"namespace": "test", "name": "neighbour", "input": {}, "wait": True}).json)
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
