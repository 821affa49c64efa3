"""What floods leave of W1: a function for the bench, which puts `flood_w1_ratio`, the least of all kinds, and `floods`, that of each
kind, into `results`. The kinds are those of bench-flood. It tells who had the processors, too: without that a ratio explains nothing."""
import json
import statistics
import subprocess
import sys
import time

from rig import Server, cpu_s, program, wrk

FLOODS = ["idle", "slow-headers", "slow-bodies", "slow-reading", "endless-bodies", "large", "signatures", "signatures-of-one",
          "unknown-hooks", "guesses", "connects"]


def w1(server, seconds):
    """Deliveries that were accepted in a second, of a thousand senders behind a proxy."""
    r = wrk(server.folder, server.port, "/hooks/bench/w1", 64, seconds, senders=1000)
    return r["rps"] * (1 - (r["failed"] + r["lost"]) / max(1, r["requests"]))


def flooded(server, kind, seconds):
    """W1 beside the flood as a part of W1 alone, the memory of the server, what the flood was told, and seconds of processor time in
    a second: of each role and of the flood, beside it and before."""
    started, cpu = time.monotonic(), server.cpu_by_role()
    alone = w1(server, seconds)
    before = rates(cpu, server.cpu_by_role(), time.monotonic() - started)
    flood = subprocess.Popen([program("bench-flood"), kind, str(server.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    time.sleep(2)
    started, cpu = time.monotonic(), {**server.cpu_by_role(), "flood": cpu_s(flood.pid)}
    ratio = w1(server, seconds) / alone
    beside = rates(cpu, {**server.cpu_by_role(), "flood": cpu_s(flood.pid)}, time.monotonic() - started)
    pss = server.pss_mib()
    return ratio, pss, json.loads(flood.communicate()[0]), before, beside


def rates(before, after, seconds):
    return {name: (after[name] - before.get(name, 0)) / seconds for name in after}


def shown(rates):
    return " ".join(f"{name} {rate:.2f}" for name, rate in rates.items() if rate >= 0.005)


def part_flood(server, results, args):
    """The limits are those of a fresh server. The flood comes from addresses of its own, and takes its share of the same cores."""
    own = Server(server.folder / "flood", server.upstream_port, {"limits": {}, "behindProxy": True, "trustedProxies": ["127.0.0.1/32"]})
    kinds, peak = {}, 0
    try:
        own.start()
        own.wait_ready()
        own.deploy()
        for kind in args.floods.split(","):
            rounds = [flooded(own, kind, args.seconds) for _ in range(args.rounds)]
            kinds[kind], peak = statistics.median(r[0] for r in rounds), max(peak, *(r[1] for r in rounds))
            told, before, beside = rounds[-1][2:]
            print(f"bench:   {kind:18} leaves {kinds[kind]:.2f}; {rounds[-1][1]:.0f} MiB; answers {told['answers']}, cut {told['cut']}",
                  f"\nbench:   {'':18} processors: {shown(beside)}; before: {shown(before)}", file=sys.stderr, flush=True)
            if told["without_retry_after"]:
                sys.exit(f"bench: {told['without_retry_after']} refusals of {kind} do not say when to come back")
    finally:
        own.stop()
    results["floods"], results["flood_w1_ratio"], results["flood_pss_mib"] = kinds, min(kinds.values()), peak
