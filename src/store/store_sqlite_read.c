/* store_sqlite_read: reads of what changes seldom, and the frame of all reads. Holds: a row whose columns do not have the
 * shape that was written is damage (-SP_ETAMPERED), and never reaches a callback. */
#include "store/sqlite.h"

void reader_lock(struct store_reader *r)
{
    if (r->shared)
        pthread_mutex_lock(&r->shared->mutex);
}

void reader_unlock(struct store_reader *r)
{
    if (r->shared)
        pthread_mutex_unlock(&r->shared->mutex);
}

int reader_finish(struct store_reader *r, struct query *q, int code)
{
    query_end(q);
    reader_unlock(r);
    return code;
}

int reader_finish_one(struct store_reader *r, struct query *q, int code, bool has_row)
{
    return reader_finish(r, q, code == 0 && !has_row ? -SP_ENOTFOUND : code);
}

int store_snapshot_begin(struct store_reader *r)
{
    reader_lock(r);
    if (r->shared)
        return 0; /* the mutex keeps the writer out until the end */
    struct query q = query_begin(r->connection, STATEMENT_BEGIN_READ);
    return query_run(&q);
}

void store_snapshot_end(struct store_reader *r)
{
    if (!r->shared && !sqlite3_get_autocommit(r->connection->db))
        (void)sqlite3_exec(r->connection->db, "COMMIT", NULL, NULL, NULL); /* nothing was written: it may not matter */
    reader_unlock(r);
}

/* Begins a read; ends with reader_finish. */
static struct query begin(struct store_reader *r, enum statement which)
{
    reader_lock(r);
    return query_begin(r->connection, which);
}

static int one_value(struct store_reader *r, struct query *q, store_value_fn *each, void *user)
{
    int e = query_next(q);
    bool has_row = e > 0;
    if (has_row)
        e = each(user, column_slice(q, 0));
    return reader_finish_one(r, q, e, has_row);
}

int store_meta(struct store_reader *r, const char *key, store_value_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_META);
    query_text(&q, slice_text(key));
    return one_value(r, &q, each, user);
}

int store_definition(struct store_reader *r, const uint8_t digest[32], store_value_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_DEFINITION);
    query_blob(&q, slice_of(digest, 32));
    return one_value(r, &q, each, user);
}

int store_namespaces(struct store_reader *r, store_namespace_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_NAMESPACES);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct store_namespace row = {.id = (uint32_t)column_i64(&q, 0),
                                      .name = column_slice(&q, 1),
                                      .wrapped_key = column_slice(&q, 2),
                                      .created_ms = column_i64(&q, 3)};
        e = each(user, &row);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static int principals(struct store_reader *r, struct query *q, store_principal_fn *each, void *user, bool *ret_has_row)
{
    int e;
    while ((e = query_next(q)) > 0) {
        struct store_principal row = {.id = (uint32_t)column_i64(q, 0),
                                      .name = column_slice(q, 1),
                                      .role = column_slice(q, 2),
                                      .created_ms = column_i64(q, 4),
                                      .expires_ms = column_i64(q, 5),
                                      .is_disabled = column_i64(q, 6) != 0};
        *ret_has_row = true;
        e = column_fixed(q, 3, row.token_hash, sizeof row.token_hash) ? each(user, &row) : -SP_ETAMPERED;
        if (e != 0)
            break;
    }
    return e;
}

int store_principals(struct store_reader *r, store_principal_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_PRINCIPALS);
    return reader_finish(r, &q, principals(r, &q, each, user, &has_row));
}

static int workflows(struct query *q, store_workflow_fn *each, void *user, bool *ret_has_row)
{
    int e;
    while ((e = query_next(q)) > 0) {
        struct store_workflow row = {.id = (uint32_t)column_i64(q, 0),
                                     .namespace_id = (uint32_t)column_i64(q, 1),
                                     .ns = column_slice(q, 2),
                                     .name = column_slice(q, 3),
                                     .version = column_slice(q, 4),
                                     .is_enabled = column_i64(q, 6) > 0,
                                     .deployed_ms = column_i64(q, 7),
                                     .deployed_by = column_slice(q, 8),
                                     .manifest = column_slice(q, 9)};
        *ret_has_row = true;
        e = column_fixed(q, 5, row.digest, sizeof row.digest) ? each(user, &row) : -SP_ETAMPERED;
        if (e != 0)
            break;
    }
    return e;
}

int store_workflows_live(struct store_reader *r, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOWS_LIVE);
    return reader_finish(r, &q, workflows(&q, each, user, &has_row));
}

int store_workflow_live(struct store_reader *r, struct slice ns, struct slice name, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOW_LIVE);
    query_text(&q, ns);
    query_text(&q, name);
    int e = workflows(&q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

int store_workflow_by_id(struct store_reader *r, uint32_t id, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOW_BY_ID);
    query_i64(&q, id);
    int e = workflows(&q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

static int credentials(struct query *q, store_credential_fn *each, void *user, bool *ret_has_row)
{
    int e;
    while ((e = query_next(q)) > 0) {
        struct store_credential row = {.ns = column_slice(q, 0),
                                       .name = column_slice(q, 1),
                                       .version = (uint64_t)column_i64(q, 2),
                                       .kind = (uint8_t)column_i64(q, 3),
                                       .policy = column_slice(q, 4),
                                       .wrapped = column_slice(q, 5),
                                       .is_revoked = sqlite3_column_type(q->statement, 5) == SQLITE_NULL,
                                       .set_ms = column_i64(q, 6),
                                       .set_by = column_slice(q, 7)};
        *ret_has_row = true;
        e = each(user, &row);
        if (e != 0)
            break;
    }
    return e;
}

int store_credentials(struct store_reader *r, store_credential_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_CREDENTIALS);
    return reader_finish(r, &q, credentials(&q, each, user, &has_row));
}

int store_credential(struct store_reader *r, struct slice ns, struct slice name, store_credential_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_CREDENTIAL);
    query_text(&q, ns);
    query_text(&q, name);
    int e = credentials(&q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

