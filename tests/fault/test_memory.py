"""The N-th allocation of the running engine fails, in all that it is asked to do, for N from 1 on until a pass in which none failed. It
lives on, answers, and what it has answered is there; the engine is the real one with a memory that the test rules (lean_memory.c)."""
import os
import struct

import pytest

from altered import Altered
from sallyport import call, definition, eventually, sign

KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="
STEP = int(os.environ.get("FAULT_STEPS", "7"))


class Lean(Altered):
    def __init__(self, folder):
        super().__init__(folder, "lean-engine", "memory", bytes(12))

    def order(self, n):
        """Let the N-th allocation from now on fail; 0: none any more."""
        self.write(struct.pack("=III", 0, 0, 0))
        self.write(struct.pack("=I", n))

    def has_failed(self):
        return struct.unpack("=III", self.file.read_bytes())[2] != 0

    def until_clean(self, what):
        """`what(n)` with each allocation failing in turn. What the engine does by itself meanwhile counts as well, so a pass is
        clean when a fault that comes late enough did not come during it."""
        n = 1
        while True:
            engine = self.roles("engine")
            self.order(n)
            what(n)
            if not self.has_failed():
                break
            self.order(0)
            self.settle(engine, n)
            n += 1 if n < 40 else STEP
        self.order(0)
        return n

    def settle(self, engine, n):
        """Without the memory for a channel it ends in order, says so, and is started again; it never crashes."""
        if self.roles("engine") == engine:
            return
        assert "role=engine index=0 text=" in self.log(), self.log()[-3000:]
        self.check_no_crash()
        self.wait_ready(20)


@pytest.fixture
def lean(folder):
    with Lean(folder) as s:
        yield s


def test_runs_without_memory(lean, upstream):
    """A run with a call and a wait, by API and by webhook: answered with its output, or with an error that is no lie."""
    upstream.reply("/effect", body=b"{}")
    lean.secret("hook-key", KEY, kind="webhook-key")
    for name, settings in (("api", {}), ("hook", {"webhook": {"scheme": "github", "key": "hook-key"}})):
        lean.deploy(definition(name, [{"a": call(upstream.origin + "/effect")}, {"b": {"wait": {"milliseconds": 10}}},
                                      {"c": {"set": {"n": "${ $workflow.input.n }"}}}], origins=[upstream.origin], **settings))
    ended, faulted = {}, []

    def take(n, answer, id):
        assert answer.status in (200, 409, 429, 500, 502, 503), answer
        if answer.status == 200:
            ended[id(answer)] = n

    def by_api(n):
        answer = lean.run("api", {"n": n})
        take(n, answer, lambda a: a.json["id"])
        if answer.status == 200 and answer.json["state"] != "completed":
            faulted.append((n, answer.json))
            ended.pop(answer.json["id"])

    def by_hook(n):
        body = b'{"n": %d}' % n
        answer = lean.hook("hook", body, sign("github", KEY, body))
        assert answer.status in (200, 500, 502, 503), answer
        if answer.status == 200:
            assert answer.json == {"n": n}
    lean.until_clean(by_api)
    lean.until_clean(by_hook)
    assert all("errors/runtime" in run["error"]["type"] or "errors/communication" in run["error"]["type"] for _, run in faulted), faulted
    assert lean.run("api", {"n": 7}).json["output"] == {"n": 7}
    for id, n in ended.items():
        assert lean.run_state(id)["output"] == {"n": n}
    lean.stop()
    with lean.start():
        eventually(lambda: lean.api.get("/api/v1/runs?state=waiting").json["runs"] == [], 20, "the end of what was open")
        lean.stop()
    result = lean.verify()
    assert result.returncode == 0, result.stdout + result.stderr


def test_requests_without_memory(lean):
    """What an owner asks: it is done or refused, and never half done."""
    lean.deploy(definition("echo", [{"s": {"set": {"a": 1}}}]))
    id = lean.run("echo").json["id"]
    deployed, set_ = set(), set()

    def deploy(n):
        answer = lean.deploy(definition("grows", [{"s": {"set": {"a": n}}}], version=f"1.0.{n}"), ok=False)
        assert answer.status in (201, 500, 503), answer
        if answer.status == 201:
            deployed.add(f"1.0.{n}")

    policy = {"origins": ["https://api.example.com"]}
    boxes = [lean.seal("0123456789", "test", f"s{n}", "bearer", policy) for n in range(1, 600)]

    def secret(n):
        answer = lean.api.put(f"/api/v1/secrets/test/s{n}", {"kind": "bearer", "policy": policy, "box": boxes[n - 1]})
        assert answer.status in (200, 500, 503), answer
        if answer.status == 200:
            set_.add(f"s{n}")

    def read(path):
        def ask(n):
            answer = lean.api.get(path)
            assert answer.status in (200, 500, 503), answer
        return ask
    for what in (deploy, secret, read(f"/api/v1/runs/{id}"), read("/api/v1/runs"), read("/api/v1/workflows"),
                 read("/api/v1/audit/leaves?from=0&limit=20"), read("/metrics")):
        lean.until_clean(what)
    lean.stop()
    with lean.start():
        for version in deployed:
            again = lean.deploy(definition("grows", [{"s": {"set": {"a": 0}}}], version=version), ok=False)
            assert again.status == 409, (version, again)
        assert set_ <= {s["name"] for s in lean.api.get("/api/v1/secrets").json["secrets"]}
        lean.stop()
    result = lean.verify()
    assert result.returncode == 0, result.stdout + result.stderr
