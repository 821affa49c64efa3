"""Fixtures for every test against a real server; what they are made of is in system/sallyport.py."""
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent / "system"))
import sallyport  # noqa: E402


def make_folder():
    # Not pytest's own: started as root, the roles have users of their own, who must be able to pass.
    folder = Path(tempfile.mkdtemp(prefix="sallyport-test-"))
    folder.chmod(0o711)
    return folder


@pytest.fixture
def folder():
    folder = make_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def upstream():
    with sallyport.Upstream() as u:
        yield u


@pytest.fixture(scope="module")
def server():
    """One server for all tests of a file. At its end every role must have ended by itself and in order, and its log must hold."""
    folder = make_folder()
    with sallyport.Server(folder) as s:
        yield s
        s.stop()
        result = s.verify()
        assert result.returncode == 0, result.stderr
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def own_server(folder):
    """A server for one test, which may be as rough to it as it likes."""
    with sallyport.Server(folder) as s:
        yield s
