/* The store: what is written is read back, batches hold together, files that are not ours are refused. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "logbook.h"

#define RUN_IN ((struct run_id){1ull << 60})

static char folder[128], path[160];

static struct store *open_store(const char *file)
{
    struct store *store = NULL;
    struct diag diag = {};
    if (store_open(file, &store, &diag) < 0)
        fail_msg("%s", diag.text);
    return store;
}

static struct store_reader *open_reader(struct store *store)
{
    struct store_reader *reader = NULL;
    struct diag diag = {};
    if (store_reader_open(store, &reader, &diag) < 0)
        fail_msg("%s", diag.text);
    return reader;
}

static int set_up(void **state)
{
    logbook_folder(folder);
    (void)snprintf(path, sizeof path, "%s/sallyport.db", folder);
    return crypto_init();
}

static int tear_down(void **state)
{
    logbook_folder_remove(folder);
    return 0;
}

static int count_run(void *user, const struct store_run *row)
{
    ++*(int *)user;
    return 0;
}

static int count_open_run(void *user, const struct store_run *row, int code)
{
    assert_int_equal(code, 0);
    return count_run(user, row);
}

static int runs_n(struct store_reader *r, struct store_run_filter filter)
{
    int n = 0;
    filter.limit = filter.limit ? filter.limit : 1000;
    assert_int_equal(store_runs(r, &filter, count_run, &n), 0);
    return n;
}

static int see_run(void *user, const struct store_run *row)
{
    assert_true(slice_is(row->input, "in"));
    assert_true(slice_is(row->output, "out"));
    assert_true(slice_is(row->ns, "default"));
    assert_true(slice_is(row->workflow, "orders"));
    assert_int_equal(row->state, RUN_COMPLETED);
    assert_int_equal(row->ended_ms, 9);
    assert_int_equal(row->due_ms, 0);
    assert_int_equal(row->last_leaf, 1);
    *(bool *)user = true;
    return 0;
}

static int see_journal(void *user, const struct store_journal *row)
{
    uint32_t *next = user;
    assert_int_equal(row->seq, (*next)++);
    assert_true(slice_is(row->data, "sealed"));
    return 0;
}

static void a_run_comes_back(struct store *store)
{
    bool seen = false;
    uint32_t next = 0;
    struct store_run row = {.id = RUN_IN, .workflow_id = 1, .state = RUN_WAITING, .trigger = TRIGGER_API, .started_ms = 5,
                            .due_ms = 7, .idempotency = SLICE_LITERAL("key"), .input = SLICE_LITERAL("in")};
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_insert(store, &row), 0);
    assert_int_equal(store_run_insert(store, &row), -SP_ECONFLICT);
    row.id.n++;
    assert_int_equal(store_run_insert(store, &row), -SP_ECONFLICT); /* the same idempotency key */
    for (uint32_t i = 0; i < 3; i++)
        assert_int_equal(store_journal_put(store, &(struct store_journal){.run = RUN_IN, .seq = i, .kind = JOURNAL_INTENT,
                                           .data = SLICE_LITERAL("sealed")}), 0);
    struct store_event event = {.run = RUN_IN, .at_ms = 6, .data = SLICE_LITERAL("sealed")};
    assert_int_equal(store_event_put(store, &event, NULL), 0);
    event.run.n++; /* of no run: its row would be taken for one that is alone */
    assert_int_equal(store_event_put(store, &event, NULL), -SP_EINVALID);
    event.run.n = 0; /* from outside */
    assert_int_equal(store_event_put(store, &event, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);

    struct store_reader *r = open_reader(store);
    int open = 0;
    assert_int_equal(store_runs_open(r, count_open_run, &open), 0);
    assert_int_equal(open, 1);
    assert_int_equal(runs_n(r, (struct store_run_filter){.state = RUN_WAITING}), 1);
    assert_int_equal(store_journal(r, RUN_IN, see_journal, &next), 0);
    assert_int_equal(next, 3);

    struct store_run_change change = {.id = RUN_IN, .state = RUN_COMPLETED, .ended_ms = 9, .last_leaf = 1,
                                      .output = SLICE_LITERAL("out")};
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_update(store, &change), 0);
    assert_int_equal(store_run_update(store, &change), -SP_ECONFLICT);
    change.id.n += 99;
    assert_int_equal(store_run_update(store, &change), -SP_ENOTFOUND);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_run_by_id(r, RUN_IN, see_run, &seen), 0);
    assert_int_equal(store_run_by_idempotency(r, SLICE_LITERAL("key"), see_run, &seen), 0);
    assert_true(seen);
    assert_int_equal(store_run_by_id(r, (struct run_id){42}, see_run, &seen), -SP_ENOTFOUND);
    assert_int_equal(store_run_by_id(r, (struct run_id){UINT64_MAX}, see_run, &seen), -SP_ENOTFOUND);
    store_reader_close(r);
}

static void runs_of(const char *file)
{
    struct store *store = open_store(file);
    assert_int_equal(logbook_found(store), 0);
    a_run_comes_back(store);
    store_close(store);
    (void)unlink(path);
}

static void runs(void **state)
{
    runs_of(path);
}

static void runs_in_memory(void **state)
{
    runs_of(NULL);
}

/* The digest in the leaf of a run that ends in its first step is made from what is bound, and `verify` reads the row. */
static void put_ended_run(struct store *store, struct store_run row)
{
    struct audit_event e = {.action = AUDIT_RUN_STARTED,
                            .time_ms = row.started_ms,
                            .ns = SLICE_LITERAL("default"),
                            .workflow = SLICE_LITERAL("orders"),
                            .version = SLICE_LITERAL("1.0.0"),
                            .run = row.id};
    row.first_leaf = store_leaf_next(store);
    row.last_leaf = row.first_leaf + 1;
    assert_int_equal(store_run_insert(store, &row), 0);
    assert_int_equal(store_leaf_append(store, &e, NULL), 0);
    e.action = AUDIT_RUN_COMPLETED;
    assert_int_equal(store_leaf_append(store, &e, NULL), 0);
}

static struct store_run ended_run(uint64_t i)
{
    return (struct store_run){
        .id = logbook_run(i), .workflow_id = 1, .state = RUN_COMPLETED, .trigger = TRIGGER_API, .started_ms = 5};
}

/* A column that is new must get its value in the_digest_of_what_is_bound(). */
static void assert_no_column_is_null(struct run_id id)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT * FROM runs WHERE id = ?", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_bind_int64(s, 1, (int64_t)id.n), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    for (int i = 0; i < sqlite3_column_count(s); i++)
        if (sqlite3_column_type(s, i) == SQLITE_NULL)
            fail_msg("runs.%s is NULL", sqlite3_column_name(s, i));
    sqlite3_finalize(s);
    sqlite3_close(db);
}

static void the_digest_of_what_is_bound(void **state)
{
    static const uint8_t bytes[4096] = {0, 0xFF, 0, 1}; /* longer than what is hashed in one piece */
    struct store *store = open_store(path);
    assert_int_equal(logbook_found(store), 0);
    struct store_run full = ended_run(1), bare = ended_run(2), again = full;
    full.ended_ms = INT64_MAX;
    full.due_ms = -7;
    full.actor = SLICE_LITERAL("\xC3\xA9 \xF0\x9F\x98\x80");
    full.parent = logbook_run(77);
    full.parent_effect = UINT32_MAX;
    full.idempotency = SLICE_LITERAL("a key");
    full.random = slice_of(bytes, 1);
    full.input = slice_of(bytes, 2);
    full.output = slice_of(bytes, sizeof bytes);
    full.error = slice_of(bytes + 1, 2);
    full.context = slice_of(bytes + 1, 3);
    full.trace = slice_of(bytes + 2, 2);
    assert_int_equal(store_begin(store), 0);
    put_ended_run(store, full);
    put_ended_run(store, bare);
    assert_int_equal(store_run_insert(store, &again), -SP_ECONFLICT);
    again = ended_run(3);
    again.actor = slice_of("a\0b", 3);
    assert_int_equal(store_run_insert(store, &again), -SP_EINVALID);
    again.actor = slice_of("\xFF", 1);
    assert_int_equal(store_run_insert(store, &again), -SP_EINVALID);
    again.actor = (struct slice){};
    put_ended_run(store, again);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(logbook_sign(store), 0);
    store_close(store);
    assert_no_column_is_null(full.id);
    assert_int_equal(logbook_verify(path, (struct slice){}, NULL, NULL, NULL), 0);
    (void)unlink(path);
}

/* What is known of a run that was inserted is forgotten when it is deleted, even in the same batch. */
static void the_digest_of_a_run_that_is_gone(void **state)
{
    struct store *store = open_store(path);
    struct store_run row = ended_run(1);
    struct audit_event e = {.action = AUDIT_RUN_COMPLETED, .time_ms = 9, .ns = SLICE_LITERAL("default"), .run = row.id};
    uint32_t n = 0;
    row.ended_ms = 9;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_insert(store, &row), 0);
    assert_int_equal(store_retention_apply(store, 0, 0, INT64_MAX, 10, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_leaf_append(store, &e, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    store_close(store);

    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT body FROM leaves ORDER BY idx DESC", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    assert_non_null(strstr((const char *)sqlite3_column_text(s, 0), "run.completed"));
    assert_null(strstr((const char *)sqlite3_column_text(s, 0), "digest"));
    sqlite3_finalize(s);
    sqlite3_close(db);
    (void)unlink(path);
}

static uint32_t put_version(struct store *store, struct slice name, struct slice version)
{
    struct store_workflow row = {.namespace_id = 1, .name = name, .version = version, .manifest = SLICE_LITERAL("{}"), .is_enabled = true,
                                 .deployed_ms = 5, .deployed_by = SLICE_LITERAL("ops")};
    uint32_t id = 0;
    crypto_sha256(SLICE_LITERAL("document: …"), row.digest);
    assert_int_equal(store_workflow_put(store, &row, &id), 0);
    return id;
}

static void retention_counts_a_workflow_in_all_its_versions(void **state)
{
    const int64_t bound = 2000000000000; /* later than the ids of the runs */
    struct store *store = open_store(NULL);
    uint32_t n = 0;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(store_begin(store), 0);
    const uint32_t next = put_version(store, SLICE_LITERAL("orders"), SLICE_LITERAL("2.0.0"));
    const uint32_t other = put_version(store, SLICE_LITERAL("others"), SLICE_LITERAL("1.0.0"));
    const struct {
        uint32_t workflow;
        int64_t ended_ms;
    } rows[] = {{1, 9}, {1, bound + 1}, {next, 9}, {next, 9}, {other, 9}};
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct store_run row = ended_run(i);
        row.workflow_id = rows[i].workflow;
        row.ended_ms = rows[i].ended_ms;
        assert_int_equal(store_run_insert(store, &row), 0);
    }
    assert_int_equal(store_retention_apply(store, 0, next, bound, 2, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(store_retention_apply(store, 0, next, bound, 2, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_retention_apply(store, 0, 1, bound + 2, 9, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_retention_apply(store, 0, other, bound, 9, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_commit(store, NULL), 0);
    store_close(store);
}

static void listings(void **state)
{
    struct store *store = open_store(NULL);
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 50), 0);
    struct store_reader *r = open_reader(store);
    struct slice ns = SLICE_LITERAL("default"), other = SLICE_LITERAL("other"), workflow = SLICE_LITERAL("orders");
    assert_int_equal(runs_n(r, (struct store_run_filter){}), 50);
    assert_int_equal(runs_n(r, (struct store_run_filter){.limit = 7}), 7);
    assert_int_equal(runs_n(r, (struct store_run_filter){.before = logbook_run(10)}), 10);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = ns}), 50);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = other}), 0);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = ns, .workflow = workflow}), 50);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = other, .workflow = workflow}), 0);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = ns, .workflow = workflow, .state = RUN_FAULTED}), 0);
    assert_int_equal(runs_n(r, (struct store_run_filter){.state = RUN_COMPLETED}), 50);
    assert_int_equal(runs_n(r, (struct store_run_filter){.state = RUN_FAULTED}), 0);
    assert_int_equal(runs_n(r, (struct store_run_filter){.ns = SLICE_LITERAL("' OR 1=1 --")}), 0);
    store_reader_close(r);
    store_close(store);
}

static int copy_version(void *user, const struct store_workflow *row)
{
    (void)snprintf(user, 32, "%.*s", SLICE_ARGS(row->version));
    return 0;
}

static void the_live_version_is_the_one_enabled_last(void **state)
{
    struct store *store = open_store(NULL);
    struct store_reader *r = open_reader(store);
    struct slice ns = SLICE_LITERAL("default"), name = SLICE_LITERAL("orders");
    struct store_workflow row = {.namespace_id = 1, .name = name, .version = SLICE_LITERAL("2.0.0"), .is_enabled = true};
    char version[32] = "";
    uint32_t id = 0;
    crypto_sha256(SLICE_LITERAL("document: …"), row.digest);
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_workflow_put(store, &row, &id), 0);
    assert_int_equal(store_workflow_put(store, &row, NULL), -SP_ECONFLICT);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_workflow_live(r, ns, name, copy_version, version), 0);
    assert_string_equal(version, "2.0.0");
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_workflow_enable(store, 1, true), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_workflow_live(r, ns, name, copy_version, version), 0);
    assert_string_equal(version, "1.0.0");
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_workflow_enable(store, 1, false), 0);
    assert_int_equal(store_workflow_enable(store, id, false), 0);
    assert_int_equal(store_workflow_enable(store, 99, false), -SP_ENOTFOUND);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_workflow_live(r, ns, name, copy_version, version), -SP_ENOTFOUND);
    store_reader_close(r);
    store_close(store);
}

static int see_revoked(void *user, const struct store_credential *row)
{
    *(bool *)user = row->is_revoked && row->wrapped.len == 0;
    return 0;
}

static void a_revoked_credential_has_no_value(void **state)
{
    struct store *store = open_store(NULL);
    struct store_reader *r = open_reader(store);
    bool is_revoked = false;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(store_credential(r, SLICE_LITERAL("default"), SLICE_LITERAL("old"), see_revoked, &is_revoked), 0);
    assert_true(is_revoked);
    assert_int_equal(store_credential(r, SLICE_LITERAL("default"), SLICE_LITERAL("crm"), see_revoked, &is_revoked), 0);
    assert_false(is_revoked);
    struct store_credential same = {.ns = SLICE_LITERAL("default"), .name = SLICE_LITERAL("crm"), .version = 1,
                                    .wrapped = SLICE_LITERAL("x")};
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_credential_put(store, &same), -SP_ECONFLICT);
    same.version = 2;
    assert_int_equal(store_credential_put(store, &same), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    store_reader_close(r);
    store_close(store);
}

static int count_delivery(void *user, const uint8_t hash[16], int64_t seen_ms)
{
    ++*(int *)user;
    return 0;
}

/* Ascending, and up to the last one. */
static int delivery_in_order(void *user, const uint8_t hash[16], int64_t seen_ms)
{
    struct { int n; int64_t last; } *seen = user;
    assert_true(seen_ms >= seen->last);
    seen->last = seen_ms;
    seen->n++;
    return 0;
}

/* A start reads no more than it keeps, however many a day has brought. */
static void newest_deliveries(void **state)
{
    struct store *store = open_store(NULL);
    struct store_reader *r = open_reader(store);
    uint8_t hash[16] = {};
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_begin(store), 0);
        for (int k = 0; k < 3; k++)
            assert_int_equal(store_delivery_put(store, hash, i), 0);
        assert_int_equal(store_commit(store, NULL), 0);
    }
    static const struct { uint32_t asked; int got; } cases[] = {{0, 0}, {1, 3}, {3, 3}, {4, 6}, {29, 30}, {30, 30}, {31, 30}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct { int n; int64_t last; } seen = {0, 0};
        assert_int_equal(store_deliveries(r, 0, cases[i].asked, delivery_in_order, &seen), 0);
        if (seen.n != cases[i].got)
            fail_msg("%u asked for: %d instead of %d", cases[i].asked, seen.n, cases[i].got);
        assert_true(seen.n == 0 || seen.last == 9);
    }
    store_reader_close(r);
    store_close(store);
}

static void deliveries_are_pruned(void **state)
{
    struct store *store = open_store(NULL);
    struct store_reader *r = open_reader(store);
    uint8_t hash[16] = {};
    int n = 0;
    for (int i = 0; i < 10; i++) {
        assert_int_equal(store_begin(store), 0);
        for (int k = 0; k < 3; k++)
            assert_int_equal(store_delivery_put(store, hash, i), 0);
        assert_int_equal(store_commit(store, NULL), 0);
    }
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_deliveries_prune(store, 4), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_deliveries(r, 0, 1000, count_delivery, &n), 0);
    assert_int_equal(n, 18);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_deliveries_prune(store, 100), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    n = 0;
    assert_int_equal(store_deliveries(r, 0, 1000, count_delivery, &n), 0);
    assert_int_equal(n, 0);
    store_reader_close(r);
    store_close(store);
}

/* State and leaves go together, forth and back [I3]. */
static void a_rollback_takes_the_log_back(void **state)
{
    struct store *store = open_store(path);
    struct store_head before, after;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 200), 0);
    store_head(store, &before);
    assert_int_equal(store_begin(store), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(store_leaf_append(store, &(struct audit_event){.action = AUDIT_LOGIN_OK, .time_ms = 1764000001000}, NULL),
                         0);
    store_rollback(store);
    store_head(store, &after);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(logbook_runs(store, 200, 200), 0);
    assert_int_equal(logbook_sign(store), 0);
    store_close(store);
    assert_int_equal(logbook_verify(path, (struct slice){}, NULL, NULL, NULL), 0);
    (void)unlink(path);
}

static void a_reader_sees_what_is_committed(void **state)
{
    struct store *store = open_store(path);
    assert_int_equal(logbook_found(store), 0);
    struct store_reader *r = open_reader(store);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_leaf_append(store, &(struct audit_event){.action = AUDIT_LOGIN_OK}, NULL), 0);
    uint64_t n = 0;
    assert_int_equal(store_leaf_count(r, &n), 0);
    assert_int_equal(n, 6);
    assert_int_equal(store_snapshot_begin(r), 0);
    assert_int_equal(store_leaf_count(r, &n), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(store_leaf_count(r, &n), 0);
    assert_int_equal(n, 6);
    store_snapshot_end(r);
    assert_int_equal(store_leaf_count(r, &n), 0);
    assert_int_equal(n, 7);
    store_reader_close(r);
    store_close(store);
    (void)unlink(path);
}

static int keep_proof_leaf(void *user, uint64_t index, struct slice leaf)
{
    ++*(int *)user;
    return 0;
}

static void a_runs_proof_is_verified_without_the_database(void **state)
{
    struct store *store = open_store(NULL);
    struct audit_key key = logbook_key(), other = {.public_key = {1}};
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT), file = BUFFER_MAX(1 << 20);
    struct diag diag = {};
    int n = 0;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 400), 0);
    assert_int_equal(logbook_checkpoint(store, &note), 0);
    assert_int_equal(logbook_runs(store, 400, 1), 0);
    struct store_reader *r = open_reader(store);
    struct audit_log log = store_audit_log(r);
    assert_int_equal(audit_proof_export(&log, logbook_run(17), 0, 805, buffer_slice(&note), &key, &file, &diag), 0);
    assert_int_equal(audit_proof_verify(buffer_slice(&file), &key, keep_proof_leaf, &n, &diag), 0);
    assert_int_equal(n, 2);
    assert_true(audit_proof_verify(buffer_slice(&file), &other, NULL, NULL, &diag) < 0);
    for (size_t i = 0; i < file.len; i++) {
        file.p[i] ^= 1;
        if (audit_proof_verify(buffer_slice(&file), &key, NULL, NULL, &diag) == 0)
            fail_msg("byte %zu of %s", i, buffer_text(&file));
        file.p[i] ^= 1;
    }
    buffer_clear(&file);
    assert_int_equal(audit_proof_export(&log, logbook_run(400), 0, 900, buffer_slice(&note), &key, &file, &diag),
                     -SP_EUNAVAILABLE);
    assert_int_equal(audit_proof_export(&log, logbook_run(999), 0, 900, buffer_slice(&note), &key, &file, &diag), -SP_ENOTFOUND);
    store_reader_close(r);
    store_close(store);
}

static int refused(struct diag *diag)
{
    struct store *store = NULL;
    int r = store_open(path, &store, diag);
    assert_null(store);
    assert_true(diag->text[0] != 0);
    return r;
}

static void exec(const char *file, const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void write_file(const char *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void files_of_others_are_refused(void **state)
{
    struct diag diag;
    char text[8192];
    memset(text, 'x', sizeof text);
    write_file(text, sizeof text);
    assert_int_equal(refused(&diag), -SP_EFORMAT);
    (void)unlink(path);
    exec(path, "CREATE TABLE other (a)");
    assert_int_equal(refused(&diag), -SP_EFORMAT);
    (void)unlink(path);
    struct store *store = open_store(path);
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 100), 0);
    store_close(store);
    exec(path, "PRAGMA user_version = 99");
    assert_int_equal(refused(&diag), -SP_EFORMAT);
    assert_non_null(strstr(diag.text, "99"));
    exec(path, "PRAGMA user_version = 2");
    store_close(open_store(path));
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(truncate(path, status.st_size / 2), 0);
    assert_int_equal(refused(&diag), -SP_EFORMAT);
    assert_int_equal(truncate(path, 1000), 0);
    assert_int_equal(refused(&diag), -SP_EFORMAT);
    (void)unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(refused(&diag), -EISDIR);
    (void)rmdir(path);
}

/* What version 2 took away is put back, and taken away again. */
static void an_older_database_is_brought_up_to_date(void **state)
{
    struct store *store = open_store(path);
    struct store_head before, after;
    int n = 0;
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 100), 0);
    store_head(store, &before);
    store_close(store);
    exec(path, "ALTER TABLE runs DROP COLUMN trace; DROP TABLE deliveries;"
               "CREATE TABLE deliveries (id INTEGER PRIMARY KEY, hash BLOB NOT NULL CHECK (length(hash) = 16),"
               " seen_ms INTEGER NOT NULL) STRICT;"
               "INSERT INTO deliveries (hash, seen_ms) VALUES (x'00112233445566778899aabbccddeeff', 5), (zeroblob(16), 7);"
               "PRAGMA user_version = 1");
    store = open_store(path);
    struct store_reader *r = open_reader(store);
    assert_int_equal(store_deliveries(r, 6, 1000, count_delivery, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(store_deliveries(r, 0, 1000, count_delivery, &n), 0);
    assert_int_equal(n, 3);
    store_head(store, &after);
    assert_memory_equal(&before, &after, sizeof before);
    assert_int_equal(runs_n(r, (struct store_run_filter){.limit = 1000}), 100);
    store_reader_close(r);
    store_close(store);
    (void)unlink(path);
}

static void unusable_places_are_refused(void **state)
{
    struct store *store = NULL;
    struct diag diag = {};
    assert_int_equal(store_open("/nonexistent/a.db", &store, &diag), -ENOENT);
    assert_true(diag.hint[0] != 0);
    struct store *first = open_store(path);
    assert_int_equal(store_open(path, &store, &diag), -SP_EUNAVAILABLE);
    store_close(first);
    (void)unlink(path);
    struct store_reader *r = NULL;
    assert_int_equal(store_reader_open_file(path, &r, &diag), -ENOENT);
    if (geteuid() != 0) {
        assert_int_equal(chmod(folder, 0500), 0);
        assert_int_equal(store_open(path, &store, &diag), -EACCES);
        assert_int_equal(chmod(folder, 0700), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs),
        cmocka_unit_test(runs_in_memory),
        cmocka_unit_test(the_digest_of_what_is_bound),
        cmocka_unit_test(the_digest_of_a_run_that_is_gone),
        cmocka_unit_test(retention_counts_a_workflow_in_all_its_versions),
        cmocka_unit_test(listings),
        cmocka_unit_test(the_live_version_is_the_one_enabled_last),
        cmocka_unit_test(a_revoked_credential_has_no_value),
        cmocka_unit_test(deliveries_are_pruned),
        cmocka_unit_test(newest_deliveries),
        cmocka_unit_test(a_rollback_takes_the_log_back),
        cmocka_unit_test(a_reader_sees_what_is_committed),
        cmocka_unit_test(a_runs_proof_is_verified_without_the_database),
        cmocka_unit_test(an_older_database_is_brought_up_to_date),
        cmocka_unit_test(files_of_others_are_refused),
        cmocka_unit_test(unusable_places_are_refused),
    };
    return cmocka_run_group_tests_name("unit/store/store", tests, set_up, tear_down);
}
