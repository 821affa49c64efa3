"""Webhooks against a real server: who may start a workflow with one, and what the sender is told."""
import json
import threading
import time

import pytest

from sallyport import Client, call, definition, eventually, sign

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="
SCHEMES = ["github", "stripe", "slack", "standard-webhooks", "bearer"]
TIMED = ["stripe", "slack", "standard-webhooks"]
ECHO = [{"echo": {"set": {"seen": "${ . }"}}}]


@pytest.fixture(scope="module", autouse=True)
def deployed(server):
    server.secret("hook-key", KEY, kind="webhook-key")
    for scheme in SCHEMES:
        server.deploy(definition(f"by-{scheme}", ECHO, webhook={"scheme": scheme, "key": "hook-key"}))
        server.deploy(definition(f"later-{scheme}", ECHO, webhook={"scheme": scheme, "key": "hook-key", "answer": "accepted"}))


def deliver(server, scheme, body, headers=None, prefix="by", **more):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    return server.hook(f"{prefix}-{scheme}", body, sign(scheme, KEY, body, **more) if headers is None else headers)


def is_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    problem = answer.json
    assert problem["status"] == status and problem["type"] and problem["title"], answer
    return problem


@pytest.mark.parametrize("scheme", SCHEMES)
def test_signed_delivery_answers_with_output(server, scheme):
    answer = deliver(server, scheme, {"n": 1})
    assert answer.status == 200 and answer.json == {"seen": {"n": 1}}, answer
    run = server.run_state(answer.headers["sallyport-run"])
    assert run["state"] == "completed" and run["output"] == {"seen": {"n": 1}} and run["trigger"] == "webhook"


@pytest.mark.parametrize("scheme", SCHEMES)
def test_accepted_answers_at_once_with_the_run(server, scheme):
    answer = deliver(server, scheme, {"n": 2}, prefix="later")
    assert answer.status == 202, answer
    assert answer.headers["location"] == answer.json["url"] == f"/api/v1/runs/{answer.json['id']}"
    assert server.wait_run(answer.json["id"])["output"] == {"seen": {"n": 2}}


@pytest.mark.parametrize("scheme", SCHEMES)
def test_forged_signature_is_refused(server, scheme):
    body = b'{"n":3}'
    is_problem(deliver(server, scheme, body, sign(scheme, "whsec_" + "QUJD" * 8, body)), 401)


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s != "bearer"])
def test_altered_body_is_refused(server, scheme):
    is_problem(deliver(server, scheme, b'{"n":5}', sign(scheme, KEY, b'{"n":4}')), 401)


@pytest.mark.parametrize("scheme", TIMED)
@pytest.mark.parametrize("seconds", [-400, 400])
def test_time_outside_of_the_tolerance_is_refused(server, scheme, seconds):
    is_problem(deliver(server, scheme, {"n": 6}, at=time.time() + seconds), 401)


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s != "bearer"])
def test_repeated_delivery_is_refused(server, scheme):
    body = json.dumps({"repeated": scheme}).encode()
    headers = sign(scheme, KEY, body)
    assert deliver(server, scheme, body, headers).status == 200
    is_problem(deliver(server, scheme, body, headers), 409)


@pytest.mark.parametrize("scheme", [s for s in SCHEMES if s != "bearer"])
def test_one_delivery_may_come_to_two_workflows(server, scheme):
    body = json.dumps({"shared": scheme}).encode()
    headers = sign(scheme, KEY, body)
    assert deliver(server, scheme, body, headers).status == 200
    assert deliver(server, scheme, body, headers, prefix="later").status == 202
    is_problem(deliver(server, scheme, body, headers, prefix="later"), 409)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_missing_signature_is_refused(server, scheme):
    is_problem(deliver(server, scheme, {"n": 7}, {}), 401)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_header_of_the_signature_is_needed(server, scheme):
    body = b'{"n":8}'
    for name in sign(scheme, KEY, body):
        if name.startswith("X-GitHub"):
            continue
        headers = sign(scheme, KEY, body)
        headers[name] = "x"
        is_problem(deliver(server, scheme, body, headers), 401)


def test_every_refusal_of_a_signature_says_the_same(server):
    body = b'{"n":9}'
    wrong = [{}, sign("stripe", "x" * 20, body), sign("stripe", KEY, body, at=1), {"Stripe-Signature": "nonsense"}]
    assert len({deliver(server, "stripe", body, h).body for h in wrong}) == 1


def test_refused_delivery_leaves_a_leaf(server):
    deliver(server, "slack", {"leaf": 1}, {})
    assert eventually(lambda: [x for x in server.leaves() if x["action"] == "webhook.refused" and x.get("wf") == "by-slack"])


def test_concurrent_repetitions_start_one_run(server):
    body = b'{"race":1}'
    headers, statuses = sign("standard-webhooks", KEY, body), []

    def send():
        statuses.append(server.hook("by-standard-webhooks", body, headers, client=Client(server.port)).status)
    threads = [threading.Thread(target=send) for _ in range(12)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert sorted(statuses) == [200] + [409] * 11


def test_wrong_content_type(server):
    body = b"a=1"
    answer = server.hook("by-github", body, sign("github", KEY, body), kind="application/x-www-form-urlencoded")
    is_problem(answer, 415)
    is_problem(server.hook("by-github", b"{}", sign("github", KEY, b"{}"), kind="application/jsonp"), 415)


def test_json_with_a_suffix_or_a_parameter_is_json(server):
    for kind in ("application/cloudevents+json", "application/json; charset=utf-8"):
        body = json.dumps({"kind": kind}).encode()
        assert server.hook("by-github", body, sign("github", KEY, body), kind=kind).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"a":1,"a":2}', b'{"a":1} x', b"\xff\xfe", b"nan", b"[1,]"])
def test_malformed_json_is_the_senders_fault(server, body):
    is_problem(server.hook("by-github", body, sign("github", KEY, body)), 400)


def test_input_schema_refusal_says_where(server):
    schema = {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}
    server.deploy(definition("checked", ECHO, webhook={"scheme": "github", "key": "hook-key"}, schema=schema))
    body = b'{"id":"seven"}'
    problem = is_problem(server.hook("checked", body, sign("github", KEY, body)), 400)
    assert "/id" in problem["detail"], problem


def test_unknown_hook(server):
    is_problem(server.hook("nobody", b"{}", {}), 404)
    is_problem(server.hook("by-github", b"{}", {}, namespace="elsewhere"), 404)


def test_workflow_without_a_webhook_has_none(server):
    server.deploy(definition("inner", ECHO))
    assert server.hook("inner", b"{}", {}).body == server.hook("nobody", b"{}", {}).body


def test_disabled_workflow_is_like_an_unknown_one(server):
    server.deploy(definition("sleepy", ECHO, webhook={"scheme": "github", "key": "hook-key"}))
    assert server.api.post("/api/v1/workflows/test/sleepy/disable").status == 200
    body = b'{"a":1}'
    is_problem(server.hook("sleepy", body, sign("github", KEY, body)), 404)
    assert server.api.post("/api/v1/workflows/test/sleepy/enable").status == 200
    assert server.hook("sleepy", body, sign("github", KEY, body)).status == 200


def test_rate_limit(server):
    server.deploy(definition("slow-lane", ECHO, webhook={"scheme": "github", "key": "hook-key"},
                             rate={"limit": 3, "period": {"seconds": 60}}))
    answers = []
    for n in range(5):
        body = json.dumps({"rate": n}).encode()
        answers.append(server.hook("slow-lane", body, sign("github", KEY, body)))
    assert [a.status for a in answers] == [200, 200, 200, 429, 429], answers
    is_problem(answers[3], 429)
    assert 1 <= int(answers[3].headers["retry-after"]) <= 60
    assert "r=0" in answers[3].headers["ratelimit"] and "q=3" in answers[3].headers["ratelimit-policy"]


def test_concurrency(server, upstream):
    upstream.hang("/hang")
    server.deploy(definition("narrow", [{"c": call(upstream.origin + "/hang")}], concurrency=2, origins=[upstream.origin],
                             webhook={"scheme": "github", "key": "hook-key", "answer": "accepted"}))
    answers = []
    for n in range(3):
        body = json.dumps({"narrow": n}).encode()
        answers.append(server.hook("narrow", body, sign("github", KEY, body)))
    assert [a.status for a in answers] == [202, 202, 429], answers
    for a in answers[:2]:
        assert server.api.post(f"/api/v1/runs/{a.json['id']}/cancel").status == 200
    # A delivery that was refused for want of room is not used up: its sender may try again.
    assert eventually(lambda: server.hook("narrow", body, sign("github", KEY, body)).status == 202)


def test_body_too_large(server):
    answer = server.hook("by-github", b"[" + b"1," * (3 << 20) + b"1]", {}, client=Client(server.port))
    assert answer.status == 413, answer


def test_idempotency_key_answers_with_the_first_result(server):
    def send(n, key="first"):
        body = json.dumps({"idempotent": n}).encode()
        return server.hook("by-github", body, {**sign("github", KEY, body), "Idempotency-Key": key})
    first = send(1)
    again = send(2)
    assert first.status == again.status == 200 and again.json == first.json, again
    assert first.headers["sallyport-run"] == again.headers["sallyport-run"]
    assert send(3, "second").json == {"seen": {"idempotent": 3}}


def test_idempotency_key_of_a_run_under_way(server, upstream):
    upstream.hang("/idempotent")
    server.deploy(definition("pending", [{"c": call(upstream.origin + "/idempotent")}], origins=[upstream.origin],
                             webhook={"scheme": "github", "key": "hook-key", "answer": "accepted"}))

    def send(n):
        body = json.dumps({"pending": n}).encode()
        return server.hook("pending", body, {**sign("github", KEY, body), "Idempotency-Key": "k"})
    first, again = send(1), send(2)
    assert first.status == 202
    assert (again.status, again.headers["location"]) == (202, first.headers["location"]), again
    assert server.api.post(f"/api/v1/runs/{first.json['id']}/cancel").status == 200


def test_fault_tells_the_sender_nothing_of_the_inside(server, upstream):
    upstream.reply("/inner-secret-path", 500, {"stack": "INNER-TRACE"})
    server.deploy(definition("faulty", [{"c": call(upstream.origin + "/inner-secret-path")}], origins=[upstream.origin],
                             webhook={"scheme": "github", "key": "hook-key"}))
    body = b'{"f":1}'
    answer = server.hook("faulty", body, sign("github", KEY, body))
    is_problem(answer, 502)
    assert b"INNER-TRACE" not in answer.body and b"inner-secret-path" not in answer.body


WRONG = {"document": {"type": "object", "required": ["missing"], "properties": {"INNER-MEMBER": {"type": "integer"}}}}
SHAPE = {"set": {"INNER-MEMBER": "INNER-VALUE"}}


@pytest.mark.parametrize("name, do, more", [
    ("task-input", [{"a": SHAPE}, {"b": {**SHAPE, "input": {"schema": WRONG}}}], {}), ("task-output", [{"a": {**SHAPE, "output": {"schema": WRONG}}}], {}),
    ("context", [{"a": {**SHAPE, "export": {"as": "${ . }", "schema": WRONG}}}], {}), ("output", [{"a": SHAPE}], {"output": {"schema": WRONG}}),
    ("raised", [{"a": {"raise": {"error": {"type": "https://open-workflow-specification.org/spec/1.0.0/errors/validation", "status": 400, "title": "t", "detail": "INNER-VALUE"}}}}], {})])
def test_data_within_the_run_that_fails_its_schema_is_not_the_senders_fault(server, name, do, more):
    """It may be what an upstream answered: its sender is told neither the members nor the schema."""
    server.deploy({**definition(f"wrong-{name}", do, webhook={"scheme": "github", "key": "hook-key"}), **more})
    body = json.dumps({"wrong": name}).encode()
    answer = server.hook(f"wrong-{name}", body, sign("github", KEY, body))
    is_problem(answer, 500)
    assert b"INNER" not in answer.body and b"missing" not in answer.body
    error = server.run_state(answer.headers["sallyport-run"])["error"]
    assert error["type"].endswith("/validation") and error["detail"], error


def test_data_is_never_code(server):
    """[I9] Expressions, templates and handles in a delivery come out as they went in."""
    evil = {"a": "${ .b }", "b": "{c}", "c": "$secrets.hook-key", "d": "${ $secrets }", "__proto__": {"x": 1}, "e": "\u0000\n$(id)"}
    answer = deliver(server, "github", evil)
    assert answer.json == {"seen": evil}, answer
