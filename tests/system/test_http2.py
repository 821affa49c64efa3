"""Egress speaks HTTP/2 to an nginx that offers it, and HTTP/1.1 to one that does not. What it did is read from nginx's own log."""
import json
import shutil
import socket
import subprocess
from collections import Counter
from pathlib import Path

import pytest

from conftest import make_folder
from sallyport import Server, call, definition, eventually

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
TOKEN = "token-of-the-h2-tests"
CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 64; }}
http {{
  log_format seen '{{"host":"$host","protocol":"$server_protocol","method":"$request_method","uri":"$uri","status":$status,'
                  '"connection":$connection,"authorization":"$http_authorization"}}';
  access_log {folder}/access.log seen;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u;
  scgi_temp_path {folder}/s; client_max_body_size 8m; default_type application/json;
  ssl_certificate {folder}/tls.crt; ssl_certificate_key {folder}/tls.key;
  server {{ listen 127.0.0.1:{h2} ssl http2; server_name h2.test;
    location /moved {{ return 302 https://h2.test/echo; }}
    location /away {{ return 302 https://h1.test/echo; }}
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
  server {{ listen 127.0.0.1:{h2} ssl http2; server_name few.test; keepalive_requests 3;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
  server {{ listen 127.0.0.1:{h1} ssl; server_name h1.test;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
}}
"""


def free_ports(n):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(n)]
    ports = [s.getsockname()[1] for s in sockets]
    for s in sockets:
        s.close()
    return ports


class Nginx:
    def __init__(self, folder, upstream):
        self.folder, self.seen = folder, folder / "access.log"
        names = ",".join(f"DNS:{n}.test" for n in ("h2", "few", "h1"))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=tests", "-addext", f"subjectAltName={names}", "-keyout", folder / "tls.key", "-out",
                        folder / "tls.crt"], check=True, capture_output=True)
        self.h2, self.h1 = free_ports(2)
        (folder / "nginx.conf").write_text(CONFIGURATION.format(folder=folder, upstream=upstream.port, h2=self.h2, h1=self.h1))
        self.process = subprocess.Popen([NGINX, "-c", folder / "nginx.conf", "-p", folder], stderr=subprocess.DEVNULL)
        eventually(self.is_up, 10, "nginx")

    def is_up(self):
        try:
            return not socket.create_connection(("127.0.0.1", self.h1), 1).close()
        except OSError:
            return False

    def requests(self, host, n):
        """The `n` requests that this host has answered since the last question."""
        def lines():
            found = [r for r in map(json.loads, self.seen.read_text().splitlines()) if r["host"] == host]
            return found if len(found) >= n else None
        found = eventually(lines, 5, f"{n} requests of {host}")
        assert len(found) == n, found
        self.seen.write_text("")
        return found

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def nginx(upstream):
    if not Path(NGINX).exists():
        pytest.skip("there is no nginx")
    folder = make_folder()
    n = Nginx(folder, upstream)
    yield n
    n.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(nginx):
    folder = make_folder()
    to = [f"{host}.test:443:127.0.0.1:{port}" for host, port in (("h2", nginx.h2), ("few", nginx.h2), ("h1", nginx.h1))]
    with Server(folder, config={"egress": {"caBundle": str(nginx.folder / "tls.crt"), "connectTo": to}}) as s:
        s.secret("token", TOKEN, origins=["https://h2.test"])
        yield s
    shutil.rmtree(folder, ignore_errors=True)


def run(server, name, *tasks, input=None):
    """Deploys and runs tasks that may reach all three hosts."""
    more = {"use": {"secrets": ["token"], "authentications": {"a": {"bearer": {"use": "token"}}}}}
    do = [{f"t{i}": task} for i, task in enumerate(tasks)]
    server.deploy(definition(name, do, origins=[f"https://{h}.test" for h in ("h2", "few", "h1")], more=more))
    done = server.run(name, input).json
    assert done["state"] == "completed", done
    return done["output"]


def get(path, **more):
    return call(f"https://h2.test{path}", **more)


def test_one_connection_for_many_calls(server, nginx):
    run(server, "reuse", *[get(f"/call/{i}") for i in range(6)])
    seen = nginx.requests("h2.test", 6)
    assert {r["protocol"] for r in seen} == {"HTTP/2.0"} and len({r["connection"] for r in seen}) == 1, seen


def test_calls_at_once_share_it(server, nginx, upstream):
    upstream.reply("/slow", delay=0.3)
    run(server, "fork", {"fork": {"branches": [{f"b{i}": get("/slow")} for i in range(5)]}})
    seen = nginx.requests("h2.test", 5)
    assert {r["protocol"] for r in seen} == {"HTTP/2.0"}, seen


def test_the_credential_and_the_redirect(server, nginx):
    assert run(server, "moved", get("/moved", authentication={"use": "a"}, redirect=True))
    first, second = nginx.requests("h2.test", 2)
    assert (first["uri"], first["status"], second["uri"]) == ("/moved", 302, "/echo")
    assert {r["protocol"] for r in (first, second)} == {"HTTP/2.0"} and first["connection"] == second["connection"]
    assert {r["authorization"] for r in (first, second)} == {f"Bearer {TOKEN}"}


def test_the_credential_stays_behind(server, nginx):
    """Another origin, another protocol: the hop is followed, the credential is not sent along."""
    run(server, "away", get("/away", authentication={"use": "a"}, redirect=True))
    (hop,) = nginx.requests("h1.test", 1)
    assert hop["protocol"] == "HTTP/1.1" and TOKEN not in hop["authorization"], hop


def test_large_bodies_both_ways(server, nginx, upstream):
    text = "x" * (700 << 10) # beyond the windows with which a stream and a connection begin
    upstream.on("/large", lambda handler, request: handler.answer(200, {"back": json.loads(request.body)["text"]}))
    out = run(server, "large", call("https://h2.test/large", "post", body={"text": "${ .text }"}), input={"text": text})
    assert out == {"back": text}
    (seen,) = nginx.requests("h2.test", 1)
    assert (seen["protocol"], seen["method"]) == ("HTTP/2.0", "POST")


def test_a_connection_that_ends_is_made_again(server, nginx):
    """keepalive_requests 3: nginx says GOAWAY after each third request, and no call fails for it."""
    run(server, "goaway", *[call(f"https://few.test/call/{i}") for i in range(10)])
    seen = nginx.requests("few.test", 10)
    per_connection = Counter(r["connection"] for r in seen)
    assert {r["protocol"] for r in seen} == {"HTTP/2.0"} and max(per_connection.values()) <= 3 and len(per_connection) >= 4, seen


def test_who_has_no_http2_gets_http11(server, nginx):
    run(server, "old", *[call(f"https://h1.test/call/{i}") for i in range(3)])
    seen = nginx.requests("h1.test", 3)
    assert {r["protocol"] for r in seen} == {"HTTP/1.1"} and len({r["connection"] for r in seen}) == 1, seen
