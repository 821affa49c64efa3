"""tamper: the database of a stopped server, edited by who may write the file, or by a disk that fails. The server that is started with it
says what is wrong with which run, and the others go on; or it refuses to start and names the place. It never aborts, and never
starts again and again without a word."""
import os
import re
import shutil
import sqlite3

import pytest

from conftest import make_folder
from sallyport import PATIENCE, Server, cli, definition

DAY = 86400
UNAVAILABLE = 4
VICTIM, OTHER = "sleeps", "also-sleeps"


@pytest.fixture(scope="module")
def left():
    """The folder of a server that was killed: a run that waits for a day, one that waited a second, and one that has ended."""
    folder = make_folder()
    with Server(folder) as server:
        server.secret("token", "canary-ROWS-k2Jd8Qm1", origins=["http://127.0.0.1:9"])
        server.deploy(definition(VICTIM, [{"a": {"wait": {"milliseconds": 10}}}, {"w": {"wait": {"seconds": DAY}}}]))
        server.deploy(definition(OTHER, [{"w": {"wait": {"seconds": 1}}}, {"s": {"set": {"done": True}}}]))
        server.deploy(definition("ends", [{"s": {"set": {"n": 1}}}]))
        ids = {"ended": server.run("ends").json["id"]}
        ids["victim"] = server.run(VICTIM, wait=False).json["id"]
        server.wait_run(ids["victim"], states=("waiting",))
        ids["other"] = server.run(OTHER, wait=False).json["id"]
        server.wait_run(ids["other"], states=("waiting",))
        server.kill_all()
        with sqlite3.connect(server.data / "sallyport.db") as db:
            db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.close()
        yield server, ids
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def copy(left, folder):
    """A server, not started, with a copy of what was left."""
    model, ids = left
    shutil.copytree(model.folder, folder, dirs_exist_ok=True, copy_function=copy_owned)
    for source in model.folder.rglob("*"):
        os.chown(folder / source.relative_to(model.folder), source.stat().st_uid, source.stat().st_gid)
    server = Server(folder, start=False)
    server.token = model.token
    server.log_path.unlink(missing_ok=True)
    yield server, ids
    if server.process and server.process.poll() is None:
        server.kill_all()


def copy_owned(source, to):
    shutil.copy2(source, to)
    return to


# --- the editor -------------------------------------------------------------------------------------------------------


def number(id):
    """Of a run: "r" and 13 digits of Crockford's base32."""
    n = 0
    for c in id[1:]:
        n = n << 5 | "0123456789abcdefghjkmnpqrstvwxyz".index(c)
    return n


def edit(path, statements):
    """Whatever the schema forbids: its text is made lax, and afterwards what it was. The index of open runs takes rows that have ended;
    a statement that begins with "-" runs while that index is not there to be told."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA ignore_check_constraints = ON")
    kept = db.execute("SELECT type, name, tbl_name, rootpage, sql FROM sqlite_schema").fetchall()

    def rewrite(sql, *more):
        nonlocal db
        db.execute("PRAGMA writable_schema = ON")
        db.execute(sql, *more)
        db.close()
        db = sqlite3.connect(path, isolation_level=None)
        db.execute("PRAGMA ignore_check_constraints = ON")
    rewrite("UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ' STRICT, WITHOUT', ' WITHOUT'), ') STRICT', ')'), 'NOT NULL', '') WHERE type = 'table'")
    rewrite("UPDATE sqlite_schema SET sql = replace(sql, 'state < 4', 'state < 100') WHERE name = 'runs_open'")
    for statement in sorted(statements, key=lambda s: s[0] == "-"):
        if statement[0] == "-":
            rewrite("DELETE FROM sqlite_schema WHERE name = 'runs_open'")
        assert db.execute(statement.lstrip("-")).rowcount > 0, statement
    if not db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'runs_open'").fetchall():
        rewrite("INSERT INTO sqlite_schema VALUES (?, ?, ?, ?, ?)", next(row for row in kept if row[1] == "runs_open"))
    for _, name, _, _, sql in kept:
        rewrite("UPDATE sqlite_schema SET sql = ? WHERE name = ?", (sql, name))
    db.close()


# --- what only concerns a run: it is named, the others go on ----------------------------------------------------------

LAST = "run_id = {victim} AND seq = (SELECT max(seq) FROM journal WHERE run_id = {victim} AND kind = 1)" # its last intent
EMPTY = "INSERT INTO journal (run_id, seq, kind, effect, at_ms, data) SELECT {victim}, {seq}, 4, 9, max(at_ms), x'' FROM journal WHERE run_id = {victim}"
WAKE = "UPDATE runs SET due_ms = 1 WHERE id = {victim}"

RUN_CASES = {
    "the index has a state that has ended": (["UPDATE runs SET state = 4 WHERE id = {victim}"], "run-not-recovered"),
    "the index has a state that is none": (["UPDATE runs SET state = 99 WHERE id = {victim}"], "run-not-recovered"),
    "the index has a negative state": (["UPDATE runs SET state = -1 WHERE id = {victim}"], "run-not-recovered"),
    "the row has ended, the index has not": ([WAKE, "-UPDATE runs SET state = 4 WHERE id = {victim}"], "run-ended-already"),
    "the index has a row that is gone": ([WAKE, "-DELETE FROM runs WHERE id = {victim}"], "journal-unreadable"),
    "the least time": (["UPDATE runs SET due_ms = -9223372036854775808 WHERE id = {victim}"], "run-not-recovered"),
    "the greatest time": (["UPDATE runs SET due_ms = 9223372036854775807 WHERE id = {victim}"], "run-not-recovered"),
    "a time that is a text": (["UPDATE runs SET due_ms = 'tomorrow' WHERE id = {victim}"], "run-not-recovered"),
    "a workflow beyond 32 bits": (["UPDATE runs SET workflow_id = workflow_id + 4294967296 WHERE id = {victim}"], "run-not-recovered"),
    "no workflow": (["UPDATE runs SET workflow_id = NULL WHERE id = {victim}"], "run-not-recovered"),
    "an absent workflow": (["UPDATE runs SET workflow_id = 77 WHERE id = {victim}"], "run-not-recovered"),
    "a start before all time": ([WAKE, "UPDATE runs SET started_ms = -9223372036854775808 WHERE id = {victim}"], "journal-unreadable"),
    "an actor that is no text": ([WAKE, "UPDATE runs SET actor = x'ff00' WHERE id = {victim}"], "journal-unreadable"),
    "an input that is a number": ([WAKE, "UPDATE runs SET input = 7 WHERE id = {victim}"], "journal-unreadable"),
    "an empty row far behind the journal": ([WAKE, EMPTY.replace("{seq}", "16777215")], "journal-unreadable"),
    "an empty row beyond 32 bits": ([WAKE, EMPTY.replace("{seq}", "max(seq) + 4294967297")], "journal-unreadable"),
    "an empty result": ([WAKE, "UPDATE journal SET data = x'' WHERE run_id = {victim} AND kind = 2"], "journal-unreadable"),
    "a journal without its middle": ([WAKE, "DELETE FROM journal WHERE run_id = {victim} AND kind = 2"], "journal-unreadable"),
    "an intent that is called a result": ([WAKE, "UPDATE journal SET kind = 2 WHERE " + LAST], "journal-unreadable"),
    "a kind that is none": ([WAKE, "UPDATE journal SET kind = 99 WHERE " + LAST], "journal-unreadable"),
    "an effect of no number": ([WAKE, "UPDATE journal SET effect = 0 WHERE " + LAST], "journal-unreadable"),
    "a negative effect": ([WAKE, "UPDATE journal SET effect = -1 WHERE " + LAST], "journal-unreadable"),
    "a row before all time": ([WAKE, "UPDATE journal SET at_ms = -9223372036854775808 WHERE " + LAST], "journal-unreadable"),
    "a row of no bytes at all": ([WAKE, "UPDATE journal SET data = NULL WHERE " + LAST], "journal-unreadable"),
}


@pytest.mark.parametrize("name", RUN_CASES)
def test_a_damaged_run_is_named_and_the_others_go_on(copy, name):
    server, ids = copy
    statements, said = RUN_CASES[name]
    edit(server.data / "sallyport.db", [s.replace("{victim}", str(number(ids["victim"]))) for s in statements])
    server.start()
    assert server.wait_run(ids["other"])["output"] == {"done": True}
    assert server.run("ends").json["output"] == {"n": 1}, "a new run"
    lines = [line for line in server.log().splitlines() if f"event=engine.{said} " in line]
    assert len(lines) == 1 and f"run={ids['victim']}" in lines[0] and "error=" in lines[0], server.log()
    assert "role.ended" not in server.log(), "something died of it"
    assert server.api.get(f"/api/v1/runs/{ids['victim']}").status in (200, 404, 409, 422, 500, 503)
    server.stop()


def test_an_id_that_leaves_no_room_for_others(copy):
    """Ids ascend: the last one that there can be must not be taken for one that was given."""
    server, ids = copy
    edit(server.data / "sallyport.db", [f"UPDATE runs SET id = 9223372036854775807 WHERE id = {number(ids['victim'])}"])
    server.start()
    assert server.run("ends").json["output"] == {"n": 1}
    assert "engine.run-not-recovered" in server.log()
    server.stop()


# --- what concerns all: the place is named ----------------------------------------------------------------------------

START_CASES = {
    "a principal without a name": ("UPDATE principals SET name = NULL", r"principals: column name of the row 1\b"),
    "a principal whose name is bytes": ("UPDATE principals SET name = x'ff'", r"principals: column name"),
    "a token's hash that is short": ("UPDATE principals SET token_hash = x'00'", r"principals: column token_hash"),
    "a role that is none": ("UPDATE principals SET role = 'god'", r"principals: "),
    "an expiry before all time": ("UPDATE principals SET expires_ms = -1", r"principals: column expires_ms"),
    "a namespace without a name": ("UPDATE namespaces SET name = NULL", r"workflows: column name"),
    "a namespace without its key": ("UPDATE namespaces SET wrapped_key = NULL", r"workflows: column wrapped_key"),
    "a namespace's number beyond 32 bits": ("UPDATE namespaces SET id = 4294967297", r"workflows: "),
    "a workflow without its manifest": ("UPDATE workflows SET manifest = NULL", r"workflows: column manifest"),
    "a manifest that is none": ("UPDATE workflows SET manifest = '{}'", r"workflows: "),
    "a definition that is a number": ("UPDATE definitions SET text = 7", r"workflows: column text"),
    "a credential of no kind": ("UPDATE credentials SET kind = 99", r"credentials: "),
    "a credential's kind that is a text": ("UPDATE credentials SET kind = 'bearer'", r"credentials: column kind"),
    "a credential's policy that is none": ("UPDATE credentials SET policy = '{'", r"credentials: "),
    "a credential's version below none": ("UPDATE credentials SET version = -1", r"credentials: column version"),
    "settings that are none": ("UPDATE meta SET value = x'7b' WHERE key = 'settings'", r"meta: "),
    "deliveries of half a hash": ("INSERT INTO deliveries VALUES (1, 99999999999999, x'00')", r"deliveries: "),
    "the end of the log is elsewhere": ("UPDATE leaves SET idx = 9223372036854775807 WHERE idx = (SELECT max(idx) FROM leaves)", r"audit log"),
}


def supervisor_ended(server):
    server.start(wait=False)
    try:
        return server.process.wait(20 * PATIENCE)
    except Exception as e:
        server.kill_all()
        raise AssertionError(f"it still runs: {server.log()}") from e


@pytest.mark.parametrize("name", START_CASES)
def test_a_damaged_table_is_named_and_nothing_starts(copy, name):
    server, _ = copy
    statement, said = START_CASES[name]
    edit(server.data / "sallyport.db", [statement])
    assert supervisor_ended(server) == UNAVAILABLE, server.log()
    last = [line for line in server.log().splitlines() if "event=supervisor.failed" in line or line.startswith("sallyport")]
    assert last and re.search(said, last[-1]), server.log()
    assert len(re.findall(r"event=role\.started role=engine", server.log())) <= 1, "it was tried again"
    server.check_no_crash()


# --- what is only shown -----------------------------------------------------------------------------------------------

SHOWN_CASES = {
    "a leaf that is no JSON": ("UPDATE leaves SET body = '{{' WHERE idx = 3", "/api/v1/audit/leaves?from=0", "Leaf 3 "),
    "an ended run's state": ("-UPDATE runs SET state = 77 WHERE id = {ended}", "/api/v1/runs", "column state of the row "),
    "an ended run's trigger": ("UPDATE runs SET trigger = 4294967297 WHERE id = {ended}", "/api/v1/runs/{ended_id}", "could not be opened"),
    "an ended run's time": ("UPDATE runs SET ended_ms = 9223372036854775807 WHERE id = {ended}", "/api/v1/runs/{ended_id}", "could not be opened"),
    "an ended run's actor": ("UPDATE runs SET actor = x'ff' WHERE id = {ended}", "/api/v1/runs/{ended_id}", "could not be opened"),
    "an ended run's output": ("UPDATE runs SET output = x'00' WHERE id = {ended}", "/api/v1/runs/{ended_id}", "could not be opened"),
}


@pytest.mark.parametrize("name", SHOWN_CASES)
def test_what_is_damaged_is_not_shown(copy, name):
    server, ids = copy
    statement, path, said = SHOWN_CASES[name]
    edit(server.data / "sallyport.db", [statement.replace("{ended}", str(number(ids["ended"]))).replace("{{", "{")])
    server.start()
    answer = server.api.get(path.replace("{ended_id}", ids["ended"]))
    assert answer.status >= 400 and said in answer.json["detail"], answer
    assert server.run("ends").json["output"] == {"n": 1}
    server.stop()


def test_the_editor_is_noticed(copy):
    """What a start takes as it is, `verify` finds all the same."""
    server, ids = copy
    edit(server.data / "sallyport.db", [f"UPDATE runs SET due_ms = 5, state = 4 WHERE id = {number(ids['victim'])}"])
    assert cli("audit", "verify", "--data", server.data, "--json").returncode != 0
