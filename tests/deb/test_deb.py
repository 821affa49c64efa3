"""The life of the package on a Debian 12 with a real systemd: installed, used, hardened, restarted, upgraded, removed, purged.
The tests stand in the order in which this happens, and share one machine."""
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from machine import Machine

PACKAGE, NEXT = Path(os.environ["SALLYPORT_DEB"]), Path(os.environ["SALLYPORT_NEXT_DEB"])
ROLES = ["checker", "egress", "engine", "gateway", "vault", "worker"]
KEY = "0123456789abcdef-of-the-sender"
URL = "http://127.0.0.1:8700"
HOOK = """document:
  dsl: '1.0.3'
  namespace: demo
  name: hello
  version: '1.0.0'
  metadata:
    sallyport:
      webhook: { scheme: standard-webhooks, key: hello-key }
do:
  - greet:
      set:
        message: ${ "Hello, \\(.name)" }
"""
# A sender's signature, as the manual has it.
DELIVER = f"""
id=$1 now=$(date +%s) body='{{"name": "Ada"}}'
signature=$(printf '%s.%s.%s' "$id" "$now" "$body" | openssl dgst -sha256 -hmac '{KEY}' -binary | base64)
curl -s {URL}/hooks/demo/hello -H 'Content-Type: application/json' -H "webhook-id: $id" -H "webhook-timestamp: $now" \\
  -H "webhook-signature: v1,$signature" --data-binary "$body"
"""
CALLER = """document:
  dsl: '1.0.3'
  namespace: demo
  name: caller
  version: '1.0.0'
  metadata:
    sallyport:
      origins: ['https://upstream.test']
do:
  - ask:
      call: http
      with: { method: get, endpoint: { uri: https://upstream.test/answer } }
"""
# A server of the machine's own, at an address that is not private, with a certificate of an authority that the system trusts.
UPSTREAM = """
ip link set lo up && ip address add 203.0.114.7/32 dev lo && echo 203.0.114.7 upstream.test >>/etc/hosts
mkdir /root/upstream && cd /root/upstream
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=upstream.test \
  -addext subjectAltName=DNS:upstream.test -keyout key -out /usr/local/share/ca-certificates/upstream.crt 2>/dev/null
update-ca-certificates >/dev/null
printf 'HTTP/1.0 200 OK\\r\\nContent-Type: application/json\\r\\n\\r\\n{"from":"upstream"}' >answer
systemd-run --quiet --unit=upstream --working-directory=/root/upstream openssl s_server -accept 443 -quiet -HTTP \
  -cert /usr/local/share/ca-certificates/upstream.crt -key key
"""
# What a system writes by itself, and what the administrator of this test puts there.
NOT_OURS = r"^/(proc|sys|dev|run|tmp|root|var/log|var/cache|var/tmp)(/|$)|^/var/lib/((dpkg|dbus)(/|$)|systemd(/(?!deb-)|$))|^/etc/(passwd|group|shadow|gshadow)-?$" \
           r"|^/etc/(machine-id|mtab|hostname|resolv\.conf|localtime|timezone|\.updated|\.pwd\.lock)$|^/var/\.updated$"


@pytest.fixture(scope="module")
def machine():
    folder = tempfile.mkdtemp(prefix="sallyport-deb-")
    os.chmod(folder, 0o755)
    m = Machine(PACKAGE, folder)
    try:
        yield m.boot()
    finally:
        m.halt()
        shutil.rmtree(folder, ignore_errors=True)


def files(m):
    """Every path of the machine that is not of NOT_OURS."""
    found = m.out("find / -xdev -print").splitlines()
    return {path for path in found if not re.search(NOT_OURS, path)}


def ready(m):
    try:
        m.wait_for(lambda: m.run(f"curl -sf {URL}/readyz", check=False).returncode == 0, "readiness", 60)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{m.journal()[-4000:]}") from None


def pids(m):
    """{role: [pid within the machine]} of the service's processes."""
    found = {}
    for line in m.out("ps -eo pid,comm --no-headers").splitlines():
        pid, name = line.split(None, 1)
        if name.startswith("sp-"):
            found.setdefault(name[3:], []).append(int(pid))
    return found


def deliver(m, name):
    m.write("/root/deliver", DELIVER)
    return m.out(f"sh /root/deliver {name}")


def runs(m):
    return re.findall(r'"id":"([^"]+)"', m.out("sallyport runs list --json"))


def status(m, pid, key):
    return m.out(f"sed -n 's/^{key}:[ \\t]*//p' /proc/{pid}/status")


def install(m, package, *options):
    return m.run(f"dpkg --force-confdef {' '.join(options)} -i {m.put(package)}").stdout


def test_lintian_finds_nothing():
    r = subprocess.run(["lintian", "--allow-root", PACKAGE], capture_output=True, text=True)
    assert r.returncode == 0 and not re.search(r"^[EW]:", r.stdout + r.stderr, re.M), r


# --- the first installation -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def before(machine):
    machine.run(UPSTREAM)
    return files(machine)


def test_install(machine, before):
    said = install(machine, PACKAGE)
    assert "Owner's token: in /etc/sallyport/token" in said and "spt_" not in said, said
    ready(machine)
    modes = machine.out("stat -c '%a %U %n' /etc/sallyport/* /var/lib/sallyport /var/lib/sallyport/sallyport.db").splitlines()
    assert modes == ["600 root /etc/sallyport/root.key", "644 root /etc/sallyport/sallyport.yaml", "600 root /etc/sallyport/token",
                     "700 sallyport-engine /var/lib/sallyport", "600 sallyport-engine /var/lib/sallyport/sallyport.db"]
    assert "spt_" not in machine.out("cat /var/log/dpkg.log /var/log/apt/* 2>/dev/null || true") + machine.journal()


def test_it_is_ready_when_systemd_says_so(machine):
    """Type=notify: active means that requests are answered."""
    machine.run("systemctl stop sallyport")
    machine.run(f"systemctl start sallyport && curl -sf {URL}/readyz")
    assert [machine.show(p) for p in ("Type", "ActiveState", "SubState", "Result")] == ["notify", "active", "running", "success"]
    assert machine.out("systemctl is-enabled sallyport") == "enabled"


def test_what_a_fresh_server_answers(machine):
    codes = machine.out(f"for p in /healthz /api/v1/workflows /metrics /hooks/demo/hello; do curl -s -o /dev/null -w '%{{http_code}} ' {URL}$p; done")
    assert codes.split() == ["200", "401", "401", "404"] or codes.split() == ["200", "401", "401", "405"], codes


def test_log_lines_are_in_the_journal(machine):
    log = machine.journal()
    assert "event=supervisor.ready" in log and "event=supervisor.listening address=127.0.0.1:8700" in log
    assert re.search(r"^role=[a-z]+ index=0 level=[a-z]+ event=", log, re.M), log
    assert "level=error" not in log, log


def test_use(machine):
    machine.write("/root/hello.yaml", HOOK)
    machine.run(f"printf %s {KEY} | sallyport secrets set demo/hello-key --kind webhook-key && sallyport workflows deploy hello.yaml")
    assert deliver(machine, "msg_1") == '{"message":"Hello, Ada"}'
    assert '"status":409' in deliver(machine, "msg_1")
    assert len(runs(machine)) == 1
    assert "intact" in machine.out("sallyport audit verify")


def test_a_call_leaves_the_machine(machine):
    """Egress under the unit's filter: it resolves a name, trusts the system's authorities and connects."""
    machine.write("/root/caller.yaml", CALLER)
    machine.run("sallyport workflows deploy caller.yaml")
    r = machine.run("sallyport runs start demo/caller --wait --json", check=False)
    assert r.returncode == 0 and '{"from":"upstream"}' in r.stdout, r


def test_help_is_there(machine):
    r = machine.out("for f in man1/sallyport.1 man5/sallyport.yaml.5 man7/sallyport-workflow.7 man8/sallyportd.8; do zcat /usr/share/man/$f.gz | head -1; done",
                    check=False)
    # A minimal Debian drops man pages; the package has them.
    assert r.count(".Dd ") in (0, 4)
    listed = machine.out("dpkg -L sallyport")
    for name in ("man1/sallyport.1.gz", "man5/sallyport.yaml.5.gz", "man7/sallyport-workflow.7.gz", "man8/sallyportd.8.gz",
                 "completions/sallyport", "_sallyport", "sallyport.fish"):
        assert name in listed


# --- the jail, from within and from without ---------------------------------------------------------------------------------


def test_each_role_has_a_uid_and_nothing_more(machine):
    found = pids(machine)
    assert set(found) >= {"gateway", "engine", "vault", "egress", "worker"}
    users = set()
    for role, numbers in found.items():
        for pid in numbers:
            user = machine.out(f"stat -c %U /proc/{pid}")
            name = machine.out(f"id -nu {status(machine, pid, 'Uid').split()[0]}")
            assert name == f"sallyport-{role}", (user, name)
            users.add(name)
            for key, value in (("CapEff", "0" * 16), ("CapPrm", "0" * 16), ("CapBnd", "0" * 16), ("NoNewPrivs", "1"), ("Seccomp", "2")):
                assert status(machine, pid, key) == value, (role, key)
    assert len(users) == len(found)


def in_sandbox(machine, script):
    """As root in the mount namespace of the service."""
    return machine.run(f"nsenter --target={machine.show('MainPID')} --mount -- sh -c '{script}'", check=False)


def test_the_units_sandbox_holds(machine):
    for path in ("/usr/x", "/etc/sallyport/x", "/var/lib/x", "/var/log/x"):
        r = in_sandbox(machine, f"touch {path}")
        assert r.returncode != 0 and "Read-only file system" in r.stderr, (path, r)
    assert in_sandbox(machine, "touch /var/lib/sallyport/x && rm /var/lib/sallyport/x").returncode == 0
    assert in_sandbox(machine, "ls -A /home /root").stdout.split() == ["/home:", "/root:"]
    assert in_sandbox(machine, "ls -A /tmp").stdout.strip() == ""
    assert in_sandbox(machine, "cat /dev/kmsg").returncode != 0


def test_the_supervisor_has_no_more_than_it_needs(machine):
    pid = machine.show("MainPID")
    granted = set(machine.out(f"capsh --decode={status(machine, pid, 'CapEff')} 2>/dev/null || true").partition("=")[2].split(","))
    assert status(machine, pid, "NoNewPrivs") == "1" and status(machine, pid, "Seccomp") == "2"
    number = int(status(machine, pid, "CapEff"), 16)
    CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_MKNOD = 21, 19, 12, 16, 27
    assert all(not number >> c & 1 for c in (CAP_SYS_ADMIN, CAP_SYS_PTRACE, CAP_NET_ADMIN, CAP_SYS_MODULE, CAP_MKNOD)), granted


def test_systemd_finds_it_hardened(machine):
    text = machine.out("systemd-analyze security --no-pager sallyport")
    print(text)
    level = float(re.search(r"Overall exposure level for sallyport.service: ([\d.]+)", text)[1])
    assert level < 3, text


# --- trouble ----------------------------------------------------------------------------------------------------------------


def test_a_role_that_dies_is_started_again_and_told_as_a_warning(machine):
    old = pids(machine)["worker"][0]
    cursor, main = machine.cursor(), machine.show("MainPID")
    machine.run(f"kill -KILL {old}")
    machine.wait_for(lambda: "role.started role=worker" in machine.journal(cursor), "another worker", 60)
    assert machine.show("MainPID") == main and deliver(machine, "msg_role") == '{"message":"Hello, Ada"}'
    warnings = machine.out(f"journalctl --no-pager --output=cat --unit=sallyport --priority=warning --after-cursor='{cursor}'")
    # Who notices first, supervisor or engine, is left to the scheduler; an end that the engine asked for is none to warn of.
    assert re.search("level=warn event=(role.ended role=worker|engine.worker-lost)", warnings) and "level=info" not in warnings, warnings


def test_systemd_starts_a_supervisor_that_dies(machine):
    main, old = machine.show("MainPID"), pids(machine)
    machine.run(f"kill -KILL {main}")
    machine.wait_for(lambda: machine.show("NRestarts") == "1", "the restart", 60)
    ready(machine)
    now = pids(machine)
    assert machine.show("MainPID") not in ("0", main)
    assert not {p for numbers in old.values() for p in numbers} & {p for numbers in now.values() for p in numbers}
    assert deliver(machine, "msg_main") == '{"message":"Hello, Ada"}'


def test_the_watchdog_finds_a_supervisor_that_hangs(machine):
    machine.write("/etc/systemd/system/sallyport.service.d/watchdog.conf", "[Service]\nWatchdogSec=3\n")
    machine.run("systemctl daemon-reload && systemctl restart sallyport")
    ready(machine)
    main = machine.show("MainPID")
    machine.run("sleep 8")
    assert machine.show("MainPID") == main, "it was restarted although it gives signs of life"
    machine.run(f"kill -STOP {main}")
    machine.wait_for(lambda: machine.show("MainPID") not in ("0", main) and machine.show("ActiveState") == "active", "the watchdog", 120)
    machine.run("rm -r /etc/systemd/system/sallyport.service.d && systemctl daemon-reload && systemctl restart sallyport")
    ready(machine)


def test_reload(machine):
    main, cursor = machine.show("MainPID"), machine.cursor()
    machine.run("systemctl reload sallyport")
    assert machine.show("MainPID") == main and machine.show("ActiveState") == "active"
    machine.wait_for(lambda: "event=supervisor.reloaded" in machine.journal(cursor), "the reload")


def test_stop_is_orderly(machine):
    cursor = machine.cursor()
    machine.run("systemctl stop sallyport")
    assert (machine.show("ActiveState"), machine.show("Result"), pids(machine)) == ("inactive", "success", {})
    log = machine.journal(cursor)
    assert "event=supervisor.stopping signal=TERM" in log and "Killing process" not in log, log
    machine.run("systemctl start sallyport")
    ready(machine)


def test_the_root_key_as_a_credential(machine):
    """LoadCredentialEncrypted=, and no key file at all."""
    machine.run("systemd-creds setup >/dev/null 2>&1 && systemd-creds encrypt --name=sallyport-root-key /etc/sallyport/root.key /etc/sallyport/root.key.cred"
                " && mv /etc/sallyport/root.key /root/root.key && cp /etc/sallyport/sallyport.yaml /root/"
                " && printf 'rootKey:\\n  credential: sallyport-root-key\\n' >>/etc/sallyport/sallyport.yaml")
    machine.write("/etc/systemd/system/sallyport.service.d/key.conf",
                  "[Service]\nLoadCredentialEncrypted=sallyport-root-key:/etc/sallyport/root.key.cred\n")
    machine.run("systemctl daemon-reload && systemctl restart sallyport")
    ready(machine)
    assert deliver(machine, "msg_credential") == '{"message":"Hello, Ada"}'
    machine.run("rm -r /etc/systemd/system/sallyport.service.d /etc/sallyport/root.key.cred && mv /root/root.key /etc/sallyport/"
                " && cat /root/sallyport.yaml >/etc/sallyport/sallyport.yaml && systemctl daemon-reload && systemctl restart sallyport")
    ready(machine)


def test_a_missing_root_key_is_said(machine):
    machine.run("systemctl stop sallyport && mv /etc/sallyport/root.key /root/")
    cursor = machine.cursor()
    machine.run("systemctl start sallyport", check=False)
    assert machine.show("ActiveState") != "active"
    assert "/etc/sallyport/root.key cannot be opened" in machine.journal(cursor)
    machine.run("systemctl stop sallyport; systemctl reset-failed sallyport; mv /root/root.key /etc/sallyport/ && systemctl start sallyport")
    ready(machine)


# --- upgrade, boot, removal -------------------------------------------------------------------------------------------------


def test_upgrade_keeps_data_and_configuration(machine):
    machine.run("sed -i 's/level: info/level: warn/' /etc/sallyport/sallyport.yaml")
    kept, main, cursor = runs(machine), machine.show("MainPID"), machine.cursor()
    said = install(machine, NEXT)
    assert "token" not in said, said
    ready(machine)
    assert machine.out("dpkg-query -W -f '${Version}' sallyport").endswith("+next")
    assert machine.show("MainPID") != main and "event=supervisor.stopping" in machine.journal(cursor)
    kept_file = machine.out("cat /etc/sallyport/sallyport.yaml")
    assert "level: warn" in kept_file and "The next release" not in kept_file and "supervisor.ready" not in machine.journal(cursor)
    assert len(kept) > 3 and runs(machine) == kept
    assert deliver(machine, "msg_upgraded") == '{"message":"Hello, Ada"}'
    assert "intact" in machine.out("sallyport audit verify")


def test_it_comes_with_the_machine(machine):
    machine.halt()
    machine.boot()
    ready(machine)
    assert deliver(machine, "msg_booted") == '{"message":"Hello, Ada"}'


def test_remove_keeps_data_and_a_reinstallation_finds_it(machine):
    kept = runs(machine)
    machine.run("dpkg -r sallyport")
    assert pids(machine) == {}
    assert machine.out("ls /var/lib/sallyport/sallyport.db /etc/sallyport/root.key /etc/sallyport/token /etc/sallyport/sallyport.yaml")
    install(machine, NEXT)
    ready(machine)
    assert runs(machine) == kept and deliver(machine, "msg_again") == '{"message":"Hello, Ada"}'
    assert "level: warn" in machine.out("cat /etc/sallyport/sallyport.yaml")


def test_purge_leaves_no_file(machine, before):
    machine.run("dpkg -P sallyport")
    assert machine.show("LoadState") == "not-found" and pids(machine) == {}
    after = files(machine)
    assert (after - before, before - after) == (set(), set())


def test_a_second_life(machine):
    """After a purge the package makes everything anew, also when an installation was cut off before its database was there."""
    machine.write("/etc/sallyport/token", "spt_of_nothing", 0o600)
    install(machine, PACKAGE)
    ready(machine)
    assert machine.show("OOMPolicy") == "continue"
    assert runs(machine) == []


def test_an_installation_without_systemd_running():
    """In a folder that is only entered, as an image is made: nothing is started, all is there."""
    folder = tempfile.mkdtemp(prefix="sallyport-deb-")
    try:
        m = Machine(PACKAGE, folder)
        m.put(PACKAGE)
        r = subprocess.run(["chroot", m.root, "dpkg", "-i", "/root/package.deb"], capture_output=True, text=True)
        assert r.returncode == 0 and "Owner's token: in" in r.stdout, r
        assert (m.root / "var/lib/sallyport/sallyport.db").exists() and (m.root / "etc/sallyport/token").stat().st_mode & 0o777 == 0o600
        r = subprocess.run(["chroot", m.root, "dpkg", "-P", "sallyport"], capture_output=True, text=True)
        assert r.returncode == 0 and not (m.root / "etc/sallyport").exists() and not (m.root / "var/lib/sallyport").exists(), r
    finally:
        shutil.rmtree(folder, ignore_errors=True)
