"""Roles that were taken over, in a real server: the test holds their channels and says on them what it likes.

A puppet (puppet.c) takes the role's place in a copy of the executables' folder and hands its control channel over. Behind a
Taken role the test may have the real executable serve, and step between it and its peers when it is time: what an attacker
has who takes over a role that has worked until then. Messages and their fields are read from src/wire/messages.h."""
import array
import itertools
import os
import re
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import sallyport

ROOT = Path(__file__).resolve().parents[2]
HEADER = struct.Struct("<IHBB")
MARKS = itertools.count(0xBAD0) # high bits of the tags of questions that we ask beside the real role, for each Role its own

# --- messages ----------------------------------------------------------------------------------------------------------


def read(path):
    return re.sub(r"/\*.*?\*/", "", (ROOT / "src" / path).read_text(), flags=re.S).replace("\\\n", " ")


def read_limits():
    limits = {}
    for name, text in re.findall(r"#define (LIMIT_\w+)\s+(.+)", read("base/limits.h")):
        text = re.sub(r"\b(\d+)(?:u|ll|ull|l)\b", r"\1", text)
        limits[name] = int(eval(re.sub(r"LIMIT_\w+", lambda m: str(limits[m[0]]), text))) # arithmetic of a header of ours
    return limits


LIMITS = read_limits()
ROLES = [name.lower() for name, _ in re.findall(r"\bR\((\w+), (\w+)\)", read("wire/roles.h").split("WIRE_ROLES(R)")[1].split("enum role")[0])]
TYPES, FIELDS = {}, {}


def read_messages():
    text = read("wire/messages.h")
    rows = re.findall(r"\bM\((\w+), (\w+), ROLE_(\w+), ROLE_(\w+)\)", text)
    for number, (NAME, name, sender, receiver) in enumerate(rows, 1):
        TYPES[NAME] = (number, name, sender.lower(), receiver.lower())
    for name, fields in re.findall(r"#define WIRE_FIELDS_(\w+)\(F\)([^\n]*)", text):
        FIELDS[name] = [(kind, field, int(eval(re.sub(r"LIMIT_\w+", lambda m: str(LIMITS[m[0]]), most))))
                        for kind, field, most in re.findall(r"F\((\w+), (\w+), ([^)]+)\)", fields)]


read_messages()
NAMES = {number: name for name, (number, *_) in TYPES.items()}
INTEGERS = {"u8": "<B", "u16": "<H", "u32": "<I", "u64": "<Q", "i32": "<i", "i64": "<q"}


def encode(name, /, **values):
    """The payload of a message or record `name`, in lower case; fields that are not given are zero or empty."""
    out = b""
    for kind, field, most in FIELDS[name]:
        value = values.pop(field, 0 if kind in INTEGERS else b"")
        value = value.encode() if isinstance(value, str) else value
        if kind in INTEGERS:
            out += struct.pack(INTEGERS[kind], value)
        else:
            out += value.ljust(most, b"\0") if kind == "fixed" else struct.pack("<I", len(value)) + value
    assert not values, f"{name} has no {values}"
    return out


def decode(name, payload):
    fields, at = {}, 0
    for kind, field, most in FIELDS[name]:
        if kind in INTEGERS:
            n = struct.calcsize(INTEGERS[kind])
            fields[field], = struct.unpack(INTEGERS[kind], payload[at:at + n])
        else:
            n = most
            if kind != "fixed":
                n, = struct.unpack("<I", payload[at:at + 4])
                at += 4
            fields[field] = payload[at:at + n]
        at += n
    assert at == len(payload), name
    return fields


def pairs(*items):
    return b"".join(struct.pack("<I", len(x)) + x for x in (y.encode() if isinstance(y, str) else y for y in items))


def effects(*items):
    """Records of WORKER_STEP.effects: (kind, number, record)."""
    return b"".join(struct.pack("<BII", kind, number, len(record)) + record for kind, number, record in items)


# --- channels ----------------------------------------------------------------------------------------------------------


class Message:
    def __init__(self, type, payload, fd=None):
        self.type, self.payload, self.fd = type, payload, fd
        self.name = NAMES.get(type, "?")

    @property
    def fields(self):
        return decode(TYPES[self.name][1], self.payload)

    def __repr__(self):
        return f"<{self.name} {self.payload[:80]!r}>"


class Wire:
    """One end of a channel."""

    def __init__(self, sock):
        self.socket, self.buffer, self.fds, self.lock = sock, b"", [], threading.Lock()

    def send_raw(self, data, fds=()):
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        with self.lock:
            sent = self.socket.sendmsg([data], ancillary, socket.MSG_NOSIGNAL)
            if sent < len(data):
                self.socket.sendall(data[sent:])

    def send_frame(self, type, payload, fd=None):
        self.send_raw(HEADER.pack(len(payload), type, fd is not None, 0) + payload, [] if fd is None else [fd])

    def send(self, NAME, /, **fields):
        self.send_frame(TYPES[NAME][0], encode(TYPES[NAME][1], **fields))

    def receive(self):
        """The next message; None at the end."""
        while True:
            if len(self.buffer) >= HEADER.size:
                length, type, has_fd, _ = HEADER.unpack(self.buffer[:HEADER.size])
                if len(self.buffer) >= HEADER.size + length:
                    payload = self.buffer[HEADER.size:HEADER.size + length]
                    self.buffer = self.buffer[HEADER.size + length:]
                    return Message(type, payload, self.fds.pop(0) if has_fd else None)
            try:
                data, ancillary, _, _ = self.socket.recvmsg(1 << 18, socket.CMSG_SPACE(64))
            except OSError:
                return None
            for level, kind, value in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    self.fds += array.array("i", value[:len(value) - len(value) % 4])
            if not data:
                return None
            self.buffer += data

    def is_closed(self, seconds=10):
        """Whether the other side closes it; what comes until then is dropped."""
        self.socket.settimeout(seconds * sallyport.PATIENCE)
        try:
            while self.receive():
                pass
            return True
        except TimeoutError:
            return False
        finally:
            self.socket.settimeout(None)

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.socket.close()


# --- roles -------------------------------------------------------------------------------------------------------------


class Role:
    """A role in the test's hands. With `real` (the path of its executable) that one serves behind it, and every message of
    both sides passes through `filters`: {NAME: function(message) → message, list of messages or None}."""

    def __init__(self, argv, control, puppet, real, log, filters):
        self.name, self.argv, self.control, self.puppet, self.log = argv[0].removeprefix("sallyport-"), argv, control, puppet, log
        self.index = int(argv[argv.index("--index") + 1]) if "--index" in argv else 0
        self.peers, self.files, self.inside, self.filters = {}, [], {}, dict(filters)
        self.answers, self.changed, self.mark = {}, threading.Condition(), next(MARKS)
        self.next_tag = self.mark << 48
        self.process, self.seen = None, []
        self.real_control = self.start_real(real) if real else None
        self.run(self.serve_control)
        self.run(self.follow_puppet)
        if real:
            self.run(self.forward, self.real_control, lambda: self.control, self.relay_control)

    def run(self, function, *arguments):
        threading.Thread(target=function, args=arguments, daemon=True).start()

    def identity(self):
        """That of the puppet: the supervisor has given up root for it."""
        if os.getuid() != 0:
            return {}
        _, uid, gid = struct.unpack("iII", self.puppet.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return {"user": uid, "group": gid, "extra_groups": []}

    def start_real(self, path):
        mine, its = socket.socketpair()
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(["/bin/sh", "-c", 'exec "$0" "$@" 3<&0 </dev/null', path, *self.argv[1:]], stdin=its,
                                            stderr=log, env={}, cwd="/", **self.identity())
        its.close()
        return Wire(mine)

    def follow_puppet(self):
        """Whoever kills the puppet means us, and our descriptors."""
        try:
            self.puppet.recv(1)
        except OSError:
            pass
        self.end()

    # what the supervisor says

    def serve_control(self):
        while message := self.control.receive():
            if message.name == "CONTROL_CHANNEL":
                self.take_channel(message)
            elif message.name == "CONTROL_FILE":
                self.files.append((message.fields["kind"], message.fields["index"], os.dup(message.fd)))
                self.to_real(message)
            else:
                if message.name == "CONTROL_START" and not self.real_control:
                    self.control.send("CONTROL_READY")
                if message.name == "CONTROL_STOP" and not self.real_control:
                    self.end()
                self.to_real(message)
            if message.fd is not None:
                os.close(message.fd)
        self.end()

    def to_real(self, message):
        if self.real_control:
            try:
                self.real_control.send_frame(message.type, message.payload, message.fd)
            except OSError:
                self.end()

    def take_channel(self, message):
        fields = message.fields
        key = ROLES[fields["peer"]], fields["index"]
        peer = Wire(socket.socket(fileno=os.dup(message.fd)))
        peer.socket.setblocking(True)
        if self.real_control:
            mine, its = socket.socketpair()
            inside = self.inside[key] = Wire(mine)
            self.real_control.send_frame(message.type, message.payload, its.fileno())
            its.close()
            self.run(self.forward, inside, lambda: peer, lambda m: self.relay(m))
            self.run(self.forward, peer, lambda: inside, lambda m: self.relay(m))
        with self.changed:
            self.peers[key] = peer
            self.changed.notify_all()

    # between the real role and its peers

    def forward(self, source, target, relay):
        while message := source.receive():
            out = relay(message)
            for m in out if isinstance(out, list) else [out] if out else []:
                try:
                    target().send_frame(m.type, m.payload, m.fd)
                except OSError:
                    break
            if message.fd is not None:
                os.close(message.fd)
        target().close()

    def relay(self, message):
        self.seen.append(message)
        if len(message.payload) >= 8:
            tag, = struct.unpack("<Q", message.payload[:8])
            if tag >> 48 == self.mark:
                with self.changed:
                    self.answers[tag] = message
                    self.changed.notify_all()
                return None
        change = self.filters.get(message.name)
        return change(message) if change else message

    def relay_control(self, message):
        change = self.filters.get(message.name)
        return change(message) if change else message

    # what the attacker does

    def peer(self, name, index=0, seconds=10):
        with self.changed:
            assert self.changed.wait_for(lambda: (name, index) in self.peers, seconds * sallyport.PATIENCE), f"no channel to {name}"
            return self.peers[name, index]

    def say(self, peer, NAME, /, **fields):
        """What may end the channel, while more is said."""
        try:
            self.peer(peer).send(NAME, **fields)
        except OSError:
            pass

    def ask(self, peer, NAME, /, seconds=10, **fields):
        """Asks beside the real role; the answer's fields."""
        with self.changed:
            self.next_tag += 1
            tag = self.next_tag
        self.peer(peer).send(NAME, tag=tag, **fields)
        with self.changed:
            assert self.changed.wait_for(lambda: tag in self.answers, seconds * sallyport.PATIENCE), f"{NAME} was not answered"
            return self.answers.pop(tag).fields

    def end(self, status=0):
        """Its process ends, as the supervisor sees it."""
        for wire in [*self.inside.values(), *self.peers.values(), self.control, *([self.real_control] if self.real_control else [])]:
            wire.close()
        if self.process:
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        try:
            self.puppet.send(bytes([status]))
        except OSError:
            pass
        self.puppet.close()


class Taken(sallyport.Server):
    """A server some of whose roles are in the test's hands. `honest` says of a start, (role, index, how often it was started
    before), whether the real one is to serve behind it; `filters` are those of a role from its first message on: {role: {NAME: …}}."""

    def __init__(self, folder, roles, honest=lambda role, index, n: True, filters=None, **more):
        self.place, self.taken, self.honest, self.met = Path(folder) / "bin", set(roles), honest, []
        self.filters = filters or {}
        self.place.mkdir()
        binaries = Path(sallyport.program("sallyport")).parent if "SALLYPORT_BIN" in os.environ else None
        found = binaries.glob("sallyport*") if binaries else (sallyport.build_folder() / "src").glob("*/sallyport*")
        for path in found:
            if path.is_file() and os.access(path, os.X_OK):
                role = path.name.removeprefix("sallyport-")
                shutil.copy(sallyport.build_folder() / "tests/abuse/puppet" if role in self.taken else path, self.place / path.name)
                if role in self.taken:
                    shutil.copy(path, self.place / f"real-{role}")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(b"\0" + os.fsencode(str(self.place))[-100:])
        self.listener.listen(64)
        self.condition = threading.Condition()
        threading.Thread(target=self.meet, daemon=True).start()
        super().__init__(folder, **more)

    def command(self, listen):
        return [str(self.place / "sallyportd"), *super().command(listen)[1:]]

    def meet(self):
        starts = {}
        while True:
            try:
                puppet, _ = self.listener.accept()
            except OSError:
                return
            line, ancillary, _, _ = puppet.recvmsg(4096, socket.CMSG_SPACE(4))
            fd, = array.array("i", ancillary[0][2])
            argv = line.decode().rstrip("\0").split("\0")
            name = argv[0].removeprefix("sallyport-")
            index = int(argv[argv.index("--index") + 1]) if "--index" in argv else 0
            n = starts[name, index] = starts.get((name, index), -1) + 1
            role = Role(argv, Wire(socket.socket(fileno=fd)), puppet,
                        self.place / f"real-{name}" if self.honest(name, index, n) else None, self.log_path,
                        self.filters.get(name, {}))
            with self.condition:
                self.met.append(role)
                self.condition.notify_all()

    def role(self, name, index=0, life=0, seconds=10):
        """The role in its first life, or a later one."""
        def lives():
            return [r for r in self.met if (r.name, r.index) == (name, index)]
        with self.condition:
            assert self.condition.wait_for(lambda: len(lives()) > life, seconds * sallyport.PATIENCE), f"{name} was not started"
            return lives()[life]

    def latest(self, name, index=0):
        return self.role(name, index, self.lives(name, index) - 1)

    def lives(self, name, index=0):
        with self.condition:
            return len([r for r in self.met if (r.name, r.index) == (name, index)])

    def __exit__(self, kind, value, trace):
        try:
            super().__exit__(kind, value, trace)
        finally:
            for role in self.met:
                role.end()
            self.listener.close()
        if kind is None:
            # What serves behind a puppet is nobody's child but ours.
            self.check_no_crash()
            ends = {(r.name, r.process.returncode) for r in self.met if r.process and r.process.returncode < 0}
            assert not ends, f"ended by a signal: {ends}"
