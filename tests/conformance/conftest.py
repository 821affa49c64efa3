"""One set of stand-in hosts for all tests of this folder."""
import pytest

from ctk_hosts import Hosts


@pytest.fixture(scope="session")
def all_hosts(tmp_path_factory):
    with Hosts(tmp_path_factory.mktemp("hosts")) as server:
        yield server


@pytest.fixture
def hosts(all_hosts):
    all_hosts.clear()
    return all_hosts
