"""What must hold after any number of deaths, whatever was killed when: senders, upstream, rows, journal and leaves tell one story.

Each check is a generator of findings; no finding is the only good result. Standard library only."""
import json
import re
import sqlite3
import threading
from collections import Counter, defaultdict

from sallyport import PATIENCE, Client, cli
from workload import ACCEPTED, KINDS, NAMESPACE, REFUSED

STATES = {4: "completed", 5: "faulted", 6: "cancelled"}
INTENT, RESULT, TRACE, CANCEL = 1, 2, 3, 4
ENDS = {"run.completed": "completed", "run.faulted": "faulted", "run.cancelled": "cancelled"}
EFFECT_ENDS = {"effect.completed", "effect.failed", "effect.unknown", "grant.denied"}
# A request that came before its result was durable may be read later by an upstream whose machine is busy.
LATE_MS = 3000 * PATIENCE
# The faults that the death of a role may cause: each worker that is killed is taken for the victim of the run in its hands.
CULPRIT = "Evaluation budget exceeded"
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def run_text(n):
    """src/base/id.h"""
    return "r" + "".join(ALPHABET[n >> 5 * i & 31] for i in range(12, -1, -1))


def gathered(findings, limit=5):
    """The first findings of each check, and how many there are in all."""
    out = []
    for name, found in findings:
        texts = list(found)
        out += [f"{name}: {t}" for t in texts[:limit]]
        if len(texts) > limit:
            out.append(f"{name}: … {len(texts)} in all")
    return out


# --- what the server says ---------------------------------------------------------------------------------------------


class Runs:
    """All runs with their data, through the API, when all have ended."""

    def __init__(self, server):
        self.server, self.all, self.unreadable = server, {}, []
        ids = list(self.listed(server.api, ""))
        lock = threading.Lock()

        def read(mine):
            client = Client(server.port, server.token, timeout=60)
            for id in mine:
                answer = client.get(f"/api/v1/runs/{id}")
                with lock:
                    if answer.status == 200:
                        self.all[id] = answer.json
                    else:
                        self.unreadable.append((id, answer.status))
            client.close()
        threads = [threading.Thread(target=read, args=(ids[i::4],)) for i in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        self.by_n = defaultdict(list)
        for run in self.all.values():
            self.by_n[run["input"].get("n")].append(run)

    @staticmethod
    def listed(client, state):
        before = ""
        while True:
            query = f"/api/v1/runs?namespace={NAMESPACE}&limit=1000" + (f"&state={state}" if state else "") + before
            answer = client.get(query)
            assert answer.status == 200, answer
            page = answer.json
            yield from (run["id"] for run in page["runs"])
            if "next" not in page:
                return
            before = f"&before={page['next']}"


def open_runs(server):
    return [id for state in ("pending", "running", "waiting") for id in Runs.listed(server.api, state)]


class History:
    """Rows, journal and leaves of a stopped server's database."""

    def __init__(self, path):
        db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        self.states = {run_text(id): state for id, state in db.execute("SELECT id, state FROM runs")}
        self.journal = defaultdict(list)
        for run, seq, kind, number in db.execute("SELECT run_id, seq, kind, effect FROM journal ORDER BY run_id, seq"):
            self.journal[run_text(run)].append((seq, kind, number))
        self.ends, self.intended, self.ended = defaultdict(list), Counter(), defaultdict(list)
        for (body,) in db.execute("SELECT body FROM leaves ORDER BY idx"):
            self.take(json.loads(body))
        db.close()

    def take(self, leaf):
        action, run = leaf["action"], leaf.get("run")
        if action in ENDS:
            self.ends[run].append(leaf)
        elif action == "effect.intended":
            self.intended[run, leaf.get("effect", 0)] += 1
        elif action in EFFECT_ENDS:
            self.ended[run, leaf.get("effect", 0)].append(leaf)


# --- checks of what senders were told ------------------------------------------------------------------------------------


def check_deliveries(deliveries, runs):
    """Who was told that his run is there finds it, once; who was refused has none; nobody has two."""
    for d in deliveries:
        found = runs.by_n.get(d.n, [])
        what = f"delivery {d.n} of {d.kind.name}, answered {d.statuses}"
        if d.is_forged and set(d.statuses) - {401, 429, 503}:
            yield f"{what}: it was forged"
        if d.meaning == ACCEPTED and not found:
            yield f"{what}: its run is lost"
        if (d.meaning == REFUSED or d.is_forged) and found:
            yield f"{what}: it was refused, and has the run {found[0]['id']}"
        if len(found) > 1:
            yield f"{what}: it has {len(found)} runs"
        if d.runs - {run["id"] for run in found}:
            yield f"{what}: it was told of {d.runs}, and has {[run['id'] for run in found]}"
        if found and found[0]["workflow"] != d.kind.name:
            yield f"{what}: its run is of {found[0]['workflow']}"
    known = {d.n for d in deliveries}
    for n in set(runs.by_n) - known:
        yield f"run {runs.by_n[n][0]['id']} was asked for by nobody"


def check_outputs(deliveries, runs):
    """What was answered is what is stored, and what is stored is what the workflow gives."""
    for d in deliveries:
        for run in runs.by_n.get(d.n, []):
            if run["state"] == "completed" and run["output"] != d.kind.output(d.n):
                yield f"run {run['id']} of {d.kind.name} gave {run['output']}"
            for output in d.outputs:
                if output is not None and output != run.get("output"):
                    yield f"run {run['id']} was answered {output} and has {run.get('output')}"


def check_faults(runs, workers_killed):
    """A run faults by a killed worker's hands, or because its effect cannot be repeated; never otherwise."""
    culprits = 0
    for run in runs.all.values():
        if run["state"] == "completed":
            continue
        error = run.get("error") or {}
        culprits += error.get("title") == CULPRIT
        if run["state"] != "faulted" or not (error.get("title") == CULPRIT or KINDS[run["workflow"]].may_fault):
            yield f"run {run['id']} of {run['workflow']} {run['state']}: {error}"
    if culprits > workers_killed:
        yield f"{culprits} runs are said to have killed their workers, and {workers_killed} workers were killed"


# --- checks of rows, journal and leaves ----------------------------------------------------------------------------------


def check_ends(history):
    for run, state in history.states.items():
        ends = history.ends.get(run, [])
        if state not in STATES:
            yield f"run {run} has not ended: {state}"
        elif [ENDS[leaf["action"]] for leaf in ends] != [STATES[state]]:
            yield f"run {run} {STATES[state]}, and its leaves say {[leaf['action'] for leaf in ends]}"
    for run in set(history.ends) - set(history.states):
        yield f"run {run} has ended in the log, and has no row"


def check_journal(history):
    """Each effect is intended once and ends once at most, here and in the log."""
    for run, rows in history.journal.items():
        intents, over = set(), set()
        if [seq for seq, _, _ in rows] != list(range(len(rows))):
            yield f"run {run}: the journal has gaps"
        for _, kind, number in rows:
            if kind == INTENT and number in intents:
                yield f"run {run}: effect {number} is intended twice"
            if kind in (RESULT, CANCEL) and (number not in intents or number in over):
                yield f"run {run}: effect {number} ends without a beginning, or twice"
            intents |= {number} if kind == INTENT else set()
            over |= {number} if kind in (RESULT, CANCEL) else set()
    for (run, number), times in history.intended.items():
        if times != 1 or (INTENT, number) not in {(k, n) for _, k, n in history.journal.get(run, [])}:
            yield f"run {run}: effect {number} has {times} intended leaves"
    for (run, number), leaves in history.ended.items():
        if len(leaves) != 1 or not history.intended[run, number]:
            yield f"run {run}: effect {number} has the ends {[leaf['action'] for leaf in leaves]}"


# --- checks of what the upstream saw -------------------------------------------------------------------------------------


def check_effects(effects, deliveries, runs, history):
    """Nothing came without a durable intent [I1]; what came twice came under one key; what may not come twice did not."""
    by_place, refused = defaultdict(list), {d.n for d in deliveries if d.meaning == REFUSED or d.is_forged}
    for e in effects:
        what = f"{e.method} of delivery {e.n}, step {e.step}"
        if not e.is_authorised:
            yield f"{what}: it came without its credential"
        if e.n in refused:
            yield f"{what}: it was refused, and had an effect"
        if (e.key is None) != (e.method in ("GET", "LOCK")):
            yield f"{what}: its key is {e.key}"
        if e.key:
            if not history.intended[e.run, e.number]:
                yield f"{what}: no leaf says that it was intended [I1]"
            if e.run not in {run["id"] for run in runs.by_n.get(e.n, [])}:
                yield f"{what}: its key is of another run, {e.run}"
        elif not runs.by_n.get(e.n):
            yield f"{what}: there is no run that intended it [I1]"
        by_place[e.path, e.n, e.step].append(e)
    for (path, n, step), came in by_place.items():
        if path == "post" and len({e.key for e in came}) != 1:
            yield f"{path} of delivery {n}, step {step}: repeated under the keys {sorted({e.key for e in came})}"
        if path == "unsafe" and len(came) > 1:
            yield f"{path} of delivery {n}: sent {len(came)} times"


def check_repetitions(effects, history):
    """What is known durably is not asked for again."""
    last = {}
    for e in effects:
        if e.key:
            last[e.run, e.number] = max(e.at_ms, last.get((e.run, e.number), 0))
    for place, at_ms in last.items():
        for leaf in history.ended.get(place, []):
            if at_ms > leaf["time"] + LATE_MS:
                yield f"run {place[0]}: effect {place[1]} came again {at_ms - leaf['time']:.0f} ms after its result"


def check_steps(effects, deliveries, runs):
    """A run that completed has performed its effects."""
    came = defaultdict(set)
    for e in effects:
        came[e.n].add(e.step)
    for d in deliveries:
        for run in runs.by_n.get(d.n, []):
            missing = set(d.kind.steps) - came[d.n]
            if run["state"] == "completed" and missing:
                yield f"run {run['id']} of {d.kind.name} completed without its steps {sorted(missing)}"


def check_unknown(deliveries, runs, history, effects):
    """A call that cannot be repeated is known to be done, known to have failed, or said to be unknown."""
    came = Counter(e.n for e in effects if e.path == "unsafe")
    for d in deliveries:
        if d.kind.name != "unsafe":
            continue
        for run in runs.by_n.get(d.n, []):
            ends = [leaf["action"] for leaf in history.ended.get((run["id"], 1), [])]
            title = (run.get("error") or {}).get("title")
            if title == CULPRIT:
                continue
            if run["state"] == "faulted" and came[d.n] and ends != ["effect.unknown"]:
                yield f"run {run['id']} faulted after its call was sent, and the log says {ends}"
            if run["state"] == "completed" and came[d.n] != 1:
                yield f"run {run['id']} completed, and its call came {came[d.n]} times"


# --- the log, and replays ---------------------------------------------------------------------------------------------


def check_replays(server, ids):
    for id in ids:
        answer = server.api.post(f"/api/v1/runs/{id}/replay")
        if answer.status != 200 or answer.json.get("identical") is not True:
            yield f"run {id}: {answer}"


def check_log(server, checkpoints, folder):
    """The log is intact, and continues each checkpoint that was handed out."""
    for i, checkpoint in enumerate(checkpoints):
        kept = folder / f"checkpoint.{i}"
        kept.write_bytes(checkpoint)
        r = cli("audit", "verify", "--data", server.data, "--key", server.audit_key, "--checkpoint", kept, timeout=300)
        if r.returncode != 0:
            yield f"checkpoint {i} of {len(checkpoints)}: {r.stdout[-1500:]} {r.stderr[-500:]}"


# Events that a death causes; all other warnings and errors are findings.
EXPECTED = re.compile(r"event=(role\.ended|engine\.peer-lost|engine\.worker-lost|engine\.vault-not-ready|gateway\.engine-lost|"
                      r"webhook\.refused|gateway\.requests-abandoned|engine\.checkpoint-failed .*at=vault)")
BAD_LINE = re.compile(r"level=(warn|error)|Sanitizer|runtime error|must\(|core dumped")


def unexpected_lines(text):
    return [line for line in text.splitlines() if BAD_LINE.search(line) and not EXPECTED.search(line)]


def check_lines(text):
    counts = Counter(re.sub(r"\d+", "N", line) for line in unexpected_lines(text))
    for line, n in counts.items():
        yield f"{n} × {line}"
