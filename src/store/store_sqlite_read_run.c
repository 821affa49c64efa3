/* store_sqlite_read_run: reads of runs, their journals, events and deliveries. Called at a start (recovery), from the engine's
 * reading thread (listings), and by the command. */
#include "store/seal.h"
#include "store/sqlite.h"

static struct query begin(struct store_reader *r, enum statement which)
{
    reader_lock(r);
    return query_begin(r->connection, which);
}

/* Numbers of a list of store.h stand there from 1 on, without a gap. */
#define COUNT(NAME, number, text) +1
#define LAST_STATE                (0 RUN_STATES(COUNT))
#define LAST_TRIGGER              (0 RUN_TRIGGERS(COUNT))
#define LAST_KIND                 (0 JOURNAL_KINDS(COUNT))

/* 0 is no number of a list. */
static int column_listed(struct query *q, int i, int64_t last)
{
    int64_t n = column_number(q, i, COLUMN_REQUIRED, last);
    if (n == 0 && q->damaged == 0)
        q->damaged = i + 1;
    return (int)n;
}

/* Fills what RUN_COLUMNS and, if asked for, RUN_BLOBS select. */
static void run_row(struct query *q, bool with_blobs, struct store_run *ret)
{
    *ret = (struct store_run){.id = {column_u64(q, 0, COLUMN_REQUIRED)},
                              .workflow_id = column_u32(q, 1, COLUMN_REQUIRED),
                              .state = (enum run_state)column_listed(q, 2, LAST_STATE),
                              .trigger = (enum run_trigger)column_listed(q, 3, LAST_TRIGGER),
                              .started_ms = column_time(q, 4, COLUMN_REQUIRED),
                              .ended_ms = column_time(q, 5, COLUMN_OPTIONAL),
                              .due_ms = column_time(q, 6, COLUMN_OPTIONAL),
                              .actor = column_name(q, 7, COLUMN_OPTIONAL),
                              .parent = {column_u64(q, 8, COLUMN_OPTIONAL)},
                              .parent_effect = column_u32(q, 9, COLUMN_OPTIONAL),
                              .first_leaf = column_u64(q, 10, COLUMN_REQUIRED),
                              .last_leaf = column_u64(q, 11, COLUMN_OPTIONAL),
                              .ns = column_name(q, 12, COLUMN_REQUIRED),
                              .workflow = column_name(q, 13, COLUMN_REQUIRED),
                              .version = column_name(q, 14, COLUMN_REQUIRED)};
    column_fixed(q, 15, ret->digest, sizeof ret->digest);
    if (!with_blobs)
        return;
    ret->idempotency = column_blob(q, 16, COLUMN_OPTIONAL);
    ret->random = column_blob(q, 17, COLUMN_OPTIONAL);
    ret->input = column_blob(q, 18, COLUMN_OPTIONAL);
    ret->output = column_blob(q, 19, COLUMN_OPTIONAL);
    ret->error = column_blob(q, 20, COLUMN_OPTIONAL);
    ret->context = column_blob(q, 21, COLUMN_OPTIONAL);
    ret->trace = column_blob(q, 22, COLUMN_OPTIONAL);
}

static int runs(struct store_reader *r, struct query *q, bool with_blobs, store_run_fn *each, void *user, bool *ret_has_row)
{
    struct store_run row;
    int e;
    while ((e = query_next(q)) > 0) {
        *ret_has_row = true;
        run_row(q, with_blobs, &row);
        e = row_check(r, q);
        if (e == 0)
            e = each(user, &row);
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
    int e = runs(r, &q, true, each, user, &has_row);
    /* No row has an id that does not fit. */
    return reader_finish_one(r, &q, e == -SP_EINVALID && id.n > INT64_MAX ? 0 : e, has_row);
}

int store_run_by_idempotency(struct store_reader *r, struct slice idempotency, store_run_fn *each, void *user)
{
    bool has_row = false;
    struct query q = begin(r, STATEMENT_RUN_BY_IDEMPOTENCY);
    query_blob(&q, idempotency);
    int e = runs(r, &q, true, each, user, &has_row);
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
    return reader_finish(r, &q, runs(r, &q, false, each, user, &has_row));
}

int store_runs_open(struct store_reader *r, store_open_run_fn *each, void *user)
{
    struct query q = begin(r, STATEMENT_RUNS_OPEN);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct store_run row = {.id = {column_u64(&q, 0, COLUMN_REQUIRED)},
                                .workflow_id = column_u32(&q, 1, COLUMN_REQUIRED),
                                .state = (enum run_state)column_listed(&q, 2, RUN_COMPLETED - 1),
                                .due_ms = column_time(&q, 3, COLUMN_OPTIONAL)};
        e = each(user, &row, row_check(r, &q));
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
        struct store_journal row = {.run = run,
                                    .seq = column_u32(&q, 0, COLUMN_REQUIRED),
                                    .kind = (enum journal_kind)column_listed(&q, 1, LAST_KIND),
                                    .effect = column_u32(&q, 2, COLUMN_REQUIRED),
                                    .at_ms = column_time(&q, 3, COLUMN_REQUIRED),
                                    .data = column_blob(&q, 4, COLUMN_REQUIRED)};
        e = row_check(r, &q);
        if (e == 0)
            e = each(user, &row);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

int store_events_len(struct store_reader *r, struct run_id run, uint64_t *ret)
{
    struct query q = begin(r, STATEMENT_EVENTS_LEN);
    query_u64(&q, run.n);
    query_u64(&q, SEAL_OVERHEAD);
    int e = query_next(&q);
    if (e > 0)
        *ret = column_u64(&q, 0, COLUMN_OPTIONAL); /* NULL: it has none */
    return reader_finish(r, &q, e > 0 ? row_check(r, &q) : e);
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
        struct slice hashes = column_blob(&q, 0, COLUMN_REQUIRED);
        int64_t seen_ms = column_time(&q, 1, COLUMN_REQUIRED);
        e = hashes.len % STORE_DELIVERY_LEN ? -SP_ETAMPERED : row_check(r, &q);
        for (size_t at = 0; at < hashes.len && e == 0; at += STORE_DELIVERY_LEN)
            e = each(user, hashes.p + at, seen_ms);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}
