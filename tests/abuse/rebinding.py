"""Run by test_steering.py as the first process of network and mount namespaces of its own: rebinding.py SALLYPORT. There 8.8.8.8 is an
address of the loopback device, and /etc/hosts is a file that changes. Says for each name the exit status of a local run that calls
it, and which of two servers the call came to: "outer" at 8.8.8.8, "inner" at 127.0.0.1."""
import http.server
import json
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from sallyport import call, definition

PORT = 8080
HOSTS = "127.0.0.1 localhost\n8.8.8.8 public.test changed.test\n127.0.0.1 private.test\n8.8.8.8 mixed.test\n127.0.0.1 mixed.test\n::ffff:127.0.0.1 mapped.test\n"
seen = []


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        seen.append("outer" if self.server.server_address[0] == "8.8.8.8" else "inner")
        self.send_response(302 if "moved" in self.path else 200)
        if "moved" in self.path:
            self.send_header("Location", f"http://{'private.test' if 'name' in self.path else '127.0.0.1'}:{PORT}/landed")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_):
        pass


def write_hosts(folder, text):
    (folder / "hosts").write_text(text)


def run(folder, name, path="/"):
    """One local run that may call the name by itself, and the names that the redirects lead to."""
    origin = f"http://{name}:{PORT}"
    (folder / "flow.yaml").write_text(json.dumps(definition("calls", [{"c": call(origin + path, redirect=True)}])))
    seen.clear()
    r = subprocess.run([sys.argv[1], "run", "--allow", origin, "--allow", f"http://private.test:{PORT}", folder / "flow.yaml"],
                       capture_output=True, text=True, timeout=60)
    print(name, path, r.returncode, r.stderr.strip(), seen)
    landed = [s for s in seen if "moved" not in path or s == "inner"]
    return [r.returncode, landed[-1] if landed else "nothing"]


def main():
    folder = Path(tempfile.mkdtemp(prefix="sallyport-rebinding-"))
    folder.chmod(0o711)
    for command in (["ip", "link", "set", "lo", "up"], ["ip", "address", "add", "8.8.8.8/32", "dev", "lo"]):
        subprocess.run(command, check=True)
    write_hosts(folder, HOSTS)
    subprocess.run(["mount", "--bind", folder / "hosts", "/etc/hosts"], check=True)
    for address in ("8.8.8.8", "127.0.0.1"):
        server = http.server.ThreadingHTTPServer((address, PORT), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    found = {name: run(folder, f"{name}.test") for name in ("public", "private", "mixed", "mapped")}
    found["moved"] = run(folder, "public.test", "/moved")
    found["moved-by-name"] = run(folder, "public.test", "/moved-by-name")
    assert run(folder, "changed.test") == [0, "outer"]
    (folder / "hosts").write_text(HOSTS.replace("8.8.8.8 public.test changed.test", "127.0.0.1 public.test changed.test"))
    found["changed"] = run(folder, "changed.test")
    print(json.dumps(found))


main()
