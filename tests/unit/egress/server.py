"""The other people's servers of the egress tests: three origins on 127.0.0.1 and one with TLS. Prints their ports and the
file with the certificate on one line and ends when standard input does."""
import base64, gzip, http.server, json, os, shutil, socket, ssl, subprocess, sys, tempfile, threading, time, urllib.parse


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def reply(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.body = self.rfile.read(length)
        url = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True))
        name = url.path.strip("/").replace("-", "_").split("/")[0]
        if name != "count":
            self.server.count += 1
        getattr(self, "on_" + name, self.on_echo)()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

    def on_count(self):
        self.reply(200, str(self.server.count).encode())

    def on_echo(self):
        seen = {"method": self.command, "path": self.path, "body": self.body.decode("latin-1"),
                "headers": {k.lower(): v for k, v in self.headers.items()}}
        self.reply(200, json.dumps(seen).encode(), [("Content-Type", "application/json"), ("Set-Cookie", "a=b"),
                                                    ("X-Echo", self.headers.get("Authorization", "none"))])

    def on_status(self):
        self.reply(int(self.query["code"]))

    def on_redirect(self):
        self.reply(int(self.query["status"]), b"moved", [("Location", self.query["to"])])

    def on_redirect_to_name(self):
        self.reply(302, b"", [("Location", "/echo?x=" + self.query["begin"] + self.query["end"])])

    def on_loop(self):
        self.reply(302, b"", [("Location", "/loop")])

    def on_reflect(self):
        value = self.query["key"]
        raw = value.encode()
        forms = [value, urllib.parse.quote(value, safe=""), urllib.parse.quote_plus(value), raw.hex(), raw.hex().upper(),
                 json.dumps(value), json.dumps(value).replace("/", "\\/")]
        for before in (b"", b"x", b"xy", b"Basic user:"):
            for after in (b"", b"z", b"zz"):
                forms += [base64.b64encode(before + raw + after).decode(), base64.urlsafe_b64encode(before + raw + after).decode()]
        self.reply(200, "\n".join(forms).encode(), [("X-Reflect", value)])

    def on_gzip(self):
        self.reply(200, gzip.compress(b"hello " * 1000), [("Content-Encoding", "gzip")])

    def on_bomb(self):
        self.reply(200, gzip.compress(b"\0" * (64 << 20)), [("Content-Encoding", "gzip")])

    def on_small_bomb(self):
        self.reply(200, gzip.compress(b"\0" * (3 << 20)), [("Content-Encoding", "gzip")])

    def on_not_gzip(self):
        self.reply(200, b"this is not gzip", [("Content-Encoding", "gzip")])

    def on_endless(self):
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        except OSError:
            self.close_connection = True

    def on_lying(self):
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"only this")
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def on_cut(self):
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def on_hang(self):
        time.sleep(20)

    def on_many_headers(self):
        self.reply(200, b"", [("X-%d" % i, "v") for i in range(99)])

    def on_long_headers(self):
        self.reply(200, b"", [("X-%d" % i, "v" * 4000) for i in range(10)])

    def on_http09(self):
        self.wfile.write(b"no status line\n")
        self.close_connection = True

    def on_digest(self):
        if "Digest" in self.headers.get("Authorization", ""):
            self.on_echo()
        else:
            self.reply(401, b"who?", [("WWW-Authenticate", 'Digest realm="r", nonce="n", qop="auth", algorithm=SHA-256')])


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        pass


def tls_context(folder):
    """A certificate for 127.0.0.1 that is made for this run alone; None without openssl."""
    if not shutil.which("openssl"):
        return None
    names = folder + "/key.pem", folder + "/certificate.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=test", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", names[0], "-out", names[1]],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(names[1], names[0])
    return context


folder = tempfile.mkdtemp()
context = tls_context(folder)
servers = [Server(("127.0.0.1", 0), Handler) for _ in range(4)]
if context:
    servers[3].socket = context.wrap_socket(servers[3].socket, server_side=True)
for server in servers:
    server.count = 0
    threading.Thread(target=server.serve_forever, daemon=True).start()
print(*(server.server_address[1] for server in servers), folder + "/certificate.pem" if context else "-", flush=True)
sys.stdin.read()
shutil.rmtree(folder)
os._exit(0)
