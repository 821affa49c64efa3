/* store_sqlite_read_run: reads of runs, their journals, events and deliveries. Called at a start (recovery), from the engine's
 * reading thread (listings), and by the command. */
#include "store/sqlite.h"

static struct query begin(struct store_reader *r, enum statement which)
{
    reader_lock(r);
    return query_begin(r->connection, which);
}

/* Fills what RUN_COLUMNS and, if asked for, RUN_BLOBS select; false for a row of a wrong shape. */
static bool run_row(const struct query *q, bool with_blobs, struct store_run *ret)
{
    int64_t state = column_i64(q, 2), trigger = column_i64(q, 3);
    *ret = (struct store_run){.id = {(uint64_t)column_i64(q, 0)},
                              .workflow_id = (uint32_t)column_i64(q, 1),
                              .state = (enum run_state)state,
                              .trigger = (enum run_trigger)trigger,
                              .started_ms = column_i64(q, 4),
                              .ended_ms = column_i64(q, 5),
                              .due_ms = column_i64(q, 6),
                              .actor = column_slice(q, 7),
                              .parent = {(uint64_t)column_i64(q, 8)},
                              .parent_effect = (uint32_t)column_i64(q, 9),
                              .first_leaf = (uint64_t)column_i64(q, 10),
                              .last_leaf = (uint64_t)column_i64(q, 11),
                              .ns = column_slice(q, 12),
                              .workflow = column_slice(q, 13),
                              .version = column_slice(q, 14)};
    if (with_blobs) {
        ret->idempotency = column_slice(q, 16);
        ret->random = column_slice(q, 17);
        ret->input = column_slice(q, 18);
        ret->output = column_slice(q, 19);
        ret->error = column_slice(q, 20);
        ret->context = column_slice(q, 21);
        ret->trace = column_slice(q, 22);
    }
    return run_state_text((int)state) && run_trigger_text((int)trigger) && column_fixed(q, 15, ret->digest, 32);
}

static int runs(struct query *q, bool with_blobs, store_run_fn *each, void *user, bool *ret_has_row)
{
    struct store_run row;
    int e;
    while ((e = query_next(q)) > 0) {
        *ret_has_row = true;
        e = run_row(q, with_blobs, &row) ? each(user, &row) : -SP_ETAMPERED;
        if (e != 0)
            break;
    }
    return e;
}

int store_run_by_id(struct store_reader *r, struct run_id id, store_run_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_RUN_BY_ID);
    query_u64(&q, id.n);
    int e = runs(&q, true, each, user, &has_row);
    /* No row has an id that does not fit. */
    return reader_finish_one(r, &q, e == -SP_EINVALID && id.n > INT64_MAX ? 0 : e, has_row);
}

int store_run_by_idempotency(struct store_reader *r, struct slice idempotency, store_run_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_RUN_BY_IDEMPOTENCY);
    query_blob(&q, idempotency);
    int e = runs(&q, true, each, user, &has_row);
    return reader_finish_one(r, &q, e, has_row);
}

int store_runs(struct store_reader *r, const struct store_run_filter *filter, store_run_fn *each, void *user)
{
    bool has_row = false;
    enum statement which = filter->workflow.len > 0       ? STATEMENT_RUNS_OF_WORKFLOW
                           : filter->state == RUN_FAULTED ? STATEMENT_RUNS_FAULTED
                                                          : STATEMENT_RUNS;
    struct query q = begin(r, which);
    query_i64(&q, filter->before.n == 0 || filter->before.n > INT64_MAX ? INT64_MAX : (int64_t)filter->before.n);
    query_text(&q, filter->ns);
    query_i64(&q, filter->state);
    query_i64(&q, filter->limit < LIMIT_PAGE ? filter->limit : LIMIT_PAGE);
    if (which == STATEMENT_RUNS_OF_WORKFLOW)
        query_text(&q, filter->workflow);
    return reader_finish(r, &q, runs(&q, false, each, user, &has_row));
}

int store_runs_open(struct store_reader *r, store_run_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_RUNS_OPEN);
    int e;
    while ((e = query_next(&q)) > 0) {
        int64_t state = column_i64(&q, 2);
        struct store_run row = {.id = {(uint64_t)column_i64(&q, 0)},
                                .workflow_id = (uint32_t)column_i64(&q, 1),
                                .state = (enum run_state)state,
                                .due_ms = column_i64(&q, 3)};
        e = run_state_text((int)state) ? each(user, &row) : -SP_ETAMPERED;
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

int store_journal(struct store_reader *r, struct run_id run, store_journal_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_JOURNAL);
    query_u64(&q, run.n);
    int e;
    while ((e = query_next(&q)) > 0) {
        int64_t kind = column_i64(&q, 1);
        struct store_journal row = {.run = run,
                                    .seq = (uint32_t)column_i64(&q, 0),
                                    .kind = (enum journal_kind)kind,
                                    .effect = (uint32_t)column_i64(&q, 2),
                                    .at_ms = column_i64(&q, 3),
                                    .data = column_slice(&q, 4)};
        e = journal_kind_text((int)kind) ? each(user, &row) : -SP_ETAMPERED;
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

/* The row from which on there are `n` deliveries; the first one if there are fewer. A day can have many more than are kept. */
static int first_of_newest(struct store_reader *r, uint32_t n, int64_t *ret_id)
{
    struct query q = begin(r, STATEMENT_DELIVERIES_SIZES);
    int64_t left = (int64_t)n * STORE_DELIVERY_LEN;
    int e = 0;
    *ret_id = INT64_MAX;
    while (left > 0 && (e = query_next(&q)) > 0) {
        *ret_id = column_i64(&q, 0);
        left -= column_i64(&q, 1);
    }
    return reader_finish(r, &q, e > 0 ? 0 : e);
}

int store_deliveries(struct store_reader *r, int64_t since_ms, uint32_t n, store_delivery_fn *each, void *user)
{
    int64_t first = 0;
    int e = first_of_newest(r, n, &first);
    if (e < 0)
        return e;
    struct query q = begin(r, STATEMENT_DELIVERIES);
    query_i64(&q, first);
    query_i64(&q, since_ms);
    while ((e = query_next(&q)) > 0) {
        struct slice hashes = column_slice(&q, 0);
        e = hashes.len % STORE_DELIVERY_LEN ? -SP_ETAMPERED : 0;
        for (size_t at = 0; at < hashes.len && e == 0; at += STORE_DELIVERY_LEN)
            e = each(user, hashes.p + at, column_i64(&q, 1));
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}
