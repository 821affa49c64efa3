"""One real gateway with a fake engine behind it (tests/unit/gateway/harness.c), spoken to through raw sockets."""
import json
import os
import pathlib
import queue
import socket
import subprocess
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("SALLYPORT_BUILD", ROOT / "build-dev"))
HARNESS = BUILD / "tests/unit/gateway/gateway-harness"
GATEWAY = BUILD / "src/gateway/sallyport-gateway"


class Gateway:
    def __init__(self, config=None, files=(), bind=None):
        env = dict(os.environ, **({"HARNESS_BIND": bind} if bind else {}))
        self.process = subprocess.Popen([HARNESS, GATEWAY, json.dumps(config or {}), *map(str, files)], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env)
        self.lines, self.said, self.passed_over = queue.Queue(), [], []
        threading.Thread(target=self._read, daemon=True).start()
        self.port = int(self.wait("port").split()[1])

    def _read(self):
        for line in self.process.stdout:
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def wait(self, start, timeout=10):
        """The next line of the harness that begins so; lines of two processes come in any order, so those passed over count, too."""
        end = time.monotonic() + timeout
        for i, line in enumerate(self.passed_over):
            if line.startswith(start):
                return self.passed_over.pop(i)
        while True:
            line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            assert line is not None, f"the harness ended before it said {start!r}: {self.said}"
            self.said.append(line)
            if line.startswith(start):
                return line
            self.passed_over.append(line)

    def ready(self):
        self.wait("ready")
        return self

    def tell(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)

    def connect(self, timeout=5):
        s = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return s

    def memory(self):
        """Resident bytes of the gateway process, without what a sanitizer keeps back to find late uses."""
        quarantine = 300 << 20 if b"libasan" in GATEWAY.read_bytes() else 0
        for line in pathlib.Path(f"/proc/{self.pid()}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return max(0, int(line.split()[1]) * 1024 - quarantine)
        raise AssertionError("the gateway is gone")

    def pid(self):
        return int(pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()[0])

    def open_sockets(self):
        """Its own ends of TCP connections, and the listening one."""
        inodes = {line.split()[9] for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]
                  if int(line.split()[1].rpartition(":")[2], 16) == self.port}
        links = [os.readlink(fd) for fd in pathlib.Path(f"/proc/{self.pid()}/fd").iterdir()]
        return sum(link.startswith("socket:[") and link[8:-1] in inodes for link in links)

    def exchange(self, *parts, pause=0.05, timeout=5):
        """Sends the parts on a new connection; all responses as (status, headers, body), and whether the gateway closed it."""
        with self.connect(timeout) as s:
            for i, part in enumerate(parts):
                if i:
                    time.sleep(pause)
                try:
                    s.sendall(part)
                except (BrokenPipeError, ConnectionResetError):
                    break
            return read_all(s)


def read_all(s, quiet=0.4):
    data, closed = b"", False
    s.settimeout(5)
    try:
        while True:
            piece = s.recv(65536)
            if not piece:
                closed = True
                break
            data += piece
            s.settimeout(quiet)
    except socket.timeout:
        pass
    except ConnectionResetError:
        closed = True
    responses = []
    # libmicrohttpd 0.9.75 sends the head of some of its own refusals twice; what follows such a one is no response.
    while data.startswith(b"HTTP/1.1 "):
        head, _, rest = data.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(b":")
            headers.setdefault(name.decode().lower(), value.strip().decode())
        length = int(headers.get("content-length", 0))
        responses.append((int(lines[0].split()[1]), headers, rest[:length]))
        data = rest[length:]
    return responses, closed
