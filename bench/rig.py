"""What the parts of the bench stand on: the server, the echo and nginx, definitions, wrk, the clock."""
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build"))
RELEASE = BUILD / "release" if (BUILD / "release").exists() else BUILD
KEY, TOKEN = "key-of-the-sender", "token-of-the-upstream"
BODY = json.dumps({"ref": "refs/heads/main", "after": "9f8b2c" * 2, "repository": {"id": 1296269, "full_name": "octo/hello"},
                   "commits": [{"id": "0d1a26", "message": "Fix the gate", "added": ["gate.c"]},
                               {"id": "71c8e4", "message": "Test it", "added": ["test.c"]}],
                   "sender": {"login": "octo"}}, separators=(",", ":")).encode()
BODY = BODY[:-1] + b',"note":"' + b"x" * (300 - len(BODY) - 10) + b'"}'
assert len(BODY) == 300

SCHEMA = {"type": "object", "required": ["ref", "repository", "commits"],
          "properties": {"ref": {"type": "string", "pattern": "^refs/heads/"},
                         "repository": {"type": "object", "required": ["id", "full_name"],
                                        "properties": {"id": {"type": "integer", "minimum": 1}, "full_name": {"type": "string"}}},
                         "commits": {"type": "array", "maxItems": 100,
                                     "items": {"type": "object", "required": ["id", "message"]}}}}
SUMMARY = '${ {ref, repository: .repository.full_name, n: (.commits | length), added: ([.commits[].added[]] | sort)} }'


def program(name):
    folder = {"sallyport": "src/cli", "sallyportd": "src/supervisor"}.get(name, "bench")
    return str(RELEASE / folder / name)


def command(*args, **more):
    r = subprocess.run([program("sallyport"), *map(str, args)], capture_output=True, text=True, **more)
    if r.returncode:
        sys.exit(f"bench: sallyport {' '.join(map(str, args))}: {r.stderr}")
    return r.stdout


def install():
    missing = [p for p, name in (("wrk", "wrk"), ("nginx-light", "nginx")) if not shutil.which(name) and
               not shutil.which(f"/usr/sbin/{name}")]
    if missing:
        subprocess.run(["apt-get", "install", "-y", "-qq", *missing], check=True, stdout=subprocess.DEVNULL)


class Echo:
    """bench-echo: the baseline, and with a token the upstream of W2."""

    def __init__(self, *token):
        self.process = subprocess.Popen([program("bench-echo"), "0", *token], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.port = int(self.process.stdout.readline().split()[1])

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


class Nginx:
    """One worker that serves a static file of the same size."""

    def __init__(self, folder):
        self.port = free_port()
        (folder / "file").write_bytes(BODY)
        (folder / "nginx.conf").write_text(f"""
            daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
            events {{ worker_connections 1024; }}
            http {{ access_log off; client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
                    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s; keepalive_requests 1000000000;
                    server {{ listen 127.0.0.1:{self.port}; root {folder}; }} }}""")
        nginx = shutil.which("nginx") or "/usr/sbin/nginx"
        self.process = subprocess.Popen([nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL)
        wait(lambda: connects(self.port), "nginx")

    def stop(self):
        self.process.terminate()
        self.process.wait()


class Server:
    def __init__(self, folder, upstream_port, config=None):
        folder.mkdir(mode=0o755, exist_ok=True)
        self.folder, self.upstream_port, self.port = folder, upstream_port, free_port()
        self.data, self.key, self.log = folder / "data", folder / "keys" / "root.key", folder / "log"
        self.key.parent.mkdir()
        self.token = json.loads(command("init", "--data", self.data, "--root-key", self.key, "--json"))["token"]
        (folder / "token").touch(0o600)
        (folder / "token").write_text(self.token + "\n")
        limits = {k: 1000000 for k in ("addressPerSecond", "addressBurst", "principalPerSecond", "principalBurst")}
        (folder / "config").write_text(json.dumps({"limits": limits, "log": {"level": "warn"}, "egress": {
            "allowHttp": True, "connectTo": [f"upstream.test:{upstream_port}:127.0.0.1:{upstream_port}"]}, **(config or {})}))
        self.process = None

    def start(self):
        self.process = subprocess.Popen(
            [program("sallyportd"), "--config", str(self.folder / "config"), "--data", str(self.data), "--root-key",
             str(self.key), "--listen", f"127.0.0.1:{self.port}"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=open(self.log, "ab"))

    def wait_ready(self):
        wait(lambda: connects(self.port) and self.get("/readyz").status == 200, "the server")

    def get(self, path):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
        r = c.getresponse()
        r.body = r.read()
        c.close()
        return r

    def remote(self, *args, **more):
        return command(*args, "--server", f"http://127.0.0.1:{self.port}", "--token-file", self.folder / "token", **more)

    def deploy(self):
        origin = f"http://upstream.test:{self.upstream_port}"
        self.remote("secrets", "set", "bench/hook", "--kind", "webhook-key", input=KEY)
        self.remote("secrets", "set", "bench/upstream", "--origin", origin, input=TOKEN)
        call = {"call": "http", "with": {"method": "post", "endpoint": {"uri": origin + "/", "authentication": {
            "bearer": {"token": "${ $secrets.upstream }"}}}, "body": SUMMARY}}
        for name, do, more in (("w1", [{"summarize": {"set": SUMMARY}}], {}),
                               ("w2", [{"pass": call}], {"origins": [origin]}),
                               ("w3", [{"rest": {"wait": {"hours": 5}}}], {"answer": "accepted"})):
            (self.folder / name).write_text(json.dumps(definition(name, do, **more)))
            self.remote("workflows", "deploy", self.folder / name)

    def hook(self, name, n):
        c = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        c.request("POST", f"/hooks/bench/{name}", BODY, {"Content-Type": "application/json", "X-GitHub-Delivery": f"{time.time()}-{n}",
                                                         "X-Hub-Signature-256": "sha256=" + SIGNATURE})
        r = c.getresponse()
        r.body = r.read()
        c.close()
        return r

    def pids(self):
        out = subprocess.run(["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True).stdout
        return [self.process.pid, *map(int, out.split())]

    def pss_mib(self):
        return sum(int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1]) for p in self.pids()) / 1024

    def pss_by_role(self):
        return {Path(f"/proc/{p}/comm").read_text().strip() + f"/{p}":
                int(re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{p}/smaps_rollup").read_text(), re.M)[1]) for p in self.pids()}

    def cpu_s(self):
        return sum(cpu_s(p) for p in self.pids())

    def cpu_by_role(self):
        roles = {}
        for p in self.pids():
            name = Path(f"/proc/{p}/comm").read_text().strip().removeprefix("sp-")
            roles[name] = roles.get(name, 0) + cpu_s(p)
        return roles

    def database(self):
        return next(p for p in self.data.rglob("*.db"))

    def database_bytes(self):
        """Of a stopped server: pages in use and nothing that waits in a log."""
        db = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
        size = db.execute("SELECT page_size * (page_count - freelist_count) FROM pragma_page_count, pragma_page_size, "
                          "pragma_freelist_count").fetchone()[0]
        runs = db.execute("SELECT count(*) FROM runs").fetchone()[0]
        db.close()
        return size, runs

    def runs_completed(self):
        """The ids of all runs that have an output, read beside the server."""
        db = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
        ids = {id for (id,) in db.execute("SELECT id FROM runs WHERE state = 4")}
        db.close()
        return ids

    def kill(self):
        """Everything at once, without a word; the supervisor first, so that it starts nothing again."""
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(60)


def cpu_s(pid):
    """Processor time of a process so far, user and kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


SIGNATURE = hmac.new(KEY.encode(), BODY, hashlib.sha256).hexdigest()


def definition(name, do, origins=None, answer=None):
    settings = {"webhook": {"scheme": "github", "key": "hook", **({"answer": answer} if answer else {})},
                "rate": {"limit": 1000000, "period": {"seconds": 1}, "burst": 1000000}, "concurrency": 1000000 if answer else 4096}
    if origins:
        settings["origins"] = origins
    d = {"document": {"dsl": "1.0.3", "namespace": "bench", "name": name, "version": "1.0.0", "metadata": {"sallyport": settings}},
         "input": {"schema": {"document": SCHEMA}}, "do": do}
    if origins:
        d["use"] = {"secrets": ["upstream"]}
    return d


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connects(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
        return True
    except OSError:
        return False


def wait(condition, what, seconds=30):
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            sys.exit(f"bench: {what} does not come up")
        time.sleep(0.002)


def run_number(text):
    """A run's id as the database has it (src/base/id.h)."""
    n = 0
    for c in text[1:]:
        n = n << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(c)
    return n


def wrk_command(folder, port, path, connections, seconds, senders=None, answered=None):
    (folder / "body").write_bytes(BODY)
    return ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s", "-s", str(ROOT / "bench" / "wrk.lua"),
            f"http://127.0.0.1:{port}", "--", path, SIGNATURE, str(folder / "body"), f"{time.time()}-", str(senders or 0),
            *([str(answered)] if answered else [])]


def wrk(folder, port, path, connections, seconds, post=True, senders=None):
    words = wrk_command(folder, port, path, connections, seconds, senders)
    if not post:
        words = [*words[:words.index("-s")], f"http://127.0.0.1:{port}{path}"]
    out = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    if not post:
        return {"rps": float(re.search(r"Requests/sec:\s+([\d.]+)", out)[1]), "failed": 0, "lost": 0}
    r = json.loads(out.strip().splitlines()[-1])
    r["rps"] = r["requests"] * 1e6 / r["us"]
    if r["failed"] or r["lost"]:
        print(f"bench: {path}: {r['failed']} of {r['requests']} answers were refusals, {r['lost']} were lost", file=sys.stderr)
    return r


def median_ms(times, do):
    took = []
    for n in range(times):
        start = time.monotonic()
        do(n)
        took.append((time.monotonic() - start) * 1000)
    return statistics.median(took)
