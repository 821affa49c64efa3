#!/usr/bin/python3
"""Random death: a server under load whose roles are killed at random moments, and a model that knows what must be there at the
end (model.py). The kills follow from the seed, so a run can be repeated.

  tests/soak/chaos.py [--seconds 600] [--seed N] [--mode roles|spared|everything] [--threads N]

  roles       any role dies, alone or several at once; the supervisor starts it again
  spared      any role but the engine, so that what the engine keeps of dead peers would pile up
  everything  the supervisor and all roles at once, the supervisor alone, or an orderly stop, and a start after it
"""
import argparse
import os
import random
import shutil
import signal
import statistics
import sys
import threading
import time

from workload import Client, Recorder, Senders, deploy
import model
from sallyport import IS_SANITIZED, PATIENCE, Server, eventually, is_alive
from conftest import make_folder

WORKERS = 2
MEMBERS = [("gateway", 0), ("engine", 0), ("vault", 0), ("egress", 0), *(("worker", i) for i in range(WORKERS))]
MODES = {"roles": MEMBERS, "spared": [m for m in MEMBERS if m[0] != "engine"], "everything": []}
SHARES = {"roles": 0.5, "spared": 0.25, "everything": 0.25}
# src/supervisor/supervisor.c: a role's next start is delayed twice as long as its last, unless it lived for ten seconds since.
FIRST_PAUSE_S, LIVED_WELL_S, LONGEST_PAUSE_S = 0.1, 12, 0.4
BACK_WITHIN_S = 1.0


class Plan:
    """Who is killed when, from the seed alone: [(gap in seconds, members)]. It keeps to what the supervisor's pauses allow, so
    that everybody can be expected back at once."""

    def __init__(self, mode, seed):
        self.mode, self.random = mode, random.Random(f"plan/{seed}/{mode}")
        self.now, self.pause, self.died = 0.0, {}, {}

    def may_die(self, member):
        if self.now - self.died.get(member, -LIVED_WELL_S) >= LIVED_WELL_S:
            self.pause[member] = FIRST_PAUSE_S
        return self.pause[member] <= LONGEST_PAUSE_S

    def next(self):
        gap = min(self.random.expovariate(1 / 0.7), 4) if MODES[self.mode] else 0.4 + self.random.expovariate(1 / 1.5)
        self.now += gap
        if not MODES[self.mode]:
            return gap, [(self.random.choices(("everything", "supervisor", "stop"), (5, 1, 1))[0], 0)]
        candidates = [m for m in MODES[self.mode] if self.may_die(m)]
        victims = self.random.sample(candidates, min(len(candidates), self.random.choices((1, 2, 3), (6, 2, 1))[0]))
        for m in victims:
            self.died[m] = self.now
            self.pause[m] *= 2
        return gap, victims


# The engine's three connections to the database have a cache of 16 MiB each; egress keeps up to 256 connections that it may use
# again, and what they need (src/base/limits.h).
GROWTH_KIB = {"engine": 56 << 10, "egress": 24 << 10}
GROWTH_FDS = {"egress": 256}


def footprint(server):
    """{member: (descriptors, KiB of memory that is no file's)}"""
    pids = {("supervisor", 0): server.process.pid, **{m: p for m, p in server.roles().items() if m in MEMBERS}}
    result = {}
    for member, pid in pids.items():
        rollup = open(f"/proc/{pid}/smaps_rollup").read()
        result[member] = (len(os.listdir(f"/proc/{pid}/fd")), int(rollup.split("Anonymous:")[1].split()[0]))
    return result


def check_growth(before, after):
    for member, (fds, kib) in after.items():
        was_fds, was_kib = before[member]
        if fds > was_fds + GROWTH_FDS.get(member[0], 4):
            yield f"{member[0]} {member[1]} had {was_fds} descriptors and has {fds}"
        # The sanitizers keep what was freed.
        if kib > was_kib + GROWTH_KIB.get(member[0], 8192) and not IS_SANITIZED:
            yield f"{member[0]} {member[1]} had {was_kib} KiB and has {kib} KiB"


class Chaos:
    def __init__(self, mode, seconds, seed, folder, sample, threads):
        self.mode, self.seconds, self.seed, self.sample, self.threads = mode, seconds, seed, sample, threads
        self.recorder = Recorder(f"upstream/{seed}")
        self.server = Server(folder, workers=WORKERS)
        self.checkpoints, self.back, self.kills, self.workers_killed = [], {}, 0, 0
        self.is_over, self.findings = threading.Event(), []

    # what is done to it

    def wait_back(self, old, members):
        """The seconds from the last death until all are there again and the server takes work."""
        started = time.monotonic()

        def is_back():
            now = self.server.roles()
            return all(now.get(m) and now[m] != old[m] for m in members) and self.server.is_ready()
        end = started + 30 * PATIENCE
        while not is_back():
            if time.monotonic() > end:
                self.findings.append(f"{members} did not come back: {self.server.log()[-2000:]}")
                self.is_over.set()
                break
            time.sleep(0.01)
        return time.monotonic() - started

    def kill_roles(self, members):
        old = self.server.roles()
        for m in members:
            try:
                os.kill(old[m], signal.SIGKILL)
                self.workers_killed += m[0] == "worker"
            except (KeyError, ProcessLookupError):
                members = [x for x in members if x != m]  # it went with another one
        for m in members:
            eventually(lambda: not is_alive(old[m]), 5, f"the death of {m}")
        took = self.wait_back(old, members)
        if len(members) == 1:
            self.back.setdefault(members[0][0], []).append(took)

    def kill_supervisor(self):
        """The roles end by themselves when it is gone."""
        pids = self.server.roles().values()
        os.kill(self.server.process.pid, signal.SIGKILL)
        self.server.process.wait()
        eventually(lambda: not any(is_alive(pid) for pid in pids), 5, "the end of the roles whose supervisor was killed")
        self.server.forget()

    def restart(self, how):
        if how == "stop":
            self.server.stop(check=False)
        elif how == "supervisor":
            self.kill_supervisor()
        else:
            self.server.kill_all()
        started = time.monotonic()
        self.server.start(f"127.0.0.1:{self.server.port}")
        self.back.setdefault(how, []).append(time.monotonic() - started)

    def kill(self):
        plan, end = Plan(self.mode, self.seed), time.monotonic() + self.seconds
        while time.monotonic() < end and not self.is_over.is_set():
            gap, members = plan.next()
            self.is_over.wait(gap)
            self.kills += len(members)
            if MODES[self.mode]:
                self.kill_roles(members)
            else:
                self.restart(members[0][0])

    def observe(self):
        """Keeps what the server vouches for, now and then."""
        client = Client(self.server.port, self.server.token, timeout=10)
        while not self.is_over.wait(0.7):
            try:
                answer = client.get("/api/v1/audit/checkpoint", retry=False)
                if answer.status == 200:
                    self.checkpoints.append(answer.body)
            except OSError:
                client.close()
        client.close()

    # all of it

    def warm_up(self):
        with Senders(self.server, f"warm/{self.seed}", first=1_000_000):
            time.sleep(2)
        eventually(lambda: not model.open_runs(self.server), 20, "the end of the first runs")
        return footprint(self.server)

    def run(self):
        deploy(self.server, self.recorder)
        before = self.warm_up()
        observer = threading.Thread(target=self.observe, daemon=True)
        observer.start()
        senders = Senders(self.server, self.seed, threads=self.threads)
        with senders:
            self.kill()
        self.is_over.set()
        observer.join(30)
        self.server.wait_ready(30)
        eventually(lambda: not model.open_runs(self.server), 60, "the end of all runs")
        time.sleep(0.5)
        growth = list(check_growth(before, footprint(self.server)))
        self.judge(senders, growth)
        return senders

    def judge(self, senders, growth):
        server, effects = self.server, [e for e in self.recorder.effects if e.n < 1_000_000]
        deliveries = senders.deliveries
        runs = model.Runs(server)
        ids = sorted(id for id, run in runs.all.items() if run["state"] != "cancelled")
        replayed = random.Random(self.seed).sample(ids, min(self.sample, len(ids)))
        replays = list(model.check_replays(server, replayed))
        server.stop()
        runs.by_n = {n: found for n, found in runs.by_n.items() if n < 1_000_000}
        history = model.History(server.data / "sallyport.db")
        kept = self.checkpoints[:1] + self.checkpoints[len(self.checkpoints) // 2:][:1] + self.checkpoints[-1:]
        if not kept:
            self.findings.append("no checkpoint was to be had")
        self.findings += model.gathered([
            ("senders", senders.errors), ("unreadable", runs.unreadable), ("deliveries", model.check_deliveries(deliveries, runs)),
            ("outputs", model.check_outputs(deliveries, runs)), ("faults", model.check_faults(runs, self.workers_killed)),
            ("ends", model.check_ends(history)), ("journal", model.check_journal(history)),
            ("effects", model.check_effects(effects, deliveries, runs, history)),
            ("repetitions", model.check_repetitions(effects, history)), ("steps", model.check_steps(effects, deliveries, runs)),
            ("unknown", model.check_unknown(deliveries, runs, history, effects)), ("replays", replays),
            ("log", model.check_log(server, kept, server.folder)), ("lines", model.check_lines(server.log(whole=True))),
            ("growth", growth)])

    def close(self):
        if self.server.process and self.server.process.poll() is None:
            self.server.kill_all()
        self.recorder.stop()

    # what is told of it

    def times(self):
        parts = []
        for who, took in sorted(self.back.items()):
            parts.append(f"{who} {statistics.median(took) * 1000:.0f}/{max(took) * 1000:.0f}")
        return "back (median/longest ms): " + ", ".join(parts)

    def slow(self):
        """Only the long form has a bound: there are enough of them for a median."""
        return [f"{who} is back after {statistics.median(took):.2f} s in the median" for who, took in self.back.items()
                if who != "stop" and statistics.median(took) > BACK_WITHIN_S]


def chaos(mode, seconds, seed, is_long=False, threads=8):
    """[findings], and a line that tells what was done."""
    folder = make_folder()
    it = Chaos(mode, seconds, seed, folder, 200 if is_long else 30, threads)
    is_kept = True
    try:
        senders = it.run()
        findings = it.findings + (it.slow() if is_long else [])
        is_kept = bool(findings)
    finally:
        it.close()
        if is_kept:
            print(f"chaos {mode}, seed {seed}: {folder} is kept", flush=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    repeated = sum(1 for d in senders.deliveries if len(d.statuses) > 1)
    told = f"{it.kills} kills, {len(senders.accepted())} of {len(senders.deliveries)} deliveries accepted, {repeated} repeated, " \
           f"{len(it.recorder.effects)} effects; {it.times()}"
    return findings, told


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("DURATION", 600)))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("SEED", random.randrange(1 << 32))))
    parser.add_argument("--mode", choices=MODES)
    parser.add_argument("--threads", type=int, default=8)
    args = parser.parse_args()
    bad = 0
    for mode in [args.mode] if args.mode else MODES:
        seconds = args.seconds if args.mode else args.seconds * SHARES[mode]
        print(f"chaos {mode}: seed {args.seed}, {seconds:.0f} s", flush=True)
        findings, told = chaos(mode, seconds, args.seed, is_long=True, threads=args.threads)
        for f in findings:
            print(f"  FINDING {f}")
        print(f"chaos {mode}: {told}", flush=True)
        bad += len(findings)
    print(f"chaos: seed {args.seed}, {args.seconds:.0f} s, {bad} findings")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
