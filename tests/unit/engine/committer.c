/* The committer with its thread and a store in memory: what it takes into a batch, what it leaves out, and what it counts as news for the
 * next checkpoint. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <pthread.h>

#include "base/error.h"
#include "engine/commit.h"
#include "engine/committer.h"
#include "engine/peers.h"
#include "logbook.h"
#include "role/role.h"

/* main.c's, which is not linked. */
void vault_connected(void)
{
}

struct ev_loop *__wrap_role_loop(void);
struct ev_loop *__wrap_role_loop(void)
{
    return ev_default_loop(EVFLAG_NOENV);
}

/* --- what is counted, and held up ---------------------------------------------------------------------------------- */

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER; /* who holds it keeps the committer from inserting a run */
static _Atomic unsigned inserts;

int __real_store_run_insert(struct store *store, const struct store_run *row);
int __wrap_store_run_insert(struct store *store, const struct store_run *row);
int __wrap_store_run_insert(struct store *store, const struct store_run *row)
{
    pthread_mutex_lock(&gate);
    pthread_mutex_unlock(&gate);
    inserts++;
    return __real_store_run_insert(store, row);
}

struct answers {
    unsigned n, durable, conflicts, invalid;
    uint32_t last_id;
};

static void on_done(int code, uint32_t new_id, void *user)
{
    struct answers *a = user;
    a->n++;
    a->durable += code == 0;
    a->conflicts += code == -SP_ECONFLICT;
    a->invalid += code == -SP_EINVALID;
    a->last_id = new_id;
}

static void wait_for(const struct answers *a, unsigned n)
{
    while (a->n < n)
        ev_run(role_loop(), EVRUN_ONCE);
    assert_int_equal(a->n, n);
}

static uint64_t head_size;

static void on_head(int code, const struct store_head *head, struct slice proof, void *user)
{
    assert_int_equal(code, 0);
    head_size = head->size;
    ((struct answers *)user)->n++;
}

/* The size of the log; what came before is no news any more. */
static uint64_t ask_head(void)
{
    struct answers a = {0};
    committer_ask_head(0, on_head, &a);
    wait_for(&a, 1);
    return head_size;
}

/* --- what is written ----------------------------------------------------------------------------------------------- */

static const struct run_id first_id = {1ull << 40};
static struct seal_key key;

static struct commit *run_commit(struct answers *a, uint64_t n, struct slice idempotency)
{
    struct commit *c = commit_new(on_done, a);
    assert_non_null(c);
    key.run = (struct run_id){first_id.n + n};
    commit_seal_for(c, &key);
    struct store_run row = {.id = key.run,
                            .workflow_id = 1,
                            .state = RUN_COMPLETED,
                            .trigger = TRIGGER_API,
                            .started_ms = 1000,
                            .ended_ms = 1000,
                            .actor = SLICE_LITERAL("ops"),
                            .idempotency = idempotency,
                            .input = SLICE_LITERAL("{}")};
    commit_run_insert(c, &row);
    commit_leaf(c, &(struct audit_event){.action = AUDIT_RUN_COMPLETED, .time_ms = 1000, .run = key.run});
    return c;
}

/* Every other one is of a key that is used again: the others are not written again for each of those. */
static void a_burst_of_one_key_is_written_once(void **state)
{
    enum { N = 400 };
    struct answers a = {0};
    const uint64_t before = ask_head();
    inserts = 0;
    pthread_mutex_lock(&gate);
    for (uint64_t i = 0; i < N; i++)
        commit_submit(run_commit(&a, i, i % 2 ? (struct slice){0} : SLICE_LITERAL("one key")));
    pthread_mutex_unlock(&gate);
    wait_for(&a, N);
    assert_int_equal(a.durable, N / 2 + 1);
    assert_int_equal(a.conflicts, N / 2 - 1);
    assert_int_equal(inserts, N);
    assert_int_equal(ask_head(), before + N / 2 + 1);
}

static void one_that_is_taken_in_part_leaves_nothing(void **state)
{
    struct answers a = {0};
    const uint64_t before = ask_head();
    const struct store_event stray = {.run = {7}, .at_ms = 1000, .data = SLICE_LITERAL("of no run")};
    inserts = 0;
    pthread_mutex_lock(&gate);
    commit_submit(run_commit(&a, 1000, (struct slice){0}));
    commit_submit(run_commit(&a, 1001, (struct slice){0}));
    struct commit *bad = run_commit(&a, 1002, (struct slice){0});
    commit_event(bad, &stray, 0);
    commit_submit(bad);
    commit_submit(run_commit(&a, 1003, (struct slice){0}));
    pthread_mutex_unlock(&gate);
    wait_for(&a, 4);
    assert_int_equal(a.durable, 3);
    assert_int_equal(a.invalid, 1);
    assert_int_equal(ask_head(), before + 3);

    struct answers again = {0};
    commit_submit(run_commit(&again, 1002, (struct slice){0}));
    wait_for(&again, 1);
    assert_int_equal(again.durable, 1); /* its row was not there */
}

static void retention_is_news(void **state)
{
    const struct audit_event leaf = {.action = AUDIT_RETENTION_APPLIED, .time_ms = 1000, .before_ms = 2000};
    struct answers a = {0};
    commit_submit(run_commit(&a, 2000, (struct slice){0}));
    wait_for(&a, 1);
    const uint64_t before = ask_head();
    assert_false(committer_has_news());

    for (unsigned round = 0; round < 2; round++) {
        struct commit *c = commit_new(on_done, &a);
        commit_retention(c, 1, 2000000000000, &leaf);
        commit_submit(c);
        wait_for(&a, 2 + round);
        assert_int_equal(a.durable, 2 + round);
        assert_int_equal(a.last_id != 0, round == 0);
        assert_int_equal(committer_has_news(), round == 0); /* nothing is left for the second */
        assert_int_equal(ask_head(), before + 1);
    }
}

static int set_up(void **state)
{
    struct diag diag = {0};
    if (committer_start(NULL, &diag) < 0)
        fail_msg("%s", diag.text);
    return logbook_found(committer_store()); /* the thread has nothing to do yet */
}

static int tear_down(void **state)
{
    committer_stop();
    return 0;
}

int main(void)
{
    if (crypto_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_of_one_key_is_written_once),
        cmocka_unit_test(one_that_is_taken_in_part_leaves_nothing),
        cmocka_unit_test(retention_is_news),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
