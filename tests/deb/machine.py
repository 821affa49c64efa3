"""A Debian 12 in a folder, with systemd as its process 1: booted by systemd-nspawn in namespaces of its own, without a network.
Standard library only."""
import hashlib
import re
import shutil
import subprocess
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / "build/deb"
SUITE = "bookworm"
# Beside what the package depends on: an init, and what the tests use.
INCLUDED = ["systemd", "systemd-sysv", "dbus", "curl", "iproute2", "openssl", "procps", "sqlite3"]
BOOT_SECONDS = 120


def dependencies(package):
    """The names alone of what the package depends on; of alternatives the first."""
    fields = subprocess.run(["dpkg-deb", "-W", "--showformat=${Pre-Depends}, ${Depends}", package], capture_output=True, text=True, check=True).stdout
    return [part.split()[0] for part in fields.split(",") if part.split()]


def make_base(package):
    """A folder that debootstrap made once, with the dependencies in it; another one when they change."""
    names = sorted({*INCLUDED, *dependencies(package)})
    base = CACHE / f"base-{SUITE}-{hashlib.sha256(' '.join(names).encode()).hexdigest()[:12]}"
    if not base.exists():
        making = base.with_suffix(".making")
        shutil.rmtree(making, ignore_errors=True)
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={','.join(names)}", SUITE, making], check=True,
                       stdout=subprocess.DEVNULL)
        making.rename(base)
    return base


class Machine:
    def __init__(self, package, folder):
        self.root, self.process, self.leader = Path(folder) / "root", None, None
        subprocess.run(["cp", "-a", "--reflink=auto", make_base(package), self.root], check=True)
        (self.root / "etc/hostname").write_text("sallyport-test\n")

    def boot(self):
        log = open(self.root.parent / "console.log", "ab")
        self.process = subprocess.Popen(["systemd-nspawn", "--quiet", "--directory", self.root, "--boot", "--register=no", "--keep-unit",
                                         # nspawn's own filter is older than Landlock.
                                         "--system-call-filter=landlock_create_ruleset landlock_add_rule landlock_restrict_self",
                                         "--private-network", "--resolv-conf=off", "--link-journal=no", "--console=pipe",
                                         "systemd.journald.forward_to_console=0"],
                                        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.leader = self.wait_for(self.find_leader, "process 1")
        self.wait_for(lambda: self.run("systemctl is-system-running --wait", check=False).stdout.strip() in ("running", "degraded"),
                      "the end of the boot")
        return self

    def find_leader(self):
        """The process below nspawn that is number 1 where it lives."""
        assert self.process.poll() is None, (self.root.parent / "console.log").read_text()[-4000:]
        waiting = [self.process.pid]
        while waiting:
            pid = waiting.pop()
            try:
                status = Path(f"/proc/{pid}/status").read_text()
                if pid != self.process.pid and re.search(r"^Name:\tsystemd$", status, re.M) and \
                        re.search(r"^NSpid:.*\t1$", status, re.M):
                    return pid
                waiting += map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                pass
        return None

    def wait_for(self, condition, what, seconds=BOOT_SECONDS):
        end = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            assert time.monotonic() < end, f"{what} did not come within {seconds} s"
            time.sleep(0.1)

    def run(self, script, check=True, timeout=180, **more):
        """A shell's script, run within."""
        r = subprocess.run(["nsenter", f"--target={self.leader}", "--all", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
                            "DEBIAN_FRONTEND=noninteractive", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                            "sh", "-euc", f"cd /root; {script}"], capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL, **more)
        assert not check or r.returncode == 0, f"{script}\n{r.returncode}\n{r.stdout}\n{r.stderr}"
        return r

    def out(self, script, **more):
        return self.run(script, **more).stdout.strip()

    def put(self, package, name="package.deb"):
        shutil.copy(package, self.root / "root" / name)
        return f"/root/{name}"

    def write(self, path, text, mode=0o644):
        path = self.root / path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def show(self, name, unit="sallyport"):
        return self.out(f"systemctl show --value --property={name} {unit}")

    def journal(self, since_cursor=None):
        after = f"--after-cursor='{since_cursor}'" if since_cursor else ""
        return self.out(f"journalctl --no-pager --output=cat --unit=sallyport {after}")

    def cursor(self):
        return re.search(r"-- cursor: (.*)", self.out("journalctl --no-pager -n 0 --show-cursor"))[1]

    def halt(self):
        if self.process and self.process.poll() is None:
            self.run("systemctl poweroff", check=False)
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = self.leader = None
