"""Family "default": a server as it is made refuses everybody but its owner, and nobody ships with a secret."""
import ctypes
import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from sallyport import ROOT, cli, program

ROUTES = re.findall(r"R\(HTTP_(\w+),\s*\"([^\"]+)\",\s*(PERMIT_\w+)", (ROOT / "src/engine/routes.h").read_text())
# Words that people left in, and forms of real credentials; a prefix alone is what the checker's own patterns have.
WELL_KNOWN = [rb"(?i)change_?me\b", rb"(?i)\badmin[:/]admin", rb"(?i)password123", rb"(?i)letmein", rb"(?i)default[-_]secret\b", rb"BEGIN [A-Z ]*PRIVATE KEY-----\s+[\w+/]{40}",
              rb"AKIA[0-9A-Z]{16}", rb"gh[pos]_\w{36}", rb"xox[bp]-\d{6}", rb"sk_live_\w{16}", rb"spt_[\w-]{40}"]


def test_the_list_of_routes_is_read():
    assert len(ROUTES) > 20 and ("GET", "/api/v1/runs", "PERMIT_RUN_READ") in ROUTES


@pytest.mark.parametrize("token", [None, "", "admin", "changeme", "spt_" + "0" * 32, "spt_" + "A" * 43])
def test_only_health_answers_without_the_owner(own_server, token):
    for method, path, permission in ROUTES:
        where = re.sub(r"\{\w+\}", "default", path)
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        answer = own_server.api.request(method, where, b"{}" if method in ("POST", "PUT") else None, headers, token=None)
        if permission == "PERMIT_PUBLIC" or path in ("/healthz", "/readyz"):
            assert answer.status == 200 and len(answer.body) < 200, (path, answer)
        elif permission == "PERMIT_SIGNED":
            assert answer.status in (401, 404, 429), (path, answer)
        else:
            assert answer.status in (400, 401, 429), (path, answer)
            assert b"default" not in answer.body, "a refusal tells nothing of what is there"


@pytest.mark.parametrize("path", ["/", "/index.html", "/admin", "/login", "/debug", "/debug/pprof", "/.git/config", "/.env", "/actuator/env", "/swagger", "/openapi.json",
                                  "/api", "/api/v1", "/api/v2/runs", "/api/v1/configs", "/api/v1/runs/configs", "/metrics/", "/healthz/../api/v1/runs", "/rest/settings",
                                  "/api/v1/setup", "/api/v1/init", "/api/v1/users", "/api/v1/tokens", "/hooks", "/hooks/a", "/hooks/a/b/c"])
def test_nothing_else_answers(server, path):
    for method in ("GET", "POST", "PUT", "DELETE"):
        answer = server.api.request(method, path, b"{}" if method != "GET" else None, token=None)
        assert answer.status in (400, 401, 404, 405), (method, path, answer)


def test_nobody_becomes_the_owner_a_second_time(own_server):
    """There is no first visitor who takes the server: the token is made by `init`, and only once."""
    r = cli("init", "--data", own_server.data, "--root-key", own_server.root_key, "--json")
    assert r.returncode != 0 and own_server.token not in r.stdout + r.stderr
    assert own_server.api.get("/api/v1/identity").status == 200


def test_plain_http_is_not_served_to_others(folder, own_server):
    """TLS off and reachable is no setting."""
    own_server.stop()
    r = subprocess.run([*own_server.command("0.0.0.0:0")], capture_output=True, text=True, timeout=60)
    assert r.returncode != 0 and "TLS" in r.stdout + r.stderr + own_server.log(whole=True)


def refused_by_the_kernel(call, error):
    """What a child does before it executes: from then on the call fails."""
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p

    def refuse():
        context = ctypes.c_void_p(seccomp.seccomp_init(0x7fff0000))  # all else is allowed
        number = seccomp.seccomp_syscall_resolve_name(call.encode())
        assert seccomp.seccomp_rule_add_array(context, 0x00050000 | error, number, 0, None) == 0 and seccomp.seccomp_load(context) == 0
    return refuse


@pytest.mark.parametrize("call, error", [("landlock_create_ruleset", errno.ENOSYS), ("landlock_restrict_self", errno.EPERM), ("seccomp", errno.EPERM)])
def test_what_cannot_lock_itself_down_does_not_serve(own_server, call, error):
    """[I8] On a kernel without Landlock, or where a filter of system calls is refused."""
    own_server.stop()
    r = subprocess.run(own_server.command("127.0.0.1:0"), capture_output=True, text=True, timeout=60, preexec_fn=refused_by_the_kernel(call, error))
    assert r.returncode != 0 and "it cannot lock itself down" in r.stderr and "event=supervisor.ready" not in r.stderr, r


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not there")
def test_who_ends_before_he_is_told_anything_says_why(own_server):
    """A supervisor that is slow to write to the role that it has started."""
    own_server.stop()
    slow = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=sendmsg", "-e", "inject=sendmsg:delay_enter=300000"]
    r = subprocess.run([*slow, *own_server.command("127.0.0.1:0")], capture_output=True, text=True, timeout=60,
                       preexec_fn=refused_by_the_kernel("landlock_create_ruleset", errno.ENOSYS),
                       env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}) # which needs to trace itself
    assert r.returncode != 0 and "it cannot lock itself down" in r.stderr, r


SHIPPED = [p for f in ("src", "dist", "examples", "docs") for p in (ROOT / f).rglob("*") if p.is_file() and p.suffix not in (".pyc",)]
PROGRAMS = [p for p in Path(program()).parent.glob("sallyport*") if p.is_file()]


@pytest.mark.parametrize("form", WELL_KNOWN, ids=[form.decode() for form in WELL_KNOWN])
def test_no_default_secret_ships(form):
    assert len(SHIPPED) > 300 and len(PROGRAMS) >= 7
    found = {str(path): m[0][:80] for path in [*SHIPPED, *PROGRAMS] if (m := re.search(form, path.read_bytes()))}
    assert not found


def test_shipped_configuration_has_no_secret():
    text = (ROOT / "dist/sallyport.yaml").read_text()
    settings = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert not [s for s in settings if re.search(r"(?i)password|token|secret\b|apikey", s)], settings
    assert 'listen: ["127.0.0.1:8700"]' in text
