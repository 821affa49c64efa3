#!/usr/bin/python3
"""Power cuts: a server on a disk of its own that stops at a random moment, under load, at a deploy, while credentials are set and
revoked, or in the middle of `init`. Then everything is killed, the disk mounted again, and the server started on what is left:
all that was acknowledged must be there, the log must continue the last checkpoint that was handed out, and no effect may have
come without its intent on disk [I1]. What is cut and when follows from the seed.

  tests/soak/power_cuts.py [--rounds 1000] [--seed N]
"""
import argparse
import http.client
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from workload import KINDS, NAMESPACE, TOKEN, Client, Recorder, Senders, deploy
import model
from conftest import make_folder
from disk import SKIPPED, Disk, Unavailable, enter_namespace
from sallyport import PATIENCE, Server, cli, definition, eventually, program

ROUNDS_OF_A_LIFE = 12  # then the disk is formatted, so that a round does not grow slow
RECOVERED_WITHIN_S = 2.0
# Inputs so large that SQLite's log is taken over into the database several times in a life: cuts fall into that, too.
BALLAST = 24 << 10
LOAD = tuple(k for k in KINDS if k != "sleeps")


def is_frozen(pid):
    """No thread comes back from the kernel: each is stopped, or in an uninterruptible wait that leads into the stop."""
    try:
        states = [t.joinpath("stat").read_text().rsplit(")", 1)[1].split()[0] for t in Path(f"/proc/{pid}/task").iterdir()]
    except OSError:
        return True  # it has ended
    return all(state in "TDZX" for state in states)


def freeze(pid):
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return
    eventually(lambda: is_frozen(pid), 5, f"the stop of process {pid}")


class Changes:
    """Deploys, or sets and revokes credentials, until the server is gone. Keeps what was acknowledged."""

    def __init__(self, server, what, number):
        self.server, self.do, self.number = server, {"deploy": self.deploy, "secrets": self.secret}[what], number
        self.deployed, self.secrets, self.doubtful = set(), {}, set()
        self.is_over = threading.Event()
        self.thread = threading.Thread(target=self.work, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        self.thread.join(60)

    def work(self):
        for n in range(10000):
            if self.is_over.is_set():
                return
            try:
                self.do(n)
            except (OSError, http.client.HTTPException, AttributeError, KeyError):
                return  # the server is gone, its clients are closed, or it answered that it cannot

    def deploy(self, n):
        name = f"change-{self.number}-{n}"
        answer = self.server.deploy(definition(name, [{"s": {"set": {"n": n}}}], namespace=NAMESPACE), ok=False)
        if answer.status == 201:
            self.deployed.add(name)

    def secret(self, n):
        name = f"secret-{self.number}-{n % 7}"
        is_revoked = self.secrets.get(name) == "set" and n % 3 == 0
        self.doubtful.add(name)
        if is_revoked:
            answer = self.server.api.delete(f"/api/v1/secrets/{NAMESPACE}/{name}")
        else:
            answer = self.server.secret(name, f"value-{n}-of-the-credential", namespace=NAMESPACE, origins=["https://a.example.com"], ok=False)
        if answer.status in (200, 204):
            self.secrets[name] = "revoked" if is_revoked else "set"
            self.doubtful.discard(name)

    def findings(self):
        for name in self.deployed:
            answer = self.server.api.get(f"/api/v1/workflows/{NAMESPACE}/{name}")
            if answer.status != 200:
                yield f"workflow {name} was deployed, and is lost: {answer}"
        there = {s["name"] for s in self.server.api.get("/api/v1/secrets").json["secrets"] if s["state"] == "active"}
        for name, state in self.secrets.items():
            if name not in self.doubtful and (name in there) != (state == "set"):
                yield f"credential {name} was {state}, and is {'there' if name in there else 'gone'}"


class PowerCuts:
    def __init__(self, rounds, seed):
        self.rounds, self.seed, self.random = rounds, seed, random.Random(f"cuts/{seed}")
        self.folder, self.done, self.findings = make_folder(), 0, []
        self.disk, self.recorder, self.server = Disk(self.folder), Recorder(f"upstream/{seed}"), None
        self.recovered, self.deliveries, self.checkpoint, self.counts = [], [], None, {}
        self.init_s = 0.05

    # one life of a disk

    def born(self):
        self.disk.format()
        home = self.disk.at / "sallyport"
        home.mkdir(mode=0o711)
        self.server = Server(home, start=False)
        self.server.log_path = self.folder / f"server-{self.done}.log"
        started = time.monotonic()
        self.server.init()
        self.init_s = time.monotonic() - started
        self.server.start()
        deploy(self.server, self.recorder)
        os.sync()  # the configuration is ours, not the server's
        self.kept = {p: p.read_bytes() for p in (self.server.root_key, self.server.config)}
        self.deliveries, self.checkpoint = [], None

    def ended(self):
        """At the end of a life the whole model is held against what is there."""
        server = self.server
        deadline = time.monotonic() + 60 * PATIENCE
        while model.open_runs(server) and time.monotonic() < deadline:
            time.sleep(0.05)
        runs = model.Runs(server)
        server.stop()
        history = model.History(server.data / "sallyport.db")
        numbers = {d.n for d in self.deliveries}
        effects = [e for e in self.recorder.effects if e.n in numbers]
        self.findings += model.gathered([
            ("deliveries", model.check_deliveries(self.deliveries, runs)), ("outputs", model.check_outputs(self.deliveries, runs)),
            ("faults", model.check_faults(runs, 0)), ("ends", model.check_ends(history)), ("journal", model.check_journal(history)),
            ("effects", model.check_effects(effects, self.deliveries, runs, history)),
            ("repetitions", model.check_repetitions(effects, history)),
            ("steps", model.check_steps(effects, self.deliveries, runs)), ("disk", filter(None, [self.disk.check()]))])
        server.log_path.unlink()

    # one round

    def observe(self, is_over):
        client = Client(self.server.port, self.server.token, timeout=10)
        try:
            while not is_over.wait(0.02):
                answer = client.get("/api/v1/audit/checkpoint", retry=False)
                if answer.status == 200:
                    self.checkpoint = answer.body
        except OSError:
            pass
        client.close()

    def cut(self, after_s, *more):
        """Processors stop with the disk. They have to stop first: an fdatasync that is under way when ext4 is stopped returns 0,
        and what it was for is lost (Linux 6.18: one of eight such cuts), which would be told as durable."""
        time.sleep(after_s)
        for pid in [self.server.process.pid, *self.server.roles().values(), *more]:
            freeze(pid)
        self.disk.cut()

    def load(self):
        ballast = BALLAST if self.random.random() < 0.5 else 0
        senders = Senders(self.server, f"{self.seed}/{self.done}", threads=6, pause=0.002, kinds=LOAD, first=self.done * 100000 + 1,
                          ballast=ballast)
        is_over = threading.Event()
        observer = threading.Thread(target=self.observe, args=(is_over,), daemon=True)
        observer.start()
        with senders:
            self.cut(0.05 + self.random.random() * 0.5)
            senders.is_over.set()
            self.server.kill_all()
        is_over.set()
        observer.join(30)
        self.deliveries += senders.deliveries
        self.findings += senders.errors
        return lambda: (f"delivery {d.n} was answered {d.statuses}, and run {id} is lost" for d in senders.accepted() for id in d.runs
                        if self.server.run_state(id) is None)

    def change(self, what):
        changes = Changes(self.server, what, self.done)
        with changes:
            self.cut(0.02 + self.random.random() * 0.3)
            changes.is_over.set()
            self.server.kill_all()
        return changes.findings

    def init(self):
        """In a folder of its own; the server goes down with the disk as in any other round."""
        home = self.disk.at / f"init-{self.done}"
        home.mkdir()
        home.chmod(0o711)
        os.sync()
        words = [program(), "init", "--data", home / "data", "--root-key", home / "keys" / "root.key", "--json"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.cut(self.random.random() * self.init_s * 1.2, process.pid)
        process.kill()
        out, _ = process.communicate(timeout=60)
        self.server.kill_all()
        return lambda: self.check_init(home, out, process.returncode == 0)

    def check_init(self, home, out, has_ended):
        """Who was told a token has it, unless he can go on by asking once more; who was not can do that. It is told before the
        database gets its name: between that and its end `init` has done all and not said so by its status."""
        told = json.loads(out) if out.endswith("\n") else None
        if not has_ended:
            again = cli("init", "--data", home / "data", "--root-key", home / "keys" / "root.key", "--json")
            if again.returncode == 0:
                told = json.loads(again.stdout)
            elif told is None:
                yield f"init was cut, and does not go on: {again.stderr.strip()}"
                return
        made = Server(home, start=False)
        made.log_path, made.token = self.folder / "init.log", told["token"]
        try:
            made.start()
            if made.api.get("/api/v1/workflows").status != 200:
                yield "init gave a token that does not open"
            made.stop()
        except AssertionError as e:
            yield f"the server does not start on what init made: {str(e)[-600:]}"
        finally:
            if made.process and made.process.poll() is None:
                made.kill_all()

    def round(self):
        what = self.random.choices(("load", "init", "deploy", "secrets"), (14, 3, 2, 2))[0]
        self.counts[what] = self.counts.get(what, 0) + 1
        check = self.load() if what == "load" else self.init() if what == "init" else self.change(what)
        self.disk.unmount()
        self.disk.mount()
        started = time.monotonic()
        self.server.start(f"127.0.0.1:{self.server.port}")
        self.recovered.append(time.monotonic() - started)
        found = list(check())
        found += [f"{path.name} was altered" for path, text in self.kept.items() if path.read_bytes() != text]
        if self.checkpoint:
            found += model.check_log(self.server, [self.checkpoint], self.folder)
        self.findings += [f"round {self.done}, {what}: {f}" for f in found[:5]]

    def run(self):
        started = time.monotonic()
        while self.done < self.rounds and len(self.findings) < 20:
            if self.done % ROUNDS_OF_A_LIFE == 0:
                self.born()
            self.round()
            self.done += 1
            if self.done % ROUNDS_OF_A_LIFE == 0 or self.done == self.rounds:
                self.ended()
            if self.done % 100 == 0:
                print(f"{self.done} rounds, {time.monotonic() - started:.0f} s", flush=True)
        self.took = time.monotonic() - started

    def close(self):
        if self.server and self.server.process and self.server.process.poll() is None:
            self.server.kill_all()
        self.recorder.stop()
        self.disk.close()
        if self.findings:
            print(f"{self.folder} is kept")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("ROUNDS", 1000)))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", random.randrange(1 << 32))))
    args = parser.parse_args()
    try:
        if "SOAK_NAMESPACE" not in os.environ:
            sys.argv = [sys.argv[0], "--rounds", str(args.rounds), "--seed", str(args.seed)]
        enter_namespace()
        it = PowerCuts(args.rounds, args.seed)
    except Unavailable as e:
        print(f"power cuts: skipped: {e}")
        return SKIPPED
    print(f"power cuts: seed {args.seed}, {args.rounds} rounds", flush=True)
    try:
        it.run()
    finally:
        it.close()
    for f in it.findings:
        print(f"  FINDING {f}")
    median, longest = statistics.median(it.recovered), max(it.recovered)
    if args.rounds >= 100 and median > RECOVERED_WITHIN_S:
        it.findings.append(f"recovery takes {median:.2f} s in the median")
    kinds = ", ".join(f"{n} {what}" for what, n in sorted(it.counts.items()))
    print(f"power cuts: seed {args.seed}, {it.done} rounds ({kinds}) of {it.took / max(it.done, 1):.1f} s, recovered in {median * 1000:.0f} ms "
          f"(longest {longest * 1000:.0f}), {len(it.findings)} findings")
    return 1 if it.findings else 0


if __name__ == "__main__":
    sys.exit(main())
