"""What can be seen of installation and package without installing; `make test-deb` does the rest."""
import os
import re
import subprocess

import pytest

from sallyport import ROOT, build_folder, has, program
from test_docs import list_of

DEBIAN = ROOT / "dist/debian"
ROLES = sorted(set(re.findall(r"R\([A-Z]+, (\w+)\)", list_of("wire/roles.h", "WIRE_ROLES"))) - {"supervisor"})
MODES = {"bin/sallyport": 0o755, **{f"libexec/sallyport/sallyport-{role}": 0o755 for role in ROLES},
         "libexec/sallyport/sallyportd": 0o755, "lib/systemd/system/sallyport.service": 0o644,
         "share/bash-completion/completions/sallyport": 0o644, "share/zsh/vendor-completions/_sallyport": 0o644,
         "share/fish/vendor_completions.d/sallyport.fish": 0o644, "share/doc/sallyport/sallyport.yaml": 0o644, "share/doc/sallyport/openapi.json": 0o644,
         "share/man/man1/sallyport.1": 0o644, "share/man/man5/sallyport.yaml.5": 0o644,
         "share/man/man7/sallyport-workflow.7": 0o644, "share/man/man8/sallyportd.8": 0o644}


def install(folder, prefix):
    """With a umask that would close everything to others."""
    r = subprocess.run(["make", "-C", ROOT, "install", f"RELEASE={build_folder()}", f"DESTDIR={folder}", f"PREFIX={prefix}"],
                       capture_output=True, text=True, umask=0o077, env={k: v for k, v in os.environ.items() if k != "MAKEFLAGS"})
    assert r.returncode == 0, r
    return folder / prefix[1:]


def test_make_install(tmp_path):
    root = install(tmp_path, "/usr")
    found = {str(p.relative_to(root)): p.stat().st_mode & 0o7777 for p in root.rglob("*") if p.is_file()}
    assert found == MODES
    assert {p.stat().st_mode & 0o777 for p in root.rglob("*") if p.is_dir()} == {0o755}
    assert "ExecStart=/usr/libexec/sallyport/sallyportd\n" in (root / "lib/systemd/system/sallyport.service").read_text()


@pytest.mark.parametrize("prefix", ["/usr", "/usr/local"])
def test_zsh_looks_where_its_completion_is(tmp_path, prefix):
    if not has("zsh"):
        pytest.skip("zsh is not installed")
    found = {f"/{p.parent.relative_to(tmp_path)}" for p in install(tmp_path, prefix).rglob("_sallyport")}
    places = subprocess.run(["zsh", "-fc", "print -l $fpath"], capture_output=True, text=True).stdout.split()
    assert len(found) == 1 and found <= set(places), (found, places)


def test_each_role_has_a_user():
    text = (DEBIAN / "sallyport.sysusers").read_text()
    assert len(ROLES) > 4 and sorted(re.findall(r"^u sallyport-(\w+) ", text, re.M)) == ROLES


def complaint(is_journal):
    """What sallyportd writes about a configuration that is not there."""
    read, write = os.pipe()
    st = os.fstat(write)
    stream = f"{st.st_dev}:{st.st_ino if is_journal else st.st_ino + 1}"
    subprocess.run([program("sallyportd"), "--check", "--config", "/nowhere/sallyport.yaml"], stderr=write,
                   env=dict(os.environ, JOURNAL_STREAM=stream))
    os.close(write)
    with os.fdopen(read) as f:
        return f.read()


def test_lines_to_the_journal_have_a_priority():
    assert complaint(True).startswith("<3>sallyportd: /nowhere/sallyport.yaml")
    assert complaint(False).startswith("sallyportd: /nowhere/sallyport.yaml")


@pytest.mark.parametrize("script", sorted(p.name for p in DEBIAN.glob("sallyport.p*")))
def test_maintainer_scripts(script):
    text = (DEBIAN / script).read_text()
    assert text.startswith("#!/bin/sh\n") and "\nset -e\n" in text and "#DEBHELPER#" in text
    assert subprocess.run(["sh", "-n", DEBIAN / script]).returncode == 0
