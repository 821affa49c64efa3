"""The specification's examples: each one passes `check`, or is refused for what Sallyport does not support yet and for
nothing else. Those that the stand-in hosts can serve are run."""
import json
import subprocess

import pytest

import ctk_sallyport
from ctk_sallyport import is_same

EXAMPLES = ctk_sallyport.SPEC / "examples"

# The rules of level error that `check` gives for a file; a file without an entry must pass.
REFUSED = {
    "accumulate-room-readings": ["unsupported-call-openapi", "unsupported-call-openapi", "unsupported-listen"],
    "authentication-oauth2-secret": ["unsupported-oauth2"],
    "authentication-oauth2": ["unsupported-oauth2"],
    "authentication-oidc-secret": ["unsupported-oidc"],
    "authentication-oidc": ["unsupported-oidc"],
    "call-asyncapi-publish": ["unsupported-call-asyncapi"],
    "call-asyncapi-subscribe-consume-amount": ["unsupported-call-asyncapi"],
    "call-asyncapi-subscribe-consume-forever-foreach": ["unsupported-call-asyncapi"],
    "call-asyncapi-subscribe-consume-until": ["unsupported-call-asyncapi"],
    "call-asyncapi-subscribe-consume-while": ["unsupported-call-asyncapi"],
    "call-custom-function-cataloged": ["unsupported-catalogs"],
    "call-grpc": ["unsupported-call-grpc"],
    "call-mcp": ["hardcoded-secret", "unsupported-call-mcp"],  # the example has a token in its text
    "call-openapi-redirect": ["unsupported-call-openapi"],
    "call-openapi": ["unsupported-call-openapi"],
    "for": ["unsupported-listen"],
    "listen-to-all read-envelope": ["unsupported-listen"],
    "listen-to-all": ["unsupported-listen"],
    "listen-to-any-filter": ["unsupported-listen"],
    "listen-to-any-forever-foreach": ["unsupported-listen"],
    "listen-to-any-until-condition": ["unsupported-listen"],
    "listen-to-any-until-consumed": ["unsupported-listen"],
    "listen-to-any": ["unsupported-listen"],
    "listen-to-one": ["unsupported-listen"],
    "mock-service-extension": ["unsupported-extensions"],
    "run-container-cleanup-always": ["unsupported-run-container"],
    "run-container-cleanup-eventually": ["unsupported-run-container"],
    "run-container-stdin-and-arguments": ["unsupported-run-container"],
    "run-container-with-name": ["unsupported-run-container"],
    "run-container-with-pull-policy": ["unsupported-run-container"],
    "run-container": ["unsupported-run-container"],
    "run-return-all": ["unsupported-run-container"],
    "run-return-code": ["unsupported-run-container"],
    "run-return-none": ["unsupported-run-container"],
    "run-return-stderr": ["unsupported-run-container"],
    "run-script-with-stdin-and-arguments": ["unsupported-run-script"],
    "run-shell-stdin-and-arguments": ["unsupported-run-shell"],
    "run-subflow": ["unsupported-run-workflow"],
    "schedule-cron": ["unsupported-schedule"],
    "schedule-event-driven": ["unsupported-schedule"],
    "set-expression": ["unsupported-schedule"],
    "set": ["unsupported-schedule"],
}

PET_7 = {"id": 7, "name": "pet 7", "status": "available", "photoUrls": []}
NOT_FOUND = {"type": "https://open-workflow-specification.org/spec/1.0.0/errors/communication", "status": 404}
NOT_IMPLEMENTED = {"type": "https://serverlessworkflow.io/errors/not-implemented", "status": 500, "title": "Not Implemented",
                   "detail": "The workflow 'raise-not-implemented:0.1.0' is a work in progress and cannot be run yet",
                   "instance": "/do/0/notImplemented"}

# File, input, and the output; or an error as {"error": …} of which the named properties must be so; or a function on the output.
RUNS = [
    ("authentication-bearer-uri-format", {"petId": 7, "token": "t"}, PET_7),
    ("authentication-bearer", {"token": "t"}, {**PET_7, "id": 1, "name": "pet 1"}),
    ("authentication-reusable", {"petId": 7, "token": "t"}, PET_7),
    ("call-custom-function-inline", {}, {**PET_7, "id": 69, "name": "pet 69"}),
    ("call-http-endpoint-interpolation-shorthand", {"petId": 7}, PET_7),
    ("call-http-endpoint-interpolation", {"petId": 7}, PET_7),
    ("call-http-query-headers-expressions", {"searchQuery": "luke & co"}, {"count": 1, "results": [{"name": "luke & co"}]}),
    ("call-http-query-parameters", {"searchQuery": "r2-d2"}, {"count": 1, "results": [{"name": "r2-d2"}]}),
    ("call-http-query-parameters", {"searchQuery": 1}, {"error": {"status": 400}}),
    ("call-http-redirect", {"searchQuery": "yoda"}, {"count": 1, "results": [{"name": "yoda"}]}),
    ("conditional-task", {"customer": {"age": 17}},
     {"error": {"type": "https://superbet-casinos.com/customer/access-forbidden", "status": 400, "title": "Access Forbidden",
                "instance": "/do/0/raiseErrorIfUnderage"}}),
    ("conditional-task", {"customer": {"age": 18}, "bet": 5}, lambda o: o["json"] == {"customer": ".customer", "bet": ".bet"}),
    ("do-multiple", {"petId": 7}, {"error": {"status": 404, "instance": "/do/1/buyPet"}}),  # a pet has no petId
    ("do-single", {"petId": 7}, PET_7),
    ("emit", {}, lambda o: o["type"] == "com.petstore.order.placed.v1" and o["data"]["items"][0]["quantity"] == 101),
    ("for-inline-array", {}, {"processed": [{"name": "red", "hex": "#FF0000"}, {"name": "green", "hex": "#00FF00"},
                                            {"name": "blue", "hex": "#0000FF"}]}),
    ("fork", {"patient": {"fullName": "Jo"}, "room": {"number": 3}}, lambda o: o["json"] == {"patientId": "Jo", "room": 3}),
    ("raise-inline", {}, {"error": NOT_IMPLEMENTED}),
    ("raise-reusable", {}, {"error": NOT_IMPLEMENTED}),
    ("star-wars-homeworld", {"id": 1}, {"name": "Tatooine"}),
    ("star-wars-homeworld", {"id": 0}, {"error": {"status": 400}}),
    ("switch-then-string", {"orderType": "electronic"}, {"validate": True, "status": "fulfilled"}),
    ("switch-then-string", {"orderType": "physical"}, {"inventory": "clear", "items": 1, "address": "Elmer St"}),
    ("switch-then-string", {}, {"log": "warn", "message": "something's wrong"}),
    ("try-catch-retry-inline", {"petId": 7}, PET_7),
    ("try-catch-retry-inline", {"petId": "x"}, {"error": {**NOT_FOUND, "instance": "/do/0/tryGetPet/try/0/getPet"}}),
    ("try-catch-retry-reusable", {"petId": 7}, PET_7),
    ("try-catch-then-directive", {}, {"status": "failed"}),
    ("try-catch-then", {"petId": "x"}, lambda o: o == {"error": "$error"}),  # strict mode: without ${ } it is a text
    ("try-catch-then", {"petId": 7}, {"error": {"status": 404, "instance": "/do/1/buyPet"}}),
    ("try-catch", {"petId": "x"}, {"petId": "x"}),
    ("try-catch", {"petId": 7}, PET_7),
]


def names():
    return sorted(p.stem for p in EXAMPLES.glob("*.yaml"))


def test_examples_are_there():
    ctk_sallyport.need_spec()
    assert set(REFUSED) <= set(names())


@pytest.mark.parametrize("name", names())
def test_check(name):
    done = subprocess.run([str(ctk_sallyport.COMMAND), "check", str(EXAMPLES / f"{name}.yaml")], capture_output=True,
                          text=True, timeout=60, check=False)
    text = done.stdout + done.stderr
    expected = REFUSED.get(name, [])
    assert sorted(rule for level, rule in ctk_sallyport.findings(text) if level == "error") == sorted(expected), text
    assert done.returncode == (2 if expected else 0), text


@pytest.mark.parametrize("name, given, expected", RUNS, ids=[f"{i}-{r[0]}" for i, r in enumerate(RUNS)])
def test_run(name, given, expected, tmp_path, hosts):
    ctk_sallyport.need_spec()
    definition = (EXAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    outcome = ctk_sallyport.run(tmp_path, definition, json.dumps(given), hosts)
    if callable(expected):
        assert outcome.status == "completed" and expected(outcome.output), outcome
    elif isinstance(expected.get("error"), dict):
        assert outcome.status == "faulted", outcome
        assert all(is_same(outcome.error.get(k), v) for k, v in expected["error"].items()), outcome.error
    else:
        assert outcome.status == "completed" and is_same(outcome.output, expected), outcome
