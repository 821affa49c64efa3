"""[I2] Canary secrets go through calls that work and calls that fail; then they are looked for everywhere."""
import base64
import codecs
import gzip
import html
import json
import os
import quopri
import subprocess
import urllib.parse

import pytest

from conftest import make_folder
from sallyport import Server, Upstream, call, definition, eventually, program, sign

CANARIES = {
    "bearer": "canary-BEARER-q7Zx9LmP2vKd",
    "password": "canary-PASS/w0rd+&=%-h4Jt8s",
    "api-key": "canary-APIKEY-r5Nb3WcY6fQe",
    "webhook": "whsec_Y2FuYXJ5LVdFQkhPT0stazhVZzFNejRpQXA=",
    "query": "canary-QUERY-t2Vx8RbM5nGj",
}


def encodings(text):
    """`text` as it might be found after somebody wrote it in another way."""
    raw = text.encode()
    yield raw
    yield raw[::-1]
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    yield urllib.parse.quote(text, safe="").encode()
    yield urllib.parse.quote_plus(text).lower().encode()
    yield "".join(f"%{b:02x}" for b in raw).encode()
    yield "".join(f"%{b:02X}" for b in raw).encode()
    yield json.dumps(text)[1:-1].encode()
    yield json.dumps(text)[1:-1].replace("/", "\\/").encode()
    yield "".join(f"\\u{b:04x}" for b in raw).encode()
    yield text.encode("utf-16-le")
    yield text.encode("utf-16-be")
    yield raw.upper()
    yield raw.lower()
    yield urllib.parse.quote(urllib.parse.quote(text, safe=""), safe="").encode()
    yield html.escape(text).encode()
    yield "".join(f"&#{b};" for b in raw).encode()
    yield "".join(f"&#x{b:x};" for b in raw).encode()
    yield "".join(f"\\x{b:02x}" for b in raw).encode()
    yield quopri.encodestring(raw)
    yield b" ".join(b"%02x" % b for b in raw)
    yield codecs.encode(text, "rot13").encode()
    yield base64.b64encode(text.encode("utf-16-le"))[:-4]
    for offset in range(5):
        # Of base32 the same.
        whole = base64.b32encode(b"\0" * offset + raw + b"\0" * 5)
        part = whole[-(-offset * 8 // 5):(offset + len(raw)) * 8 // 5]
        yield part
        yield part.lower()
    yield raw[:16]  # cut off
    yield raw[-16:]
    yield raw[-7:]  # what distinguishes it: masked to a few letters is not masked
    yield raw[-12:-5]
    for offset in range(3):
        # What of base64 does not depend on the neighbours.
        whole = base64.b64encode(b"\0" * offset + raw + b"\0" * 3)
        first = (offset * 8 + 5) // 6
        part = whole[first + (1 if offset else 0):(offset + len(raw)) * 8 // 6 - 1]
        yield part
        yield part.replace(b"+", b"-").replace(b"/", b"_")


NEEDLES = {e: name for name, text in CANARIES.items() for e in encodings(text) if len(e) >= 7}


def search(what, where):
    """Nor in what is compressed, nor broken into lines."""
    if what[:2] == b"\x1f\x8b":
        search(gzip.decompress(what), f"{where}, unpacked")
    search_plain(what, where)
    search_plain(what.replace(b"\r\n", b"").replace(b"\n", b""), f"{where}, its lines joined")


def search_plain(what, where):
    # Four bytes of each needle first would not be faster than this for what a test makes.
    hits = [(name, needle) for needle, name in NEEDLES.items() if needle in what]
    assert not hits, f"{where}: {hits[:3]}"


def test_the_search_finds_what_it_looks_for():
    for name, text in CANARIES.items():
        raw = text.encode()
        for found in (b"x" + base64.b64encode(b"a:" + raw), raw.hex().encode(), raw[4:] + raw, gzip.compress(raw), raw[:9] + b"\r\n" + raw[9:],
                      base64.encodebytes(b"some text before that is longer than a line of base64 " + raw), raw[-7:],
                      *(base64.b32encode(b"x" * n + raw) for n in range(5)), urllib.parse.quote(urllib.parse.quote(text)).encode()):
            with pytest.raises(AssertionError):
                search(found if found[:1] == b"\x1f" else b"junk " + found + b" junk", name)


AUTHENTICATIONS = {
    "by-bearer": {"bearer": {"use": "bearer"}}, "by-basic": {"basic": {"use": "basic"}},
}


def echo(handler, request):
    """Sends all that came back: headers as headers, as text, as base64, in the body and its reason."""
    told = {k: v for k, v in request.headers.items()}
    first = told.get("Authorization", told.get("X-Api-Key", ""))
    handler.answer(200, {"headers": told, "path": request.path, "body": request.body.decode("utf-8", "replace"), "again": first,
                         "base64": base64.b64encode(first.encode()).decode(), "hex": first.encode().hex(),
                         "quoted": urllib.parse.quote(first, safe=""), "half": first[:len(first) // 2]},
                   {"X-Echo": first, "X-Path": request.path})


def credential_of(request):
    return request.headers.get("Authorization") or request.headers.get("X-Api-Key") or ""


def in_chunks(handler, request):
    """The echo cut into chunks of three bytes, with a trailer and a reason that have it, too."""
    text = json.dumps({"echo": credential_of(request)}).encode()
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(text[i:i + 3]), text[i:i + 3]) for i in range(0, len(text), 3))
    handler.wfile.write(b"HTTP/1.1 200 " + credential_of(request).encode() + b"\r\nContent-Type: application/json\r\n"
                        b"Transfer-Encoding: chunked\r\nTrailer: X-Echo\r\n\r\n" + chunks + b"0\r\nX-Echo: " + credential_of(request).encode() +
                        b"\r\n\r\n")
    handler.close_connection = True


def packed(handler, request):
    handler.answer(200, gzip.compress(json.dumps({"echo": credential_of(request)}).encode()), {"Content-Encoding": "gzip"})


def at_the_cut(handler, request):
    """An error page so long that what is kept of it ends within the credential."""
    handler.answer(500, b"x" * (4096 - 20) + credential_of(request).encode() * 50, kind="text/plain")


def onwards(handler, request):
    """To another place of the same server, with the credential in the address, twice encoded."""
    quoted = urllib.parse.quote(urllib.parse.quote(credential_of(request), safe=""), safe="")
    handler.answer(302, credential_of(request).encode(), {"Location": f"/echo?next={quoted}", "Set-Cookie": f"c={quoted}"})


def as_html(handler, request):
    handler.answer(403, f"<p title='{html.escape(credential_of(request))}'>{credential_of(request)}</p>".encode(), kind="text/html")


@pytest.fixture(scope="module")
def used():
    """A server that has used every canary in every way, stopped at the end of the module; and what its API said."""
    folder = make_folder()
    said = []
    with Upstream() as upstream, Server(folder, arguments=["--log", "debug"]) as server:
        original = type(server.api).request

        def listen(self, *args, **more):
            answer = original(self, *args, **more)
            said.append(answer.body + repr(answer.headers.items()).encode())
            return answer
        type(server.api).request = listen
        try:
            use_everything(server, upstream)
            said.append(server.api.get("/metrics").body)
        finally:
            type(server.api).request = original
        yield server, upstream, said
    import shutil
    shutil.rmtree(folder, ignore_errors=True)


def use_everything(server, upstream):
    origin = upstream.origin
    server.secret("bearer", CANARIES["bearer"], origins=[origin])
    server.secret("basic", {"username": "somebody", "password": CANARIES["password"]}, kind="basic", origins=[origin])
    server.secret("api-key", CANARIES["api-key"], kind="api-key", origins=[origin], header="X-Api-Key", places=["header", "body"])
    server.secret("webhook", CANARIES["webhook"], kind="webhook-key")
    server.secret("query", CANARIES["query"], origins=[origin], places=["query"])
    upstream.on("/echo", echo)
    upstream.on("/refuses", lambda h, r: h.answer(401, {"why": r.headers.get("Authorization")}))
    upstream.on("/breaks", lambda h, r: h.reset())
    upstream.on("/moves", lambda h, r: h.answer(302, b"", {"Location": "http://127.0.0.1:1/" + (r.headers.get("Authorization") or "")}))
    upstream.on("/lies", lambda h, r: (h.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + (r.headers.get("Authorization") or "").encode()),
                                       setattr(h, "close_connection", True)))
    for path, action in (("in-chunks", in_chunks), ("packed", packed), ("at-the-cut", at_the_cut), ("onwards", onwards), ("as-html", as_html)):
        upstream.on("/" + path, action)
    names = ["bearer", "basic", "api-key", "query"]
    for path in ("echo", "refuses", "breaks", "moves", "lies", "in-chunks", "packed", "at-the-cut", "onwards", "as-html"):
        for how, authentication in AUTHENTICATIONS.items():
            server.deploy(definition(f"{how}-{path}", [{"c": call(f"{origin}/{path}", method="post", body={"a": 1},
                                                                 authentication=authentication, output="response")},
                                                       {"s": {"set": {"all": "${ . }"}}}], origins=[origin], secrets=names))
    handles = {"with-api-key": {"headers": {"X-Api-Key": "${ $secrets[\"api-key\"] }"}, "body": {"k": "${ $secrets[\"api-key\"] }"}},
               "with-query": {"query": {"token": "${ $secrets.query }"}},
               "at-the-wrong-place": {"body": {"k": "${ $secrets.query }"}}}
    for name, more in handles.items():
        server.deploy(definition(name, [{"c": call(f"{origin}/echo", method="post", **more)}, {"s": {"set": {"all": "${ . }"}}}],
                                 origins=[origin], secrets=names))
    server.deploy(definition("handles-as-data", [{"s": {"set": {"h": "${ $secrets }", "each": "${ [$secrets[]] }"}}},
                                                 {"r": {"raise": {"error": {"type": "https://example.com/e", "status": 400, "title": "t",
                                                                            "detail": "${ \"see \\($secrets.bearer)\" }"}}}}], secrets=names))
    for w in server.api.get("/api/v1/workflows").json["workflows"]:
        answer = server.run(w["name"])
        assert answer.status == 200, answer
        for more in ("", "/trace"):
            server.api.get(f"/api/v1/runs/{answer.json['id']}{more}")
        server.api.post(f"/api/v1/runs/{answer.json['id']}/replay")
    server.deploy(definition("hooked", [{"s": {"set": {"got": "${ . }"}}}], webhook={"scheme": "bearer", "key": "webhook"}))
    assert server.hook("hooked", b"{}", sign("bearer", CANARIES["webhook"], b"{}")).status == 200
    server.hook("hooked", b"{", sign("bearer", CANARIES["webhook"], b"{"))
    server.hook("hooked", b"{}", sign("bearer", CANARIES["webhook"] + "x", b"{}"))
    server.api.get("/api/v1/secrets")
    server.leaves()
    eventually(lambda: server.api.get("/api/v1/audit/checkpoint").status == 200)


def test_the_canaries_were_used(used):
    server, upstream, _ = used
    got = upstream.got("/echo")
    sent = [r.headers.get("Authorization", "") for r in got]
    assert f"Bearer {CANARIES['bearer']}" in sent
    assert "Basic " + base64.b64encode(f"somebody:{CANARIES['password']}".encode()).decode() in sent
    assert CANARIES["api-key"] in [r.headers.get("X-Api-Key") for r in got]
    assert any(CANARIES["query"] in r.path for r in got)
    assert not any(CANARIES["query"].encode() in r.body for r in got), "a credential only goes to the places that it names"


def test_nothing_the_api_said_has_one(used):
    for text in used[2]:
        search(text, text[:300])


def test_a_credential_is_taken_out_whole(used):
    """Not to its first letters: three stars stand where it stood, and the text around it stays."""
    server = used[0]
    output = server.run("by-bearer-echo").json["output"]["all"]["content"]
    assert output["headers"]["Authorization"] == "***" and output["again"] == "***", output
    assert output["headers"]["Host"] and output["path"] == "/echo"
    assert server.run("by-bearer-in-chunks").json["output"]["all"]["content"] == {"echo": "***"}
    assert server.run("by-basic-packed").json["output"]["all"]["content"] == {"echo": "***"}


def test_no_trace_or_message_of_a_local_run_has_one(used, folder):
    """`sallyport run --trace`: what it writes, what it says, what it leaves."""
    upstream = used[1]
    (folder / "bearer").write_text(CANARIES["bearer"])
    (folder / "basic").write_text(json.dumps({"username": "somebody", "password": CANARIES["password"]}))
    for how, authentication in AUTHENTICATIONS.items():
        for path in ("echo", "refuses", "moves", "lies", "at-the-cut", "onwards"):
            (folder / "flow.yaml").write_text(json.dumps(definition("local", [
                {"c": call(f"{upstream.origin}/{path}", method="post", body={"a": "${ $secrets }"}, authentication=authentication, output="response")}],
                secrets=["bearer", "basic"])))
            r = subprocess.run([program(), "run", "--trace", folder / "trace", "--verbose", "--allow", upstream.origin, "--secret",
                                f"bearer={folder}/bearer", "--secret", f"basic={folder}/basic", folder / "flow.yaml"], capture_output=True, timeout=60)
            assert r.returncode in (0, 1) and (folder / "trace").stat().st_size > 0, r
            for what, text in (("output", r.stdout), ("messages", r.stderr), ("trace", (folder / "trace").read_bytes())):
                search(text, f"{what} of a local run of {how}, {path}")


def test_no_log_line_has_one(used):
    search(used[0].log_path.read_bytes(), "the log")


def test_no_file_of_the_server_has_one(used):
    server = used[0]
    for path in server.folder.rglob("*"):
        if path.is_file():
            search(path.read_bytes(), path)


def test_no_environment_or_command_line_has_one(used):
    for pid in used[0].roles().values():
        for part in ("environ", "cmdline"):
            search(open(f"/proc/{pid}/{part}", "rb").read(), f"{part} of {pid}")


@pytest.mark.parametrize("role", ["gateway", "engine", "worker"])
def test_no_memory_of_who_must_not_know_has_one(used, role):
    if os.geteuid() != 0:
        pytest.skip("only root can read the memory of a role")
    for pid in used[0].roles(role):
        with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
            for line in maps:
                start, end = (int(x, 16) for x in line.split()[0].split("-"))
                if not line.split()[1].startswith("rw") or "[v" in line or end - start > 256 << 20:
                    continue
                try:
                    memory.seek(start)
                    text = memory.read(end - start)
                except OSError:
                    continue
                for name in ("bearer", "password", "api-key", "query"):
                    assert CANARIES[name].encode() not in text, f"{name} in the memory of {role}"


def test_no_core_can_be_dumped(used):
    for pid in used[0].roles().values():
        limits = open(f"/proc/{pid}/limits").read()
        line = next(x for x in limits.splitlines() if x.startswith("Max core file size"))
        assert line.split()[4:6] == ["0", "0"], line


def test_the_owners_token_is_nowhere(used):
    server = used[0]
    token = server.token.encode()
    for path in server.folder.rglob("*"):
        if path.is_file():
            assert token not in path.read_bytes(), path
