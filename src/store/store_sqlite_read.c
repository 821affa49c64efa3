/* store_sqlite_read: reads of what changes seldom, and the frame of all reads. Holds: a row whose columns do not have the
 * shape that was written is damage (-SP_ETAMPERED, row_check), and never reaches a callback. */
#include "store/sqlite.h"

void reader_lock(struct store_reader *r)
{
    r->damage[0] = 0;
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
    if (has_row) {
        struct slice value = column_blob(q, 0, COLUMN_REQUIRED);
        e = row_check(r, q);
        if (e == 0)
            e = each(user, value);
    }
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
        struct store_namespace row = {.id = column_u32(&q, 0, COLUMN_REQUIRED),
                                      .name = column_name(&q, 1, COLUMN_REQUIRED),
                                      .wrapped_key = column_blob(&q, 2, COLUMN_REQUIRED),
                                      .created_ms = column_time(&q, 3, COLUMN_REQUIRED)};
        e = row_check(r, &q);
        if (e == 0)
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
        struct store_principal row = {.id = column_u32(q, 0, COLUMN_REQUIRED),
                                      .name = column_name(q, 1, COLUMN_REQUIRED),
                                      .role = column_name(q, 2, COLUMN_REQUIRED),
                                      .created_ms = column_time(q, 4, COLUMN_REQUIRED),
                                      .expires_ms = column_time(q, 5, COLUMN_REQUIRED),
                                      .is_disabled = column_number(q, 6, COLUMN_REQUIRED, 1) != 0};
        column_fixed(q, 3, row.token_hash, sizeof row.token_hash);
        *ret_has_row = true;
        e = row_check(r, q);
        if (e == 0)
            e = each(user, &row);
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

static int workflows(struct store_reader *r, struct query *q, store_workflow_fn *each, void *user, bool *ret_has_row)
{
    int e;
    while ((e = query_next(q)) > 0) {
        struct store_workflow row = {.id = column_u32(q, 0, COLUMN_REQUIRED),
                                     .namespace_id = column_u32(q, 1, COLUMN_REQUIRED),
                                     .ns = column_name(q, 2, COLUMN_REQUIRED),
                                     .name = column_name(q, 3, COLUMN_REQUIRED),
                                     .version = column_name(q, 4, COLUMN_REQUIRED),
                                     .is_enabled = column_u64(q, 6, COLUMN_REQUIRED) > 0,
                                     .deployed_ms = column_time(q, 7, COLUMN_REQUIRED),
                                     .deployed_by = column_name(q, 8, COLUMN_REQUIRED),
                                     .manifest = column_text(q, 9, COLUMN_REQUIRED)};
        column_fixed(q, 5, row.digest, sizeof row.digest);
        *ret_has_row = true;
        e = row_check(r, q);
        if (e == 0)
            e = each(user, &row);
        if (e != 0)
            break;
    }
    return e;
}

int store_workflows_live(struct store_reader *r, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOWS_LIVE);
    return reader_finish(r, &q, workflows(r, &q, each, user, &has_row));
}

int store_workflow_live(struct store_reader *r, struct slice ns, struct slice name, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOW_LIVE);
    query_text(&q, ns);
    query_text(&q, name);
    int e = workflows(r, &q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

int store_workflow_by_id(struct store_reader *r, uint32_t id, store_workflow_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_WORKFLOW_BY_ID);
    query_i64(&q, id);
    int e = workflows(r, &q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

static int credentials(struct store_reader *r, struct query *q, store_credential_fn *each, void *user, bool *ret_has_row)
{
    int e;
    while ((e = query_next(q)) > 0) {
        struct store_credential row = {.ns = column_name(q, 0, COLUMN_REQUIRED),
                                       .name = column_name(q, 1, COLUMN_REQUIRED),
                                       .version = column_u64(q, 2, COLUMN_REQUIRED),
                                       .kind = (uint8_t)column_number(q, 3, COLUMN_REQUIRED, UINT8_MAX),
                                       .policy = column_text(q, 4, COLUMN_REQUIRED),
                                       .wrapped = column_blob(q, 5, COLUMN_OPTIONAL),
                                       .is_revoked = sqlite3_column_type(q->statement, 5) == SQLITE_NULL,
                                       .set_ms = column_time(q, 6, COLUMN_REQUIRED),
                                       .set_by = column_name(q, 7, COLUMN_REQUIRED)};
        *ret_has_row = true;
        e = row_check(r, q);
        if (e == 0)
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
    return reader_finish(r, &q, credentials(r, &q, each, user, &has_row));
}

int store_credential(struct store_reader *r, struct slice ns, struct slice name, store_credential_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_CREDENTIAL);
    query_text(&q, ns);
    query_text(&q, name);
    int e = credentials(r, &q, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

