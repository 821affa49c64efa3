"""The slope part: W1 on a server that holds ten million runs, and on one that holds ten thousand, in turns."""
import shutil
import statistics
import subprocess
import sys
import time

from rig import Server, median_ms, program, wrk

FEW, DAYS = 10000, 30  # what the small one holds; over how many days the runs of both are spread
BYTES = 1200           # of disk for each run, and some


def full_server(folder, upstream_port, runs):
    folder.mkdir(mode=0o755)
    server = Server(folder, upstream_port)
    server.start()
    server.wait_ready()
    server.deploy()
    server.stop()
    subprocess.run([program("bench-store"), "--history", str(server.database()), str(runs), str(DAYS)], check=True)
    return server


def start_ms(server):
    took = []
    for _ in range(3):
        server.stop()
        start = time.monotonic()
        server.start()
        server.wait_ready()
        took.append((time.monotonic() - start) * 1000)
    return statistics.median(took)


def part_slope(server, results, args):
    folder = server.folder / "slope"
    if shutil.disk_usage(server.folder).free < args.runs * BYTES * 1.5:
        return print(f"bench: slope is left out: {server.folder} has no room for {args.runs} runs", file=sys.stderr)
    server.stop()
    folder.mkdir(mode=0o755)
    servers = {}
    try:
        for name, runs in (("few", FEW), ("many", args.runs)):
            servers[name] = full_server(folder / name, server.upstream_port, runs)
            results[f"slope_start_ms_{name}"] = start_ms(servers[name])
            results[f"slope_list_ms_{name}"] = median_ms(5, lambda n: servers[name].remote("runs", "list"))
        rates, cpu_us = {name: [] for name in servers}, {name: [] for name in servers}
        for n in range(2 * args.rounds + 1):
            for name, one in servers.items():
                before = one.cpu_s()
                r = wrk(one.folder, one.port, "/hooks/bench/w1", 64, args.seconds)
                if n:  # the first round only warms up
                    rates[name].append(r["rps"])
                    cpu_us[name].append((one.cpu_s() - before) * 1e6 / r["requests"])
        results["slope_runs"] = args.runs
        results["slope_per_s"] = rates
        results["slope_cpu_us"] = {name: statistics.median(values) for name, values in cpu_us.items()}
        results["w1_slope"] = statistics.median(rates["many"]) / statistics.median(rates["few"])
    finally:
        for one in servers.values():
            one.stop()
        shutil.rmtree(folder, ignore_errors=True)
        server.start()
        server.wait_ready()
