"""What goes wrong around a server: each gives one clear message and the exit code that scripts can act upon."""
import os
import shutil
import socket
import sqlite3
import subprocess
import time

import pytest

from conftest import make_folder
from sallyport import PATIENCE, Server, Upstream, call, cli, definition, eventually, program

USAGE, REFUSED, UNAVAILABLE = 2, 3, 4


@pytest.fixture
def halted(folder):
    """A server that ran once and is stopped."""
    server = Server(folder)
    server.deploy(definition("w", [{"s": {"set": {"a": 1}}}]))
    server.stop()
    yield server
    server.stop(check=False)


def fails(server, *codes, listen="127.0.0.1:0"):
    """Starts it, and gives what it said when it ended by itself with one of the codes."""
    server.start(listen, wait=False)
    try:
        code = server.process.wait(10 * PATIENCE)
    except subprocess.TimeoutExpired:
        server.kill_all()
        raise AssertionError(f"it still runs: {server.log()}")
    assert code in codes, (code, server.log())
    last = [line for line in server.log().splitlines() if line.startswith("sallyport") or "event=supervisor.failed" in line]
    assert last, server.log()
    return "\n".join(last)


def test_wrong_root_key(halted, folder):
    halted.root_key = folder / "other" / "root.key"
    assert cli("init", "--data", folder / "other-data", "--root-key", halted.root_key).returncode == 0
    assert "root key" in fails(halted, UNAVAILABLE)


def test_missing_root_key(halted):
    halted.root_key.unlink()
    text = fails(halted, USAGE, UNAVAILABLE)
    assert "root.key" in text and "init" in text


def test_data_folder_that_init_has_not_made(halted, folder):
    """A folder that was named wrong is not served as a new server that belongs to nobody."""
    halted.data = folder / "elsewhere"
    assert f"init --data {halted.data}" in fails(halted, UNAVAILABLE)
    assert not halted.data.exists()
    halted.data.mkdir(mode=0o700)
    assert f"init --data {halted.data}" in fails(halted, UNAVAILABLE)
    assert not list(halted.data.iterdir())


def test_init_into_a_file(folder):
    (folder / "file").write_text("mine")
    r = cli("init", "--data", folder / "file", "--root-key", folder / "new.key")
    assert r.returncode == UNAVAILABLE and "Not a directory" in r.stderr, r


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660])
def test_root_key_that_others_can_read(halted, mode):
    halted.root_key.chmod(mode)
    text = fails(halted, REFUSED)
    assert "root.key" in text and "600" in text


def test_damaged_root_key(halted):
    halted.root_key.write_text(halted.root_key.read_text()[:40])
    assert "root" in fails(halted, UNAVAILABLE, USAGE)


def test_foreign_database(halted):
    path = halted.data / "sallyport.db"
    path.unlink()
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE contacts (name TEXT)")
    other.close()
    shutil.chown(path, *owner_of(halted.data))
    assert "sallyport.db" in fails(halted, UNAVAILABLE)


def owner_of(path):
    st = path.stat()
    return st.st_uid, st.st_gid


def test_file_that_is_no_database(halted):
    (halted.data / "sallyport.db").write_bytes(b"nonsense" * 1000)
    for more in halted.data.glob("sallyport.db-*"):
        more.unlink()
    assert "sallyport.db" in fails(halted, UNAVAILABLE)


@pytest.mark.parametrize("part", [0, 0.5])
def test_truncated_database(halted, part):
    path = halted.data / "sallyport.db"
    os.truncate(path, int(path.stat().st_size * part) // 4096 * 4096)
    for more in halted.data.glob("sallyport.db-wal"):
        more.unlink()
    if part == 0:
        # An empty file is a new database, which nobody owns: nobody gets in.
        halted.start(wait=False)
        halted.wait_listening()
        eventually(halted.is_ready)
        assert halted.api.get("/api/v1/workflows").status == 401
    else:
        fails(halted, UNAVAILABLE)


def test_port_taken(halted):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        port = s.getsockname()[1]
        assert str(port) in fails(halted, UNAVAILABLE, listen=f"127.0.0.1:{port}")


def test_data_folder_in_use(halted, folder):
    halted.start()
    second = Server(folder, start=False)
    second.log_path = folder / "second.log"
    text = fails(second, UNAVAILABLE)
    assert "another process" in text
    assert halted.is_ready()


def test_public_address_without_tls(halted):
    text = fails(halted, REFUSED, listen="0.0.0.0:0")
    assert "TLS" in text and "behindProxy" in text


@pytest.mark.parametrize("text,said", [
    ("listen: ['127.0.0.1:0']\nnonsense: 1\n", ":2:"), ("limits:\n  maxBoddy: 1\n", ":2:"), ("workers: many\n", ":1:"),
    ("listen: ['nowhere']\n", "nowhere"), ("a: [\n", ":"), ("workers: 1\nworkers: 2\n", ":2:"),
    ("log: {level: loud}\n", "log.level"), ("x: !!python/object:os.system {}\n", ":1:"),
])
def test_bad_configuration(halted, text, said):
    halted.config.write_text(text)
    answer = fails(halted, USAGE, listen="127.0.0.1:0" if "nowhere" not in text else "nowhere")
    assert said in answer, answer


def test_missing_tls_files(halted, folder):
    halted.write_config({"tls": {"certificate": str(folder / "no.crt"), "key": str(folder / "no.key")}})
    assert "no.crt" in fails(halted, USAGE, UNAVAILABLE)


def test_unknown_option(halted):
    halted.arguments = ["--nonsense"]
    assert "--nonsense" in fails(halted, USAGE)


def test_init_twice_keeps_what_is_there(halted):
    before = (halted.data / "sallyport.db").read_bytes(), halted.root_key.read_bytes()
    again = cli("init", "--data", halted.data, "--root-key", halted.root_key)
    assert again.returncode == USAGE and "already" in again.stderr, again
    assert before == ((halted.data / "sallyport.db").read_bytes(), halted.root_key.read_bytes())


@pytest.fixture
def token_file(folder):
    path = folder / "token"
    path.write_text("spt_" + "0" * 64 + "\n")
    path.chmod(0o600)
    return path


def test_command_without_a_server(token_file):
    r = cli("runs", "list", "--token-file", token_file, env={"SALLYPORT_URL": "http://127.0.0.1:1"})
    assert r.returncode == UNAVAILABLE and r.stderr.count("\n") <= 2, r


def test_command_with_a_wrong_token(server, token_file):
    r = cli("runs", "list", "--token-file", token_file, env={"SALLYPORT_URL": f"http://127.0.0.1:{server.port}"})
    assert r.returncode == REFUSED and "--token-file" in r.stderr, r


def test_command_with_an_address_without_a_scheme(server, token_file):
    r = cli("runs", "list", "--token-file", token_file, "--server", f"127.0.0.1:{server.port}")
    assert r.returncode == USAGE and "http://127.0.0.1:PORT" in r.stderr, r


def test_command_with_the_address_of_a_stranger(upstream, token_file):
    upstream.reply("/api/v1/runs", 404, b"<h1>Not here</h1>", kind="text/html")
    r = cli("runs", "list", "--token-file", token_file, "--server", upstream.origin)
    assert r.returncode == USAGE and upstream.origin in r.stderr and "address" in r.stderr, r


def test_command_with_a_token_that_others_can_read(server, token_file):
    token_file.chmod(0o644)
    r = cli("runs", "list", "--token-file", token_file, env={"SALLYPORT_URL": f"http://127.0.0.1:{server.port}"})
    assert r.returncode == REFUSED and "600" in r.stderr, r


@pytest.mark.parametrize("args", [["nonsense"], ["runs"], ["runs", "list", "--nonsense"], ["check"], ["check", "/nowhere.yaml"]])
def test_command_that_is_wrong(args):
    r = cli(*args)
    assert r.returncode == USAGE and r.stderr, r


def test_check_of_nothing(folder):
    (folder / "empty.yaml").write_text("")
    r = cli("check", folder / "empty.yaml")
    assert r.returncode == USAGE and "the definition is empty" in r.stdout, r


# --- upstreams ----------------------------------------------------------------------------------------------------------


def run_call(server, name, uri, origins, **more):
    task = call(uri, **{k: v for k, v in more.items() if k not in ("timeout", "secrets")})
    if "timeout" in more:
        task["timeout"] = {"after": more["timeout"]}
    server.deploy(definition(name, [{"c": task}], origins=origins, secrets=more.get("secrets")))
    started = time.monotonic()
    answer = server.run(name)
    assert answer.status == 200, answer
    return answer.json, time.monotonic() - started


def faulted(run, kind):
    assert run["state"] == "faulted", run
    assert run["error"]["type"].endswith("/" + kind), run["error"]
    assert run["error"].get("detail") or run["error"]["title"], run
    return run["error"]


def test_upstream_that_hangs(server, upstream):
    upstream.hang("/hangs")
    run, took = run_call(server, "hangs", upstream.origin + "/hangs", [upstream.origin], timeout={"milliseconds": 700})
    faulted(run, "timeout")
    assert 0.6 < took < 3 * PATIENCE


def test_upstream_that_lies_about_its_length(server, upstream):
    upstream.raw("/short", b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"a\":1}")
    faulted(run_call(server, "short", upstream.origin + "/short", [upstream.origin])[0], "communication")


def test_upstream_that_resets(server, upstream):
    upstream.on("/resets", lambda handler, request: handler.reset())
    faulted(run_call(server, "resets", upstream.origin + "/resets", [upstream.origin])[0], "communication")


@pytest.mark.parametrize("text", [b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 999999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200000 + b"\r\n\r\n",
                                  b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b""])
def test_upstream_that_talks_nonsense(server, upstream, text):
    upstream.raw("/nonsense", text)
    name = f"nonsense-{abs(hash(text)) % 10**6}"
    faulted(run_call(server, name, upstream.origin + "/nonsense", [upstream.origin])[0], "communication")


def test_upstream_that_never_stops(server, upstream):
    def flood(handler, request):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
        for _ in range(4096):
            handler.wfile.write(b"x" * 65536)
    upstream.on("/flood", flood)
    faulted(run_call(server, "flood", upstream.origin + "/flood", [upstream.origin])[0], "communication")
    assert server.is_ready()


def test_nobody_listens(server):
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        origin = f"http://127.0.0.1:{s.getsockname()[1]}"
    faulted(run_call(server, "nobody", origin + "/", [origin])[0], "communication")


def test_origin_without_a_grant(server, upstream):
    before = len(upstream.requests)
    error = faulted(run_call(server, "ungranted", upstream.origin + "/x", ["https://api.example.com"])[0], "authorization")
    assert "grant" in error["detail"], error
    assert len(upstream.requests) == before
    assert eventually(lambda: [x for x in server.leaves() if x["action"] == "grant.denied" and x.get("wf") == "ungranted"])


def test_no_grants_at_all(server, upstream):
    before = len(upstream.requests)
    faulted(run_call(server, "grantless", upstream.origin + "/x", None)[0], "authorization")
    assert len(upstream.requests) == before


@pytest.mark.parametrize("host", ["localhost", "127.1", "0x7f000001", "2130706433", "[::ffff:127.0.0.1]", "127.0.0.1.nip.io."])
def test_loopback_by_another_name(server, upstream, host):
    before = len(upstream.requests)
    name = "loop-" + "".join(c if c.isalnum() else "-" for c in host).strip("-")
    answer = server.deploy(definition(name, [{"c": call(f"http://{host}:{upstream.port}/x")}], origins=[upstream.origin]), ok=False)
    if answer.status == 201:
        assert server.run(name).json["state"] == "faulted"
    assert len(upstream.requests) == before


def test_grant_of_methods_and_paths(server, upstream):
    upstream.reply("/open/x")
    grant = [{"origin": upstream.origin, "methods": ["GET"], "paths": ["/open"]}]
    assert run_call(server, "in-grant", upstream.origin + "/open/x", grant)[0]["state"] == "completed"
    for name, method, path in [("g1", "post", "/open/x"), ("g2", "get", "/closed"), ("g3", "get", "/open/../closed"),
                               ("g4", "get", "/openx"), ("g5", "get", "/open/%2e%2e/closed")]:
        before = len(upstream.requests)
        answer = server.deploy(definition(name, [{"c": call(upstream.origin + path, method=method)}], origins=grant), ok=False)
        if answer.status == 201:
            assert server.run(name).json["state"] == "faulted", name
        assert len(upstream.requests) == before, name


def test_credential_does_not_follow_a_redirect(server, upstream):
    with Upstream() as other:
        upstream.on("/away", lambda h, r: h.answer(302, b"", {"Location": other.origin + "/caught"}))
        server.secret("stays", "canary-stays-at-home-1", origins=[upstream.origin])
        run, _ = run_call(server, "away", upstream.origin + "/away", [upstream.origin, other.origin], redirect=True,
                          authentication={"bearer": {"use": "stays"}}, secrets=["stays"])
        for r in other.requests:
            assert "canary" not in str(r.headers) and "canary" not in r.path, run


def test_credential_of_another_origin(server, upstream):
    server.secret("elsewhere", "canary-elsewhere-12", origins=["https://api.example.com"])
    before = len(upstream.requests)
    run, _ = run_call(server, "steered", upstream.origin + "/x", [upstream.origin], authentication={"bearer": {"use": "elsewhere"}},
                      secrets=["elsewhere"])
    assert run["state"] == "faulted" and len(upstream.requests) == before, run


def test_credential_that_is_not_there(server, upstream):
    run, _ = run_call(server, "missing", upstream.origin + "/x", [upstream.origin], authentication={"bearer": {"use": "nothing"}},
                      secrets=["nothing"])
    assert run["state"] == "faulted" and "nothing" in run["error"]["detail"], run


def test_upstream_with_an_unknown_certificate(server, folder):
    import ssl
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", folder / "k", "-out", folder / "c"], check=True,
                   capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "c", folder / "k")
    with Upstream(context) as upstream:
        origin = f"https://127.0.0.1:{upstream.port}"
        error = faulted(run_call(server, "untrusted", origin + "/x", [origin])[0], "communication")
        assert "certificate" in error["detail"].lower(), error
        assert not upstream.requests


def test_read_only_data_folder(halted):
    """A disk that cannot be written: it does not start, and says so."""
    if os.geteuid() == 0 and subprocess.run(["mount", "--bind", halted.data, halted.data], capture_output=True).returncode != 0:
        pytest.skip("no right to mount, and modes do not stop root")
    try:
        if os.geteuid() == 0:
            subprocess.run(["mount", "-o", "remount,ro,bind", halted.data], check=True, capture_output=True)
        else:
            halted.data.chmod(0o500)
        assert "data" in fails(halted, UNAVAILABLE, REFUSED)
    finally:
        if os.geteuid() == 0:
            subprocess.run(["umount", halted.data], check=False, capture_output=True)
        else:
            halted.data.chmod(0o700)
