"""The documentation against the code: tables against the lists that they describe, links, and the examples, which are run."""
import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from sallyport import ROOT, Server, cli, program

DOCS = ROOT / "docs"
MANUAL = DOCS / "manual"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
SCHEMES = ["standard-webhooks", "github", "stripe", "slack", "bearer"]
KEY = "0123456789abcdef-of-the-sender"


def make_folder():
    """As root the engine has a uid of its own, and must come through to its data."""
    path = tempfile.mkdtemp(prefix="sallyport-docs-")
    os.chmod(path, 0o711)
    return path


def source(path):
    return (ROOT / "src" / path).read_text(encoding="utf-8")


def list_of(path, name):
    """The text of `#define NAME(X) …` with its continued lines."""
    return re.search(rf"#define {name}\(\w+\)((?:.*\\\n)*.*\n)", source(path)).group(1)


def fences(path):
    """Fenced blocks: (info string, text)."""
    return re.findall(r"^```([^\n]*)\n(.*?)^```$", path.read_text(encoding="utf-8"), re.M | re.S)


def blocks(path, info):
    """Those whose info string begins with these words: (the rest of the info string, text)."""
    return [(i[len(info):].strip(), text) for i, text in fences(path) if i == info or i.startswith(info + " ")]


def examples(info):
    return [pytest.param(rest, text, id=f"{p.stem}-{i}") for p in PAGES for i, (rest, text) in enumerate(blocks(p, info))]


def rows(path):
    """The first cells of all tables of a page, without their backquotes."""
    return [m[1] for m in re.finditer(r"^\| (.*?) \|", path.read_text(encoding="utf-8"), re.M)]


def quoted(text):
    return set(re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S)))


# --- tables against lists -----------------------------------------------------------------------------------------------


def test_channels_of_the_picture():
    (_, picture), = blocks(DOCS / "architecture.md", "text channels")
    drawn = {frozenset(m) for m in re.findall(r"\b([a-z]+)-([a-z]+)\b", picture)}
    there = {frozenset(x.lower() for x in m) for m in re.findall(r"C\((\w+), (\w+)\)", list_of("supervisor/channels.h", "SUPERVISOR_CHANNELS"))}
    assert len(there) >= 5 and drawn == there


def test_phases_of_a_run():
    there = re.findall(r"P\(PHASE_(\w+)\)", list_of("engine/run.h", "RUN_PHASES"))
    assert there and set(there) <= set(rows(DOCS / "architecture.md"))


def test_configuration_keys():
    there = {f"{g}.{k}" if g else k for g, k in re.findall(r'K\(\w+, "(\w*)", "(\w+)"', list_of("supervisor/config.h", "CONFIG_KEYS"))}
    written = set().union(*(quoted(r) for r in rows(MANUAL / "configuration.md")))
    assert len(there) > 20 and there == written


def test_routes():
    """Each with its permission: the smallest role, or how else it is let in."""
    routes = source("engine/routes.h")
    needed = dict(re.findall(r"P\(PERMIT_(\w+), ACCESS_(\w+)\)", routes)) | {"PUBLIC": "public", "SIGNED": "signed"}
    there = {(f"{m} {p}", needed[permission].lower()) for m, p, permission in
             re.findall(r'R\(HTTP_(\w+), "([^"]+)", PERMIT_(\w+),', list_of("engine/routes.h", "ROUTES"))}
    written = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| (\w+) \|", (MANUAL / "api.md").read_text(), re.M))
    assert len(there) > 20 and there == written


def test_errors():
    there = {(slug, status) for status, slug in re.findall(r'E\(\w+, \d+, (\d+), \d, "([\w-]+)"', list_of("base/error.h", "SP_ERRORS"))}
    table = re.search(r"^\| slug \| status.*?\n\n", (MANUAL / "api.md").read_text(), re.M | re.S)[0]
    cells = re.findall(r"((?:`[\w-]+`(?:, )?)+)[^|]*\| (\d+)", table)
    assert len(there) > 25 and there == {(slug, status) for slugs, status in cells for slug in quoted(slugs)}


def test_metrics():
    there = set(re.findall(r'"(sallyport_\w+)"', list_of("engine/metrics.h", "METRICS")))
    assert there and there <= quoted((MANUAL / "operating.md").read_text())


def test_audit_actions_and_findings():
    there = set(re.findall(r'A\(\w+, "([\w.]+)"\)', list_of("audit/leaf.h", "AUDIT_ACTIONS")))
    there |= set(re.findall(r'"((?:leaf|tile|checkpoint|trusted|state)\.\w+)"', source("audit/verify.h")))
    assert len(there) > 40 and there <= quoted((MANUAL / "auditing.md").read_text())


def test_audit_actions_that_are_written():
    """The manual says which actions nothing writes yet."""
    text = (MANUAL / "auditing.md").read_text()
    idle = quoted(re.search(r"In the format but not written yet:(.*?)\. Of", text, re.S)[1])
    used = "".join(p.read_text() for d in ("engine", "cli") for p in (ROOT / "src" / d).glob("*.c"))
    slugs = dict(re.findall(r'A\((\w+), "([\w.]+)"\)', list_of("audit/leaf.h", "AUDIT_ACTIONS")))
    unused = {slug for name, slug in slugs.items() if not re.search(rf"\b{name}\b", used)}
    assert idle == unused


def test_each_cannot_of_a_role_names_its_test():
    text = (DOCS / "threat-model.md").read_text()
    table = re.search(r"^\| role \| can \| cannot \|\n.*?\n\n", text, re.M | re.S)[0]
    cells = dict(re.findall(r"^\| (\w+) \| [^|]* \| ([^|]*) \|$", table, re.M))
    roles = set(re.findall(r"R\(\w+, (\w+)\)", list_of("wire/roles.h", "WIRE_ROLES"))) - {"supervisor"}
    assert roles and set(cells) == roles | {"role", "supervisor"}
    there = {p.name for p in (ROOT / "tests" / "jail").glob("*_test.c")}
    for path in (ROOT / "tests" / "abuse").glob("test_*.py"):
        there |= set(re.findall(r"^def test_(\w+)\(", path.read_text(), re.M))
    for role in roles:
        for clause in cells[role].split(";"):
            named = quoted((re.search(r"\(([^()]*)\)\s*$", clause) or [""])[0])
            assert named and named <= there, f"{role}: {clause.strip()}"


def test_forbidden_functions():
    there = set(re.findall(r'D\("(\w+)"', list_of("flow/expression_lint.h", "FLOW_FORBIDDEN_FUNCTIONS")))
    assert there and there <= quoted((MANUAL / "expressions.md").read_text())


def test_webhook_schemes():
    there = set(re.findall(r'W\(\w+, \d, "([\w-]+)",', list_of("wire/roles.h", "WEBHOOK_SCHEMES")))
    assert there == set(re.findall(r"^## ([\w-]+)$", (MANUAL / "webhooks.md").read_text(), re.M))


def test_commands_and_options():
    text = (MANUAL / "command.md").read_text()
    names = re.findall(r"^  ((?:[a-z]+ )?[a-z]+)(?: [A-Z/.]+)* {2,}", cli("--help").stdout, re.M)
    headings = re.findall(r"^### sallyport ((?:[a-z]+ )?[a-z]+)", text, re.M)
    assert len(names) > 15 and names and sorted(names) == sorted(headings)
    for name in names:
        for option in re.findall(r"^  (--[a-z-]+)", cli(*name.split(), "--help").stdout, re.M):
            assert option in text, f"{name} {option}"


def test_limits_stand_in_one_place():
    places = {p.relative_to(ROOT / "src").as_posix() for p in (ROOT / "src").rglob("*.[ch]") if re.search(r"^#define LIMIT_", p.read_text(), re.M)}
    assert places == {"base/limits.h"}
    used = " ".join(p.read_text() for p in (ROOT / "src").rglob("*.[ch]"))
    assert [n for n in re.findall(r"^#define (LIMIT_\w+)", source("base/limits.h"), re.M) if len(re.findall(rf"\b{n}\b", used)) < 2] == []


def test_limits_that_are_named_exist():
    there = set(re.findall(r"#define (LIMIT_\w+)", source("base/limits.h")))
    for page in PAGES:
        for name in re.findall(r"\bLIMIT_[A-Z_]+\b", page.read_text()):
            assert name in there or any(t.startswith(name) for t in there), f"{page}: {name}"


# --- pages ----------------------------------------------------------------------------------------------------------------


def anchors(path):
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in re.findall(r"^#+ (.*)$", path.read_text(), re.M)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_length(page):
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if target.startswith(("http://", "https://")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        assert path.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(path), f"{page}: {target}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_paths_that_are_named_exist(page):
    for path in re.findall(r"`((?:src|tests|dist|docs|fuzz|examples)/[\w./-]+)`", page.read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), f"{page}: {path}"


# --- examples -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rest, text", examples("yaml check"))
def test_definition(rest, text):
    r = cli("check", "-", input=text)
    assert (r.returncode, r.stdout) == (0, ""), r


@pytest.mark.parametrize("rule, text", examples("yaml refused"))
def test_refused_definition(rule, text):
    r = cli("check", "-", input=text)
    assert r.returncode == 2 and f"[{rule}]" in r.stdout, r


@pytest.fixture
def folder():
    made = Path(make_folder())
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("rest, text", [*examples("yaml config"),
                                        pytest.param("", (ROOT / "dist/sallyport.yaml").read_text(), id="dist")])
def test_configuration_example(rest, text, folder):
    assert cli("init", "--data", folder / "data", "--root-key", folder / "root.key").returncode == 0
    (folder / "sallyport.yaml").write_text(text)
    r = subprocess.run([program("sallyportd"), "--check", "--config", folder / "sallyport.yaml", "--data", folder / "data",
                        "--root-key", folder / "root.key"], capture_output=True, text=True)
    assert r.returncode == 0, r.stderr


def shell(text, folder, **env):
    path = f"{Path(program()).parent}:{os.environ['PATH']}"
    return subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, capture_output=True, text=True, timeout=120,
                          env=dict(os.environ, PATH=path, **env))


@pytest.fixture(scope="module")
def server():
    made = Path(make_folder())
    with Server(made) as s:
        (made / "token").write_text(s.token)
        (made / "token").chmod(0o600)
        yield s
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_senders_example(scheme, server):
    (_, text), = [b for b in blocks(MANUAL / "webhooks.md", "sh webhook") if b[0] == scheme]
    server.secret(f"key-{scheme}", KEY, kind="webhook-key", namespace="demo")
    server.deploy({"document": {"dsl": "1.0.3", "namespace": "demo", "name": scheme, "version": "1.0.0", "metadata": {
        "sallyport": {"webhook": {"scheme": scheme, "key": f"key-{scheme}"}}}}, "do": [{"echo": {"set": {"got": "${ .n }"}}}]})
    url = f"http://127.0.0.1:{server.port}"
    r = shell(text, server.folder, URL=url, KEY=KEY, BODY='{"n": 7}')
    assert (r.returncode, r.stdout) == (0, '{"got":7}'), r
    r = shell(text, server.folder, URL=url, KEY="another-key-0123456789", BODY='{"n": 7}')
    assert '"status":401' in r.stdout, r


def test_auditors_example(server):
    server.deploy({"document": {"dsl": "1.0.3", "namespace": "demo", "name": "audited", "version": "1.0.0"}, "do": [{"n": {"set": {"a": 1}}}]})
    run = server.run("audited", namespace="demo").json["id"]
    server.api.get("/api/v1/audit/checkpoint")
    home = server.folder / "home"
    (home / "sallyport").mkdir(parents=True, exist_ok=True)
    (home / "sallyport" / "token").write_text(server.token)
    (home / "sallyport" / "token").chmod(0o600)
    text = "".join(t for _, t in blocks(MANUAL / "auditing.md", "sh audit")).replace("sallyport audit", "sp audit")
    text = 'sp() { if [ "$2" = verify ]; then sallyport "$@"; else sallyport "$@" --token-file "$TOKEN"; fi; }\n' + text
    r = shell(text, server.folder, DATA=str(server.data), RUN=run, TOKEN=str(home / "sallyport" / "token"),
              SALLYPORT_URL=f"http://127.0.0.1:{server.port}")
    assert r.returncode == 0 and r.stdout.count("intact") == 2 and run in r.stdout, r


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def test_quick_start(folder):
    """README's commands as they stand there, but for the port."""
    text = "".join(t for _, t in blocks(ROOT / "README.md", "sh quickstart"))
    port = free_port()
    text = text.replace("127.0.0.1:8700", f"127.0.0.1:{port}")
    text = re.sub(r"(--token-file)", rf"--server http://127.0.0.1:{port} \1", text)
    (folder / "build").mkdir()
    (folder / "build/sallyport").symlink_to(program())
    r = shell("trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + text, folder)
    log = folder / "try/server.log"
    assert r.returncode == 0, (r, log.read_text() if log.exists() else "")
    assert r.stdout.count('{"message":"Hello, Ada"}') == 2 and 'completed' in r.stdout and "intact:" in r.stdout, r
