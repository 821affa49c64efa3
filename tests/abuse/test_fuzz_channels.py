"""Liars at random: on each channel a role says for a while what comes to its mind: well-formed messages with any values, what
it has heard and said before, altered, and frames that are none. Whoever hears it lives on, and serves when the liar is gone."""
import os
import random
import shutil
import time

import pytest

from conftest import make_folder
from sallyport import definition
from taken import FIELDS, HEADER, INTEGERS, TYPES, Taken, encode

ROLES = ["gateway", "engine", "vault", "egress", "worker", "checker"]
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


@pytest.fixture(scope="module")
def world():
    folder = make_folder()
    with Taken(folder, ROLES, workers=2) as server:
        server.secret("token", "canary-FUZZ-p6Lw3XyZk8", origins=["http://127.0.0.1:9"])
        server.deploy(definition("plain", [{"s": {"set": {"n": "${ .n }"}}}]))
        server.run("plain", {"n": 1})
        yield server
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("name, peer", CHANNELS, ids=[f"{a}-{b}" for a, b in CHANNELS])
def test_who_is_lied_to_lives_on(world, name, peer):
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    r = random.Random(seed)
    world.wait_ready()
    before = world.roles()
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        life = world.lives(name)
        lie(world, r, name, peer)
        world.latest(name).end()
        world.role(name, life=life)
        world.wait_ready(30)
    after = world.roles()
    spared = [k for k in before if k[0] not in FOLLOWERS | {name}]
    assert {k: after.get(k) for k in spared} == {k: before[k] for k in spared}, "another role went with the liar"
    answer = world.run("plain", {"n": 5})
    assert answer.status == 200 and answer.json["output"] == {"n": 5}, answer
