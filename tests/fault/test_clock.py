"""The wall clock steps by hours and days while the engine runs, or while it does not. The engine is the real one with a clock that
the test sets (stepped_clock.c); everybody else's clock goes on."""
import struct
import time

import pytest

from altered import Altered
from sallyport import PATIENCE, definition, eventually, sign

DAY = 24 * 3600 * 1000
KEY = "whsec_c2FsbHlwb3J0LXRlc3QtY2FuYXJ5LTE="
STEPS = pytest.mark.parametrize("step", [DAY, -DAY], ids=["forward", "back"])
LONG = 60 # seconds: what comes at all comes by then, and a step of a day does not


class Stepped(Altered):
    def __init__(self, folder):
        super().__init__(folder, "stepped-engine", "clock", bytes(8))

    def step(self, ms):
        """From now on the engine's clock is this far from the true one."""
        self.write(struct.pack("=q", ms))

    def end_of(self, id):
        return self.wait_run(id, LONG / PATIENCE)


@pytest.fixture
def stepped(folder):
    with Stepped(folder) as s:
        yield s


def wait(seconds, **more):
    return {"wait": {"wait": {"seconds": seconds}, **more}}


@STEPS
def test_wait_in_memory_and_the_next_one(stepped, step):
    """A run whose first wait sees the step; the second begins with the run's own time ahead of the clock."""
    stepped.deploy(definition("waits", [wait(1), {"again": {"wait": {"seconds": 1}}}]))
    begun = time.monotonic()
    id = stepped.run("waits", wait=False).json["id"]
    eventually(lambda: stepped.run_state(id)["state"] == "waiting", 10, "the wait")
    stepped.step(step)
    assert stepped.end_of(id)["state"] == "completed"
    assert time.monotonic() - begun >= 2, "a wait ended before its time"


@STEPS
def test_waits_on_disk(stepped, step):
    """Both branches of a run that sleeps in its journal: when the first wakes it, the second still has its own time."""
    branches = [{"short": {"do": [{"a": {"wait": {"seconds": 3}}}]}}, {"long": {"do": [{"b": {"wait": {"seconds": 7}}}]}}]
    stepped.deploy(definition("sleeps", [{"both": {"fork": {"branches": branches}}}]))
    begun = time.monotonic()
    id = stepped.run("sleeps", wait=False).json["id"]
    eventually(lambda: stepped.run_state(id)["state"] == "waiting", 10, "the wait")
    stepped.step(step)
    assert stepped.end_of(id)["state"] == "completed"
    assert time.monotonic() - begun >= 7, "a wait ended before its time"
    assert stepped.api.post(f"/api/v1/runs/{id}/replay").json["identical"] is True


def test_wait_across_a_restart_follows_the_wall_clock(stepped):
    """A machine that starts with a clock that is a day behind, and is set right a little later, has waited long enough."""
    stepped.deploy(definition("sleeps", [wait(3)]))
    id = stepped.run("sleeps", wait=False).json["id"]
    eventually(lambda: stepped.run_state(id)["state"] == "waiting", 10, "the wait")
    stepped.stop()
    stepped.step(-DAY)
    stepped.start()
    time.sleep(4)
    assert stepped.run_state(id)["state"] == "waiting", "by the wall clock it is a day too early"
    stepped.step(0)
    assert stepped.end_of(id)["state"] == "completed"
    assert "event=engine.clock-stepped" in stepped.log()


def test_wait_across_a_restart_into_the_future(stepped):
    stepped.deploy(definition("sleeps", [{"wait": {"wait": {"hours": 20}}}]))
    id = stepped.run("sleeps", wait=False).json["id"]
    eventually(lambda: stepped.run_state(id)["state"] == "waiting", 10, "the wait")
    stepped.stop()
    stepped.step(DAY)
    stepped.start()
    assert stepped.end_of(id)["state"] == "completed"


@STEPS
def test_what_is_told_by_the_clock(stepped, step):
    """Run ids go on ascending, no two alike; the rate limiter and replay cache keep what they know; a signed time is compared
    with the clock as it is; the log verifies."""
    stepped.secret("hook-key", KEY, kind="webhook-key")
    for scheme in ("github", "standard-webhooks"):
        stepped.deploy(definition(scheme, [{"s": {"set": {"a": 1}}}], webhook={"scheme": scheme, "key": "hook-key"}))
    stepped.deploy(definition("seldom", [{"s": {"set": {"a": 1}}}], rate={"limit": 2, "period": {"hours": 1}},
                              webhook={"scheme": "github", "key": "hook-key"}))
    body = b"{}"
    old = {scheme: sign(scheme, KEY, body) for scheme in ("github", "standard-webhooks")}
    for scheme, headers in old.items():
        assert stepped.hook(scheme, body, headers).status == 200
    used = [stepped.hook("seldom", body, sign("github", KEY, body)).status for _ in range(3)]
    assert used == [200, 200, 429], used
    before = [stepped.run("github").json["id"] for _ in range(3)]

    stepped.step(step)
    after = [stepped.run("github").json["id"] for _ in range(3)]
    assert before + after == sorted(set(before + after)), "ids are no longer in order"
    assert stepped.hook("seldom", body, sign("github", KEY, body)).status == 429, "a step gives no new allowance"
    assert stepped.hook("github", body, old["github"]).status == 409, "a repetition is still known"
    now = time.time() + step / 1000
    assert stepped.hook("standard-webhooks", body, sign("standard-webhooks", KEY, body, at=now)).status == 200
    assert stepped.hook("standard-webhooks", body, sign("standard-webhooks", KEY, body)).status == 401, "a day off"

    stepped.step(0)
    assert [stepped.run("github").json["id"] for _ in range(3)] > after
    stepped.stop()
    stepped.start()
    assert stepped.hook("github", body, old["github"]).status == 409, "known from the disk as well"
    assert stepped.run("github").json["id"] not in before + after
    stepped.stop()
    result = stepped.verify()
    assert result.returncode == 0, result.stdout + result.stderr


def test_delivery_is_known_for_as_long_as_its_signature_is_good(stepped):
    """Signed by a sender whose clock is almost a day ahead, where that is tolerated: it is good for another day after that."""
    stepped.secret("hook-key", KEY, kind="webhook-key")
    stepped.deploy(definition("lenient", [{"s": {"set": {"a": 1}}}], webhook={"scheme": "standard-webhooks", "key": "hook-key", "tolerance": {"days": 1}}))
    body, now = b'{"a":1}', time.time()
    headers = sign("standard-webhooks", KEY, body, at=now + 23 * 3600)
    assert stepped.hook("lenient", body, headers).status == 200
    stepped.stop()
    stepped.step(DAY + DAY // 2)
    stepped.start()
    assert stepped.hook("lenient", body, headers).status == 409
    assert stepped.hook("lenient", b"{}", sign("standard-webhooks", KEY, b"{}", at=now + 23 * 3600)).status == 200, "by its time it is still good"
