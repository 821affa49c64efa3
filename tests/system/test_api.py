"""The API: every route for everybody who may and may not, and what each of them does."""
import json
import re
import shutil

import pytest

from conftest import make_folder
from sallyport import ROOT, Client, Server, call, cli, definition, eventually

ROUTES = [(m[1], m[2], m[3]) for m in
          re.finditer(r'R\(HTTP_(\w+), "([^"]+)", PERMIT_(\w+),', (ROOT / "src/engine/routes.h").read_text())]
PRIVATE = [(m, p) for m, p, permission in ROUTES if permission not in ("PUBLIC", "SIGNED")]
UNKNOWN_RUN = "r0saqmfqhfktm7"
# What an owner gets from each private route when he names what is not there; a new route without a line here fails.
OWNER = {
    "GET /metrics": 200, "GET /api/v1/openapi.json": 200, "GET /api/v1/identity": 200, "GET /api/v1/workflows": 200, "POST /api/v1/workflows": 400,
    "GET /api/v1/workflows/{namespace}/{name}": 404, "POST /api/v1/workflows/{namespace}/{name}/disable": 404,
    "POST /api/v1/workflows/{namespace}/{name}/enable": 404, "GET /api/v1/secrets": 200,
    "PUT /api/v1/secrets/{namespace}/{credential}": 400, "DELETE /api/v1/secrets/{namespace}/{credential}": 404, "GET /api/v1/runs": 200,
    "POST /api/v1/runs": 400, "GET /api/v1/runs/{id}": 404, "GET /api/v1/runs/{id}/trace": 404, "GET /api/v1/runs/{id}/data/{part}": 404,
    "POST /api/v1/runs/{id}/cancel": 404, "POST /api/v1/runs/{id}/replay": 404, "GET /api/v1/runs/{id}/proof": 404,
    "GET /api/v1/audit/leaves": 200, "GET /api/v1/audit/checkpoint": 200,
}


def concrete(path):
    return path.replace("{namespace}", "nobody").replace("{name}", "nothing").replace("{credential}", "nothing").replace("{id}", UNKNOWN_RUN).replace("{part}", "output")


def is_problem(answer, status):
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert answer.json["status"] == status and answer.json["type"] and answer.json["title"] and answer.json["detail"], answer
    return answer.json


@pytest.fixture(scope="module")
def fresh(upstream):
    """A server that has seen no wrong token: after ten of them an address must wait."""
    folder = make_folder()
    with Server(folder) as server:
        deploy_all(server, upstream)
        yield server
    shutil.rmtree(folder, ignore_errors=True)


def deploy_all(server, upstream):
    server.deploy(definition("echo", [{"echo": {"set": {"got": "${ . }"}}}]))
    server.deploy(definition("waits", [{"w": {"wait": {"seconds": 60}}}]))
    server.deploy(definition("fails", [{"f": {"raise": {"error": {"type": "https://example.com/errors/no", "status": 418,
                                                                    "title": "No", "detail": "as planned"}}}}]))
    server.deploy(definition("calls", [{"c": call(upstream.origin + "/api/{x}"), }, {"s": {"set": {"r": "${ . }"}}}],
                             origins=[upstream.origin]))


def test_the_routes_are_read():
    assert len(ROUTES) >= 22 and {f"{m} {p}" for m, p in PRIVATE} == set(OWNER), "every private route has a line in OWNER"


@pytest.mark.parametrize("method,path", PRIVATE)
@pytest.mark.parametrize("authorization", [None, "Bearer ", "Bearer spt_" + "0" * 64, "Basic b3duZXI6b3duZXI=", "Token x"])
def test_no_route_without_its_owner(server, method, path, authorization):
    headers = {"Authorization": authorization} if authorization else {}
    answer = server.api.request(method, concrete(path), b"{}" if method in ("POST", "PUT") else None, headers, token=None)
    assert answer.status in (401, 429), answer
    if answer.status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")
    is_problem(answer, answer.status)


@pytest.mark.parametrize("suffix", ["/configs", "/..;/x", "//", "/%2e%2e", ";a=b", "/healthz", "?x=/healthz", "#/healthz"])
@pytest.mark.parametrize("path", ["/api/v1/workflows", "/api/v1/secrets", "/metrics"])
def test_no_spelling_of_a_path_goes_round_the_check(server, path, suffix):
    answer = server.api.request("GET", path + suffix, token=None)
    assert answer.status in (400, 401, 404, 405, 429), answer


@pytest.mark.parametrize("path", ["/API/v1/workflows", "/api/v1/workflows/", "/api//v1/workflows", "/api/v1/../v1/workflows",
                                  "/api/v1/%77orkflows"])
def test_a_path_has_one_spelling(server, path):
    assert server.api.get(path).status in (400, 404)


def test_public_routes_say_little(server):
    for path in ("/healthz", "/readyz"):
        answer = server.api.request("GET", path, token=None)
        assert answer.status == 200 and set(answer.json) == {"status"}, answer


@pytest.mark.parametrize("method,path", PRIVATE)
def test_owner(fresh, method, path):
    body = b"" if method in ("POST", "PUT") else None
    answer = fresh.api.request(method, concrete(path), body)
    assert answer.status == OWNER[f"{method} {path}"], answer
    if answer.status >= 400:
        is_problem(answer, answer.status)


MEGABYTES = '"x" * 3000000'


def test_data_that_one_answer_does_not_hold_is_named_and_there(fresh):
    """Nothing of a run is out of reach for being large: each part has the size of an answer."""
    fresh.deploy(definition("large", [{"s": {"set": {"own": "${ %s }" % MEGABYTES}, "export": {"as": "${ . }"}}}]))
    given, large = {"given": "y" * 3000000}, {"own": "x" * 3000000}
    run = fresh.run("large", given).json
    assert (run["state"], run["output"], run["omitted"]) == ("completed", large, ["context"])
    path = f"/api/v1/runs/{run['id']}"
    shown, traced = fresh.api.get(path).json, fresh.api.get(path + "/trace").json
    assert (shown["output"], shown["omitted"]) == (large, ["input", "context"]) and "input" not in shown
    assert (traced["output"], traced["omitted"]) == (large, ["context"]) and traced["trace"][-1]["status"] == "completed"
    assert [fresh.api.get(f"{path}/data/{part}").json for part in ("input", "output", "context")] == [given, large, large]
    assert is_problem(fresh.api.get(path + "/data/error"), 404)["detail"] == "The run has no error."
    assert is_problem(fresh.api.get(path + "/data/trace"), 404)["detail"] == "A run has input, output, error and context."
    looks = [x.get("detail") for x in fresh.leaves() if x["action"] == "run.read" and x.get("run") == run["id"]]
    assert looks == [None, None, "input", "output", "context"]


def test_data_as_large_as_an_answer(fresh):
    """The largest that there may be: its quotes are its first and last byte."""
    fresh.deploy(definition("largest", [{"s": {"set": "${ \"x\" * (4194304 - 2) }"}}]))
    run = fresh.run("largest").json
    assert run["state"] == "completed" and run["omitted"] == ["output"] and run["context"] == {}, str(run)[:300]
    answer = fresh.api.get(f"/api/v1/runs/{run['id']}/data/output")
    assert answer.status == 200 and len(answer.body) == 4 << 20


@pytest.mark.parametrize("method,path", [(m, p) for m, p, _ in ROUTES])
def test_other_methods_are_refused(fresh, method, path):
    known = {m for m, p, _ in ROUTES if p == path}
    for other in {"GET", "POST", "PUT", "DELETE", "PATCH"} - known:
        answer = fresh.api.request(other, concrete(path), b"{}" if other != "GET" else None)
        assert answer.status == 405, answer
        assert known <= set(answer.headers["allow"].split(", ")), answer


@pytest.mark.parametrize("path", [p for m, p in PRIVATE if m == "GET"] + ["/healthz"])
def test_head_is_get_without_a_body(fresh, path):
    get, head = fresh.api.get(concrete(path)), fresh.api.request("HEAD", concrete(path))
    assert head.status == get.status and head.body == b""
    assert head.headers["content-type"] == get.headers["content-type"]


@pytest.mark.parametrize("id", ["x", "r", "r1", "R0SAQMFQHFKTM7", "r0saqmfqhfktm7x", "r" + "z" * 13, "0", "-1", "r%00", "..", "r'--",
                                "%24(id)", "r0saqmfqhfktmi"])
@pytest.mark.parametrize("what", ["", "/trace", "/proof", "/data/output"])
def test_malformed_and_foreign_ids_are_not_there(fresh, id, what):
    answer = fresh.api.get(f"/api/v1/runs/{id}{what}")
    assert answer.status in (400, 404), answer
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("name", ["..", "%2e%2e", "a%2fb", "$(id)", "a%00b", "a'b", "x" * 200, "%0a"])
def test_names_of_nobody(fresh, name):
    for path in (f"/api/v1/workflows/test/{name}", f"/api/v1/workflows/{name}/echo"):
        assert fresh.api.get(path).status in (400, 404)
    answer = fresh.api.put(f"/api/v1/secrets/test/{name}", {"kind": "bearer", "policy": {}, "box": ""})
    assert answer.status in (400, 404, 413), answer


def test_run_with_and_without_waiting(fresh):
    done = fresh.run("echo", {"n": 1})
    assert done.status == 200 and done.json["state"] == "completed" and done.json["output"] == {"got": {"n": 1}}, done
    later = fresh.run("echo", {"n": 2}, wait=False)
    assert later.status == 202 and later.headers["location"] == later.json["url"], later
    assert fresh.wait_run(later.json["id"])["output"] == {"got": {"n": 2}}


def test_input_is_kept_as_it_came(fresh):
    text = {"a": [1, 1.5, -0.0, 1e100, "ü\u2028\"\\", None, True, {}], "${ . }": "{x}", "__proto__": {}, "": ""}
    run = fresh.run_state(fresh.run("echo", text).json["id"])
    assert run["input"] == text and run["output"] == {"got": text}


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"namespace":"test"}', b'{"namespace":1,"workflow":"echo"}',
                                  b'{"namespace":"test","workflow":"echo","workflow":"waits"}', b'{"namespace":"test","workflow":"a/b"}'])
def test_start_with_a_bad_body(fresh, body):
    is_problem(fresh.api.post("/api/v1/runs", body), 400)


def test_start_of_nothing(fresh):
    is_problem(fresh.run("nothing"), 404)
    is_problem(fresh.run("echo", namespace="elsewhere"), 404)


def test_fault_is_told_to_the_owner(fresh):
    answer = fresh.run("fails")
    assert answer.status == 200 and answer.json["state"] == "faulted", answer
    assert answer.json["error"]["status"] == 418 and answer.json["error"]["detail"] == "as planned"


def test_idempotency_key(fresh):
    first = fresh.run("echo", {"n": 1}, headers={"Idempotency-Key": "api-1"})
    again = fresh.run("echo", {"n": 2}, headers={"Idempotency-Key": "api-1"})
    assert first.json == again.json and again.status == 200, again
    assert fresh.run("waits", wait=False, headers={"Idempotency-Key": "api-1"}).status == 202, "a key belongs to a workflow"
    is_problem(fresh.run("waits", headers={"Idempotency-Key": "api-1"}), 409)


def test_pages_of_runs(fresh):
    ids = [fresh.run("echo", {"page": n}).json["id"] for n in range(7)]
    found, query = [], "workflow=echo&namespace=test&limit=3"
    before = ""
    while True:
        page = fresh.api.get(f"/api/v1/runs?{query}{before}").json
        found += [r["id"] for r in page["runs"]]
        assert len(page["runs"]) <= 3
        if "next" not in page:
            break
        before = "&before=" + page["next"]
    assert found[:7] == ids[::-1] and len(set(found)) == len(found)


def test_runs_of_a_workflow_whatever_its_namespace(fresh):
    fresh.deploy(definition("common", [{"s": {"set": {"a": 1}}}]))
    fresh.deploy(definition("common", [{"s": {"set": {"a": 1}}}], namespace="other"))
    ids = [fresh.run("common", namespace=n).json["id"] for n in ("test", "other")]
    listed = [[r["id"] for r in fresh.api.get("/api/v1/runs?workflow=common" + more).json["runs"]] for more in ("", "&namespace=other")]
    assert listed == [ids[::-1], ids[1:]]


def test_runs_by_state(fresh):
    fresh.run("fails")
    assert {r["state"] for r in fresh.api.get("/api/v1/runs?state=faulted").json["runs"]} == {"faulted"}


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "limit=-1", "state=nonsense", "before=x", "limit=99999999999999999999",
                                   "limit=", "limit", "limit=1&limit=1", "Limit=1", "limit=01", "limit=%31%", "limit=1&", "state=%ff",
                                   "namespace=", "namespace=a%2fb", "workflow=" + "x" * 64, "status=faulted", "=", "&", "a"])
def test_bad_queries(fresh, query):
    problem = is_problem(fresh.api.get("/api/v1/runs?" + query), 400)
    assert problem["type"] == "urn:sallyport:error:invalid" or "%ff" in query or "%31%" in query, problem


@pytest.mark.parametrize("query", ["", "limit=1", "limit=%31", "state=faulted&limit=2", "namespace=test&workflow=echo"])
def test_good_queries(fresh, query):
    assert fresh.api.get("/api/v1/runs?" + query).status == 200


def test_a_query_says_what_it_takes(fresh):
    assert "it takes namespace, workflow, state, before, limit" in fresh.api.get("/api/v1/runs?status=faulted").json["detail"]
    assert "from 1 to 1000" in fresh.api.get("/api/v1/runs?limit=0").json["detail"]
    assert "completed, faulted" in fresh.api.get("/api/v1/runs?state=done").json["detail"]


@pytest.mark.parametrize("change, said", [({"wait": "yes"}, "/wait"), ({"wait": 1}, "/wait"), ({"input ": {}}, "/input "),
                                          ({"workflow": None}, "/workflow"), ({"name": "echo"}, "/name")])
def test_start_says_which_member_is_wrong(fresh, change, said):
    problem = is_problem(fresh.api.post("/api/v1/runs", {"namespace": "test", "workflow": "echo", **change}), 400)
    assert f'"{said}" of the body' in problem["detail"], problem


@pytest.mark.parametrize("change, said", [({"kind": "nonsense"}, "one of bearer, basic, api-key, webhook-key"),
                                          ({"kind": "bearer\0x"}, "/kind"), ({"policy": {"more": 1}}, "/policy/more"),
                                          ({"policy": {"origins": "https://a"}}, "/policy/origins"), ({"box": "no base64!"}, "/box")])
def test_secret_says_which_member_is_wrong(fresh, change, said):
    body = {"kind": "bearer", "policy": {"origins": ["https://a"]}, "box": "AA==", **change}
    assert said in is_problem(fresh.api.put("/api/v1/secrets/test/bad", body), 400)["detail"]


@pytest.mark.parametrize("kind", ["text/csv", "application/x-www-form-urlencoded", "application/jsonp", "json", "", "application/json-x"])
def test_a_body_of_another_media_type_is_refused(fresh, kind):
    for path in ("/api/v1/runs", "/api/v1/workflows"):
        is_problem(fresh.api.post(path, b"{}", kind=kind), 415)


@pytest.mark.parametrize("kind", ["application/yaml", "text/yaml", "application/x-yaml", "application/json", "Application/YAML; charset=utf-8",
                                  "application/openapi+yaml"])
def test_a_definition_has_many_media_types(fresh, kind):
    is_problem(fresh.api.post("/api/v1/workflows", b"{", kind=kind), 400)


def test_trace_tells_each_task(fresh):
    trace = fresh.api.get(f"/api/v1/runs/{fresh.run('echo').json['id']}/trace").json["trace"]
    assert [(t["name"], t["status"]) for t in trace] == [("echo", "created"), ("echo", "started"), ("echo", "created"),
                                                         ("echo", "started"), ("echo", "completed"), ("echo", "completed")]
    assert trace[0]["reference"] == "/" and trace[2]["reference"] == "/do/0/echo"


def test_cancel_of_a_waiting_run(fresh):
    id = fresh.run("waits", wait=False).json["id"]
    eventually(lambda: fresh.run_state(id)["state"] == "waiting")
    answer = fresh.api.post(f"/api/v1/runs/{id}/cancel")
    assert answer.status == 200 and answer.json["state"] == "cancelled", answer
    assert fresh.run_state(id)["state"] == "cancelled"
    assert [x for x in fresh.leaves() if x["action"] == "run.cancelled" and x["run"] == id and x["actor"] == "owner"]


@pytest.mark.parametrize("workflow, state", [("echo", "completed"), ("fails", "faulted"), ("waits", "cancelled")])
def test_cancel_of_a_run_that_has_ended(fresh, workflow, state):
    id = fresh.run(workflow, wait=False).json["id"]
    if state == "cancelled":
        assert fresh.api.post(f"/api/v1/runs/{id}/cancel").status == 200
    fresh.wait_run(id)
    # The row says the end a moment before the run leaves the table.
    refused = eventually(lambda: (a := fresh.api.post(f"/api/v1/runs/{id}/cancel")).json["detail"] != "The run is ending already." and a)
    assert is_problem(refused, 409)["detail"] == f"The run has ended already: {state}."
    assert fresh.run_state(id)["state"] == state


def test_cancel_of_no_run(fresh):
    for id in ("r0saqmfqhfktm7", "rzzzzzzzzzzzzz", "no-id"):
        assert is_problem(fresh.api.post(f"/api/v1/runs/{id}/cancel"), 404)["detail"] == "There is no such run."


def test_cancel_of_a_call_under_way(fresh, upstream):
    upstream.hang("/cancelled")
    fresh.deploy(definition("hangs", [{"c": call(upstream.origin + "/cancelled")}], origins=[upstream.origin]))
    id = fresh.run("hangs", wait=False).json["id"]
    eventually(lambda: upstream.got("/cancelled"))
    assert fresh.api.post(f"/api/v1/runs/{id}/cancel").json["state"] == "cancelled"


def test_replay_is_identical(fresh, upstream):
    upstream.reply("/replayed", body={"value": 7})
    fresh.deploy(definition("replayed", [{"c": call(upstream.origin + "/replayed")}, {"w": {"wait": {"milliseconds": 5}}},
                                         {"s": {"set": {"v": "${ .value }", "at": "${ now }", "id": "${ $workflow.id }"}}}],
                            origins=[upstream.origin]))
    run = fresh.run("replayed").json
    assert run["state"] == "completed", run
    before = len(upstream.got("/replayed"))
    for _ in range(2):
        answer = fresh.api.post(f"/api/v1/runs/{run['id']}/replay")
        assert answer.status == 200 and answer.json["identical"] is True, answer
    assert len(upstream.got("/replayed")) == before, "a replay calls nobody"


def test_replay_of_a_fault_is_identical(fresh):
    assert fresh.api.post(f"/api/v1/runs/{fresh.run('fails').json['id']}/replay").json["identical"] is True


def test_proof_verifies(fresh, folder):
    id = fresh.run("echo", {"proof": 1}).json["id"]
    eventually(lambda: fresh.api.get(f"/api/v1/runs/{id}/proof").status == 200)
    proof = fresh.api.get(f"/api/v1/runs/{id}/proof").body
    (folder / "proof.json").write_bytes(proof)
    verify = ["audit", "verify", "--key", fresh.audit_key, "--proof", folder / "proof.json"]
    assert cli(*verify).returncode == 0, cli(*verify)
    (folder / "proof.json").write_bytes(proof.replace(b"run.completed", b"run.completes"))
    assert cli(*verify).returncode != 0


def test_reading_a_run_leaves_a_leaf(fresh):
    id = fresh.run("echo").json["id"]
    fresh.run_state(id)
    assert eventually(lambda: [x for x in fresh.leaves() if x["action"] == "run.read" and x["run"] == id and x["actor"] == "owner"])


def test_secrets_are_never_readable(fresh):
    fresh.secret("unreadable", "canary-unreadable-1234567890", origins=["https://api.example.com"])
    listed = fresh.api.get("/api/v1/secrets")
    assert b"canary-unreadable" not in listed.body
    entry = next(s for s in listed.json["secrets"] if s["name"] == "unreadable")
    assert entry["state"] == "active" and entry["version"] == 1 and entry["policy"]["origins"] == ["https://api.example.com"]
    assert set(entry) == {"namespace", "name", "kind", "version", "state", "policy", "setAt", "setBy"}
    assert fresh.api.get("/api/v1/secrets/test/unreadable").status == 405


@pytest.mark.parametrize("body", [{}, {"kind": "bearer"}, {"kind": "nonsense", "policy": {}, "box": "AA=="},
                                  {"kind": "bearer", "policy": {"origins": ["https://a"]}, "box": "AA=="},
                                  {"kind": "bearer", "policy": {"origins": ["https://a"]}, "box": "no base64!"},
                                  {"kind": "bearer", "policy": {"origins": ["https://*"]}, "box": "SEAL"},
                                  {"kind": "bearer", "policy": {}, "box": "SEAL"}, {"kind": "bearer", "policy": [], "box": "SEAL"},
                                  {"kind": "bearer", "policy": {"origins": ["https://a"], "more": 1}, "box": "SEAL"}])
def test_bad_secrets_are_refused(fresh, body):
    if body.get("box") == "SEAL":
        body = dict(body, box=fresh.seal("some-value-here", "test", "bad", body["kind"], body["policy"]))
    is_problem(fresh.api.put("/api/v1/secrets/test/bad", body), 400)
    assert "bad" not in [s["name"] for s in fresh.api.get("/api/v1/secrets").json["secrets"]]


@pytest.mark.parametrize("changed", [{"policy": {"origins": ["https://elsewhere.example"]}}, {"kind": "api-key"},
                                     {"name": "other"}, {"namespace": "prod"}])
def test_sealed_value_keeps_its_purpose(fresh, changed):
    """Who carries the box (gateway, engine, a proxy) cannot give the value another name, kind or policy."""
    meant = {"namespace": "test", "name": "steered", "kind": "bearer", "policy": {"origins": ["https://a.example"]}}
    box = fresh.seal("some-value-here", meant["namespace"], meant["name"], meant["kind"], meant["policy"])
    now = dict(meant, **changed)
    if now["kind"] == "api-key":
        now["policy"] = dict(now["policy"], header="X-Key")
    answer = fresh.api.put(f"/api/v1/secrets/{now['namespace']}/{now['name']}",
                           {"kind": now["kind"], "policy": now["policy"], "box": box})
    is_problem(answer, 400)
    assert "sealed for another" in answer.json["detail"]


def test_revoked_credential_is_refused_at_once(fresh, upstream):
    upstream.reply("/revoked")
    fresh.secret("short-lived", "canary-short-lived-123", origins=[upstream.origin])
    fresh.deploy(definition("uses", [{"c": call(upstream.origin + "/revoked", authentication={"bearer": {"use": "short-lived"}})}],
                            origins=[upstream.origin], secrets=["short-lived"]))
    assert fresh.run("uses").json["state"] == "completed"
    before = len(upstream.got("/revoked"))
    assert fresh.api.delete("/api/v1/secrets/test/short-lived").json["state"] == "revoked"
    answer = fresh.run("uses").json
    assert answer["state"] == "faulted" and len(upstream.got("/revoked")) == before, answer
    is_problem(fresh.api.delete("/api/v1/secrets/test/short-lived"), 404)
    fresh.secret("short-lived", "canary-short-lived-124", origins=[upstream.origin])
    assert fresh.run("uses").json["state"] == "completed"
    assert upstream.got("/revoked")[-1].headers["Authorization"] == "Bearer canary-short-lived-124"


def test_disable_stops_and_cancels(fresh):
    fresh.deploy(definition("doomed", [{"w": {"wait": {"seconds": 60}}}]))
    old = fresh.run("doomed", wait=False).json["id"]
    fresh.deploy(definition("doomed", [{"w": {"wait": {"seconds": 60}}}, {"s": {"set": {"a": 1}}}], version="1.0.1"))
    new = fresh.run("doomed", wait=False).json["id"]
    for id in (old, new):
        eventually(lambda: fresh.run_state(id)["state"] == "waiting")
    assert fresh.api.post("/api/v1/workflows/test/doomed/disable").json["enabled"] is False
    for id in (old, new):
        assert fresh.wait_run(id)["state"] == "cancelled"
    is_problem(fresh.run("doomed"), 409)


def test_deploy_the_same_version_twice(fresh):
    d = definition("once", [{"s": {"set": {"a": 1}}}])
    fresh.deploy(d)
    is_problem(fresh.deploy(dict(d, do=[{"s": {"set": {"a": 2}}}]), ok=False), 409)


@pytest.mark.parametrize("text", [b"", b"{", b"a: [", b"document: {}", b"\xff\xfe\x00", b"!!python/object:os.system {}",
                                  b"a: &a [*a]", json.dumps({"document": {"dsl": "1.0.3", "namespace": "../x", "name": "y",
                                                                          "version": "1.0.0"}, "do": [{"s": {"set": {}}}]}).encode()])
def test_bad_definitions_are_refused_with_findings(fresh, text):
    answer = fresh.deploy(text, ok=False)
    is_problem(answer, 400)
    assert not text or answer.json["findings"], answer


def test_problem_of_a_definition_says_where(fresh):
    text = "document: {dsl: '1.0.3', namespace: test, name: wrong, version: '1.0.0'}\ndo:\n  - s:\n      set:\n        a: ${ .x | nonsense }\n"
    findings = [f for f in fresh.deploy(text, ok=False).json["findings"] if f["level"] == "error"]
    assert [f["line"] for f in findings] == [5], findings


def test_metrics_are_prometheus_text(fresh):
    answer = fresh.api.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    for line in answer.body.decode().splitlines():
        assert re.fullmatch(r"# (HELP|TYPE) .*|[a-z_]+(\{[^}]*\})? [0-9.e+]+", line), line


def test_audit_leaves_pages(fresh):
    size = fresh.api.get("/api/v1/audit/leaves?limit=1").json["size"]
    page = fresh.api.get("/api/v1/audit/leaves?from=0&limit=2").json
    assert [x["index"] for x in page["leaves"]] == [0, 1] and page["size"] >= size
    assert fresh.api.get(f"/api/v1/audit/leaves?from={size + 1000}").json["leaves"] == []
    is_problem(fresh.api.get("/api/v1/audit/leaves?limit=0"), 400)


def test_checkpoint_is_a_signed_note(fresh):
    lines = fresh.api.get("/api/v1/audit/checkpoint").body.decode().split("\n")
    assert lines[0] == fresh.api.get("/api/v1/identity").json["origin"] and int(lines[1]) > 0
    assert lines[3] == "" and lines[4].startswith("— " + lines[0])


def test_wrong_tokens_are_slowed_down(own_server):
    answers = [Client(own_server.port, "spt_" + "1" * 64).get("/api/v1/workflows") for _ in range(12)]
    assert answers[0].status == 401 and answers[-1].status == 429, answers
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_requests_of_one_address_are_limited(folder):
    with Server(folder, config={"limits": {"addressPerSecond": 5, "addressBurst": 20}}) as s:
        answers = [s.api.get("/healthz") for _ in range(40)]
        refused = [a for a in answers if a.status == 429]
        assert refused and int(refused[0].headers["retry-after"]) >= 1 and "r=0" in refused[0].headers["ratelimit"]
