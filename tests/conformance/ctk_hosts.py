"""Stand-ins for the public hosts that the kit and the examples call: one HTTPS server on 127.0.0.1 with a certificate of
an authority that is made for the test run. `sallyport run` reaches it by --connect-to and --cacert."""
import base64
import hashlib
import json
import re
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, parse_qsl, unquote, urlsplit

NAMES = ["petstore.swagger.io", "httpbin.org", "swapi.dev", "superbet-casinos.com", "fake-hospital.com",
         "external-service.example.com"]
DIGEST_HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}
NONCE = "6c6f6e67206e6f6e6365"


def make_certificate(folder):
    """An authority and one certificate of it for all names: ca.pem, server.pem, server.key."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    openssl("req", "-x509", *key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj", "/CN=Test authority",
            "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")
    openssl("req", "-new", *key, "-keyout", "server.key", "-out", "server.csr", "-subj", f"/CN={NAMES[0]}")
    (folder / "san").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in NAMES))
    openssl("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2",
            "-extfile", "san", "-out", "server.pem")


def pet(pet_id, status="available"):
    return {"id": pet_id, "name": f"pet {pet_id}", "status": status, "photoUrls": []}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):
        pass

    def answer(self, status, body=None, headers=()):
        """`body` is sent as JSON; bytes as they are."""
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        headers = dict(headers)
        if data and "Content-Type" not in headers:
            headers["Content-Type"] = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def serve(self):
        self.url = urlsplit(self.path)
        self.query = {k: v[-1] for k, v in parse_qs(self.url.query, keep_blank_values=True).items()}
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = (self.headers.get("Host") or "").split(":")[0]
        self.server.hosts.note(self.command, host, self.path, self.headers, self.body)
        route = {"petstore.swagger.io": self.petstore, "httpbin.org": self.httpbin, "swapi.dev": self.swapi,
                 "superbet-casinos.com": self.echo, "fake-hospital.com": self.echo}.get(host)
        if route:
            route()
        else:
            self.answer(503, {"message": "no such host here"})

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = serve

    def petstore(self):
        found = re.fullmatch(r"/v2/pet/(\d+)", self.url.path)
        if self.url.path == "/v2/pet/findByStatus":
            self.answer(200, [pet(n, self.query.get("status")) for n in (1, 2, 3)])
        elif found and self.command == "GET":
            self.answer(200, pet(int(found[1])))
        elif found and self.command == "PUT":
            self.answer(200, json.loads(self.body))
        else:
            self.answer(404, {"code": 404, "type": "unknown"})

    def swapi(self):
        found = re.fullmatch(r"/api/people/(\d+)", self.url.path)
        if found:
            self.answer(200, {"name": f"person {found[1]}", "homeworld": "https://swapi.dev/api/planets/1/"})
        elif self.url.path == "/api/people/":
            self.answer(200, {"count": 1, "results": [{"name": self.query.get("search")}]})
        elif self.url.path == "/api/planets/1/":
            self.answer(200, {"name": "Tatooine"})
        else:
            self.answer(404)

    def echo(self):
        text = self.body.decode("utf-8", "replace")
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        self.answer(200, {"method": self.command, "path": self.url.path, "args": self.query, "pairs": parse_qsl(self.url.query),
                          "headers": {k.lower(): v for k, v in self.headers.items()}, "data": text, "json": value})

    def httpbin(self):
        first, *rest = [unquote(part) for part in self.url.path.split("/")[1:]]
        method = getattr(self, "bin_" + first.replace("-", "_"), None)
        if method:
            method(*rest)
        else:
            self.answer(404, {"message": "nothing here"})

    def bin_anything(self, *_):
        self.echo()

    def bin_status(self, code):
        self.answer(int(code), {"status": int(code)})

    def bin_empty(self):
        self.answer(200)

    def bin_no_content(self):
        self.answer(204)

    def bin_text(self):
        self.answer(200, "plain, \u00fcber".encode(), {"Content-Type": "text/plain; charset=utf-8"})

    def bin_binary(self):
        self.answer(200, b"\x00\xff\x01")

    def bin_bad_json(self):
        self.answer(200, b'{"a":', {"Content-Type": "application/json"})

    def bin_vendor(self):
        self.answer(200, b'{"a": 1}', {"Content-Type": "application/vnd.test+json; charset=utf-8"})

    def bin_number(self, digits):
        self.answer(200, digits.encode(), {"Content-Type": "application/json"})

    def bin_delay(self, ms):
        time.sleep(int(ms) / 1000)
        self.answer(200, {"delayed": int(ms)})

    def bin_redirect_to(self, status="302"):
        self.answer(int(status), {"moved": True}, {"Location": self.query["url"]})

    def bin_flaky(self, key, times):
        """503 for the first `times` calls under this key."""
        n = self.server.hosts.count(key)
        self.answer(503 if n <= int(times) else 200, {"call": n})

    def bin_slow_later(self, key, ms):
        """503 at first, later an answer that takes its time."""
        if self.server.hosts.count(key) == 1:
            self.answer(503)
        else:
            self.bin_delay(ms)

    def unauthorised(self, challenge):
        self.answer(401, {"message": "not authenticated"}, {"WWW-Authenticate": challenge})

    def bin_basic_auth(self, user, password):
        expected = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        if self.headers.get("Authorization") == expected:
            self.answer(200, {"authenticated": True, "user": user})
        else:
            self.unauthorised('Basic realm="kit"')

    def bin_bearer(self, token):
        if self.headers.get("Authorization") == f"Bearer {token}":
            self.answer(200, {"authenticated": True})
        else:
            self.unauthorised("Bearer")

    def bin_digest_auth(self, algorithm, user, password):
        """RFC 7616 with qop=auth."""
        def digest(text):
            return DIGEST_HASHES[algorithm](text.encode()).hexdigest()
        given = dict(re.findall(r'(\w+)="?([^",]*)"?', (self.headers.get("Authorization") or "").partition(" ")[2]))
        if given.get("nonce") == NONCE:
            a1 = digest(f"{user}:kit:{password}")
            a2 = digest(f"{self.command}:{self.path}")
            if given.get("response") == digest(f"{a1}:{NONCE}:{given.get('nc')}:{given.get('cnonce')}:auth:{a2}"):
                self.answer(200, {"authenticated": True, "user": user})
                return
        self.unauthorised(f'Digest realm="kit", qop="auth", algorithm={algorithm}, nonce="{NONCE}"')


class Hosts:
    """The server, for a `with`; `requests` is what it was asked since clear()."""

    def __init__(self, folder):
        self.folder = folder
        self.lock = threading.Lock()
        self.requests, self.counts = [], {}
        make_certificate(folder)
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.hosts = self
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "server.pem", folder / "server.key")
        # The handshake belongs to the thread of the connection, not to the one that accepts.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def note(self, method, host, path, headers, body):
        with self.lock:
            self.requests.append({"method": method, "host": host, "path": path, "headers": dict(headers), "body": body})

    def count(self, key):
        with self.lock:
            self.counts[key] = self.counts.get(key, 0) + 1
            return self.counts[key]

    def clear(self):
        with self.lock:
            self.requests, self.counts = [], {}

    @staticmethod
    def origins():
        return [f"https://{name}" for name in NAMES]

    def options(self):
        port = self.server.server_address[1]
        routes = [f"--connect-to={name}:443:127.0.0.1:{port}" for name in NAMES]
        return [*routes, f"--cacert={self.folder / 'ca.pem'}"]
