"""Families "parser", "identifier" and "second-evaluation" on a whole server: every way in, every place where it may come out."""
import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from sallyport import call, definition, eventually

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="


@pytest.fixture(scope="module", autouse=True)
def prepared(server):
    server.secret("hook-key", KEY, kind="webhook-key")
    server.deploy(definition("mirror", [{"s": {"set": "${ . }"}}], webhook={"scheme": "bearer", "key": "hook-key"}))


def deliver(server, body, kind="application/json", **headers):
    return server.hook("mirror", body, {"Authorization": f"Bearer {KEY}", **headers}, kind=kind)


# --- parser: what comes as JSON --------------------------------------------------------------------------------------------


BAD_JSON = {
    "nothing": b"", "blank": b" ", "UTF-8 mark": b"\xef\xbb\xbf{}", "UTF-16 LE": '{"a":1}'.encode("utf-16-le"), "UTF-16 BE": '{"a":1}'.encode("utf-16-be"),
    "UTF-16 with mark": '{"a":1}'.encode("utf-16"), "UTF-32": '{"a":1}'.encode("utf-32"), "UTF-7": b"+AHsAIgBhACIAOgAxAH0-", "Latin-1": '{"a":"\u00e4"}'.encode("latin-1"),
    "overlong": b'{"a":"\xc0\xae"}', "surrogate": b'{"a":"\xed\xa0\x80"}', "beyond Unicode": b'{"a":"\xf4\x90\x80\x80"}', "cut short": b'{"a":"\xe2\x82"}',
    "key twice": b'{"a":1,"a":2}', "key twice, escaped": b'{"a":1,"\\u0061":2}', "key twice, deep": b'[{"b":{"a":1,"a":1}}]', "__proto__ twice": b'{"__proto__":1,"__proto__":2}',
    "NUL between": b'{"a":1}\0', "NUL within": b'{"a\0b":1}', "line break within": b'{"a":"\n"}', "comment": b'{"a":1/**/}', "comma": b'{"a":1,}', "single quotes": b"{'a':1}",
    "NaN": b'{"a":NaN}', "infinity": b'{"a":-Infinity}', "hexadecimal": b'{"a":0x10}', "leading zero": b'{"a":01}', "plus": b'{"a":+1}', "huge number": b'{"a":1e999}',
    "two": b"{}{}", "lines": b"{}\n{}", "more": b'{"a":1} x', "too deep": b"[" * 5000 + b"]" * 5000, "open": b"[" * 300000, "YAML": b"a: 1", "YAML tag": b"!!python/object:os.system {}",
    "XML": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "form": b"a=1&b=2", "PHP": b'O:8:"stdClass":0:{}',
    "Java": b"\xac\xed\x00\x05sr\x00", "pickle": b"cos\nsystem\n(S'id'\ntR.", "BSON": b"\x16\x00\x00\x00\x02a\x00\x06\x00\x00\x00hello\x00\x00", "MessagePack": b"\x81\xa1a\x01", "CBOR": b"\xa1aa\x01",
}


@pytest.mark.parametrize("name", BAD_JSON)
def test_what_is_no_strict_json_is_refused(server, name):
    """On each way in: a delivery, a run's input, a credential."""
    bad = BAD_JSON[name]
    assert deliver(server, bad).status == 400
    run = b'{"namespace":"test","workflow":"mirror","wait":true,"input":' + bad + b"}"
    answer = server.api.post("/api/v1/runs", run)
    # Within another text some of it is something else: then it is an error or a value, never a second reading.
    assert answer.status == 400 or name in ("blank", "nothing"), answer
    assert server.api.put("/api/v1/secrets/test/other", bad).status == 400


@pytest.mark.parametrize("kind", ["text/plain", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded", "application/yaml", "application/xml", "text/html",
                                  "application/json5", "application/x-json", "application/json, text/plain", "json", "*/*", "application/jsonx", "+json", ""])
def test_the_route_decides_the_parser(server, kind):
    """CVE-2026-21858: another content type brought another parser, and with it files of the server."""
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n{"path":"/etc/passwd"}\r\n--x--\r\n'
    for body in (b'{"files":{"a":{"filepath":"/etc/passwd","originalFilename":"a"}}}', form):
        answer = deliver(server, body, kind=kind)
        assert answer.status == 415, answer
        assert b"root:" not in answer.body
    body = b'{"files":{"a":{"filepath":"/etc/passwd","originalFilename":"a"}}}'
    assert deliver(server, body).json == json.loads(body), "what looks like an uploaded file is data"


def test_large_and_odd_values_stay_as_they_are(server):
    data = {"__proto__": {"isAdmin": True}, "constructor": {"prototype": {"x": 1}}, "toString": 1, "hasOwnProperty": None, "": {"": 0}, "\u0000": "\u0000", "$ref": "#", "$type": "x",
            "@class": "java.lang.Runtime", "!!js/function": "x", "<<": {"a": 1}, "*a": "&a", "e\u0301": "\u00e9", "\U0001f600": [[], {}, [[]]], "n": [0, -1, 1.5, 1e-300, 9007199254740991]}
    assert deliver(server, json.dumps(data).encode()).json == data


# --- parser: definitions ---------------------------------------------------------------------------------------------------


HEAD = "document: {dsl: 1.0.3, namespace: test, name: bomb, version: 1.0.0}\n"
LAUGHS = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9) if i else 'lol, lol'}]\n" for i in range(12))
BAD_YAML = {
    "tag": HEAD + "do: [{s: {set: !!python/object/apply:os.system ['id']}}]", "Ruby tag": HEAD + "do: !ruby/object:Gem::Installer []", "Java tag": HEAD + "do: !!javax.script.ScriptEngineManager []",
    "local tag": HEAD + "do: !x []", "tag directive": "%TAG ! tag:x,2000:\n---\n" + HEAD + "do: []", "aliases without end": HEAD + "do: &a [*a]", "a billion laughs": LAUGHS + HEAD + "do: [{s: {set: {x: *l11}}}]",
    "key twice": HEAD + HEAD + "do: []", "two documents": HEAD + "do: []\n---\n" + HEAD + "do: []", "merge of nothing": "<<: *nothing\n" + HEAD + "do: []", "control": HEAD + "do: [{s: {set: {x: \"\u0001\"}}}]",
    "NUL": HEAD + "do: []\0", "UTF-16": (HEAD + "do: []").encode("utf-16"), "nested": HEAD + "do: " + "[" * 3000 + "]" * 3000, "nested maps": HEAD + "do: " + "{a: " * 3000 + "1" + "}" * 3000,
    "long": HEAD + "do: [] #" + "x" * (600 << 10), "binary": b"\x00\x01\x02\xff\xfe" * 100, "an include": HEAD + "do: !include /etc/passwd", "anchors": HEAD + "".join(f"a{i}: &a{i} {{x: 1}}\n" for i in range(2000)) + "do: []",
    "number": "document: {dsl: 1.0.3, namespace: test, name: bomb, version: 1.0.0}\ndo: 1e999999999",
}


@pytest.mark.parametrize("name", BAD_YAML)
def test_definitions_with_more_than_data_are_refused(server, name):
    """Rundeck's CVE-2021-39132: a tag made an instance."""
    text = BAD_YAML[name]
    answer = server.deploy(text if isinstance(text, bytes) else text.encode(), ok=False)
    assert answer.status in (400, 413), answer
    assert len(answer.body) < 100000 and b"root:" not in answer.body


# --- identifier ------------------------------------------------------------------------------------------------------------


NAMES = ["$(id)", "`id`", "a;id", "a|id", "a&id", "../x", "..\\x", "..%2fx", "%2e%2e", "/etc/passwd", "C:\\x", "a/b", "a\\b", "a\nb", "a\r\nSet-Cookie: x", "a\0b", "'", "\"", "' OR '1'='1", "a'--", "\u202ea",
         "\x1b[31m", "a b", " a", "a ", ".", "..", "~", "-rf", "--help", "CON", "a" * 129, "", "{x}", "${x}", "*", "?", "#", "%00", "%s%n", "\uff0e\uff0e\uff0f", "e\u0301", "<b>", "=cmd|' /C calc'!A0"]


def quoted(name):
    return "".join(c if re.fullmatch(r"[A-Za-z0-9._~-]", c) else "".join(f"%{b:02X}" for b in c.encode()) for c in name)


@pytest.mark.parametrize("name", NAMES, ids=[repr(n)[:24] for n in NAMES])
def test_names_reach_nothing_but_a_table(server, name):
    """CVE-2026-73081, 29059, 49984: what was called so reached a shell and a path. Every place that takes a name is tried."""
    before = files(server.folder)
    q = quoted(name)
    statuses = [server.api.request(method, path, body).status for method, path, body in (
        ("GET", f"/api/v1/runs/{q}", None), ("GET", f"/api/v1/runs/{q}/trace", None), ("POST", f"/api/v1/runs/{q}/cancel", b""), ("GET", f"/api/v1/runs/{q}/proof", None),
        ("GET", f"/api/v1/workflows/{q}/x", None), ("GET", f"/api/v1/workflows/test/{q}", None), ("POST", f"/api/v1/workflows/test/{q}/disable", b""),
        ("DELETE", f"/api/v1/secrets/test/{q}", None), ("GET", f"/api/v1/runs?namespace={q}", None), ("GET", f"/api/v1/runs?workflow={q}&state={q}", None), ("GET", f"/api/v1/runs?before={q}", None))]
    assert all(s in (200, 400, 404, 405, 409) for s in statuses), statuses
    assert server.hook(q, b"{}", {}).status in (400, 404)
    run = server.run(name)
    assert run.status in (400, 404), run
    for d in (definition(name, [{"s": {"set": {"a": 1}}}]), definition("x", [{"s": {"set": {"a": 1}}}], namespace=name), definition("x", [{"s": {"set": {"a": 1}}}], version=name),
              definition("x", [{"s": {"set": {"a": 1}}}], secrets=[name]), definition("x", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "github", "key": name})):
        status = server.deploy(d, ok=False).status
        assert status == 400 or name in ("-rf", "--help", "CON") or (status == 201 and "secrets" in str(d)), (d, status)
    delivery = deliver(server, b"{}", **{"Idempotency-Key": name.encode("ascii", "ignore").decode().translate({0: None, 10: None, 13: None}), "X-GitHub-Delivery": "x"})
    assert delivery.status in (200, 400, 409), delivery
    assert files(server.folder) == before, "a name made a file"


def test_the_log_and_the_tables_are_whole_after_all_names(server):
    text = server.log()
    assert all(line.startswith(("level=", "role=")) for line in text.splitlines() if line)
    assert "\x1b" not in text and "\u202e" not in text and "uid=" not in text
    eventually(lambda: server.api.get("/readyz").status == 200)
    for leaf in server.leaves():
        json.dumps(leaf)


def files(folder):
    """Those of the server but for what a database makes and drops as it works."""
    return sorted(str(p.relative_to(folder)) for p in Path(folder).rglob("*") if not re.search(r"-(wal|shm|journal)$", p.name))


# --- second-evaluation -----------------------------------------------------------------------------------------------------


EVIL = ["${ env }", "${ $ENV.HOME }", "${ .secret }", "${ $secrets }", "${ $secrets.token }", "{x}", "{{ 7*7 }}", "{{constructor.constructor('return process')()}}", "<%= 7*7 %>", "#{7*7}", "*{7*7}", "@(7*7)", "[[${7*7}]]",
        "$secrets.token", "sph1.aaaaaaaaaaaaaaaaaaaaaaaaaa.0.e", "\\(env)", "\" | env | \"", "')|env|('", "%24%7B7*7%7D", "$%7B7*7}", "\u0024{7*7}", "${jndi:ldap://127.0.0.1/a}", "${", "}", "${ ${ env } }", "%s%n%x", "$(id)"]


def test_data_comes_out_as_it_went_in_everywhere(server, upstream):
    """CVE-2026-27493: a form's value was evaluated a second time. Here: output, context, an event, an error, headers, query, body, URI, log."""
    upstream.on("/mirror", lambda h, r: h.answer(200, {"body": json.loads(r.body), "path": r.path, "x": r.headers.get("X-Evil")}, {"X-Echo": r.headers.get("X-Evil", "")}))
    server.deploy(definition("everywhere", [
        {"keep": {"set": "${ . }", "export": {"as": "${ {kept: .text} }"}}},
        {"shape": {"set": {"plain": "${ .text }", "within": "${ \"<\\(.text)>\" }", "key": "${ {(.text): 1} }", "kept": "${ $context.kept }", "text": "${ .text }"}}},
        {"event": {"emit": {"event": {"with": {"type": "com.example.seen", "source": "https://example.com/x", "data": "${ .text }"}}}, "output": {"as": "${ $input }"}}},
        {"send": {**call(upstream.origin + "/mirror", method="post", headers={"X-Evil": "${ .text }"}, query={"q": "${ .text }"}, body="${ . }", output="response"), "output": {"as": "${ {seen: .content, echo: .headers} }"}}},
    ], origins=[upstream.origin]))
    for evil in EVIL:
        answer = server.run("everywhere", {"text": evil})
        run = answer.json
        assert run["state"] == "completed", (evil, run)
        seen = run["output"]["seen"]
        assert seen["body"] == {"plain": evil, "within": f"<{evil}>", "key": {evil: 1}, "kept": evil, "text": evil}, (evil, seen)
        assert seen["x"] == evil and run["output"]["echo"].get("x-echo", run["output"]["echo"].get("X-Echo")) == evil, (evil, run["output"])
        assert parse_qs(urlsplit(seen["path"]).query, keep_blank_values=True) == {"q": [evil]}, (evil, seen["path"])
        assert server.run_state(run["id"])["input"] == {"text": evil}


def test_data_in_a_fault_comes_out_as_it_went_in(server):
    """By raise, by a schema's refusal, by a failed expression."""
    server.deploy(definition("raised", [{"r": {"raise": {"error": {"type": "https://example.com/e", "status": 400, "title": "${ .text }", "detail": "${ .text }"}}}}]))
    server.deploy(definition("failed", [{"r": {"set": {"v": "${ error(.text) }"}}}]))
    server.deploy(definition("caught", [{"t": {"try": [{"r": {"raise": {"error": {"type": "https://example.com/e", "status": 400, "title": "t", "detail": "${ .text }"}}}}],
                                               "catch": {"as": "e", "do": [{"s": {"set": {"v": "${ $e.detail }"}}}]}}}]))
    for evil in EVIL:
        error = server.run("raised", {"text": evil}).json["error"]
        assert error["title"] == error["detail"] == evil
        assert evil in server.run("failed", {"text": evil}).json["error"]["detail"]
        assert server.run("caught", {"text": evil}).json["output"] == {"v": evil}


def test_a_deployed_text_is_evaluated_once(server):
    """An expression that makes the text of another makes text."""
    server.deploy(definition("makes", [{"a": {"set": {"code": "${ \"$\" + \"{ 1 + 1 }\" }"}}}, {"b": {"set": "${ . }"}}, {"c": {"set": {"again": "${ .code }"}}}]))
    assert server.run("makes").json["output"] == {"again": "${ 1 + 1 }"}
