"""Names: egress resolves as the machine does, by /etc/hosts and by DNS over UDP and TCP. In a network and with files of its own,
so that the name server is ours: inside_names.py has the tests, which run in new namespaces."""
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

INSIDE = Path(__file__).with_name("inside_names.py")


def test_names_in_a_network_of_its_own(folder):
    if os.getuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("needs root, unshare and ip")
    (folder / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
    (folder / "hosts").write_text("127.0.0.1 localhost listed.test\n::1 localhost six.test\n")
    for f in ("resolv.conf", "hosts"):
        (folder / f).chmod(0o644)
    script = (f"ip link set lo up && mount --bind {folder}/resolv.conf /etc/resolv.conf && mount --bind {folder}/hosts /etc/hosts && "
              f"exec {sys.executable} -m pytest -q -p no:cacheprovider {INSIDE}")
    r = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", script], capture_output=True, text=True)
    assert r.returncode == 0 and "7 passed" in r.stdout, r.stdout + r.stderr
