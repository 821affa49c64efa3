/* store_sqlite_put: writes of what changes seldom: namespaces, principals, definitions, workflows, credentials. */
#include "store/sqlite.h"

static uint32_t last_id(struct store *store)
{
    return (uint32_t)sqlite3_last_insert_rowid(store->connection.db);
}

/* Runs an update that must have met a row. */
static int run_one(struct store *store, struct query *q, int code_without_row)
{
    int r = query_run(q);
    if (r == 0 && sqlite3_changes(store->connection.db) == 0)
        r = code_without_row;
    return batch_result(store, r);
}

int store_namespace_put(struct store *store, const struct store_namespace *row, uint32_t *ret_id)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_NAMESPACE_PUT);
    query_text(&q, row->name);
    query_blob(&q, row->wrapped_key);
    query_i64(&q, row->created_ms);
    r = query_run(&q);
    if (r == 0 && ret_id)
        *ret_id = last_id(store);
    return batch_result(store, r);
}

int store_principal_put(struct store *store, const struct store_principal *row)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_PRINCIPAL_PUT);
    query_text(&q, row->name);
    query_text(&q, row->role);
    query_blob(&q, slice_of(row->token_hash, sizeof row->token_hash));
    query_i64(&q, row->created_ms);
    query_i64(&q, row->expires_ms);
    query_i64(&q, row->is_disabled);
    return batch_result(store, query_run(&q));
}

int store_definition_put(struct store *store, const uint8_t digest[32], struct slice text)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_DEFINITION_PUT);
    query_blob(&q, slice_of(digest, 32));
    query_blob(&q, text);
    return batch_result(store, query_run(&q));
}

int store_workflow_put(struct store *store, const struct store_workflow *row, uint32_t *ret_id)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_WORKFLOW_PUT);
    query_i64(&q, row->namespace_id);
    query_text(&q, row->name);
    query_text(&q, row->version);
    query_blob(&q, slice_of(row->digest, sizeof row->digest));
    query_text(&q, row->manifest);
    query_i64(&q, row->deployed_ms);
    query_text(&q, row->deployed_by);
    query_i64(&q, row->is_enabled);
    r = query_run(&q);
    if (r == 0 && ret_id)
        *ret_id = last_id(store);
    return batch_result(store, r);
}

int store_workflow_enable(struct store *store, uint32_t id, bool is_enabled)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_WORKFLOW_ENABLE);
    query_i64(&q, is_enabled);
    query_i64(&q, id);
    return run_one(store, &q, -SP_ENOTFOUND);
}

int store_credential_put(struct store *store, const struct store_credential *row)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_CREDENTIAL_PUT);
    query_text(&q, row->ns);
    query_text(&q, row->name);
    query_u64(&q, row->version);
    query_i64(&q, row->kind);
    query_text(&q, row->policy);
    query_optional_blob(&q, row->is_revoked ? (struct slice){} : row->wrapped);
    query_i64(&q, row->set_ms);
    query_text(&q, row->set_by);
    return run_one(store, &q, -SP_ECONFLICT);
}

int store_credential_revoke(struct store *store, struct slice ns, struct slice name, int64_t at_ms, struct slice by)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_CREDENTIAL_REVOKE);
    query_i64(&q, at_ms);
    query_text(&q, by);
    query_text(&q, ns);
    query_text(&q, name);
    return run_one(store, &q, -SP_ENOTFOUND);
}
