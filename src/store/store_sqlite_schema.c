/* store_sqlite_schema: the tables, as steps from each version to the next. Holds: a step that was released is
 * never changed; each runs in one transaction together with its user_version, so a crash leaves the old or
 * the new schema. The columns are explained in docs/formats/database.md. */
#include "store/schema.h"
#include "store/sqlite.h"

static const char version_1[] =
    "CREATE TABLE meta (key TEXT NOT NULL PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"

    "CREATE TABLE namespaces (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, wrapped_key BLOB NOT NULL,"
    " created_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE principals (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, role TEXT NOT NULL,"
    " token_hash BLOB NOT NULL UNIQUE CHECK (length(token_hash) = 32), created_ms INTEGER NOT NULL,"
    " expires_ms INTEGER NOT NULL, is_disabled INTEGER NOT NULL) STRICT;"

    "CREATE TABLE definitions (digest BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32), text BLOB NOT "
    "NULL) STRICT;"

    "CREATE TABLE workflows (id INTEGER PRIMARY KEY, namespace_id INTEGER NOT NULL REFERENCES namespaces "
    "(id),"
    " name TEXT NOT NULL, version TEXT NOT NULL, digest BLOB NOT NULL REFERENCES definitions (digest),"
    " manifest TEXT NOT NULL, deployed_ms INTEGER NOT NULL, deployed_by TEXT NOT NULL,"
    " enabled_order INTEGER NOT NULL, UNIQUE (namespace_id, name, version)) STRICT;"
    "CREATE INDEX workflows_by_order ON workflows (enabled_order);"

    "CREATE TABLE credentials (ns TEXT NOT NULL, name TEXT NOT NULL, version INTEGER NOT NULL, kind INTEGER "
    "NOT NULL,"
    " policy TEXT NOT NULL, wrapped BLOB, set_ms INTEGER NOT NULL, set_by TEXT NOT NULL, PRIMARY KEY (ns, "
    "name))"
    " STRICT, WITHOUT ROWID;"

    "CREATE TABLE runs (id INTEGER PRIMARY KEY, workflow_id INTEGER NOT NULL REFERENCES workflows (id),"
    " state INTEGER NOT NULL CHECK (state BETWEEN 1 AND 6), trigger INTEGER NOT NULL, started_ms INTEGER NOT "
    "NULL,"
    " ended_ms INTEGER, due_ms INTEGER, actor TEXT, parent INTEGER, parent_effect INTEGER, first_leaf "
    "INTEGER NOT NULL,"
    " last_leaf INTEGER, idempotency BLOB, random BLOB, input BLOB, output BLOB, error BLOB, context BLOB) "
    "STRICT;"
    "CREATE INDEX runs_by_workflow ON runs (workflow_id);"
    "CREATE INDEX runs_open ON runs (due_ms, state, workflow_id) WHERE state < 4;"
    "CREATE INDEX runs_faulted ON runs (id) WHERE state = 5;"
    "CREATE UNIQUE INDEX runs_by_idempotency ON runs (idempotency) WHERE idempotency IS NOT NULL;"

    "CREATE TABLE journal (run_id INTEGER NOT NULL REFERENCES runs (id), seq INTEGER NOT NULL, kind INTEGER "
    "NOT NULL,"
    " effect INTEGER NOT NULL, at_ms INTEGER NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run_id, seq))"
    " STRICT, WITHOUT ROWID;"

    "CREATE TABLE events (id INTEGER PRIMARY KEY, run_id INTEGER, at_ms INTEGER NOT NULL, data BLOB NOT "
    "NULL) STRICT;"
    "CREATE INDEX events_by_run ON events (run_id) WHERE run_id IS NOT NULL;"

    "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, hash BLOB NOT NULL CHECK (length(hash) = 16),"
    " seen_ms INTEGER NOT NULL) STRICT;"

    "CREATE TABLE leaves (idx INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;"
    "CREATE TABLE tiles (level INTEGER NOT NULL, idx INTEGER NOT NULL, hashes BLOB NOT NULL, PRIMARY KEY "
    "(level, idx))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL, at_ms INTEGER NOT NULL) STRICT;";

/* Fewer rows for each run: the deliveries of one commit share a row, and the trace of a run's first step is
 * in the run's. */
static const char version_2[] =
    "ALTER TABLE runs ADD COLUMN trace BLOB;"
    "CREATE TABLE deliveries_2 (id INTEGER PRIMARY KEY, seen_ms INTEGER NOT NULL,"
    " hashes BLOB NOT NULL CHECK (length(hashes) >= 16 AND length(hashes) % 16 = 0)) STRICT;"
    "INSERT INTO deliveries_2 (id, seen_ms, hashes) SELECT id, seen_ms, hash FROM deliveries;"
    "DROP TABLE deliveries;"
    "ALTER TABLE deliveries_2 RENAME TO deliveries;";

/* steps[v] leads from version v to v + 1. */
static const char *const steps[] = {version_1, version_2};

#define VERSION ((int64_t)(sizeof steps / sizeof steps[0]))

int64_t schema_version(void)
{
    return VERSION;
}

const char *schema_step(int64_t from)
{
    return from >= 0 && from < VERSION ? steps[from] : NULL;
}

static int refuse(const struct connection *c, struct diag *reterr, int64_t version)
{
    int code = diag_set(reterr, -SP_EFORMAT, "%s: the database has format %lld, this program knows formats up to %lld",
                        connection_path(c), (long long)version, (long long)VERSION);
    diag_hint(reterr, "use the release of sallyport that wrote it, or a later one");
    return code;
}

#define OBJECTS                                                                                              \
    "SELECT type || ' ' || name, tbl_name, coalesce(sql, '') FROM sqlite_schema ORDER BY type, name"

static bool is_same_text(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
    const char *x = (const char *)sqlite3_column_text(a, column),
               *y = (const char *)sqlite3_column_text(b, column);
    return x && y && strcmp(x, y) == 0;
}

/* Walks both lists of tables, indexes, triggers and views, which have one order; names the first that is not
 * the same. */
static int compare(const char *path, sqlite3_stmt *ours, sqlite3_stmt *wanted, struct diag *reterr)
{
    for (;;) {
        int a = sqlite3_step(ours), b = sqlite3_step(wanted);
        if (sqlite_code(a) < 0 || sqlite_code(b) < 0)
            return diag_set(reterr, sqlite_code(a) < 0 ? sqlite_code(a) : sqlite_code(b), "%s: the schema cannot be read", path);
        if (a == SQLITE_DONE && b == SQLITE_DONE)
            return 0;
        if (a == b && is_same_text(ours, wanted, 0) && is_same_text(ours, wanted, 1) &&
            is_same_text(ours, wanted, 2))
            continue;
        sqlite3_stmt *at = a == SQLITE_ROW ? ours : wanted;
        int code = diag_set(reterr, -SP_ETAMPERED, "%s: the schema of the database was altered, at %.80s", path,
                            sqlite3_column_text(at, 0));
        diag_hint(reterr, "tables, indexes, triggers and views have to be those that sallyport makes");
        return code;
    }
}

/* The schema has to be, word by word, the one that the steps make: a trigger, a view in a table's place, a
 * constraint that is gone or a column too many would change what our statements do. */
static int check_objects(struct connection *c, int64_t version, struct diag *reterr)
{
    struct connection model = {};
    sqlite3_stmt *ours = NULL, *wanted = NULL;
    int r = sqlite_code(
        sqlite3_open_v2(":memory:", &model.db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL));
    for (int64_t v = 0; r == 0 && v < version; v++)
        r = connection_exec(&model, steps[v]);
    if (r == 0)
        r = sqlite_code(sqlite3_prepare_v2(c->db, OBJECTS, -1, &ours, NULL));
    if (r == 0)
        r = sqlite_code(sqlite3_prepare_v2(model.db, OBJECTS, -1, &wanted, NULL));
    r = r < 0 ? diag_set(reterr, r, "%s: the schema cannot be read", connection_path(c))
              : compare(connection_path(c), ours, wanted, reterr);
    sqlite3_finalize(ours);
    sqlite3_finalize(wanted);
    connection_close(&model);
    return r;
}

int schema_check(struct connection *c, bool may_be_new, struct diag *reterr)
{
    int64_t application = 0, version = 0, tables = 0;
    int r = connection_integer(c, "PRAGMA application_id", &application);
    if (r == 0)
        r = connection_integer(c, "PRAGMA user_version", &version);
    if (r == 0)
        r = connection_integer(c, "SELECT count(*) FROM sqlite_schema", &tables);
    if (r == -SP_ETAMPERED)
        return diag_set(reterr, -SP_EFORMAT, "%s: the file is no SQLite database, or is damaged", connection_path(c));
    if (r < 0)
        return diag_set(reterr, r, "%s: the database cannot be read: %s", connection_path(c), sqlite3_errmsg(c->db));
    if (may_be_new && application == 0 && version == 0 && tables == 0)
        return 0;
    if (application != STORE_APPLICATION_ID)
        return diag_set(reterr, -SP_EFORMAT, "%s: the file is a database of another program", connection_path(c));
    if (version < 1 || version > VERSION)
        return refuse(c, reterr, version);
    return check_objects(c, version, reterr);
}

static int step(struct connection *c, int64_t version)
{
    char mark[96];
    (void)snprintf(mark, sizeof mark, "PRAGMA application_id = %d; PRAGMA user_version = %lld; COMMIT",
                   STORE_APPLICATION_ID, (long long)version + 1);
    int r = connection_exec(c, "BEGIN EXCLUSIVE");
    if (r == 0)
        r = connection_exec(c, steps[version]);
    if (r == 0)
        r = connection_exec(c, mark);
    if (r < 0 && !sqlite3_get_autocommit(c->db))
        (void)sqlite3_exec(c->db, "ROLLBACK", NULL, NULL, NULL);
    return r;
}

int schema_migrate(struct connection *c, struct diag *reterr)
{
    int64_t version = 0;
    int r = connection_integer(c, "PRAGMA user_version", &version);
    for (; r == 0 && version < VERSION; version++)
        r = step(c, version);
    if (r == 0)
        return 0;
    r = diag_set(reterr, r, "%s: the database cannot be brought to format %lld: %s", connection_path(c), (long long)VERSION,
                 error_text(r));
    diag_hint(reterr, "what was in it is in it, whole; the next start goes on");
    return r;
}
