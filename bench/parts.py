"""What the bench measures: a function for each part, which puts its keys into `results`."""
import json
import random
import signal
import statistics
import subprocess
import sys
import time

from parts_flood import part_flood
from parts_schema import part_schema
from parts_slope import part_slope
from rig import Echo, Nginx, command, connects, definition, median_ms, program, run_number, wait, wrk, wrk_command


def part_idle(server, results, args):
    server.hook("w1", 0), server.hook("w2", 0)
    time.sleep(1)
    before = server.cpu_s()
    time.sleep(10)
    results["idle_cpu_pct"] = (server.cpu_s() - before) * 10
    results["idle_pss_mib"] = server.pss_mib()
    results["idle_pss_kib_by_role"] = server.pss_by_role()


def part_load(server, results, args):
    echo, nginx = Echo(), Nginx(server.folder)
    rates, p99 = {k: [] for k in ("echo", "nginx", "w1", "w2")}, {"w1": [], "w2": []}
    failed = peak = 0
    for n in range(args.rounds):
        rates["nginx"].append(wrk(server.folder, nginx.port, "/file", 64, args.seconds, post=False)["rps"])
        for name in ("w1", "w2"):
            rates["echo"].append(wrk(server.folder, echo.port, "/", 64, args.seconds)["rps"])
            r = wrk(server.folder, server.port, f"/hooks/bench/{name}", 64, args.seconds)
            peak, failed = max(peak, server.pss_mib()), failed + r["failed"] + r["lost"]
            rates[name].append(r["rps"])
            results.setdefault("load_pss_kib_by_role", server.pss_by_role())
        for name in ("w1", "w2"):
            r = wrk(server.folder, server.port, f"/hooks/bench/{name}", 16, args.seconds)
            failed += r["failed"] + r["lost"]
            p99[name].append(r["p99_us"] / 1000)
    echo.stop()
    nginx.stop()
    for name, values in rates.items():
        results[f"{name}_per_s"] = statistics.median(values)
    for name in ("w1", "w2"):
        results[f"{name}_ratio"] = results[f"{name}_per_s"] / results["echo_per_s"]
        results[f"{name}_p99_ms"] = statistics.median(p99[name])
    results["load_pss_mib"], results["failed"] = peak, failed


def part_bytes(server, results, args):
    server.stop()
    size, runs = server.database_bytes()
    server.start()
    server.wait_ready()
    wrk(server.folder, server.port, "/hooks/bench/w1", 64, args.seconds)
    server.stop()
    after, runs_after = server.database_bytes()
    results["bytes_per_run"] = (after - size) / (runs_after - runs)
    server.start()
    server.wait_ready()


LOST_ROUNDS = 10


def part_lost(server, results, args):
    """Everything is killed at a random moment under load: each run that a sender had an answer of must be there afterwards."""
    lost = answered = 0
    for n in range(LOST_ROUNDS):
        kept = server.folder / f"answered-{n}"
        load = subprocess.Popen(wrk_command(server.folder, server.port, "/hooks/bench/w1", 64, 30, answered=kept), stdout=subprocess.DEVNULL)
        wait(kept.exists, "the load")
        time.sleep(random.uniform(0.3, 1.5))
        server.kill()
        time.sleep(0.1)
        load.send_signal(signal.SIGINT)
        load.wait()
        server.start()
        server.wait_ready()
        told = {run_number(line) for line in kept.read_text().split()}
        lost, answered = lost + len(told - server.runs_completed()), answered + len(told)
    if not answered:
        sys.exit("bench: no run was answered before the server was killed")
    results["lost_runs"], results["lost_runs_of"] = lost, answered


def part_waiting(server, results, args):
    before, started = server.pss_mib(), 0
    while started < 100000:
        r = wrk(server.folder, server.port, "/hooks/bench/w3", 64, 5)
        started += r["requests"] - r["failed"]
        if r["failed"] > r["requests"] / 2:
            sys.exit("bench: waiting runs are refused")
    time.sleep(2)
    results["waiting_runs_mib"] = (server.pss_mib() - before) * 100000 / started
    results["waiting_runs"] = started


def part_start(server, results, args):
    server.stop()
    missing = 100000 - server.database_bytes()[1]
    if missing > 0:
        subprocess.run([program("bench-store"), "--fill", str(server.database()), str(missing + 512)], check=True,
                       stdout=subprocess.DEVNULL)

    def once(n):
        server.start()
        wait(lambda: connects(server.port) and server.hook("w1", n).status == 200, "the server")
    took = []
    for n in range(5):
        server.stop()
        took.append(median_ms(1, once))
    results["start_ms"] = statistics.median(took)


def part_command(server, results, args):
    folder = server.folder
    one = folder / "one.yaml"
    one.write_text("document: {dsl: 1.0.3, namespace: bench, name: one, version: 1.0.0}\ndo:\n  - greet:\n      set: {hello: world}\n")
    many = definition("many", [{f"t{i}": {"set": {"n": f"${{ [.commits[]? | .id] | length + {i} }}"}}} for i in range(40)])
    del many["document"]["metadata"]
    (folder / "many.yaml").write_text(json.dumps(many))
    results["run_ms"] = median_ms(9, lambda n: command("run", one))
    results["check_ms"] = median_ms(9, lambda n: command("check", folder / "many.yaml"))


def part_verify(server, results, args):
    server.stop()
    subprocess.run([program("bench-store"), "--fill", str(server.database()), "500224"], check=True, stdout=subprocess.DEVNULL)
    server.start()
    server.wait_ready()
    time.sleep(3)
    key = json.loads(server.get("/api/v1/identity").body)["auditPublic"]
    server.stop()
    took = []
    for n in range(3):
        start = time.monotonic()
        report = json.loads(command("audit", "verify", "--data", server.data, "--key", key, "--json"))
        took.append(time.monotonic() - start)
    results["verify_leaves"] = report["size"]
    results["verify_leaves_per_s"] = report["size"] / statistics.median(took)


# In the order in which they run.
PARTS = {"idle": part_idle, "load": part_load, "lost": part_lost, "bytes": part_bytes,
         "start": part_start, "waiting": part_waiting, "verify": part_verify, "command": part_command, "schema": part_schema,
         "flood": part_flood, "slope": part_slope}
