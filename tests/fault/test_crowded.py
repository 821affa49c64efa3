"""The committer's queue is full, so that nothing can be written: what runs waits, what comes is refused, and what is cancelled ends when
there is room. The engine is the real one with a queue that the test fills (crowded.c)."""
import struct
import threading
import time

import pytest

from altered import Altered
from sallyport import call, definition, eventually


class Crowded(Altered):
    def __init__(self, folder):
        super().__init__(folder, "crowded-engine", "crowded", bytes(4))

    def fill(self, is_full=True):
        self.write(struct.pack("=I", is_full))


@pytest.fixture
def crowded(folder):
    with Crowded(folder) as s:
        yield s


def waits_for(server, upstream, name):
    """The id of a run whose call the upstream has and does not answer, and what lets it answer."""
    released = threading.Event()
    upstream.on("/" + name, lambda handler, request: (released.wait(60), handler.answer(200)))
    server.deploy(definition(name, [{"c": call(f"{upstream.origin}/{name}")}], origins=[upstream.origin]))
    id = server.run(name, wait=False).json["id"]
    eventually(lambda: upstream.got("/" + name), 10, "the call")
    return id, released


def cancel_without_room(server, id):
    """The answer to a cancellation comes when it is durable, so somebody else waits for it."""
    client, answers = server.client(), []
    thread = threading.Thread(target=lambda: answers.append(client.post(f"/api/v1/runs/{id}/cancel")))
    thread.start()
    return thread, answers


def test_cancelled_run_is_answered_while_it_waits_for_room(crowded, upstream):
    """Cancelled, it waits a second for room; what its call answers meanwhile does not take it up again, which found it waiting."""
    id, released = waits_for(crowded, upstream, "slow")
    engine = crowded.roles("engine")
    crowded.fill()
    thread, answers = cancel_without_room(crowded, id)
    time.sleep(0.3)
    released.set()
    time.sleep(1.5) # a second attempt without room
    crowded.fill(False)
    thread.join(20)
    assert [a.status for a in answers] == [200], answers
    assert crowded.run_state(id)["state"] == "cancelled"
    assert crowded.roles("engine") == engine
    crowded.stop()
    result = crowded.verify()
    assert result.returncode == 0, result.stdout + result.stderr
