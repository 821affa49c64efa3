/* store_sqlite_query: statements and their errors. Holds: each code of SQLite has one meaning here, and a query that could not
 * be prepared behaves like one whose every step fails. */
#include "base/must.h"
#include "store/vouch.h"

static const char *const statement_sql[] = {
#define S(NAME, sql) [STATEMENT_##NAME] = sql,
    STORE_STATEMENTS(S)
#undef S
};

int sqlite_code(int rc)
{
    switch (rc & 0xFF) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return 0;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_CONSTRAINT:
        return rc == SQLITE_CONSTRAINT_PRIMARYKEY || rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_ROWID
                   ? -SP_ECONFLICT
                   : -SP_EINVALID;
    case SQLITE_TOOBIG:
        return -SP_ELIMIT;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return -EBUSY;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_MISMATCH:
        return -SP_ETAMPERED;
    case SQLITE_READONLY:
        return -EROFS;
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return -EACCES;
    default:
        return rc == SQLITE_IOERR_NOMEM ? -ENOMEM : -EIO;
    }
}

bool sqlite_code_sticks(int code)
{
    return code == -ENOSPC || code == -EIO || code == -EROFS || code == -EACCES || code == -SP_ETAMPERED;
}

void connection_close(struct connection *c)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(c->statements[i]);
    int rc = sqlite3_close(c->db);
    must(rc == SQLITE_OK);
    *c = (struct connection){};
}

const char *connection_path(const struct connection *c)
{
    const char *path = sqlite3_db_filename(c->db, "main");
    return path ? path : "";
}

int connection_exec(struct connection *c, const char *sql)
{
    return sqlite_code(sqlite3_exec(c->db, sql, NULL, NULL, NULL));
}

int connection_integer(struct connection *c, const char *sql, int64_t *ret)
{
    sqlite3_stmt *statement = NULL;
    int rc = sqlite3_prepare_v2(c->db, sql, -1, &statement, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW)
        *ret = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return rc == SQLITE_DONE ? -SP_ENOTFOUND : sqlite_code(rc);
}

struct query query_begin(struct connection *c, enum statement which)
{
    sqlite3_stmt **place = &c->statements[which];
    if (!*place) {
        int rc = sqlite3_prepare_v3(c->db, statement_sql[which], -1, SQLITE_PREPARE_PERSISTENT, place, NULL);
        if (rc != SQLITE_OK)
            return (struct query){.error = sqlite_code(rc)};
    }
    /* A callback that calls the function it was called from. */
    if (sqlite3_stmt_busy(*place))
        return (struct query){.error = -EBUSY};
    return (struct query){.statement = *place};
}

static void bound(struct query *q, int rc)
{
    if (q->error == 0)
        q->error = sqlite_code(rc);
}

void query_i64(struct query *q, int64_t value)
{
    if (q->fields)
        vouch_field_i64(q->fields, q->parameter, value);
    if (q->statement)
        bound(q, sqlite3_bind_int64(q->statement, ++q->parameter, value));
}

void query_u64(struct query *q, uint64_t value)
{
    if (value > INT64_MAX)
        bound(q, SQLITE_CONSTRAINT);
    query_i64(q, (int64_t)value);
}

void query_blob(struct query *q, struct slice value)
{
    if (q->fields)
        vouch_field_bytes(q->fields, q->parameter, false, value);
    if (q->statement)
        bound(q, sqlite3_bind_blob64(q->statement, ++q->parameter, value.p ? (const void *)value.p : "", value.len,
                                     SQLITE_STATIC));
}

void query_text(struct query *q, struct slice value)
{
    /* STRICT tables check the type, not the encoding. */
    if (!slice_is_utf8(value) || (value.len > 0 && memchr(value.p, 0, value.len)))
        bound(q, SQLITE_CONSTRAINT);
    if (q->fields)
        vouch_field_bytes(q->fields, q->parameter, true, value);
    if (q->statement)
        bound(q, sqlite3_bind_text64(q->statement, ++q->parameter, value.p ? (const char *)value.p : "", value.len,
                                     SQLITE_STATIC, SQLITE_UTF8));
}

static void query_null(struct query *q)
{
    if (q->statement)
        bound(q, sqlite3_bind_null(q->statement, ++q->parameter));
}

void query_optional_blob(struct query *q, struct slice value)
{
    if (value.len > 0)
        query_blob(q, value);
    else
        query_null(q);
}

void query_optional_text(struct query *q, struct slice value)
{
    if (value.len > 0)
        query_text(q, value);
    else
        query_null(q);
}

void query_optional_i64(struct query *q, int64_t value)
{
    if (value != 0)
        query_i64(q, value);
    else
        query_null(q);
}

int query_next(struct query *q)
{
    if (q->error < 0 || !q->statement)
        return q->error;
    q->damaged = 0;
    int rc = sqlite3_step(q->statement);
    q->error = sqlite_code(rc);
    return q->error < 0 ? q->error : rc == SQLITE_ROW;
}

void query_end(struct query *q)
{
    if (!q->statement)
        return;
    sqlite3_reset(q->statement);
    sqlite3_clear_bindings(q->statement);
    q->statement = NULL;
}

int query_run(struct query *q)
{
    int r = query_next(q);
    query_end(q);
    return r < 0 ? r : 0;
}
