"""What the chaos and the power cuts put on a server: workflows of every kind that leaves the machine, senders that keep what
they were told, and an upstream that keeps what it was sent. model.py compares the three with the database.

A delivery has a number `n` of its own, which is in the input of its run, in the target of each call, and thereby in all
that is kept here. Standard library only."""
import http.client
import json
import random
import sys
import threading
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "system"), str(Path(__file__).resolve().parents[1])]
from sallyport import Client, Upstream, call, definition, sign  # noqa: E402

NAMESPACE = "soak"
KEY, TOKEN = "key-of-the-sender-of-the-soak", "canary-token-of-the-soak-1234"
# A method that RFC 9110 does not call idempotent and that gets no Idempotency-Key. From an expression: `check` refuses the word.
UNSAFE = "LOCK"
UNSAFE_LOST, MOODY_FAILURES = 0.15, 3

# --- the workflows ----------------------------------------------------------------------------------------------------


def effect(upstream, path, step, method="post", **more):
    body = {} if method == "get" else {"body": {"n": "${ .n }", "step": step}}
    return call(f"{upstream.origin}/{path}?n={{n}}&step={step}", method=method, authentication={"bearer": {"use": "upstream"}},
                **body, **more)


KEEP = {"output": {"as": "${ $input }"}}
OK = {"ok": {"set": {"n": "${ .n }", "ok": True}}}


def send(upstream, step="a", **more):
    return {f"send-{step}": {**effect(upstream, "post", step, **more), **KEEP}}


def branch(upstream, step):
    return {step: effect(upstream, "post", step)}


class Kind:
    """One workflow: what it does, who is answered when, and what must hold of its effects (model.py)."""

    def __init__(self, name, do, weight, answer="output", steps=(), output=lambda n: {"n": n, "ok": True}, may_fault=False,
                 is_hook=True):
        self.name, self.do, self.weight, self.answer, self.steps, self.output = name, do, weight, answer, steps, output
        self.may_fault, self.is_hook = may_fault, is_hook

    def definition(self, upstream):
        do = self.do(upstream)
        webhook = {"scheme": "github", "key": "hook", "answer": self.answer} if self.is_hook else None
        return definition(self.name, do, namespace=NAMESPACE, origins=[upstream.origin], secrets=["upstream"],
                          concurrency=4096, rate={"limit": 100000, "period": {"seconds": 1}}, webhook=webhook)


def w2(u):
    return [{"shape": {"set": {"n": "${ .n }", "twice": "${ .n * 2 }"}}}, send(u), OK]


def patient(u):
    retry = {"delay": {"milliseconds": 30}, "limit": {"attempt": {"count": MOODY_FAILURES + 5}}}
    return [{"t": {"try": [{"moody": {**effect(u, "moody", "a"), **KEEP}}], "catch": {"retry": retry}, **KEEP}}, OK]


def race(u):
    fast, slow = {"fast": effect(u, "get", "a", method="get")}, {"slow": {"wait": {"milliseconds": 40}}}
    return [{"f": {"fork": {"compete": True, "branches": [fast, slow]}, **KEEP}}, OK]


def naps(u):
    return [{"nap": {"wait": {"milliseconds": 300}}}, send(u, "a"), {"again": {"wait": {"milliseconds": 200}}}, send(u, "b"), OK]


KINDS = {k.name: k for k in (
    Kind("w1", lambda u: [OK], 3),
    Kind("w2", w2, 5, steps="a"),
    Kind("reads", lambda u: [{"r": {**effect(u, "get", "a", method="get"), **KEEP}}, OK], 2, steps="a"),
    # After "outcome unknown" or a lost connection nothing more happens to the run.
    Kind("unsafe", lambda u: [{"u": {**effect(u, "unsafe", "a", method=f"${{ {json.dumps(UNSAFE)} }}"), **KEEP}}, OK], 3, steps="a", may_fault=True),
    Kind("later", lambda u: [send(u, "a"), send(u, "b"), OK], 3, answer="accepted", steps="ab"),
    Kind("naps", naps, 2, answer="accepted", steps="ab"),
    # More than two seconds: the run leaves worker and memory, and comes back from its journal.
    Kind("sleeps", lambda u: [{"s": {"wait": {"milliseconds": 2600}}}, send(u), OK], 2, answer="accepted", steps="a"),
    Kind("forks", lambda u: [{"f": {"fork": {"branches": [branch(u, s) for s in "abc"]}, **KEEP}}, OK], 2, answer="accepted", steps="abc"),
    Kind("races", race, 1, answer="accepted"),
    Kind("patient", patient, 2, answer="accepted", steps="a"),
    Kind("keyed", w2, 2, steps="a", is_hook=False),
)}


def deploy(server, upstream):
    server.secret("hook", KEY, kind="webhook-key", namespace=NAMESPACE)
    server.secret("upstream", TOKEN, namespace=NAMESPACE, origins=[upstream.origin])
    for kind in KINDS.values():
        server.deploy(kind.definition(upstream))


# --- the upstream -----------------------------------------------------------------------------------------------------


class Effect:
    """One request that came: which step of which delivery it is for, and under which key."""

    def __init__(self, request):
        path, _, query = request.path.partition("?")
        fields = dict(pair.split("=") for pair in query.split("&"))
        self.path, self.n, self.step = path[1:], int(fields["n"]), fields["step"]
        self.method, self.key = request.method, request.headers["Idempotency-Key"]
        self.is_authorised = request.headers["Authorization"] == f"Bearer {TOKEN}"
        self.at_ms = time.time() * 1000
        self.is_answered = True

    @property
    def run(self):
        return self.key.rsplit("-", 1)[0] if self.key else None

    @property
    def number(self):
        return int(self.key.rsplit("-", 1)[1]) if self.key else None


class Recorder:
    """An upstream that is slow now and then, fails where a retry is written for it, and loses connections where nothing may be
    sent again."""

    def __init__(self, seed):
        self.random, self.lock, self.effects, self.moods = random.Random(seed), threading.Lock(), [], {}
        self.upstream = Upstream()
        for path in ("post", "get", "unsafe", "moody"):
            self.upstream.on("/" + path, self.act)
        self.origin = self.upstream.origin

    def act(self, handler, request):
        with self.lock:
            e = Effect(request)
            self.effects.append(e)
            self.upstream.requests.clear()
            pause = self.random.random() * 0.2 if self.random.random() < 0.08 else 0
            e.is_answered = not (e.path == "unsafe" and self.random.random() < UNSAFE_LOST)
            is_moody = e.path == "moody" and self.random.random() < 0.4 and self.moods.get(e.n, 0) < MOODY_FAILURES
            self.moods[e.n] = self.moods.get(e.n, 0) + is_moody
        if pause:
            time.sleep(pause)
        if not e.is_answered:
            handler.reset()
        elif is_moody:
            handler.answer(503, {})
        else:
            handler.answer(200, {"n": e.n, "step": e.step})

    def stop(self):
        self.upstream.__exit__()


# --- the senders ------------------------------------------------------------------------------------------------------

# What an answer says of the run. A request whose connection was lost, or which the gateway answered because the engine was
# lost, may have begun a run or not.
ACCEPTED, REFUSED, UNKNOWN = "accepted", "refused", "unknown"
UNKNOWN_DETAILS = ("A part of the server is not available now; try again later.", "The run did not answer in time.",
                   "What became of the run")


def meaning(answer):
    if answer.status in (200, 202) or answer.headers["Sallyport-Run"]:
        return ACCEPTED
    problem = answer.json
    if problem["type"].endswith(":replayed"):
        return ACCEPTED
    return UNKNOWN if answer.status >= 500 and problem["detail"].startswith(UNKNOWN_DETAILS) else REFUSED


class Delivery:
    """One run that somebody wants, and what he was told of it."""

    def __init__(self, n, kind, is_forged=False, ballast=0):
        self.n, self.kind, self.is_forged = n, kind, is_forged
        self.input = {"n": n, "ballast": "x" * ballast} if ballast else {"n": n}
        self.meanings, self.runs, self.outputs, self.statuses = set(), set(), [], []

    @property
    def meaning(self):
        return next((m for m in (ACCEPTED, UNKNOWN) if m in self.meanings), REFUSED)

    def send(self, client, token):
        if self.kind.is_hook:
            body = json.dumps(self.input).encode()
            headers = sign("github", "not-the-key-of-the-sender" if self.is_forged else KEY, body, id=f"delivery-{self.n}")
            answer = client.request("POST", f"/hooks/{NAMESPACE}/{self.kind.name}", body, headers, token=None, retry=False)
        else:
            body = {"namespace": NAMESPACE, "workflow": self.kind.name, "input": self.input, "wait": True}
            answer = client.request("POST", "/api/v1/runs", body, {"Idempotency-Key": f"key-{self.n}"}, token=token, retry=False)
        self.take(answer)
        return answer

    def take(self, answer):
        self.statuses.append(answer.status)
        self.meanings.add(meaning(answer))
        if answer.headers["Sallyport-Run"]:
            self.runs.add(answer.headers["Sallyport-Run"])
        if answer.status == 202 or (answer.status == 200 and not self.kind.is_hook):
            self.runs.add(answer.json["id"])
        if answer.status == 200:
            self.outputs.append(answer.json if self.kind.is_hook else answer.json.get("output"))


class Senders:
    """Threads that deliver until they are told to stop. Some deliveries are forged, some are sent again: those without a clear
    answer often, those with one now and then."""

    def __init__(self, server, seed, threads=8, pause=0.02, kinds=tuple(KINDS), first=1, ballast=0):
        self.server, self.seed, self.pause, self.kinds, self.first = server, seed, pause, [KINDS[k] for k in kinds], first
        self.ballast = ballast
        self.deliveries, self.errors, self.lock = [], [], threading.Lock()
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.work, args=(i,), daemon=True) for i in range(threads)]

    def __enter__(self):
        for t in self.threads:
            t.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for t in self.threads:
            t.join(150)

    def next(self, choice):
        with self.lock:
            kind = choice.choices(self.kinds, [k.weight for k in self.kinds])[0]
            d = Delivery(self.first + len(self.deliveries), kind, is_forged=kind.is_hook and choice.random() < 0.02, ballast=self.ballast)
            self.deliveries.append(d)
            return d

    def work(self, index):
        choice = random.Random(f"{self.seed}/{index}")
        client = Client(self.server.port, timeout=130)
        while not self.is_over.is_set():
            try:
                self.deliver(client, self.next(choice), choice)
            except Exception as e:  # noqa: BLE001: what a sender cannot make sense of is a finding
                self.errors.append(repr(e))
            time.sleep(self.pause * choice.random() * 2)
        client.close()

    def deliver(self, client, d, choice):
        for _ in range(20):
            try:
                answer = d.send(client, self.server.token)
                is_clear = meaning(answer) == ACCEPTED or answer.status == 401
            except (OSError, http.client.HTTPException):
                client.close()
                d.meanings.add(UNKNOWN)
                is_clear = False
            if self.is_over.is_set() or choice.random() < (0.98 if is_clear else 0.3):
                return
            time.sleep(0.15)

    def accepted(self):
        return [d for d in list(self.deliveries) if d.meaning == ACCEPTED]
