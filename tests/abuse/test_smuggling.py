"""Family "smuggling": what two readers could read differently is refused with 400, and the connection ends there."""
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

from gateway import Gateway, read_all

HOST = b"Host: a\r\n"
NEXT = b"GET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.fixture(scope="module")
def gateway():
    g = Gateway().ready()
    yield g
    g.close()


def post(*headers, body=b""):
    return b"POST /echo HTTP/1.1\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n" + body


def get(target=b"/echo", *headers):
    return b"GET " + target + b" HTTP/1.1\r\n" + HOST + b"".join(h + b"\r\n" for h in headers) + b"\r\n"


CHUNKED = b"Transfer-Encoding: chunked"
BODY = b"3\r\nabc\r\n0\r\n\r\n"

FRAMING = {
    "both lengths": post(b"Content-Length: 3", CHUNKED, body=BODY),
    "both lengths, other order": post(CHUNKED, b"Content-Length: 3", body=BODY),
    "two Content-Length": post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"),
    "two Content-Length that differ": post(b"Content-Length: 3", b"Content-Length: 0", body=b"abc"),
    "Content-Length list": post(b"Content-Length: 3, 3", body=b"abc"),
    "Content-Length with plus": post(b"Content-Length: +3", body=b"abc"),
    "Content-Length with minus": post(b"Content-Length: -3", body=b"abc"),
    "Content-Length list of two": post(b"Content-Length: 5, 5", body=b"abcde"),
    "Content-Length list that is empty": post(b"Content-Length: ,", body=b"abc"),
    "Content-Length with a fraction": post(b"Content-Length: 3.0", body=b"abc"),
    "Content-Length with an exponent": post(b"Content-Length: 1e1", body=b"abcdefghij"),
    "Content-Length with a line feed": post(b"Content-Length: 3\n", body=b"abc"),
    "Content-Length in other digits": post(b"Content-Length: \xd9\xa3", body=b"abc"),
    "two lengths, one with a tab": post(b"Content-Length:\t3", b"Content-Length: 30", body=b"abc"),
    "Content-Length in hex": post(b"Content-Length: 0x3", body=b"abc"),
    "Content-Length with text": post(b"Content-Length: 3a", body=b"abc"),
    "Content-Length with inner blank": post(b"Content-Length: 3 0", body=b"abc"),
    "Content-Length empty": post(b"Content-Length:", body=b"abc"),
    "two Transfer-Encoding": post(CHUNKED, CHUNKED, body=BODY),
    "two Transfer-Encoding, other case": post(CHUNKED, b"transfer-encoding: identity", body=BODY),
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked", body=BODY),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity", body=BODY),
    "identity": post(b"Transfer-Encoding: identity", body=BODY),
    "xchunked": post(b"Transfer-Encoding: xchunked", body=BODY),
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked", body=BODY),
    "chunked with a comma": post(b"Transfer-Encoding: chunked,", body=BODY),
    "comma and chunked": post(b"Transfer-Encoding: , chunked", body=BODY),
    "chunked with NUL": post(b"Transfer-Encoding: chunked\0", body=BODY),
    "chunked in other letters": post(b"Transfer-Encoding: chun\xe2\x84\xaaed", body=BODY),
    "empty Transfer-Encoding": post(b"Transfer-Encoding:", body=BODY),
    "deflate": post(b"Transfer-Encoding: deflate", body=BODY),
    "chunked and a hidden length": post(CHUNKED, b"Content-Length\0: 3", body=BODY),
    "length and a hidden Transfer-Encoding": post(b"Content-Length: 14", b"\x0bTransfer-Encoding: chunked", body=BODY + b"a"),
    "length and a folded Transfer-Encoding": post(b"Content-Length: 14", b"X: y\r\n Transfer-Encoding: chunked", body=BODY + b"a"),
    "quoted chunked": post(b'Transfer-Encoding: "chunked"', body=BODY),
    "chunked with vertical tab": post(b"Transfer-Encoding:\x0bchunked", body=BODY),
    "chunked with parameter": post(b"Transfer-Encoding: chunked;a=b", body=BODY),
    "Transfer-Encoding before colon blank": post(b"Transfer-Encoding : chunked", body=BODY),
    "Content-Length before colon blank": post(b"Content-Length : 3", body=b"abc"),
    "Transfer-Encoding with tab before colon": post(b"Transfer-Encoding\t: chunked", body=BODY),
    "chunked in 1.0": b"POST /echo HTTP/1.0\r\n" + HOST + CHUNKED + b"\r\n\r\n" + BODY,
    "no Host": b"GET /echo HTTP/1.1\r\n\r\n",
    "two Host": b"GET /echo HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "two Host, other case": b"GET /echo HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
    "empty Host": b"GET /echo HTTP/1.1\r\nHost:\r\n\r\n",
    "Host with path": b"GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "Host with user": b"GET /echo HTTP/1.1\r\nHost: u@a\r\n\r\n",
    "Host with port text": b"GET /echo HTTP/1.1\r\nHost: a:http\r\n\r\n",
    "Host list": b"GET /echo HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "Host with blank": b"GET /echo HTTP/1.1\r\nHost: a b\r\n\r\n",
    "absolute form, other host": b"GET http://b/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute form, with user": b"GET http://a@a/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "absolute form, other scheme": b"GET ftp://a/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "authority form": b"GET a:80 HTTP/1.1\r\n" + HOST + b"\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n",
    "bare LF after request line": b"GET /echo HTTP/1.1\n" + HOST + b"\r\n",
    "bare LF after header": b"GET /echo HTTP/1.1\r\nHost: a\nX: 1\r\n\r\n",
    "bare LF as empty line": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\r\n\n",
    "bare LF everywhere": b"GET /echo HTTP/1.1\nHost: a\n\n",
    "LF CR": b"GET /echo HTTP/1.1\r\nHost: a\n\rX: 1\r\n\r\n",
    "bare CR in value": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\rY: 2\r\n\r\n",
    "CR CR LF": b"GET /echo HTTP/1.1\r\nHost: a\r\r\nX: 1\r\n\r\n",
    "obs-fold": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\r\n 2\r\n\r\n",
    "obs-fold with tab": b"GET /echo HTTP/1.1\r\nHost: a\r\nX: 1\r\n\t2\r\n\r\n",
    "obs-fold of the first header": b"GET /echo HTTP/1.1\r\n X: 1\r\nHost: a\r\n\r\n",
    "obs-fold of Transfer-Encoding": post(b"Transfer-Encoding:\r\n chunked", body=BODY),
    "NUL in value": get(b"/echo", b"X: a\0b"),
    "NUL at a value's end": get(b"/echo", b"X: a\0"),
    "NUL in name": get(b"/echo", b"X\0Y: a"),
    "line that begins with NUL": get(b"/echo", b"\0X: a"),
    "NUL line hides a length": post(b"\0", b"Content-Length: 3", body=b"abc"),
    "NUL in target": get(b"/echo\0/x"),
    "NUL in Host": b"GET /echo HTTP/1.1\r\nHost: a\0b\r\n\r\n",
    "NUL in version": b"GET /echo HTTP/1.1\0\r\nHost: a\r\n\r\n",
    "control byte in value": get(b"/echo", b"X: a\x01b"),
    "DEL in value": get(b"/echo", b"X: a\x7fb"),
    "empty name": get(b"/echo", b": v"),
    "no colon": get(b"/echo", b"NoColon"),
    "name with blank": get(b"/echo", b"X Y: v"),
    "name with bracket": get(b"/echo", b"X(Y): v"),
    "name with high byte": get(b"/echo", b"X\xff: v"),
    "two blanks before the target": b"GET  /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "two blanks before the version": b"GET /echo  HTTP/1.1\r\n" + HOST + b"\r\n",
    "blank in target": b"GET /echo b HTTP/1.1\r\n" + HOST + b"\r\n",
    "tab for blank": b"GET\t/echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "blank before method": b" GET /echo HTTP/1.1\r\n" + HOST + b"\r\n",
    "blank after version": b"GET /echo HTTP/1.1 \r\n" + HOST + b"\r\n",
    "HTTP/0.9": b"GET /echo\r\n\r\n",
    "HTTP/0.9 with a version": b"GET /echo HTTP/0.9\r\n" + HOST + b"\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "version 2.0": b"GET /echo HTTP/2.0\r\n" + HOST + b"\r\n",
    "version 1.10": b"GET /echo HTTP/1.10\r\n" + HOST + b"\r\n",
    "version in small letters": b"GET /echo http/1.1\r\n" + HOST + b"\r\n",
    "version of another protocol": b"GET /echo ICY/1.1\r\n" + HOST + b"\r\n",
    "no slash": get(b"echo"),
    "high byte in target": get(b"/ech\xc3\xb6"),
    "fragment": get(b"/echo#x"),
    "backslash": get(b"/echo\\x"),
    "encoded slash": get(b"/echo%2fx"),
    "encoded slash, upper case": get(b"/echo%2Fx"),
    "encoded backslash": get(b"/echo%5cx"),
    "encoded NUL": get(b"/echo%00"),
    "encoded line break": get(b"/echo%0d%0a"),
    "encoded percent": get(b"/echo%252fx"),
    "encoded dots": get(b"/echo/%2e%2e/x"),
    "dots": get(b"/echo/../x"),
    "dots at the end": get(b"/echo/.."),
    "one dot": get(b"/echo/./x"),
    "two slashes": get(b"/echo//x"),
    "two slashes first": get(b"//echo"),
    "escape cut short": get(b"/echo%2"),
    "escape of no digit": get(b"/echo%zz"),
    "two Authorization": get(b"/echo", b"Authorization: a", b"Authorization: b"),
    "two Content-Type": get(b"/echo", b"Content-Type: a/b", b"content-type: a/b"),
    "two signatures": get(b"/echo", b"Webhook-Signature: a", b"Webhook-Signature: b"),
    "two ce-id": get(b"/echo", b"ce-id: a", b"CE-ID: b"),
}


@pytest.mark.parametrize("name", FRAMING)
def test_refused_and_closed(gateway, name):
    responses, closed = gateway.exchange(FRAMING[name] + NEXT)
    statuses = [r[0] for r in responses]
    # Nothing at all, or one refusal: never an answer to what came behind.
    assert statuses in ([400], [505] if "version" in name or "preface" in name else [400], []) and closed, (statuses, closed)
    assert not any(b"smuggled" in r[2] for r in responses)


CHUNKS = {
    "0x": b"0x3\r\nabc\r\n0\r\n\r\n",
    "plus": b"+3\r\nabc\r\n0\r\n\r\n",
    "minus": b"-3\r\nabc\r\n0\r\n\r\n",
    "blank before": b" 3\r\nabc\r\n0\r\n\r\n",
    "blank after": b"3 \r\nabc\r\n0\r\n\r\n",
    "empty": b"\r\nabc\r\n0\r\n\r\n",
    "no digit": b"g\r\nabc\r\n0\r\n\r\n",
    "digit and more": b"3g\r\nabc\r\n0\r\n\r\n",
    "overflow": b"10000000000000003\r\nabc\r\n0\r\n\r\n",
    "longer than said": b"3\r\nabcX\r\n0\r\n\r\n",
    "no line break": b"3\r\nabc0\r\n\r\n",
    "bare CR": b"3\rabc\r\n0\r\n\r\n",
    "underscore": b"1_0\r\nabcdefghijklmnop\r\n0\r\n\r\n",
    "fraction": b"3.0\r\nabc\r\n0\r\n\r\n",
    "comma": b"3,3\r\nabc\r\n0\r\n\r\n",
    "NUL after": b"3\0\r\nabc\r\n0\r\n\r\n",
    "two breaks after data": b"3\r\nabc\r\n\r\n0\r\n\r\n",
    "no break after data": b"3\r\nabc0\r\n\r\n",
    "shorter than said": b"5\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", CHUNKS)
def test_odd_chunks(gateway, name):
    responses, closed = gateway.exchange(post(CHUNKED, body=CHUNKS[name]) + NEXT)
    statuses = [r[0] for r in responses]
    assert statuses in ([400], [413], []) and closed, (statuses, closed)


# libmicrohttpd 0.9.75 reads these as if the line break were whole. They are harmless only because nothing follows.
LENIENT = {
    "bare LF after size": b"3\nabc\r\n0\r\n\r\n",
    "bare LF after data": b"3\r\nabc\n0\r\n\r\n",
    "bare LF in extension": b"3;a\nabc\r\n0\r\n\r\n",
    "bare LF at second size": b"3\r\nabc\r\n3\ndef\r\n0\r\n\r\n",
    "break in a quoted extension": b"3;a=\"\n\"\r\nabc\r\n0\r\n\r\n",
    "extension of the last": b"3\r\nabc\r\n0;a\nb\r\n\r\n",
    "long extension": b"3;" + b"a" * 5000 + b"\r\nabc\r\n0\r\n\r\n",
    "many zeros": b"0" * 5000 + b"3\r\nabc\r\n0\r\n\r\n",
    "trailer that is a request": b"3\r\nabc\r\n0\r\nGET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n",
    "huge size": b"ffffffffffffffff\r\nabc\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("name", LENIENT)
def test_lenient_chunks_smuggle_nothing(gateway, name):
    responses, closed = gateway.exchange(post(CHUNKED, body=LENIENT[name]) + NEXT)
    assert len(responses) <= 1 and closed == (len(responses) == 1)
    assert not any(b"smuggled" in r[2] for r in responses)


@pytest.mark.parametrize("body", [BODY, b"3\nabc\r\n0\r\n\r\n", b"3;a=b\r\nabc\r\n0\r\nX: y\r\n\r\n", b"3\r\nabc\r\n0\n\n"])
@pytest.mark.parametrize("cut", [1, 2, 3, 5, 8])
def test_nothing_follows_a_chunked_body(gateway, body, cut):
    """However the pieces arrive, what stands behind a chunked body is never read as a request."""
    responses, closed = gateway.exchange(post(CHUNKED), body[:cut], body[cut:] + NEXT)
    assert closed and len(responses) <= 1
    assert not any(b"smuggled" in r[2] for r in responses)


def test_trailers_are_not_headers(gateway):
    body = b"3\r\nabc\r\n0\r\nAuthorization: x\r\nHost: b\r\n\r\n"
    ((status, _, answer),), closed = gateway.exchange(post(CHUNKED, body=body))
    got = json.loads(answer)
    assert status == 200 and closed and got["body"] == "abc"
    assert got["headers"] == [["host", "a"]]


GOOD = {
    "plain": (get(), "/echo"),
    "query": (get(b"/echo/a?x=%2f%2e&y=[1]"), "/echo/a"),
    "escape": (get(b"/echo/a%20b"), "/echo/a%20b"),
    "slash at the end": (get(b"/echo/"), "/echo/"),
    "absolute form": (b"GET http://A/echo HTTP/1.1\r\n" + HOST + b"\r\n", "/echo"),
    "empty value": (get(b"/echo", b"X-A:", b"X-B: \t "), "/echo"),
    "HTTP/1.0": (b"GET /echo HTTP/1.0\r\n\r\n", "/echo"),
    "blank line first": (b"\r\n" + get(), "/echo"),
    "IPv6 host": (b"GET /echo HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", "/echo"),
}


@pytest.mark.parametrize("name", GOOD)
def test_good_requests_pass(gateway, name):
    raw, path = GOOD[name]
    (response,), _ = gateway.exchange(raw)
    assert response[0] == 200, response
    assert json.loads(response[2])["path"] == path


@pytest.mark.parametrize("step", [1, 7])
def test_good_requests_pass_in_pieces(gateway, step):
    raw = post(b"Content-Length: 3", b"X-Long: " + b"y" * 40, body=b"abc")
    (response,), closed = gateway.exchange(*(raw[i:i + step] for i in range(0, len(raw), step)), pause=0.002)
    assert response[0] == 200 and json.loads(response[2])["body"] == "abc" and not closed


def test_keep_alive_and_pipelining(gateway):
    responses, closed = gateway.exchange(get(b"/echo/1") + post(b"Content-Length: 2", body=b"hi") + get(b"/echo/3"))
    assert [r[0] for r in responses] == [200] * 3 and not closed
    assert [json.loads(r[2])["path"] for r in responses] == ["/echo/1", "/echo", "/echo/3"]


def test_only_known_headers_pass(gateway):
    raw = get(b"/echo", b"Cookie: a=b", b"X-Evil: 1", b"Authorization: Bearer x", b"CE-Type: t", b"X-Forwarded-For: 1.2.3.4",
              b"Accept: a", b"Accept: b")
    (response,), _ = gateway.exchange(raw)
    got = json.loads(response[2])
    assert got["headers"] == [["host", "a"], ["authorization", "Bearer x"], ["ce-type", "t"], ["accept", "a"], ["accept", "b"]]
    assert got["peer"] == "::ffff:127.0.0.1"


@pytest.mark.parametrize("method, status", [(b"TRACE", 405), (b"CONNECT", 405), (b"BREW", 501), (b"get", 501)])
def test_methods(gateway, method, status):
    (response,), closed = gateway.exchange(method + b" /echo HTTP/1.1\r\n" + HOST + b"\r\n")
    assert response[0] == status and closed
    assert response[1]["content-type"] == "application/problem+json"


def test_head_has_no_content(gateway):
    with gateway.connect() as s:
        s.sendall(b"HEAD /echo HTTP/1.1\r\n" + HOST + b"\r\n")
        s.settimeout(1)
        head = s.recv(65536)
    assert head.startswith(b"HTTP/1.1 200") and head.endswith(b"\r\n\r\n")
    assert int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0]) > 0


@pytest.mark.parametrize("path, status", [(b"/echo", 200), (b"/odd-header", 502), (b"/inject", 502), (b"/echo/../x", 400)])
def test_fixed_headers(gateway, path, status):
    (response,), _ = gateway.exchange(get(path))
    assert response[0] == status
    headers = response[1]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "date" in headers and "server" not in headers and "set-cookie" not in headers
    if status != 200:
        assert json.loads(response[2])["type"].startswith("urn:sallyport:error:")


def test_expect_continue(gateway):
    with gateway.connect() as s:
        s.sendall(post(b"Content-Length: 3", b"Expect: 100-continue"))
        assert s.recv(100).startswith(b"HTTP/1.1 100")
        s.sendall(b"abc")
        assert s.recv(65536).startswith(b"HTTP/1.1 200")


class TestProxy:
    @pytest.fixture(scope="class")
    def behind(self):
        g = Gateway({"behindProxy": True, "trustedProxies": ["127.0.0.0/8", "10.0.0.0/8", "2001:db8::/32"]}).ready()
        yield g
        g.close()

    @pytest.mark.parametrize("headers, peer", [
        ([b"X-Forwarded-For: 192.0.2.7"], "::ffff:192.0.2.7"),
        ([b"X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3"], "::ffff:192.0.2.7"),
        ([b"X-Forwarded-For: 6.6.6.6", b"X-Forwarded-For: 192.0.2.7:1234, 10.1.2.3"], "::ffff:192.0.2.7"),
        ([b"X-Forwarded-For: 192.0.2.7, nonsense"], "::ffff:127.0.0.1"),
        ([b"X-Forwarded-For: 192.0.2.7, nonsense, 10.1.2.3"], "::ffff:10.1.2.3"),
        ([b"X-Forwarded-For: 010.0.0.1"], "::ffff:127.0.0.1"),
        ([b"X-Forwarded-For: 11.0.0.1"], "::ffff:11.0.0.1"),
        ([b"X-Forwarded-For: 2001:db9::1"], "2001:db9::1"),
        ([b'Forwarded: for=6.6.6.6, for="[2001:db9::1]:99";proto=https, for=10.0.0.1'], "2001:db9::1"),
        ([b"Forwarded: for=_hidden"], "::ffff:127.0.0.1"),
        ([], "::ffff:127.0.0.1"),
    ])
    def test_client_address(self, behind, headers, peer):
        (response,), _ = behind.exchange(get(b"/echo", *headers))
        assert json.loads(response[2])["peer"] == peer

    def test_both_kinds_are_refused(self, behind):
        (response,), closed = behind.exchange(get(b"/echo", b"Forwarded: for=6.6.6.6", b"X-Forwarded-For: 192.0.2.7"))
        assert response[0] == 400 and closed


NGINX = shutil.which("nginx") or "/usr/sbin/nginx"


class TestBehindNginx:
    """A proxy that keeps one connection to us for all its clients: what one of them sends never becomes part of another's request."""

    @pytest.fixture(scope="class")
    def behind(self, tmp_path_factory):
        if not Path(NGINX).exists():
            pytest.skip("there is no nginx")
        folder = tmp_path_factory.mktemp("nginx")
        gateway = Gateway({"behindProxy": True, "trustedProxies": ["127.0.0.1/32"]}).ready()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        (folder / "nginx.conf").write_text(f"""
            daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
            events {{ worker_connections 64; }}
            http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
                    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; underscores_in_headers on; ignore_invalid_headers off;
                    upstream ours {{ server 127.0.0.1:{gateway.port}; keepalive 1; }}
                    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://ours; proxy_http_version 1.1; proxy_request_buffering off;
                              proxy_set_header Connection ""; proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }} }} }}""")
        nginx = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
        proxy = Proxy(port)
        for _ in range(200):
            if proxy.is_up():
                break
            time.sleep(0.05)
        yield proxy
        nginx.terminate()
        nginx.wait(10)
        gateway.close()

    def test_it_passes_requests_on(self, behind):
        for n in range(5):
            assert behind.victim(n)

    @pytest.mark.parametrize("name", [n for n in FRAMING if FRAMING[n].startswith(b"POST")] + ["bare LF after header", "obs-fold", "NUL in value", "two Host"])
    def test_nothing_is_left_for_the_next(self, behind, name):
        # The body that a lenient reader would take for more than one request.
        raw = FRAMING[name]
        responses, _ = behind.exchange(raw + b"0\r\n\r\n" + NEXT.replace(b"Host: a", b"Host: a\r\nX: "))
        assert all(r[0] in (200, 400, 411, 413, 501) for r in responses), responses
        for n in range(2):
            assert behind.victim(f"{name}-{n}".replace(" ", "-").replace(",", "")), responses

    @pytest.mark.parametrize("body", list(CHUNKS.values()) + list(LENIENT.values()), ids=list(CHUNKS) + list(LENIENT))
    def test_nothing_is_left_of_odd_chunks(self, behind, body):
        behind.exchange(post(CHUNKED, body=body) + NEXT)
        assert behind.victim("chunks") and behind.victim("chunks-again")

    def test_a_body_of_a_get_is_no_request(self, behind):
        behind.exchange(get(b"/echo", b"Content-Length: %d" % len(NEXT)) + NEXT)
        assert behind.victim("get")

    def test_pipelined_requests_stay_apart(self, behind):
        responses, _ = behind.exchange(b"".join(post(b"Content-Length: 2", body=b"%02d" % n) for n in range(20)))
        assert [json.loads(r[2])["body"] for r in responses] == ["%02d" % n for n in range(20)]

    def test_a_client_cannot_name_himself(self, behind):
        (response,), _ = behind.exchange(get(b"/echo", b"X-Forwarded-For: 10.9.9.9"))
        assert json.loads(response[2])["peer"] == "::ffff:127.0.0.1"


class Proxy:
    def __init__(self, port):
        self.port = port

    def is_up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def exchange(self, raw):
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as s:
            s.sendall(raw)
            return read_all(s, quiet=0.15)

    def victim(self, mark):
        """Another client's request, answered as itself."""
        path = f"/echo/victim-{mark}".encode()
        responses, _ = self.exchange(b"GET " + path + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return [json.loads(r[2])["path"] for r in responses] == [path.decode()]
