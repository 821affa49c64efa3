"""Another's code checks the log: Go's golang.org/x/mod/sumdb (Debian's golang-golang-x-mod-dev), which knows nothing of us, on what
`sallyport audit export` writes."""
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from sallyport import Server, cli, definition, eventually, has

SOURCE = Path(__file__).parent / "stranger" / "verify.go"
GOPATH = Path("/usr/share/gocode")


@pytest.fixture(scope="module")
def verifier(tmp_path_factory):
    if not has("go") or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").exists():
        pytest.skip("golang-go or golang-golang-x-mod-dev is not installed")
    folder = tmp_path_factory.mktemp("go")
    environment = dict(os.environ, GOPATH=str(GOPATH), GO111MODULE="off", GOCACHE=str(folder / "cache"), GOFLAGS="", CGO_ENABLED="0")
    subprocess.run(["go", "build", "-o", folder / "verify", SOURCE], check=True, env=environment, cwd=folder, timeout=300)
    return folder / "verify"


def head(server):
    """A signed head that covers all that was done so far."""
    size = server.api.get("/api/v1/audit/leaves?limit=1").json["size"]

    def signed():
        text = server.api.get("/api/v1/audit/checkpoint").body
        return text if int(text.split(b"\n")[1]) >= size else None
    return eventually(signed, 10, "a signed head")


@pytest.fixture(scope="module")
def log(server, tmp_path_factory):
    """(folder, verifier key, run, an older head): more than one full tile of leaves."""
    folder = tmp_path_factory.mktemp("log")
    server.deploy(definition("echo", [{"e": {"set": {"got": "${ . }"}}}]))
    run = server.run("echo").json["id"]
    old = folder / "old"
    old.write_bytes(head(server))
    for _ in range(300):
        server.run("echo")
    head(server)
    r = cli("audit", "export", "--data", server.data, "--to", folder / "tiles")
    assert r.returncode == 0, r.stderr
    return folder / "tiles", (server.data / "audit.vkey").read_text().strip(), run, old


def check(verifier, folder, key, run, old):
    return subprocess.run([verifier, key, folder, run, old], capture_output=True, text=True, timeout=60)


def test_signature_inclusion_and_consistency(verifier, log):
    folder, key, run, old = log
    assert (folder / "tile/0/000").stat().st_size == 8192 and list((folder / "tile/1/000.p").iterdir())
    r = check(verifier, folder, key, run, old)
    assert r.returncode == 0 and int(r.stdout) >= 1, r


@pytest.mark.parametrize("part", ["checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p"])
def test_what_was_altered_is_refused(verifier, log, tmp_path, part):
    folder, key, run, old = log
    shutil.copytree(folder, tmp_path / "tiles")
    path = tmp_path / "tiles" / part
    path = next(path.iterdir()) if path.is_dir() else path
    text = path.read_bytes()
    at = text.index(b'"run":"' + run.encode()) - 9 if "entries" in part else 20
    path.write_bytes(text[:at] + bytes([text[at] ^ 1]) + text[at + 1:])
    r = check(verifier, tmp_path / "tiles", key, run, old)
    assert r.returncode != 0, r


def test_another_server_is_refused(verifier, log, folder):
    tiles, _, run, old = log
    with Server(folder) as other:
        key = (other.data / "audit.vkey").read_text().strip()
    r = check(verifier, tiles, key, run, old)
    assert r.returncode != 0 and "verif" in r.stderr, r
