"""Liars: on each channel a role says for a while what comes to its mind: well-formed messages with any values, what it has heard
and said before, altered, and frames that are none; whoever hears it lives on, and serves when the liar is gone. Then what closes a
channel, one by one: another form, another size, an answer that nobody asked for.

The liar alone is in the test's hands: who hears him reads what he wrote, byte for byte. The sanitizers see more than a crash: a
handler is lent a copy of its payload that is freed when it returns (src/wire/loan.h)."""
import os
import random
import shutil
import time

import pytest

from conftest import make_folder
from sallyport import definition, eventually
from taken import FIELDS, HEADER, INTEGERS, LIMITS, TYPES, Taken, encode

SECONDS = float(os.environ.get("SALLYPORT_FUZZ_SECONDS", "1"))
CHANNELS = sorted({(sender, receiver) for _, _, sender, receiver in TYPES.values() if "any" not in (sender, receiver)})
# They end with the engine's channel, whoever closed it.
FOLLOWERS = {"worker", "checker"}
TEXTS = ["", "test", "plain", "token", "GET", "http", "127.0.0.1", "${ . }", "..", "\u00e9", "a" * 127, "\n", '{"a":1}', "[]", "{}", "null"]


def value(r, kind, most):
    if kind in INTEGERS:
        bits = int(kind[1:]) - (kind[0] == "i")
        n = r.choice([0, 1, 2, 3, 200, (1 << bits) - 1, 1 << (bits - 1), r.getrandbits(bits)]) & (1 << bits) - 1
        return -n if kind[0] == "i" and r.random() < .5 else n
    if kind == "fixed":
        return r.randbytes(most)
    if kind == "bytes" and r.random() < .4:
        return r.randbytes(r.choice([1, 4, 31, 32, 33, 200, 5000]))[:most]
    return r.choice(TEXTS).encode()[:most] if r.random() < .97 else b"\xff\xfe"[:most]


def message(r, types, heard):
    """(type, payload) of one lie."""
    if heard and r.random() < .5:
        m = r.choice(heard)
        payload = bytearray(m.payload)
        for _ in range(r.choice([0, 0, 1, 1, 2, 8])):
            if payload:
                payload[r.randrange(len(payload))] = r.randrange(256)
        return m.type, bytes(payload[:r.randrange(len(payload) + 1)] if r.random() < .05 else payload)
    number, name = r.choice(types)
    return number, encode(name, **{field: value(r, kind, most) for kind, field, most in FIELDS[name]})


def lie(server, r, name, peer):
    """Until the channel ends."""
    role = server.latest(name)
    wire = role.peer(peer)
    types = [(number, t) for number, t, sender, receiver in TYPES.values() if (sender, receiver) == (name, peer)]
    mine = {number for number, _ in types}
    heard = [m for m in role.seen[-2000:] if m.type in mine]
    end = time.monotonic() + SECONDS / 2
    try:
        while time.monotonic() < end and wire.socket.fileno() >= 0:
            if r.random() < .002:
                wire.send_raw(r.randbytes(HEADER.size) + r.randbytes(64))
            else:
                wire.send_frame(*message(r, types, heard))
    except OSError:
        pass


class World(Taken):
    """A server with one liar in it."""

    def __init__(self, folder, liar):
        self.liar, self.rested = liar, 0
        super().__init__(folder, [liar], workers=1)
        self.secret("token", "canary-FUZZ-p6Lw3XyZk8", origins=["http://127.0.0.1:9"])
        self.deploy(definition("plain", [{"s": {"set": {"n": "${ .n }"}}}]))
        self.run("plain", {"n": 1})
        self.rested, self.before = self.lives(liar), self.roles()

    def rest(self):
        """The pause before the next life of a role doubles with each death: a server that is started anew has forgotten them."""
        if self.liar not in FOLLOWERS and self.lives(self.liar) >= self.rested + 4:
            self.check_others()
            self.stop()
            self.start()
            self.rested, self.before = self.lives(self.liar), self.roles()
        self.wait_ready(30)

    def check_others(self):
        after = self.roles()
        others = [k for k in self.before if k[0] not in FOLLOWERS | {self.liar}]
        assert {k: after.get(k) for k in others} == {k: self.before[k] for k in others}, "another role went with the liar"

    def born_again(self, life):
        self.latest(self.liar).end()
        self.role(self.liar, life=life, seconds=30)
        self.wait_ready(30)


@pytest.fixture(scope="module")
def world(request):
    folder = make_folder()
    with World(folder, request.param) as server:
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def spared(world):
    """Around a lie: whoever is not the liar lives on, and the server serves."""
    world.rest()
    yield
    world.check_others()
    answer = world.run("plain", {"n": 5})
    assert answer.status == 200 and answer.json["output"] == {"n": 5}, answer


def each(cases, ids):
    """Cases that begin with the liar's name."""
    return pytest.mark.parametrize("world, peer, case", cases, ids=ids, indirect=["world"])


@each([(a, b, None) for a, b in CHANNELS], [f"{a}-{b}" for a, b in CHANNELS])
def test_who_is_lied_to_lives_on(world, peer, case, spared):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    r = random.Random(seed)
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        life = world.lives(world.liar)
        lie(world, r, world.liar, peer)
        world.born_again(life)
        world.rest()


# --- what closes a channel ---------------------------------------------------------------------------------------------


def raw(wire, number, payload, has_fd=0, reserved=0, length=None, fds=()):
    wire.send_raw(HEADER.pack(len(payload) if length is None else length, number, has_fd, reserved) + payload, fds)


def with_descriptors(wire, number, payload, has_fd, n):
    fd = os.open("/dev/null", os.O_RDONLY)
    raw(wire, number, payload, has_fd, fds=[fd] * n)
    os.close(fd)


# The handler's.
SIZES = {"a byte left over": lambda payload: payload + b"\0", "a byte too few": lambda payload: payload[:-1], "nothing": lambda payload: b""}
# The channel's matter, whatever the message.
FRAMES = {
    "a descriptor": lambda w, number, payload: with_descriptors(w, number, payload, 1, 1),
    "a descriptor that the head does not tell of": lambda w, number, payload: with_descriptors(w, number, payload, 0, 1),
    "sixteen descriptors": lambda w, number, payload: with_descriptors(w, number, payload, 0, 16),
    "a head that tells of a descriptor": lambda w, number, payload: raw(w, number, payload, 1),
    "a reserved byte": lambda w, number, payload: raw(w, number, payload, reserved=1),
    "a frame that is too long": lambda w, number, payload: raw(w, number, payload, length=LIMITS["LIMIT_FRAME"] + 1),
    "no type": lambda w, number, payload: raw(w, 0, payload),
    "a type that is none": lambda w, number, payload: raw(w, len(TYPES) + 1, payload),
    "the supervisor's type": lambda w, number, payload: raw(w, TYPES["CONTROL_STOP"][0], b"\0"),
    "the type of another channel": lambda w, number, payload: raw(w, TYPES["WORKER_UNKNOWN"][0], encode("worker_unknown")),
    "the receiver's type": lambda w, number, payload: raw(w, TYPES["HTTP_RESPONSE"][0], encode("http_response")),
    **{size: lambda w, number, payload, change=change: raw(w, number, change(payload)) for size, change in SIZES.items()},
}
# Answers, of which each has a question. A checker's channel ends with its answer, whatever it is.
UNASKED = ["VAULT_IDENTITY", "VAULT_NAMESPACE_KEY", "VAULT_WRAPPED", "VAULT_DONE", "VAULT_VERIFIED", "VAULT_SIGNED"]


def living(world, peer):
    """The channel; a checker that has answered has its end before it."""
    wire = world.latest(world.liar).peer(peer)
    return wire if wire.socket.fileno() >= 0 else None


def closes(world, peer, say, what):
    """The peer closes the channel on which this is said; then the liar lives anew."""
    wire = eventually(lambda: living(world, peer), 10, f"a channel to {peer}")
    life = world.lives(world.liar)
    say(wire)
    eventually(lambda: wire.socket.fileno() < 0 or world.lives(world.liar) > life, 10, f"the end of the channel to {peer} after {what}")
    world.born_again(life)


@each([("gateway", "engine", frame) for frame in FRAMES], list(FRAMES))
def test_a_frame_that_is_none_closes(world, peer, case, spared):
    """The same message in good form does not: that a client has left who was not there."""
    number, name, _, _ = TYPES["HTTP_GONE"]
    life, payload = world.lives(world.liar), encode(name, tag=1 << 40)
    world.latest(world.liar).peer(peer).send_frame(number, payload)
    assert world.run("plain", {"n": 6}).json["output"] == {"n": 6} and world.lives(world.liar) == life
    closes(world, peer, lambda wire: FRAMES[case](wire, number, payload), case)


BETWEEN = [(sender, receiver, NAME) for NAME, (_, _, sender, receiver) in TYPES.items() if not {"any", "checker"} & {sender, receiver}]


@each(BETWEEN, [NAME for _, _, NAME in BETWEEN])
def test_a_payload_of_another_size_closes(world, peer, case, spared):
    """Each handler has its own say in that."""
    number, name, _, _ = TYPES[case]
    size = random.choice(list(SIZES))
    closes(world, peer, lambda wire: wire.send_frame(number, SIZES[size](encode(name))), f"{name} with {size}")


@each([("vault", "engine", NAME) for NAME in UNASKED], UNASKED)
def test_an_answer_that_nobody_asked_for_closes(world, peer, case, spared):
    closes(world, peer, lambda wire: wire.send(case, tag=1 << 40), f"{case} out of turn")
