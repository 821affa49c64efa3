"""The tests of test_names.py, in the network that it made: port 53 and the machine's files are ours."""
import socket
import struct
import threading

import pytest

from sallyport import call, definition

class NameServer:
    """`up.test` is here; `long.test` has an answer too long for UDP; `slow.test` is answered when it is asked again."""

    def __init__(self):
        self.asked, self.udp, self.tcp = [], socket.socket(socket.AF_INET, socket.SOCK_DGRAM), socket.socket()
        self.udp.bind(("127.0.0.1", 53))
        self.tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.tcp.bind(("127.0.0.1", 53))
        self.tcp.listen(8)
        threading.Thread(target=self.serve_udp, daemon=True).start()
        threading.Thread(target=self.serve_tcp, daemon=True).start()

    def answer(self, query, is_tcp):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, (kind,) = ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])
        self.asked.append((name, kind, is_tcp))
        if name == "slow.test" and len([a for a in self.asked if a[0] == name]) < 3:
            return None
        n = 0 if kind != 1 or name == "none.test" else 60 if name == "long.test" else 1
        truncated = n > 1 and not is_tcp
        flags = 0x8180 | (0x0200 if truncated else 0) | (3 if name == "none.test" else 0)
        records = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) + bytes([127, 0, 0, 1 + i]) for i in range(0 if truncated else n))
        return query[:2] + struct.pack(">HHHHH", flags, 1, 0 if truncated else n, 0, 0) + query[12:at + 5] + records

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            answer = self.answer(query, False)
            if answer:
                self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            peer, _ = self.tcp.accept()
            with peer:
                while head := peer.recv(2):
                    answer = self.answer(peer.recv(struct.unpack(">H", head)[0]), True)
                    peer.sendall(struct.pack(">H", len(answer)) + answer)


@pytest.fixture(scope="module")
def names():
    return NameServer()


def get(server, upstream, host):
    name = "n" + host.replace(".", "-")
    origins = [f"http://{h}:{upstream.port}" for h in (host, "127.0.0.1", "localhost", "[::1]")]
    server.deploy(definition(name, [{"c": call(f"http://{host}:{upstream.port}/{name}")}], origins=origins))
    return server.run(name).json


@pytest.mark.parametrize("host", ["localhost", "listed.test", "up.test", "long.test", "slow.test"])
def test_name_is_resolved(server, upstream, names, host):
    run = get(server, upstream, host)
    assert run["state"] == "completed", run
    assert len(upstream.got("/n" + host.replace(".", "-"))) == 1
    asked = [a for a in names.asked if a[0] == host]
    assert bool(asked) == (host not in ("localhost", "listed.test"))
    assert any(is_tcp for _, _, is_tcp in asked) == (host == "long.test")


@pytest.mark.parametrize("host", ["none.test", "six.test"])
def test_what_is_not_there_is_an_error_of_communication(server, upstream, names, host):
    """Nobody of this name; and nobody who listens at its IPv6 address."""
    run = get(server, upstream, host)
    assert run["state"] == "faulted" and "communication" in run["error"]["type"], run
