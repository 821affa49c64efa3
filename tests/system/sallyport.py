"""A real server in a folder of its own, a client for it, and upstreams that answer as a test wants. Standard library only."""
import base64
import ctypes
import hashlib
import hmac
import http.client
import http.server
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CRASHES = "ABRT|SEGV|BUS|ILL|FPE|SYS"


def build_folder():
    if "SALLYPORT_BUILD" in os.environ:
        return Path(os.environ["SALLYPORT_BUILD"]).resolve()
    return next((ROOT / b for b in ("build-dev", "build/test", "build") if (ROOT / b / "src").exists()), ROOT / "build")


def program(name="sallyport"):
    if "SALLYPORT_BIN" in os.environ:
        return str(Path(os.environ["SALLYPORT_BIN"]).resolve() / name)
    return str(build_folder() / "src" / ("cli" if name == "sallyport" else "supervisor") / name)


IS_SANITIZED = b"libasan.so" in Path(program()).read_bytes() if Path(program()).exists() else False
# Sanitizers and a busy machine make everything slower, nothing else.
PATIENCE = 4 if IS_SANITIZED else 2
LIBJQ_TOO_DEEP = r"ERROR: AddressSanitizer: stack-overflow|AddressSanitizer:DEADLYSIGNAL|SUMMARY: AddressSanitizer: stack-overflow"


def missing(what, seconds):
    name, *rest = (what() if callable(what) else what).split("\n", 1)
    return "\n".join([f"{name} did not come within {seconds} s", *rest])


def eventually(condition, seconds=5, what="the condition"):
    """The first true value of `condition()`. `what` may be a callable that tells, when it did not come, what was there instead."""
    end = time.monotonic() + seconds * PATIENCE
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, missing(what, seconds * PATIENCE)
        time.sleep(0.02)


# --- answers ----------------------------------------------------------------------------------------------------------


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    @property
    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return f"<{self.status} {dict(self.headers)} {self.body[:2000]!r}>"


class Client:
    """One connection, made again when the server closed it."""

    def __init__(self, port, token=None, context=None, timeout=30):
        self.port, self.token, self.context, self.timeout, self.connection = port, token, context, timeout, None

    def _connect(self):
        if self.context:
            return http.client.HTTPSConnection("localhost", self.port, timeout=self.timeout, context=self.context)
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=self.timeout)

    def request(self, method, path, body=None, headers=None, token=..., kind="application/json", retry=True):
        headers = dict(headers or {})
        token = self.token if token is ... else token
        if token:
            headers.setdefault("Authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        if body is not None and kind:
            headers.setdefault("Content-Type", kind)
        for attempt in (0, 1):
            is_fresh = self.connection is None
            self.connection = self.connection or self._connect()
            try:
                try:
                    self.connection.request(method, path, body, headers)
                except BrokenPipeError:
                    if is_fresh and not body:
                        raise # else it was refused before all of the body was sent, and the answer is there
                response = self.connection.getresponse()
                return Answer(response, response.read())
            except (http.client.RemoteDisconnected, BrokenPipeError, ConnectionResetError):
                self.close()
                if is_fresh or attempt or not retry:
                    raise
            except BaseException:
                self.close()
                raise

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def get(self, path, **more):
        return self.request("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.request("POST", path, body if body is not None else b"", **more)

    def put(self, path, body=None, **more):
        return self.request("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.request("DELETE", path, **more)


# --- the server -------------------------------------------------------------------------------------------------------


def cli(*args, input=None, env=None, timeout=60):
    return subprocess.run([program(), *map(str, args)], input=input, capture_output=True, text=True, timeout=timeout,
                          env=dict(os.environ, **(env or {})))


class Server:
    def __init__(self, folder, workers=2, config=None, arguments=(), start=True):
        self.folder, self.workers, self.arguments = Path(folder), workers, list(arguments)
        self.data, self.root_key = self.folder / "data", self.folder / "keys" / "root.key"
        self.log_path, self.config = self.folder / "server.log", self.folder / "sallyport.yaml"
        self.process = self.port = self.token = None
        self.clients, self.seen_pids, self.may_crash = [], set(), None
        self.write_config(config or {})
        if start:
            self.init()
            self.start()

    def write_config(self, config):
        # Tests are one client address and one principal, in a hurry.
        limits = {name: 100000 for name in ("connectionsPerSecond", "refusalsPerSecond", "addressPerSecond", "addressBurst",
                                            "principalPerSecond", "principalBurst")}
        limits.update(config.get("limits", {}))
        self.config.write_text(json.dumps({**config, "limits": limits}))

    def init(self):
        r = cli("init", "--data", self.data, "--root-key", self.root_key, "--json")
        assert r.returncode == 0, r.stderr
        self.token = json.loads(r.stdout)["token"]

    def command(self, listen):
        return [program("sallyportd"), "--config", str(self.config), "--data", str(self.data), "--root-key", str(self.root_key),
                "--workers", str(self.workers), "--listen", listen, *self.arguments]

    def start(self, listen="127.0.0.1:0", wait=True):
        offset = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.command(listen), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            cwd=self.folder)
        self.log_start = offset
        if wait:
            self.wait_listening()
            self.wait_ready()
        return self

    def log(self, whole=False):
        return self.log_path.read_bytes()[0 if whole else self.log_start:].decode("utf-8", "replace")

    def wait_listening(self):
        def find():
            assert self.process.poll() is None, f"the server ended with {self.process.returncode}: {self.log()}"
            return re.search(r"event=supervisor\.listening address=\S*:(\d+)", self.log())
        self.port = int(eventually(find, 10, "the listener").group(1))

    def is_ready(self):
        try:
            return Client(self.port, timeout=5).get("/readyz").status == 200
        except OSError:
            return False

    def wait_ready(self, seconds=10):
        eventually(self.is_ready, seconds, lambda: self.situation("readiness"))
        self.audit_key = self.api.get("/api/v1/identity").json["auditPublic"]

    def roles(self, name=None):
        """{(role, index): pid} of those that live; with a name, the pids of that role."""
        alive = {}
        for line in self.log().splitlines():
            m = re.search(r"event=role\.(started|ended) role=(\w+) index=(\d+)(?:.* pid=(\d+))?", line)
            if m and m[1] == "started":
                alive[m[2], int(m[3])] = int(m[4])
                self.seen_pids.add(int(m[4]))
            elif m:
                self.seen_pids.discard(alive.pop((m[2], int(m[3])), None)) # the number may be another process's by now
        return alive if name is None else [pid for (role, _), pid in alive.items() if role == name]

    def situation(self, what, *pids):
        """`what`, and what one wants to know when it did not come: who lives, what these processes do, the end of the log."""
        return "\n".join([what, f"roles: {self.roles()}", *map(process_state, [self.process.pid, *pids]),
                          *self.log().splitlines()[-20:]])

    def client(self, token=..., **more):
        c = Client(self.port, self.token if token is ... else token, **more)
        self.clients.append(c)
        return c

    @property
    def api(self):
        """The owner's client of this thread."""
        mine = getattr(self, "_mine", None)
        if mine is None:
            mine = self._mine = threading.local()
        client = getattr(mine, "client", None)
        if client is None or client.port != self.port:
            client = mine.client = self.client()
        return client

    # what tests do with it

    def deploy(self, definition, ok=True):
        text = definition if isinstance(definition, (str, bytes)) else json.dumps(definition)
        text = text.encode() if isinstance(text, str) else text
        answer = self.api.post("/api/v1/workflows", text, kind="application/yaml")
        assert not ok or answer.status == 201, answer
        return answer

    def seal(self, value, namespace, name, kind, policy):
        """The box of docs/formats/credential.md: the hash of what the value is for, then the value."""
        public = base64.b64decode(self.api.get("/api/v1/identity").json["boxPublic"])
        policy = json.dumps(policy, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        purpose = hashlib.sha256(b"sallyport/credential-box/1\0")
        for field in (namespace, name, kind, policy):
            purpose.update(len(field.encode()).to_bytes(4, "little") + field.encode())
        return base64.b64encode(seal(public, purpose.digest() + (value.encode() if isinstance(value, str) else value))).decode()

    def secret(self, name, value, kind="bearer", origins=(), namespace="test", ok=True, **policy):
        value = json.dumps(value) if isinstance(value, dict) else value
        policy.update({"origins": list(origins)} if origins else {})
        answer = self.api.put(f"/api/v1/secrets/{namespace}/{name}", {"kind": kind, "policy": policy,
                               "box": self.seal(value, namespace, name, kind, policy)})
        assert not ok or answer.status == 200, answer
        return answer

    def run(self, name, input=None, wait=True, namespace="test", **more):
        body = {"namespace": namespace, "workflow": name, "input": {} if input is None else input, "wait": wait}
        return self.api.post("/api/v1/runs", body, **more)

    def run_state(self, id):
        answer = self.api.get(f"/api/v1/runs/{id}")
        return answer.json if answer.status == 200 else None

    def wait_run(self, id, seconds=10, states=("completed", "faulted", "cancelled")):
        def ended():
            run = self.run_state(id)
            return run and run["state"] in states and run
        return eventually(ended, seconds, f"the end of run {id}")

    def hook(self, name, body, headers, namespace="test", client=None, kind="application/json", **more):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        return (client or self.api).request("POST", f"/hooks/{namespace}/{name}", body, headers, token=None, kind=kind, **more)

    def leaves(self):
        found, at = [], 0
        while True:
            page = self.api.get(f"/api/v1/audit/leaves?from={at}&limit=1000").json
            found += [x["leaf"] for x in page["leaves"]]
            at += len(page["leaves"])
            if not page["leaves"] or at >= page["size"]:
                return found

    def verify(self):
        """`sallyport audit verify` of the data folder, with the server's own key."""
        return cli("audit", "verify", "--data", self.data, "--key", self.audit_key, "--json")

    # its end

    def _close_clients(self):
        for c in self.clients:
            c.close()

    def kill_all(self):
        """SIGKILL to everything at once, the supervisor first so that it restarts nothing."""
        pids = self.roles().values()
        for pid in [self.process.pid, *pids]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.process.wait(10)
        eventually(lambda: not any(is_alive(p) for p in self.seen_pids), 5, "the end of all roles")
        self.forget()

    def forget(self):
        """After all its processes have ended."""
        self.seen_pids.clear()
        self._close_clients()

    def stop(self, check=True):
        if self.process is None or self.process.poll() is not None:
            return
        self._close_clients()
        self.roles()
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(20 * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill_all()
            raise
        if check:
            assert code == 0, self.log()[-3000:]
            self.roles()
            left = [p for p in self.seen_pids if is_alive(p)]
            assert not left, f"roles outlive their supervisor: {left}"
            self.check_no_crash()

    def check_no_crash(self):
        bad = [line for line in self.log(whole=True).splitlines() if re.search(rf"event=role\.ended .*signal=({CRASHES})\b", line) and f"role={self.may_crash} " not in line]
        assert not bad, "\n".join(bad) + "\n" + self.log()[-6000:]
        assert not list(self.folder.rglob("core*")), "somebody dumped core"
        assert "engine.undocumented-problem" not in self.log(whole=True), self.log(whole=True)
        # Where a role may crash, the depth of libjq's own recursion is what it may crash of.
        log = self.log(whole=True)
        log = re.sub(LIBJQ_TOO_DEEP, "", log) if self.may_crash else log
        assert "AddressSanitizer" not in log and "runtime error:" not in log, log

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        self.stop(check=kind is None)
        if self.process is not None and self.process.poll() is None:
            self.kill_all()


def process_state(pid):
    """Each thread of it, its state, and where in the kernel it waits."""
    def look(task):
        try:
            state = re.search(r"^State:\s*(.*)", (task / "status").read_text(), re.M)[1]
            return f"{task.name}: {state}, in {(task / 'wchan').read_text()}"
        except OSError as e:
            return f"{task.name}: {e.strerror}"
    tasks = sorted(Path(f"/proc/{pid}/task").glob("*"))
    return f"process {pid}: {'; '.join(map(look, tasks)) or 'is no more'}"


def is_alive(pid):
    # A thread that is still on its way out of a write holds the files, though the process is a zombie by its first thread.
    try:
        return any(t.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX" for t in Path(f"/proc/{pid}/task").iterdir())
    except OSError:
        return False


# --- cryptography -----------------------------------------------------------------------------------------------------


def seal(public, value):
    sodium = ctypes.CDLL("libsodium.so.23")
    assert sodium.sodium_init() >= 0
    out = ctypes.create_string_buffer(len(value) + 48)
    assert sodium.crypto_box_seal(out, value, ctypes.c_ulonglong(len(value)), public) == 0
    return out.raw


def mac(key, text):
    return hmac.new(key if isinstance(key, bytes) else key.encode(), text, hashlib.sha256)


def sign(scheme, key, body, at=None, id=None):
    """The headers with which a sender of this scheme signs `body`."""
    at = str(int(time.time() if at is None else at))
    id = id or "msg_" + os.urandom(8).hex()
    if scheme == "github":
        return {"X-Hub-Signature-256": "sha256=" + mac(key, body).hexdigest(), "X-GitHub-Delivery": id, "X-GitHub-Event": "push"}
    if scheme == "stripe":
        return {"Stripe-Signature": f"t={at},v1=" + mac(key, at.encode() + b"." + body).hexdigest()}
    if scheme == "slack":
        return {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": "v0=" + mac(key, b"v0:" + at.encode() + b":" + body).hexdigest()}
    if scheme == "standard-webhooks":
        raw = base64.b64decode(key[6:]) if key.startswith("whsec_") else key
        signature = base64.b64encode(mac(raw, f"{id}.{at}.".encode() + body).digest()).decode()
        return {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": "v1," + signature}
    if scheme == "bearer":
        return {"Authorization": f"Bearer {key}"}
    assert scheme == "none"
    return {}


# --- definitions ------------------------------------------------------------------------------------------------------


def definition(name, do, version="1.0.0", namespace="test", webhook=None, origins=None, secrets=None, schema=None, more=None,
               **settings):
    """A definition as an object; JSON is YAML."""
    if webhook:
        settings["webhook"] = webhook
    if origins:
        settings["origins"] = origins
    d = {"document": {"dsl": "1.0.3", "namespace": namespace, "name": name, "version": version,
                      "metadata": {"sallyport": settings}}, "do": do}
    if secrets:
        d["use"] = {"secrets": secrets}
    if schema:
        d["input"] = {"schema": {"document": schema}}
    d.update(more or {})
    return d


def call(uri, method="get", authentication=None, **more):
    endpoint = {"uri": uri, **({"authentication": authentication} if authentication else {})}
    return {"call": "http", "with": {"method": method, "endpoint": endpoint, **more}}


# --- upstreams --------------------------------------------------------------------------------------------------------


class Request:
    def __init__(self, handler, body):
        self.method, self.path, self.headers, self.body = handler.command, handler.path, handler.headers, body
        self.at = time.monotonic()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status=200, body=b"{}", headers=(), kind="application/json"):
        body = json.dumps(body).encode() if not isinstance(body, bytes) else body
        self.send_response(status)
        for k, v in dict(headers).items():
            self.send_header(k, v)
        if kind:
            self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def reset(self):
        """Ends the connection with RST."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        upstream, request = self.server.owner, Request(self, body)
        with upstream.lock:
            upstream.requests.append(request)
        action = upstream.actions.get(self.path.split("?")[0])
        try:
            if action is None:
                self.answer(200, {"path": self.path, "method": self.command})
            else:
                action(self, request)
        except (BrokenPipeError, ConnectionResetError, ValueError):
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = do_LOCK = serve


class Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, block_on_close, request_queue_size = True, False, 256

    def handle_error(self, request, address):
        pass


class Upstream:
    """A server of somebody else. `on(path, action)` scripts it; unscripted paths answer 200."""

    def __init__(self, context=None):
        self.actions, self.requests, self.lock, self.released = {}, [], threading.Lock(), threading.Event()
        self.listener = Listener(("127.0.0.1", 0), Handler)
        self.listener.owner = self
        if context:
            self.listener.socket = context.wrap_socket(self.listener.socket, server_side=True)
        self.port = self.listener.server_address[1]
        self.origin = f"http://127.0.0.1:{self.port}"
        self.thread = threading.Thread(target=self.listener.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def on(self, path, action):
        self.actions[path] = action

    def reply(self, path, status=200, body=b"{}", headers=(), delay=0, **more):
        def action(handler, request):
            time.sleep(delay)
            handler.answer(status, body, headers, **more)
        self.on(path, action)

    def hang(self, path):
        """Takes the request and answers only when the test ends."""
        self.on(path, lambda handler, request: (self.released.wait(120), handler.answer(200)))

    def raw(self, path, bytes_, close=True):
        """Answers with these bytes, whatever they are."""
        def action(handler, request):
            handler.wfile.write(bytes_)
            handler.wfile.flush()
            handler.close_connection = close
        self.on(path, action)

    def got(self, path):
        with self.lock:
            return [r for r in self.requests if r.path.split("?")[0] == path]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.listener.shutdown()
        self.listener.server_close()


def has(program_name):
    return shutil.which(program_name) is not None
