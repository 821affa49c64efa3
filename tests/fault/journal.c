/* Faults under a run's journal: the N-th allocation fails while a commit is collected, sealed and written, and while the journal is
 * read back. Of a commit that failed nothing is there; one that is durable reads back byte for byte once there is memory again;
 * a journal is never half read, nor called altered for want of memory [I3]. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/error.h"
#include "engine/commit_parts.h"
#include "engine/load.h"
#include "engine/peers.h"
#include "faults.h"
#include "logbook.h"

/* main.c's, which is not linked. */
void vault_connected(void)
{
}

static char folder[128], path[160];
static struct seal_key key;
static uint64_t founded; /* leaves before the run */
static char ballast[3000];

#define INPUT SLICE_LITERAL("{\"order\":7}")

static struct {
    enum journal_kind kind;
    uint32_t effect;
    struct buffer data;
} rows[] = {
    {JOURNAL_INTENT, 1, BUFFER_MAX(LIMIT_FRAME)},
    {JOURNAL_INTENT, 2, BUFFER_MAX(LIMIT_FRAME)},
    {JOURNAL_RESULT, 1, BUFFER_MAX(LIMIT_FRAME)},
    {JOURNAL_CANCEL, 2, BUFFER_MAX(LIMIT_FRAME)},
};
#define ROWS (sizeof rows / sizeof rows[0])

static void fill_rows(void)
{
    struct msg_effect_timer timer = {.delay_ms = 5};
    struct msg_effect_call call = {
        .method = SLICE_LITERAL("POST"), .uri = SLICE_LITERAL("http://a.example/"), .body = slice_text(ballast)};
    struct msg_worker_result result = {.run = key.run.n, .effect = 1, .kind = EFFECT_TIMER};
    wire_encode_effect_timer(&rows[0].data, &timer);
    wire_encode_effect_call(&rows[1].data, &call);
    wire_encode_worker_result(&rows[2].data, &result);
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static void collect(struct commit *c)
{
    commit_seal_for(c, &key);
    struct audit_event e = {.action = AUDIT_RUN_STARTED, .time_ms = 1764000000000, .run = key.run, .ns = SLICE_LITERAL("default"),
                            .workflow = SLICE_LITERAL("orders"), .detail = SLICE_LITERAL("with a text")};
    struct store_run run = {.id = key.run, .workflow_id = 1, .state = RUN_WAITING, .trigger = TRIGGER_API, .started_ms = e.time_ms,
                            .actor = SLICE_LITERAL("ops"), .input = INPUT, .trace = SLICE_LITERAL("\1\0\2")};
    for (uint32_t i = 0; i < ROWS; i++)
        commit_journal(c, &(struct store_journal){.run = key.run,
                                                  .seq = i,
                                                  .kind = rows[i].kind,
                                                  .effect = rows[i].effect,
                                                  .at_ms = e.time_ms + i,
                                                  .data = buffer_slice(&rows[i].data)});
    commit_run_insert(c, &run);
    commit_leaf(c, &e);
}

/* As the committer does it. */
static int write_batch(struct commit *c, struct store *store)
{
    int r = c->is_complete ? store_begin(store) : -ENOMEM;
    if (r < 0)
        return r;
    r = commit_perform(c, store);
    if (r == 0)
        return store_commit(store, NULL);
    store_rollback(store);
    return r;
}

static int commit_run(struct store *store)
{
    struct commit *c = commit_new(NULL, NULL);
    if (!c)
        return -ENOMEM;
    collect(c);
    int r = write_batch(c, store);
    commit_drop(c);
    return r;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static void assert_copy(const struct journal_copy *j)
{
    const struct journal_row *row = j->first;
    assert_true(slice_equal(buffer_slice(&j->input), INPUT));
    assert_true(row && row->kind == JOURNAL_TRACE);
    for (size_t i = 0; i < ROWS; i++) {
        row = row->next;
        assert_non_null(row);
        assert_int_equal(row->kind, rows[i].kind);
        assert_int_equal(row->effect, rows[i].effect);
        assert_true(slice_equal(row->data, buffer_slice(&rows[i].data)));
    }
    assert_null(row->next);
    assert_int_equal(j->n_results, 1);
    assert_int_equal(j->next_seq, ROWS);
}

static int read_journal(struct store *store)
{
    _cleanup_(store_reader_closep) struct store_reader *reader = NULL;
    struct journal_copy copy;
    struct diag diag = {};
    int r = store_reader_open(store, &reader, &diag);
    if (r < 0)
        return r;
    journal_copy_begin(&copy, &key);
    r = journal_copy_read(&copy, reader);
    if (r == 0)
        assert_copy(&copy);
    journal_copy_free(&copy);
    return r;
}

/* --- the loops ------------------------------------------------------------------------------------------------------- */

static struct store *fresh(void)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock"};
    struct store *store = NULL;
    struct diag diag = {};
    char name[200];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", path, suffixes[i]);
        (void)unlink(name);
    }
    if (store_open(path, &store, &diag) < 0 || logbook_found(store) < 0)
        fail_msg("%s", diag.text);
    struct store_head head;
    store_head(store, &head);
    founded = head.size;
    return store;
}

static struct store *reopened(struct store *store)
{
    struct diag diag = {};
    store_close(store);
    store = NULL;
    if (store_open(path, &store, &diag) < 0)
        fail_msg("%s", diag.text);
    return store;
}

/* What was answered is what is there, in this life of the store and in the next; and the store goes on. */
static void assert_whole(struct store *store, int answered, unsigned n)
{
    struct store_head head;
    for (int life = 0; life < 2; life++) {
        int r = read_journal(store);
        if (r != (answered == 0 ? 0 : -SP_ENOTFOUND))
            fail_msg("allocation %u: the commit answered %d, the journal %d", n, answered, r);
        store_head(store, &head);
        assert_int_equal(head.size, founded + (answered == 0 ? 1 : 0));
        store = reopened(store);
    }
    if (answered < 0)
        assert_int_equal(commit_run(store), 0);
    assert_int_equal(logbook_sign(store), 0);
    store_close(store);
    assert_int_equal(logbook_verify(path, (struct slice){}, NULL, NULL, NULL), 0);
}

static void a_commit(void **state)
{
    struct fault_loop f = FAULT_LOOP("commit");
    while (fault_next(&f)) {
        fault_pause();
        struct store *store = fresh();
        fault_resume();
        int r = commit_run(store);
        fault_judge(&f, r);
        assert_whole(store, r, f.n);
    }
}

static void a_load(void **state)
{
    struct store *store = fresh();
    assert_int_equal(commit_run(store), 0);
    struct fault_loop f = FAULT_LOOP("load");
    while (fault_next(&f))
        fault_judge(&f, read_journal(store));
    store_close(store);
}

static int set_up(void **state)
{
    static const uint8_t namespace_key[CRYPTO_KEY_LEN] = {7};
    memset(ballast, 'x', sizeof ballast - 1);
    seal_key_derive(namespace_key, logbook_run(1), &key);
    fill_rows();
    logbook_folder(folder);
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    return 0;
}

static int tear_down(void **state)
{
    for (size_t i = 0; i < ROWS; i++)
        buffer_free(&rows[i].data);
    logbook_folder_remove(folder);
    return 0;
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0 || !faults_init_sqlite())
        return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_commit), cmocka_unit_test(a_load)};
    return cmocka_run_group_tests_name("fault/journal", tests, set_up, tear_down);
}
