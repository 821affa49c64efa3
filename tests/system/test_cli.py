"""The command as a person and a script use it: what it prints, what it refuses, and with which exit status."""
import http.server
import json
import os
import pty
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DONE, FAULTED, USAGE, REFUSED, UNAVAILABLE = range(5)

HELLO = """document: {dsl: "1.0.3", namespace: test, name: hello, version: 1.0.0}
do:
  - greet: {set: {text: '${ "hello " + (.name // "world") }'}}
"""
BAD = """document: {dsl: "1.0.3", namespace: test, name: bad, version: 1.0.0}
do:
  - refuse: {raise: {error: {type: https://errors.example/x, status: 400, title: refused}}}
"""
SLOW = """document: {dsl: "1.0.3", namespace: test, name: slow, version: 1.0.0}
do:
  - pause: {wait: PT1M}
"""


def program(name="sallyport"):
    folder = os.environ.get("SALLYPORT_BIN")
    if folder:
        return str(Path(folder).resolve() / name)
    for build in ("build-dev", "build/test", "build/release"):
        path = ROOT / build / "src" / ("cli" if name == "sallyport" else "supervisor") / name
        if path.exists():
            return str(path)
    return str(ROOT / "build" / name)


def clean_environment(**more):
    environment = {k: v for k, v in os.environ.items() if k not in ("SALLYPORT_URL", "NO_COLOR")}
    return dict(environment, **more)


def call(*args, stdin="", cwd=None, prefix=(), **environment):
    return subprocess.run([*prefix, program(), *map(str, args)], input=stdin, capture_output=True, text=True, timeout=120, cwd=cwd,
                          env=clean_environment(**environment))


class Terminal:
    """The command on a terminal of its own."""

    def __init__(self, *args, name=None, **environment):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            path = program(name or "sallyport")
            os.execve(path, [path, *map(str, args)], clean_environment(TERM="xterm", **environment))

    def read(self, seconds=0.2):
        end = time.monotonic() + seconds
        while time.monotonic() < end and select.select([self.fd], [], [], 0.05)[0]:
            try:
                self.text += os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                return False
        return True

    def expect(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < end, self.text
            if not self.read(1):
                assert text in self.text, self.text

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        while self.read(5):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG):
                break
        self.read()
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


class Server:
    def __init__(self, folder, *more, config=None, environment=None, prefix=()):
        self.folder, self.data, self.root_key = folder, folder / "data", folder / "keys" / "root.key"
        self.more, self.environment, self.prefix = list(more), environment or {}, list(prefix)
        self.log_path, self.token_file = folder / "log", folder / "token"

    def init(self, *more, stdin=""):
        r = call("init", "--data", self.data, "--root-key", self.root_key, "--json", *more, stdin=stdin, prefix=self.prefix)
        assert r.returncode == 0, r.stderr
        self.made = json.loads(r.stdout)
        self.token_file.write_text(self.made["token"] + "\n")
        self.token_file.chmod(0o600)
        return self

    def start(self):
        self.log_start = self.log_path.stat().st_size if self.log_path.exists() else 0
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*self.prefix, program("sallyportd"), "--data", self.data, "--root-key", self.root_key, "--workers", "1",
                 "--listen", "127.0.0.1:0", *self.more], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=clean_environment(**self.environment))
        self.wait_for("supervisor.ready")
        self.url = "http://" + re.findall(r"event=supervisor\.listening address=(\S+)", self.log())[-1]
        return self

    def log(self):
        return self.log_path.read_bytes()[self.log_start:].decode()

    def wait_for(self, text, seconds=60):
        end = time.monotonic() + seconds
        while text not in self.log():
            assert self.process.poll() is None and time.monotonic() < end, self.log()
            time.sleep(0.05)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def cli(self, *args, **more):
        return call(*args, "--server", self.url, "--token-file", self.token_file, **more)

    def good(self, *args, **more):
        r = self.cli(*args, **more)
        assert r.returncode == 0, (args, r.stdout, r.stderr)
        return r.stdout

    def deploy(self, *texts):
        for i, text in enumerate(texts):
            path = self.folder / f"{i}.yaml"
            path.write_text(text)
            r = self.cli("workflows", "deploy", path)
            assert r.returncode == 0 or "deployed already" in r.stderr, r.stderr


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    base = tmp_path_factory.mktemp("cli")
    for part in (base, *base.parents):
        if part.stat().st_uid == os.getuid() and part != Path("/"):
            part.chmod(part.stat().st_mode | 0o011)
    s = Server(base).init().start()
    s.deploy(HELLO, BAD, SLOW)
    yield s
    assert s.stop() == 0, s.log()


# --- tables and lines ----------------------------------------------------------------------------------------------------


def columns(text):
    """The rows of a table, cut where its titles begin; every row must keep to the columns."""
    lines = text.splitlines()
    starts = [m.start() for m in re.finditer(r"\S+", lines[0])]
    for line in lines[1:]:
        assert all(line[at - 1] == " " and line[at] != " " for at in starts[1:] if at < len(line)), text
    return [[line[a:b].strip() for a, b in zip(starts, starts[1:] + [None])] for line in lines[1:]]


def test_lists_are_tables_and_json_on_request(server):
    server.good("runs", "start", "test/hello", "--wait")
    server.good("secrets", "set", "test/listed", "--origin", "https://a.example", stdin="a-value-1")
    for command, key, first in ((["workflows", "list"], "workflows", "WORKFLOW"), (["runs", "list"], "runs", "RUN"),
                                (["secrets", "list"], "secrets", "SECRET"), (["audit", "tail"], "leaves", "LEAF")):
        text, parsed = server.good(*command), json.loads(server.good(*command, "--json"))
        assert text.startswith(first + " "), text
        assert "\x1b" not in text and "{" not in text
        # Looking at the log makes a leaf of its own.
        assert len(columns(text)) in (len(parsed[key]), len(parsed[key]) - 1), text


def test_a_change_is_told_in_one_line(server):
    path = server.folder / "line.yaml"
    path.write_text(HELLO.replace("name: hello", "name: line"))
    assert server.good("workflows", "deploy", path) == "test/line 1.0.0 is live\n"
    assert server.good("workflows", "disable", "test/line") == "test/line 1.0.0 is disabled\n"
    assert server.good("workflows", "enable", "test/line") == "test/line 1.0.0 is live again\n"
    assert server.good("secrets", "set", "test/one", "--origin", "https://a.example", stdin="value-of-the-credential") == "test/one is stored, version 1\n"
    assert server.good("secrets", "revoke", "test/one").startswith("test/one is revoked, version ")
    again = server.cli("workflows", "deploy", path)
    assert again.returncode == USAGE and again.stdout == "" and "raise document.version" in again.stderr
    path.write_text(TWO_ERRORS)
    bad = server.cli("workflows", "deploy", path)
    assert bad.returncode == USAGE and bad.stdout == ""
    assert sorted(bad.stderr.splitlines()) == sorted(call("check", path).stdout.splitlines())


def test_runs_show_has_head_data_and_timeline(server):
    (server.folder / "in.json").write_text('{"name": "you", "big": 12345678901234567}')
    started = server.good("runs", "start", "test/hello", "--wait", "--input", server.folder / "in.json")
    assert '"text": "hello you"' in started
    run = started.split()[0]
    shown = server.good("runs", "show", run)
    assert re.search(rf"^Run: +{run}$", shown, re.M) and re.search(r"^State: +completed$", shown, re.M)
    assert '"big": 12345678901234567' in shown and '"text": "hello you"' in shown
    assert re.search(r"/do/0/greet +completed", shown)
    assert json.loads(server.good("runs", "show", run, "--json"))["output"] == {"text": "hello you"}
    assert "Context:" not in shown, "there is nothing to see in an empty one"
    assert "identical" in server.good("runs", "replay", run)
    assert "/do/0/greet" in server.good("runs", "trace", run)


def test_a_run_here_gives_output_and_context_of_any_size(folder):
    """Each as large as may be, though one answer of the server has not room for both, or for one of them."""
    path, trace = folder / "large.yaml", folder / "trace"
    path.write_text(HELLO[:HELLO.index("do:")].replace("name: hello", "name: large") + """do:
  - s:
      set: '${ "x" * (4194304 - 2) }'
      export: {as: '${ {large: .[:4194290]} }'}
""")
    r = call("run", path, "--trace", trace)
    assert r.returncode == 0 and json.loads(r.stdout) == "x" * ((4 << 20) - 2), r.stderr
    last = json.loads(trace.read_text().splitlines()[-1])
    assert last["status"] == "completed" and len(last["output"]) == (4 << 20) - 2 and len(last["context"]["large"]) == 4194290


def test_any_data_is_shown(server, folder):
    """U+0000 too, which not every reader of JSON likes."""
    text = HELLO[:HELLO.index("do:")].replace("name: hello", "name: odd") + """do:
  - s: {set: {nul: '${ "a\\u0000b" }'}, export: {as: '${ . }'}}
"""
    (folder / "odd.yaml").write_text(text)
    (folder / "in.json").write_text('{"nul": "\\u0000"}')
    r = call("run", folder / "odd.yaml", "--input", folder / "in.json")
    assert r.returncode == DONE and '"nul":"a\\u0000b"' in r.stdout, r.stderr
    server.deploy(text)
    run = server.good("runs", "start", "test/odd", "--wait", "--input", folder / "in.json").split()[0]
    shown = server.good("runs", "show", run)
    assert '"a\\u0000b"' in shown and "completed" in shown
    assert server.good("runs", "data", run, "input") == '{"nul":"\\u0000"}\n'


def test_a_run_here_names_the_secrets_that_nobody_gave(folder):
    """With the option that gives them: the server's own words are for those who set credentials there."""
    path = folder / "secret.yaml"
    path.write_text(HELLO[:HELLO.index("do:")].replace("name: hello", "name: secret") + """use: {secrets: [given, missing]}
do:
  - call:
      call: http
      with:
        method: get
        endpoint: {uri: "http://127.0.0.1:9/", authentication: {bearer: {token: "${ $secrets.missing }"}}}
""")
    (folder / "token").write_text("a-value-1")
    r = call("run", path, "--allow", "http://127.0.0.1:9", "--secret", f"given={folder / 'token'}")
    error, *hints = r.stderr.splitlines()
    assert r.returncode == FAULTED and "there is no credential of this name" in json.loads(error)["detail"]
    assert hints == ["hint: the definition names the secret missing, which was not given: --secret missing=FILE"]


def test_what_answers_nothing_has_no_json(folder):
    for args in (["serve"], ["completion", "bash"]):
        assert "--json: there is no such option" in call(*args, "--json").stderr
        assert "--json" not in call(*args, "--help").stdout


def test_a_part_of_a_run_alone(server):
    """As it is, so that it can be saved; and what a whole run has no room for is named with the command that has it."""
    run = server.good("runs", "start", "test/hello", "--wait", "--input", "-", stdin='{"name": "you", "big": 12345678901234567}').split()[0]
    assert server.good("runs", "data", run, "input") == '{"name":"you","big":12345678901234567}\n'
    assert json.loads(server.good("runs", "data", run, "output")) == {"text": "hello you"}
    assert "sallyport: 404: The run has no error." in server.cli("runs", "data", run, "error").stderr
    assert "404: A run has input, output, error and context." in server.cli("runs", "data", run, "trace").stderr

    (server.folder / "large.json").write_text(json.dumps({"name": "y" * 4000000}))
    run = server.good("runs", "start", "test/hello", "--wait", "--input", server.folder / "large.json").split()[0]
    assert f"sallyport runs data {run} input\n" in server.good("runs", "show", run)
    assert len(server.good("runs", "data", run, "input")) > 4000000


def test_a_faulted_run_is_status_1_and_shows_its_error(server):
    r = server.cli("runs", "start", "test/bad", "--wait")
    assert r.returncode == FAULTED and '"type": "https://errors.example/x"' in r.stdout


def test_cancel(server):
    run = server.good("runs", "start", "test/slow").split()[0]
    assert server.good("runs", "cancel", run) == f"{run} cancelled\n"
    again = server.cli("runs", "cancel", run)
    assert (again.returncode, again.stderr) == (USAGE, "sallyport: 409: The run has ended already: cancelled.\n"), again


def test_a_kind_that_there_is_not_is_named(server):
    r = server.cli("secrets", "set", "test/odd", "--kind", "odd", stdin="a-value-1")
    assert r.returncode == USAGE and "--kind odd: there are bearer, basic, api-key and webhook-key" in r.stderr, r.stderr


def test_colour_only_on_a_terminal(folder):
    bad = folder / "bad.yaml"
    bad.write_text("document: {}\n")
    assert "\x1b[" not in call("check", bad).stdout
    t = Terminal("check", bad)
    assert t.end() == USAGE and "\x1b[31m" in t.text
    t = Terminal("check", bad, NO_COLOR="1")
    assert t.end() == USAGE and "\x1b[" not in t.text


def test_no_token_no_server_no_clear_text(server, folder):
    token = folder / "token"
    token.write_text("spt_" + "0" * 64)
    token.chmod(0o600)
    assert call("runs", "list", "--server", server.url, "--token-file", token).returncode == REFUSED
    token.chmod(0o644)
    r = call("runs", "list", "--server", server.url, "--token-file", token)
    assert r.returncode == REFUSED and "chmod 0600" in r.stderr
    token.chmod(0o600)
    assert call("runs", "list", "--server", "http://127.0.0.1:1", "--token-file", token).returncode == UNAVAILABLE
    for elsewhere in ("http://example.com", "http://127.0.0.1.example.com", "http://localhost:80@127.0.0.2:1"):
        r = call("runs", "list", "--server", elsewhere, "--token-file", token)
        assert r.returncode == REFUSED and "in clear" in r.stderr, r
    assert call("runs", "list", "--server", server.url, HOME=str(folder), XDG_CONFIG_HOME=str(folder)).returncode == REFUSED


def test_usage_errors_are_one_line():
    for args in (["nonsense"], ["runs"], ["runs", "show"], ["runs", "show", "../x"], ["check"], ["check", "--nonsense", "x"],
                 ["workflows", "show", "noslash"], ["run", "--input"], ["completion", "tcsh"]):
        r = call(*args)
        assert r.returncode == USAGE and r.stdout == "" and r.stderr.count("\n") == 1, (args, r)


def test_what_is_almost_a_command_is_told_what_there_is():
    commands = "start, list, show, data, trace, cancel or replay"
    for args, told in ((["runs"], f"runs needs a second word: {commands}"),
                       (["runs", "lst"], f"runs lst: there is no such command; after runs comes {commands}"),
                       (["--json", "runs", "list"], "--json: the command comes first; see sallyport --help"),
                       (["help", "nonsense"], "nonsense: there is no such command; see sallyport --help")):
        assert call(*args).stderr == f"sallyport: {told}\n"


def test_help_of_all_of_a_group_and_of_one():
    for args in (["help"], ["-h"], ["--help"]):
        assert call(*args).stdout == call("--help").stdout
    group = call("help", "runs").stdout
    assert group == call("runs", "--help").stdout
    assert len(re.findall(r"^  runs ", group, re.M)) == 7 and "audit" not in group
    assert call("help", "runs", "list").stdout == call("runs", "list", "--help").stdout != group


def test_help_fits_a_terminal_of_80_columns():
    names = re.findall(r"^  ((?:[a-z]+ )?[a-z]+)(?: [A-Z/.]+)? {2,}", call("--help").stdout, re.M)
    texts = [call(*name.split(), "--help").stdout for name in ["", *names]]
    texts.append(subprocess.run([program("sallyportd"), "--help"], capture_output=True, text=True, check=True).stdout)
    assert len(texts) > 20
    assert [line for text in texts for line in text.splitlines() if len(line) > 80 or line != line.rstrip()] == []


@pytest.mark.parametrize("name", ["sallyport", "sallyportd"])
def test_a_help_that_cannot_be_written_is_told(name):
    with open("/dev/full", "wb") as full:
        r = subprocess.run([program(name), "--help"], stdout=full, stderr=subprocess.PIPE, text=True)
    assert r.returncode == UNAVAILABLE and re.fullmatch(rf"{name}: standard output\b.*\n", r.stderr), r


# --- the audit log, offline --------------------------------------------------------------------------------------------


def verify(*args):
    r = call("audit", "verify", *args)
    return r.returncode, r.stdout, r.stderr


def test_verify_while_the_server_runs(server):
    key = server.good("audit", "key").strip()
    assert key == server.made["auditKey"] and re.fullmatch(r"sallyport/[0-9a-f]{16}\+[0-9a-f]{8}\+\S+", key)
    checkpoint = server.folder / "checkpoint"
    checkpoint.write_text(server.good("audit", "checkpoint"))
    status, out, err = verify("--data", server.data, "--key", key, "--checkpoint", checkpoint)
    assert (status, err) == (DONE, "") and out.startswith("intact: "), out
    status, out, err = verify("--data", server.data)
    assert status == DONE and "audit.vkey" in err
    key_file = server.folder / "key"
    key_file.write_text(key + "\n")
    assert verify("--data", server.data / "sallyport.db", "--key", key_file)[0] == DONE
    assert json.loads(verify("--data", server.data, "--key", key, "--json")[1])["ok"] is True


def test_checkpoint_and_export_as_json(server):
    size = int(server.good("audit", "checkpoint").splitlines()[1])
    note = json.loads(server.good("audit", "checkpoint", "--json"))["checkpoint"]
    assert int(note.splitlines()[1]) >= size and note.endswith("\n") and "\n\n\u2014 sallyport/" in note
    to = server.folder / "exported"
    r = call("audit", "export", "--data", server.data, "--to", to, "--json")
    assert r.returncode == DONE and json.loads(r.stdout)["folder"] == str(to) and json.loads(r.stdout)["leaves"] >= size, r


class Steering(http.server.BaseHTTPRequestHandler):
    """A server that is none of ours, and knows what terminals obey."""
    ANSWER = "one \x1b]0;owned\x07\x1b[2J \x9b31m two\n".encode()

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.ANSWER)))
        self.end_headers()
        self.wfile.write(self.ANSWER)

    def log_message(self, *args):
        pass


def test_what_is_printed_as_it_is_cannot_steer_a_terminal(server):
    with http.server.HTTPServer(("127.0.0.1", 0), Steering) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        args = ["audit", "checkpoint", "--server", f"http://127.0.0.1:{other.server_port}", "--token-file", server.token_file]
        t = Terminal(*args)
        assert t.end() == DONE and t.text.startswith("one  ]0;owned  [2J  31m two"), repr(t.text)
        r = subprocess.run([program(), *map(str, args)], capture_output=True, env=clean_environment())
        other.shutdown()
        assert r.stdout == Steering.ANSWER


class Liar(Steering):
    ANSWER = b'{"id": 7, "state": "completed", "omitted": [1, {}, "a\\u001bb"], "trace": []}'


def test_a_server_that_lies_about_what_it_left_out(server):
    with http.server.HTTPServer(("127.0.0.1", 0), Liar) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        r = call("runs", "show", "r0saqmfqhfktm7", "--server", f"http://127.0.0.1:{other.server_port}", "--token-file", server.token_file)
        other.shutdown()
    assert r.returncode == DONE and r.stdout.count("Too large to be shown") == 3 and "\x1b" not in r.stdout, r


def test_proof_of_one_run(server):
    run = server.good("runs", "start", "test/hello", "--wait").split()[0]
    proof = server.folder / "proof.json"
    proof.write_text(server.good("audit", "proof", run))
    key = server.made["auditKey"]
    status, out, _ = verify("--proof", proof, "--key", key)
    assert status == DONE and run in out and "intact" in out
    proof.write_text(proof.read_text().replace('\\"outcome\\":\\"ok\\"', '\\"outcome\\":\\"no\\"').replace('"outcome":"ok"', '"outcome":"no"'))
    status, out, err = verify("--proof", proof, "--key", key)
    assert status == FAULTED and "ALTERED" in out and str(proof) in err


def test_what_a_started_run_has_too_much_of_is_named(server):
    """Who waited for its end is told where its output is, as who looks at it later."""
    server.deploy(HELLO[:HELLO.index("do:")].replace("name: hello", "name: large-end") + """do:
  - s:
      set: '${ "x" * (4194304 - 2) }'
      export: {as: '${ {large: .[:4194290]} }'}
""")
    started = server.good("runs", "start", "test/large-end", "--wait")
    run = started.split()[0]
    for part in ("output", "context"):
        assert f"\nToo large to be shown with the rest: sallyport runs data {run} {part}\n" in started


def test_proof_of_a_run_that_is_too_long_for_an_answer(server):
    """From the data folder it may be of any size; the leaves of a run that is gone stay provable, too."""
    emit = HELLO[:HELLO.index("do:")].replace("name: hello", "name: emits") + """do:
  - each:
      for: {in: '${ [range(6000)] }'}
      do:
        - event: {emit: {event: {with: {type: com.example.t, source: "https://example.com/", data: {}}}}}
"""
    server.deploy(emit)
    run = server.good("runs", "start", "test/emits", "--wait").split()[0]
    refused = server.cli("audit", "proof", run)
    assert "413: No proof: the proof is larger than there is room for; `sallyport audit proof ID --data DIR` has more" in refused.stderr
    proof, key = server.folder / "large-proof.json", server.made["auditKey"]
    found = call("audit", "proof", run, "--data", server.data)
    assert found.returncode == DONE and "The key is that of" in found.stderr, found.stderr
    proof.write_text(found.stdout)
    status, out, _ = verify("--proof", proof, "--key", key)
    assert status == DONE and out.count("event.emitted") == 6000
    unknown = call("audit", "proof", "r0saqmfqhfktm7", "--data", server.data)
    assert unknown.returncode != DONE and "the log tells of no such run" in unknown.stderr


def test_what_cannot_be_verified_is_status_4(server, folder):
    key = server.made["auditKey"]
    assert verify("--data", folder / "nowhere", "--key", key)[0] == UNAVAILABLE
    assert verify("--data", server.data, "--key", key, "--checkpoint", folder / "nothing")[0] == UNAVAILABLE
    assert verify("--proof", folder / "nothing", "--key", key)[0] == UNAVAILABLE
    assert verify("--data", server.data, "--key", "AAAA")[0] == USAGE
    assert verify("--data", server.data, "--key", key[:-2] + ("A" if key[-2] != "A" else "B") + key[-1])[0] == USAGE
    (folder / "empty").mkdir()
    assert verify("--data", folder / "empty")[0] in (USAGE, UNAVAILABLE)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    base = tmp_path_factory.mktemp("log")
    for part in (base, *base.parents):
        if part.stat().st_uid == os.getuid() and part != Path("/"):
            part.chmod(part.stat().st_mode | 0o011)
    s = Server(base).init().start()
    s.deploy(HELLO, BAD)
    for _ in range(3):
        s.good("runs", "start", "test/hello", "--wait")
    s.good("secrets", "set", "test/token", "--origin", "https://a.example", stdin="value-of-the-credential")
    s.good("audit", "checkpoint")
    s.old = base / "old.db"
    live, old = sqlite3.connect(f"file:{s.data}/sallyport.db?mode=ro", uri=True), sqlite3.connect(s.old)
    live.backup(old)
    live.close()
    old.close()
    s.good("runs", "start", "test/hello", "--wait")
    s.checkpoint = s.good("audit", "checkpoint")
    assert s.stop() == 0
    return s


def test_a_run_that_is_gone_is_still_proven(stopped, folder):
    """Retention takes its row, and never its leaves."""
    shutil.copytree(stopped.data, folder / "copy")
    with sqlite3.connect(folder / "copy/sallyport.db") as database:
        assert database.execute("DELETE FROM runs WHERE id = (SELECT max(id) FROM runs)").rowcount == 1
        [(leaf,)] = database.execute("SELECT body FROM leaves WHERE body LIKE '%\"run.completed\"%' ORDER BY idx DESC LIMIT 1").fetchall()
    run = json.loads(leaf)["run"]
    r = call("audit", "proof", run, "--data", folder / "copy")
    (folder / "proof.json").write_text(r.stdout)
    status, out, _ = verify("--proof", folder / "proof.json", "--key", stopped.made["auditKey"])
    assert status == DONE and f'"run":"{run}"' in out, r.stderr


ALTERATIONS = {
    "leaf text": ("UPDATE leaves SET {leaf} = replace({leaf}, '\"owner\"', '\"other\"') WHERE rowid = (SELECT max(rowid) FROM leaves WHERE {leaf} LIKE '%\"owner\"%')", "leaves"),
    "leaf dropped": ("DELETE FROM leaves WHERE rowid = (SELECT min(rowid) + 3 FROM leaves)", "leaf"),
    "log cut": ("DELETE FROM leaves WHERE rowid > (SELECT max(rowid) - 4 FROM leaves)", "checkpoint"),
    "run state": ("UPDATE runs SET state = (SELECT max(state) FROM runs) + 1 WHERE rowid = (SELECT min(rowid) FROM runs)", "runs"),
    "run dropped": ("DELETE FROM runs WHERE rowid = (SELECT min(rowid) FROM runs)", "runs"),
    "principal's role": ("UPDATE principals SET token_hash = randomblob(32)", "principals"),
    "checkpoint": ("UPDATE checkpoints SET note = replace(note, 'sallyport/', 'sallyporu/')", "checkpoint"),
    "credential": ("DELETE FROM credentials", "credentials"),
    "definition": ("UPDATE definitions SET text = CAST(CAST(text AS TEXT) || ' ' AS BLOB)", "definition"),
}


@pytest.mark.parametrize("name", ALTERATIONS)
def test_an_altered_database_is_found(stopped, folder, name):
    sql, place = ALTERATIONS[name]
    copy = folder / "sallyport.db"
    shutil.copy(stopped.data / "sallyport.db", copy)
    db = sqlite3.connect(copy)
    tables = {t: [c[1] for c in db.execute(f"PRAGMA table_info({t})")] for (t,) in
              db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    leaf = next((c for c in tables["leaves"] if c in ("leaf", "data", "text", "body", "json")), tables["leaves"][-1])
    try:
        assert db.execute(sql.format(leaf=leaf)).rowcount > 0
    except sqlite3.IntegrityError as e:
        pytest.skip(f"the database itself does not allow that: {e}")
    db.commit()
    db.close()
    status, out, err = verify("--data", copy, "--key", stopped.made["auditKey"])
    assert status == FAULTED, (out, err, tables)
    assert "ALTERED" in out and place in out, (out, tables)


def test_nouns_go_with_their_numbers(server, folder):
    one = server.good("runs", "start", "test/hello", "--wait").split()[0]
    assert server.good("runs", "replay", one) == f"{one} replayed, identical: completed after 0 results\n"
    waits = server.folder / "waits.yaml"
    waits.write_text(SLOW.replace("name: slow", "name: waits").replace("PT1M", "PT0.01S"))
    server.good("workflows", "deploy", waits)
    one = server.good("runs", "start", "test/waits", "--wait").split()[0]
    assert server.good("runs", "replay", one) == f"{one} replayed, identical: completed after 1 result\n"
    s = Server(folder).init().start()
    s.deploy(HELLO)
    s.good("runs", "start", "test/hello", "--wait")
    assert s.stop() == 0
    status, out, err = verify("--data", s.data, "--key", s.made["auditKey"])
    assert status == DONE and re.match(r"intact: \d\d? leaves, signed up to \d\d? by \d checkpoints?, 1 run compared, root ", out), out
    assert "by 1 checkpoints" not in out and not re.search(r"by [02-9] checkpoint,", out), out


def test_a_log_that_was_rolled_back_is_found_with_a_checkpoint(stopped, folder):
    checkpoint, key = folder / "checkpoint", stopped.made["auditKey"]
    checkpoint.write_text(stopped.checkpoint)
    assert verify("--data", stopped.data, "--key", key, "--checkpoint", checkpoint)[0] == DONE
    assert verify("--data", stopped.old, "--key", key)[0] == DONE
    status, out, _ = verify("--data", stopped.old, "--key", key, "--checkpoint", checkpoint)
    assert status == FAULTED and "trusted.beyond" in out
    assert verify("--data", stopped.data, "--key", key, "--trusted", checkpoint)[0] == USAGE, "one name is enough"


# --- secrets -----------------------------------------------------------------------------------------------------------


def test_a_secret_is_typed_without_echo(server):
    t = Terminal("secrets", "set", "test/typed", "--origin", "https://a.example", "--server", server.url, "--token-file",
                 server.token_file)
    t.expect("Value: ")
    t.type("correct-horse\n")
    assert t.end() == DONE, t.text
    assert "correct" not in t.text and "test/typed is stored, version 1" in t.text


def test_a_token_is_asked_for_on_a_terminal(server, folder):
    t = Terminal("runs", "list", "--server", server.url, HOME=str(folder), XDG_CONFIG_HOME=str(folder))
    t.expect("Token: ")
    t.type(server.made["token"] + "\n")
    assert t.end() == DONE and "WORKFLOW" in t.text and server.made["token"] not in t.text


def test_kinds_and_policies_of_secrets(server):
    def put(name, value, *options):
        return server.cli("secrets", "set", f"test/{name}", *options, stdin=value)
    assert put("basic", '{"username": "u", "password": "password"}', "--kind", "basic", "--origin", "https://a.example").returncode == DONE
    assert put("key", "an-api-key", "--kind", "api-key", "--header", "X-Api-Key", "--origin", "https://a.example", "--origin",
               "https://b.example:8443", "--method", "GET", "--place", "header").returncode == DONE
    assert put("hook", "a-webhook-key-of-some-length", "--kind", "webhook-key").returncode == DONE
    listed = {s["name"]: s for s in json.loads(server.good("secrets", "list", "--json"))["secrets"]}
    assert [listed[n]["kind"] for n in ("basic", "key", "hook")] == ["basic", "api-key", "webhook-key"]
    assert listed["key"]["policy"] == {"origins": ["https://a.example", "https://b.example:8443"], "methods": ["GET"],
                                       "places": ["header"], "header": "X-Api-Key"}
    for bad in (["--kind", "nonsense", "--origin", "https://a.example"], [], ["--origin", "ftp://a.example"],
                ["--origin", "https://a.example", "--place", "footer"], ["--origin", "https://a.example", "--method", "no such"]):
        r = put("refused", "a-value-1", *bad)
        assert r.returncode == USAGE and r.stderr.count("\n") == 1, (bad, r)
    assert put("refused", "", "--origin", "https://a.example").returncode == USAGE
    short = put("refused", "7-bytes", "--origin", "https://a.example")
    assert short.returncode == USAGE and "at least 8 bytes" in short.stderr, short
    assert call("secrets", "set", "test/x", "value", "--origin", "https://a.example").returncode == USAGE
    assert "refused" not in server.good("secrets", "list")


# --- check -------------------------------------------------------------------------------------------------------------

TWO_ERRORS = """document: {dsl: "1.0.3", namespace: test, name: two, version: 1.0.0}
do:
  - a: {set: {x: '${ .a | ( }'}}
  - b: {set: {x: '${ $ENV.HOME }'}}
"""


def test_check_names_places_in_order(folder):
    good, bad = folder / "good.yaml", folder / "bad.yaml"
    good.write_text(HELLO)
    bad.write_text(TWO_ERRORS)
    assert call("check", good).returncode == DONE
    r = call("check", good, bad)
    assert r.returncode == USAGE
    places = [(m[1], int(m[2])) for m in re.finditer(r"^(\S+?):(\d+):\d+: ", r.stdout, re.M) if m[1] == str(bad)]
    assert len(places) >= 2 and places == sorted(places), r.stdout
    r = call("check", "-", stdin=TWO_ERRORS)
    assert r.returncode == USAGE and r.stdout.startswith("-:")
    r = call("check", folder / "missing.yaml", good)
    assert r.returncode == USAGE and "missing.yaml" in r.stderr
    assert call("check", "--format", "xml", good).returncode == USAGE


def test_check_as_json(folder):
    bad = folder / "bad.yaml"
    bad.write_text(TWO_ERRORS)
    r = call("check", "--format", "json", bad, "-", stdin=HELLO)
    files = json.loads(r.stdout)
    assert r.returncode == USAGE and [f["file"] for f in files] == [str(bad), "-"]
    assert {"rule", "level", "message", "line", "column", "pointer"} <= set(files[0]["findings"][0])
    assert not [f for f in files[1]["findings"] if f["level"] == "error"]


def test_check_as_sarif(folder):
    bad = folder / "with space.yaml"
    bad.write_text(TWO_ERRORS)
    r = call("check", "--format", "sarif", bad, "-", stdin=HELLO)
    log = json.loads(r.stdout)
    assert r.returncode == USAGE and log["version"] == "2.1.0" and len(log["runs"]) == 1
    run = log["runs"][0]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert run["tool"]["driver"]["name"] == "sallyport" and len(rules) == len(set(rules))
    assert run["columnKind"] == "unicodeCodePoints"
    assert run["results"]
    for result in run["results"]:
        assert result["level"] in ("none", "note", "warning", "error") and result["message"]["text"]
        assert rules[result["ruleIndex"]] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]
        assert place["region"]["startLine"] >= 1 and place["region"]["startColumn"] >= 1
        assert re.fullmatch(r"[A-Za-z0-9._~/%:-]+", place["artifactLocation"]["uri"]), place


# --- run ---------------------------------------------------------------------------------------------------------------


def test_run_reads_its_input(folder):
    flow, data = folder / "f.yaml", folder / "in.json"
    flow.write_text(HELLO)
    data.write_text('{"name": "file"}')
    for args, stdin, name in ((["--input", data], "", "file"), (["--input", "-"], '{"name": "stdin"}', "stdin"), ([], "", "world")):
        r = call("run", flow, *args, stdin=stdin)
        assert (r.returncode, json.loads(r.stdout)) == (DONE, {"text": f"hello {name}"}), r
    data.write_text("name: yaml\n")
    r = call("run", flow, "--input", data)
    assert r.returncode == USAGE and f"{data}:1:" in r.stderr and r.stdout == ""
    assert call("run", flow, "--input", folder / "missing").returncode == USAGE
    assert call("run", folder / "missing.yaml").returncode == USAGE


def test_run_exit_status(folder):
    flow = folder / "f.yaml"
    flow.write_text(BAD)
    r = call("run", flow)
    assert r.returncode == FAULTED and r.stdout == "" and json.loads(r.stderr)["status"] == 400
    flow.write_text(TWO_ERRORS)
    r = call("run", flow)
    assert r.returncode == USAGE and f"{flow}:3:" in r.stderr
    assert sorted(call("check", flow).stdout.splitlines()) == sorted(r.stderr.splitlines())
    # Uncaught, a refusal by a grant is a fault of the run like any other: 1. Status 3 is for the command's own requests.
    flow.write_text("""document: {dsl: "1.0.3", namespace: test, name: deny, version: 1.0.0}
do:
  - call: {call: http, with: {method: get, endpoint: '${ .to }'}}
""")
    (folder / "in.json").write_text('{"to": "https://elsewhere.example/"}')
    r = call("run", flow, "--input", folder / "in.json", "--allow", "https://a.example")
    assert r.returncode == FAULTED and json.loads(r.stderr)["type"].endswith("/authorization"), r
    assert call("run", flow, "--connect-to", "nonsense").returncode == USAGE
    for nonsense in ("a.example", "https://a.example/path", "https://*.example"):
        r = call("run", flow, "--allow", nonsense)
        assert r.returncode == USAGE and r.stderr == f"sallyport: --allow: SCHEME://HOST[:PORT], not {nonsense}\n"
    assert call("run", flow, "--cacert", folder / "missing").returncode in (USAGE, UNAVAILABLE)
    assert call("run", flow, "--secret", "x").returncode == USAGE


def children_of(pid):
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(stat.read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(stat.parent.name))
        except (OSError, ValueError):
            pass
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_run_leaves_no_process(folder, number):
    flow = folder / "f.yaml"
    flow.write_text(SLOW)
    p = subprocess.Popen([program(), "run", str(flow)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    end, children = time.monotonic() + 30, []
    while len(children) < 4 and time.monotonic() < end:
        time.sleep(0.1)
        children = children_of(p.pid)
    assert len(children) >= 4
    time.sleep(1)
    p.send_signal(number)
    assert p.wait(20) != 0
    p.communicate()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{c}").exists() for c in children) and time.monotonic() < end:
        time.sleep(0.1)
    assert not [c for c in children if Path(f"/proc/{c}").exists()]


# --- the root key's passphrase -----------------------------------------------------------------------------------------

PASSPHRASE = "a passphrase with \" and ü"


def test_passphrase_from_standard_input_and_credential(folder):
    s = Server(folder).init("--passphrase", stdin=PASSPHRASE + "\n")
    assert PASSPHRASE not in s.root_key.read_text() and PASSPHRASE not in str(s.made)
    credentials = folder / "credentials"
    credentials.mkdir()
    (credentials / "phrase").write_text(PASSPHRASE)
    config = folder / "c.yaml"
    config.write_text("rootKey: {passphraseCredential: phrase}\n")
    s.more, s.environment = ["--config", str(config)], {"CREDENTIALS_DIRECTORY": str(credentials)}
    s.start()
    try:
        assert s.good("audit", "key").strip() == s.made["auditKey"]
        # A vault that is started again needs it once more, also after the configuration was read again.
        s.process.send_signal(signal.SIGHUP)
        s.wait_for("supervisor.reloaded")
        vault = int(re.search(r"role=vault index=0 pid=(\d+)", s.log())[1])
        os.kill(vault, signal.SIGKILL)
        end = time.monotonic() + 60
        while s.log().count("event=role.started role=vault") < 2 and time.monotonic() < end:
            time.sleep(0.1)
        while s.cli("secrets", "set", "test/x", "--origin", "https://a.example", stdin="value-of-the-credential").returncode and time.monotonic() < end:
            time.sleep(0.3)
        assert time.monotonic() < end, s.log()
    finally:
        assert s.stop() == 0
    assert PASSPHRASE not in s.log()
    (credentials / "phrase").write_text("another passphrase")
    with pytest.raises(AssertionError, match="the passphrase does not open the root key"):
        s.start()
    s.more = []
    with pytest.raises(AssertionError, match="the root key needs its passphrase"):
        s.start()


def test_passphrase_on_a_terminal(folder):
    s = Server(folder)
    init = ["init", "--data", s.data, "--root-key", s.root_key, "--passphrase"]
    t = Terminal(*init)
    t.expect("root key: ")
    t.type("short\n")
    assert t.end() == USAGE
    t = Terminal(*init)
    t.expect("root key: ")
    t.type("the first passphrase\n")
    t.expect("again: ")
    t.type("another passphrase\n")
    assert t.end() == USAGE and not s.root_key.exists()
    t = Terminal(*init)
    t.expect("root key: ")
    t.type("the first passphrase\n")
    t.expect("again: ")
    t.type("the first passphrase\n")
    assert t.end() == DONE, t.text
    assert "passphrase\r" not in t.text.replace("root key passphrase", "")
    t = Terminal("serve", "--data", s.data, "--root-key", s.root_key, "--listen", "127.0.0.1:0", "--workers", "1", "--passphrase")
    t.expect("root key: ")
    t.type("the first passphrase\n")
    t.expect("supervisor.ready", 60)
    t.type("\x03")
    assert t.end() == 0, t.text
    assert "the first passphrase" not in t.text


# --- users and folders -------------------------------------------------------------------------------------------------

as_root = pytest.mark.skipif(os.getuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")


@as_root
def test_an_ordinary_user(folder):
    base = folder / "home"
    base.mkdir(mode=0o700)
    os.chown(base, 65534, 65534)
    prefix = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    if subprocess.run([*prefix, program(), "--version"], capture_output=True).returncode:
        pytest.skip("the build folder is closed to other users")
    s = Server(base, prefix=prefix)
    s.init()
    os.chown(s.token_file, 65534, 65534)
    s.start()
    try:
        flow = base / "f.yaml"
        flow.write_text(HELLO)
        for args in (["check", flow], ["run", flow]):
            r = call(*args, prefix=prefix)
            assert r.returncode == DONE, r
        mine = ["--server", s.url, "--token-file", s.token_file]
        assert call("workflows", "deploy", flow, *mine, prefix=prefix).returncode == DONE
        r = call("runs", "start", "test/hello", "--wait", *mine, prefix=prefix)
        assert r.returncode == DONE and "hello world" in r.stdout
        assert call("audit", "verify", "--data", s.data, prefix=prefix).returncode == DONE
    finally:
        assert s.stop() == 0, s.log()


@as_root
def test_a_closed_folder_above_the_data_is_named(folder):
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    s = Server(closed)
    s.init()
    with pytest.raises(AssertionError, match=rf"may not enter {closed}.*chmod o\+x"):
        s.start()


def test_init_overwrites_nothing_and_keeps_a_token_to_itself(folder):
    s = Server(folder).init()
    key = s.root_key.read_bytes()
    r = call("init", "--data", s.data, "--root-key", folder / "other.key")
    assert r.returncode == USAGE and "exists already" in r.stderr and not (folder / "other.key").exists()
    r = call("init", "--data", folder / "second", "--root-key", s.root_key)
    assert r.returncode == DONE and "was there already" in r.stdout and s.root_key.read_bytes() == key
    third, link = folder / "third", folder / "link"
    link.symlink_to(third)
    for data, key in ((third, third / "key"), (f"{third}/", third / "key"), (third, third / "in" / "key"),
                      (third, link / "key"), (third, f"{folder}/./third/../third/key")):
        r = call("init", "--data", data, "--root-key", key)
        assert r.returncode == USAGE and "keep it elsewhere" in r.stderr and not (third / "key").exists(), (data, key, r)
    assert call("init", "--data", "fifteenth", "--root-key", "fifteenth.key", cwd=folder).returncode == DONE

    file = folder / "fourth.token"
    r = call("init", "--data", folder / "fourth", "--root-key", folder / "fourth.key", "--token-file", file)
    assert r.returncode == DONE and str(file) in r.stdout and "spt_" not in r.stdout + r.stderr, r
    assert re.fullmatch(r"spt_[0-9a-f]{64}", file.read_text()) and file.stat().st_mode & 0o777 == 0o600
    r = call("init", "--data", folder / "fifth", "--root-key", folder / "fifth.key", "--token-file", file)
    assert r.returncode != DONE and str(file) in r.stderr and not (folder / "fifth/sallyport.db").exists(), r


# --- TLS, systemd ------------------------------------------------------------------------------------------------------


def make_certificate(folder, name):
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                    "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "tls.key", "-out",
                    folder / "tls.crt"], check=True, capture_output=True)
    (folder / "tls.key").chmod(0o600)


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs openssl to make a certificate")
def test_tls_notify_watchdog_and_reload(folder):
    import socket
    import ssl
    make_certificate(folder, "first")
    config = folder / "c.yaml"
    config.write_text(f"tls: {{certificate: {folder}/tls.crt, key: {folder}/tls.key}}\n")
    notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notify.bind(str(folder / "notify"))
    notify.settimeout(30)
    s = Server(folder, "--config", str(config)).init()
    s.environment = {"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "1000000"}
    s.start()
    s.url = s.url.replace("http:", "https:")

    def await_message(text):
        end = time.monotonic() + 30
        while time.monotonic() < end:
            message = notify.recv(4096).decode()
            if text in message:
                return message
        raise AssertionError(f"no {text}")

    def common_name():
        at = ("127.0.0.1", int(s.url.rsplit(":", 1)[1]))
        context = ssl.create_default_context(cafile=folder / "tls.crt")
        with socket.create_connection(at, 10) as raw, context.wrap_socket(raw, server_hostname="127.0.0.1") as tls:
            assert tls.version() in ("TLSv1.2", "TLSv1.3")
            return dict(x[0] for x in tls.getpeercert()["subject"])["commonName"]

    try:
        await_message("READY=1")
        await_message("WATCHDOG=1")
        await_message("WATCHDOG=1")
        assert common_name() == "first"
        assert s.good("runs", "list", "--cacert", folder / "tls.crt") == "There are no such runs.\n"
        assert s.cli("runs", "list").returncode == UNAVAILABLE
        make_certificate(folder, "second")
        s.process.send_signal(signal.SIGHUP)
        # RELOADING=1 is only taken with the time (sd_notify(3)).
        assert re.search(r"^MONOTONIC_USEC=\d+$", await_message("RELOADING=1"), re.M)
        await_message("READY=1")
        end = time.monotonic() + 30
        while common_name_or_none(common_name) != "second":
            assert time.monotonic() < end, s.log()
            time.sleep(0.2)
        config.write_text("nonsense: 1\n")
        s.process.send_signal(signal.SIGHUP)
        s.wait_for("supervisor.reload-refused")
        assert common_name() == "second"
    finally:
        assert s.stop() == 0, s.log()
    await_message("STOPPING=1")


def common_name_or_none(common_name):
    try:
        return common_name()
    except OSError:
        return None


@pytest.mark.parametrize("address, status, told", [
    ("127.0.0.1:8700", DONE, ""), ("[::1]:0", DONE, ""), ("8700", USAGE, "no address to listen on"),
    ("127.0.0.1:65536", USAGE, "no address to listen on"), ("::1:8700", USAGE, "no address to listen on"),
    ("0.0.0.0:8700", REFUSED, "there is no TLS"), ("[::]:8700", REFUSED, "there is no TLS")])
def test_check_sees_what_a_start_would_refuse(folder, address, status, told):
    s = Server(folder).init()
    (folder / "c.yaml").write_text(f'listen: ["{address}"]\n')
    options = ["--data", s.data, "--root-key", s.root_key, "--check"]
    for where in (["--listen", address], ["--config", folder / "c.yaml"]):
        r = call("serve", *where, *options)
        assert r.returncode == status and told in r.stderr, r


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="needs systemd-analyze")
def test_the_unit_is_sound(folder):
    unit = folder / "sallyport.service"
    unit.write_text(re.sub(r"^ExecStart=.*$", "ExecStart=/bin/true", (ROOT / "dist/sallyport.service").read_text(), flags=re.M))
    r = subprocess.run(["systemd-analyze", "verify", "--man=no", unit], capture_output=True, text=True)
    assert "sallyport.service:" not in r.stderr, r.stderr


# --- completion --------------------------------------------------------------------------------------------------------


def test_bash_completion(folder):
    script = folder / "completion"
    script.write_text(call("completion", "bash").stdout)

    def complete(*words):
        text = f"source {script}; COMP_WORDS=({' '.join(repr(w) for w in words)}); COMP_CWORD={len(words) - 1}; _sallyport; " \
               "printf '%s\\n' \"${COMPREPLY[@]}\""
        r = subprocess.run(["bash", "--norc", "-c", text], capture_output=True, text=True, cwd=folder)
        assert r.returncode == 0 and r.stderr == "", r
        return r.stdout.split()

    assert complete("sallyport", "wo") == ["workflows"]
    assert complete("sallyport", "workflows", "d") == ["deploy", "disable"]
    assert complete("sallyport", "runs", "s") == ["start", "show"]
    assert complete("sallyport", "check", "--fo") == ["--format"]
    assert complete("sallyport", "runs", "list", "--st") == ["--state"]
    assert "--wait" not in complete("sallyport", "runs", "list", "--")
    assert complete("sallyport", "check", "comp") == ["completion"]
    for line, words in COMPLETED[-6:]:
        assert set(complete("sallyport", *line.split())) == words
    assert complete("sallyport", "runs", "data", "r0saqmfqhfktm7", "--js") == ["--json"]


COMPLETED = [("wo", {"workflows"}), ("workflows d", {"deploy", "disable"}), ("runs s", {"start", "show"}),
             ("check --fo", {"--format"}), ("runs list --st", {"--state"}), ("runs start x/y --w", {"--wait"}),
             ("check comp", {"completion"}), ("runs list --wa", set()), ("runs list --state c", {"completed", "cancelled"}),
             ("check --format s", {"sarif"}), ("check x.yaml --format j", {"json"}), ("secrets set a/b --place q", {"query"}),
             ("completion z", {"zsh"}), ("runs data r0saqmfqhfktm7 o", {"output"})]


@pytest.mark.parametrize("line, words", COMPLETED)
def test_fish_completion(folder, line, words):
    if not shutil.which("fish"):
        pytest.skip("fish is not installed")
    (folder / "completion").write_text(call("completion", "fish").stdout)
    r = subprocess.run(["fish", "--no-config", "-c", f"source completion; complete -C 'sallyport {line}'"],
                       capture_output=True, text=True, cwd=folder, env=dict(os.environ, HOME=str(folder)))
    assert r.returncode == 0 and r.stderr == "", r
    assert {w.split("\t")[0] for w in r.stdout.splitlines()} == words


def zsh_completes(folder, line):
    """What zsh makes of the line and a tab, in a terminal as a person has it: it writes the completed line back. The file is
    autoloaded, as from its folder in an installation."""
    script = f"""
        zmodload zsh/zpty
        zpty shell zsh -f -i
        zpty -w shell 'PS1=; unset zle_bracketed_paste; stty columns 200; fpath=({folder} $fpath)
          autoload -Uz compinit; compinit -u -D; zstyle ":completion:*" list-colors "no=<" "ec=>"
          report() {{ print -r -- "[[$BUFFER]]"; zle kill-whole-line }}; zle -N report; bindkey "^X" report; print re""ady'
        zpty -m -r shell text '*ready*'
        zpty -n -w shell $'sallyport {line}\t\x18'
        zpty -m -r shell text '*\\[\\[*\\]\\]*'
        print -r -- "$text"
        zpty -d shell"""
    r = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True, cwd=folder, timeout=120,
                       env=dict(os.environ, HOME=str(folder), TERM="dumb", SHELL="zsh"))
    assert r.returncode == 0, r
    return re.search(r"\[\[(.*?)\]\]", r.stdout)[1].strip()


@pytest.mark.parametrize("line, completed", [("wo", "workflows"), ("workflows dep", "workflows deploy"),
                                             ("runs sta", "runs start"), ("check --fo", "check --format"),
                                             ("runs list --st", "runs list --state"), ("check comp", "check completed.yaml"),
                                             ("runs list --state fa", "runs list --state faulted"), ("check --format s", "check --format sarif"),
                                             ("completion z", "completion zsh"), ("runs data r0saqmfqhfktm7 o", "runs data r0saqmfqhfktm7 output")])
def test_zsh_completion(folder, line, completed):
    if not shutil.which("zsh"):
        pytest.skip("zsh is not installed")
    (folder / "_sallyport").write_text(call("completion", "zsh").stdout)
    (folder / "completed.yaml").touch()
    assert zsh_completes(folder, line) == f"sallyport {completed}"
