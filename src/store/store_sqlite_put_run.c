/* store_sqlite_put_run: writes of the hot path: runs, journal, events, deliveries; and their end, retention. */
#include "base/must.h"
#include "store/vouch.h"

#define EPOCH_2020_MS 1577836800000ll /* of run ids (base/id.h) */
#define RUN_ID_RANDOM_BITS 22

int store_run_insert(struct store *store, const struct store_run *row)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct vouch_fields fields;
    struct query q = query_begin(&store->connection, STATEMENT_RUN_PUT);
    vouch_row_begin(&fields, STATEMENT_VOUCH_RUN_END);
    q.fields = &fields;
    query_u64(&q, row->id.n);
    query_i64(&q, row->workflow_id);
    query_i64(&q, row->state);
    query_i64(&q, row->trigger);
    query_i64(&q, row->started_ms);
    query_optional_i64(&q, row->ended_ms);
    query_optional_i64(&q, row->due_ms);
    query_optional_text(&q, row->actor);
    query_optional_i64(&q, (int64_t)row->parent.n);
    query_optional_i64(&q, row->parent_effect);
    query_u64(&q, row->first_leaf);
    query_optional_i64(&q, (int64_t)row->last_leaf);
    query_optional_blob(&q, row->idempotency);
    query_optional_blob(&q, row->random);
    query_optional_blob(&q, row->input);
    query_optional_blob(&q, row->output);
    query_optional_blob(&q, row->error);
    query_optional_blob(&q, row->context);
    query_optional_blob(&q, row->trace);
    r = query_run(&q);
    store->alone.id = r < 0 ? (struct run_id){0} : row->id;
    vouch_row_end(&fields, store->alone.digest);
    return batch_result(store, r);
}

/* 1 or 0, or a negative code. */
static int has_run(struct store *store, struct run_id id)
{
    struct query q = query_begin(&store->connection, STATEMENT_RUN_STATE);
    query_u64(&q, id.n);
    int r = query_next(&q);
    query_end(&q);
    return r;
}

/* Why an update met no row. */
static int run_is_missing(struct store *store, struct run_id id)
{
    int r = has_run(store, id);
    return r < 0 ? r : r == 1 ? -SP_ECONFLICT : -SP_ENOTFOUND;
}

/* What is known of the run that was inserted last is its row as it was inserted, and that it has nothing else. */
static bool put_beside(struct store *store, struct run_id run)
{
    if (store->alone.id.n != run.n)
        return false;
    store->alone.id = (struct run_id){0};
    return true;
}

int store_run_update(struct store *store, const struct store_run_change *change)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    (void)put_beside(store, change->id);
    struct query q = query_begin(&store->connection, STATEMENT_RUN_UPDATE);
    query_i64(&q, change->state);
    query_optional_i64(&q, change->ended_ms);
    query_optional_i64(&q, change->due_ms);
    query_optional_i64(&q, (int64_t)change->last_leaf);
    query_optional_blob(&q, change->output);
    query_optional_blob(&q, change->error);
    query_optional_blob(&q, change->context);
    query_u64(&q, change->id.n);
    r = query_run(&q);
    if (r == 0 && sqlite3_changes(store->connection.db) == 0)
        r = run_is_missing(store, change->id);
    return batch_result(store, r);
}

int store_journal_put(struct store *store, const struct store_journal *row)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    (void)put_beside(store, row->run);
    struct query q = query_begin(&store->connection, STATEMENT_JOURNAL_PUT);
    query_u64(&q, row->run.n);
    query_i64(&q, row->seq);
    query_i64(&q, row->kind);
    query_i64(&q, row->effect);
    query_i64(&q, row->at_ms);
    query_blob(&q, row->data);
    return batch_result(store, query_run(&q));
}

int store_event_put(struct store *store, const struct store_event *row, uint64_t *ret_id)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    /* A run's row stands before what belongs to it, else its insertion would find it alone. Of the journal the table sees to it. */
    if (row->run.n && !put_beside(store, row->run) && (r = has_run(store, row->run)) <= 0)
        return batch_result(store, r < 0 ? r : -SP_EINVALID);
    struct query q = query_begin(&store->connection, STATEMENT_EVENT_PUT);
    query_optional_i64(&q, (int64_t)row->id);
    query_optional_i64(&q, (int64_t)row->run.n);
    query_i64(&q, row->at_ms);
    query_blob(&q, row->data);
    r = query_run(&q);
    if (r == 0 && ret_id)
        *ret_id = (uint64_t)sqlite3_last_insert_rowid(store->connection.db);
    return batch_result(store, r);
}

int store_delivery_put(struct store *store, const uint8_t hash[STORE_DELIVERY_LEN], int64_t seen_ms)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    if (store->deliveries.len == STORE_DELIVERIES_MAX)
        r = deliveries_flush(store);
    r = r < 0 ? r : buffer_append(&store->deliveries, hash, STORE_DELIVERY_LEN);
    if (r == 0 && seen_ms > store->deliveries_seen_ms)
        store->deliveries_seen_ms = seen_ms;
    return batch_result(store, r);
}

int deliveries_flush(struct store *store)
{
    if (store->deliveries.len == 0)
        return 0;
    struct query q = query_begin(&store->connection, STATEMENT_DELIVERIES_PUT);
    query_i64(&q, store->deliveries_seen_ms);
    query_blob(&q, buffer_slice(&store->deliveries));
    int r = query_run(&q);
    deliveries_drop(store);
    return r;
}

void deliveries_drop(struct store *store)
{
    buffer_clear(&store->deliveries);
    store->deliveries_seen_ms = 0;
}

int store_deliveries_prune(struct store *store, int64_t before_ms)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_DELIVERIES_PRUNE);
    query_i64(&q, before_ms);
    return batch_result(store, query_run(&q));
}

struct old_runs {
    uint32_t n;
    int64_t ids[LIMIT_PAGE];
};

/* Ids order by time: none that began after `before_ms` can have ended before it, so the search ends there. An hour is allowed
 * for clocks that stepped back. */
static int64_t id_bound(int64_t before_ms)
{
    int64_t ms = before_ms - EPOCH_2020_MS + 3600 * 1000;
    return ms <= 0 ? 0 : ms >= 1LL << 41 ? INT64_MAX : ms << RUN_ID_RANDOM_BITS;
}

static int find_old(struct store *store, uint32_t namespace_id, uint32_t workflow_id, int64_t before_ms, uint32_t limit,
                    struct old_runs *ret)
{
    enum statement which = workflow_id    ? STATEMENT_RUNS_OLD_OF_WORKFLOW
                           : namespace_id ? STATEMENT_RUNS_OLD_OF_NAMESPACE
                                          : STATEMENT_RUNS_OLD;
    struct query q = query_begin(&store->connection, which);
    query_i64(&q, id_bound(before_ms));
    query_i64(&q, before_ms);
    query_i64(&q, limit < LIMIT_PAGE ? limit : LIMIT_PAGE);
    if (workflow_id || namespace_id)
        query_i64(&q, workflow_id ? workflow_id : namespace_id);
    int r;
    ret->n = 0;
    while ((r = query_next(&q)) > 0 && ret->n < LIMIT_PAGE)
        ret->ids[ret->n++] = column_i64(&q, 0);
    query_end(&q);
    return r < 0 ? r : 0;
}

static int delete_run(struct store *store, int64_t id)
{
    static const enum statement deletes[] = {STATEMENT_JOURNAL_DELETE, STATEMENT_EVENTS_DELETE, STATEMENT_RUN_DELETE};
    for (size_t i = 0; i < sizeof deletes / sizeof deletes[0]; i++) {
        struct query q = query_begin(&store->connection, deletes[i]);
        query_i64(&q, id);
        int r = query_run(&q);
        if (r < 0)
            return r;
    }
    return 0;
}

int store_retention_apply(struct store *store, uint32_t namespace_id, uint32_t workflow_id, int64_t before_ms, uint32_t limit,
                          uint32_t *ret_n)
{
    struct old_runs old;
    int r = batch_check(store);
    if (r < 0)
        return r;
    store->alone.id = (struct run_id){0};
    r = find_old(store, namespace_id, workflow_id, before_ms, limit, &old);
    for (uint32_t i = 0; r == 0 && i < old.n; i++)
        r = delete_run(store, old.ids[i]);
    if (r == 0)
        *ret_n = old.n;
    /* Half a run must not stay: whatever went wrong fails the batch. */
    return batch_result(store, r == -SP_EINVALID || r == -SP_ECONFLICT ? -SP_ETAMPERED : r);
}
