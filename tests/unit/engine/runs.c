/* Walks over the runs, while what is done to one frees others. Nothing can be written, so that a run that nobody was told of ends at
 * once; and whoever is told of the first end ends all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>

#include "base/error.h"
#include "engine/committer.h"
#include "engine/peers.h"
#include "engine/registry.h"
#include "engine/run.h"
#include "role/role.h"

enum { RUNS = 200 };

/* main.c's, which is not linked. */
void vault_connected(void)
{
}

struct ev_loop *__wrap_role_loop(void);
struct ev_loop *__wrap_role_loop(void)
{
    return ev_default_loop(EVFLAG_NOENV);
}

bool __wrap_committer_has_room(void);
bool __wrap_committer_has_room(void)
{
    return false;
}

/* A worker that can be given nothing. */
int __wrap_workers_choose(void);
int __wrap_workers_choose(void)
{
    return 0;
}

int __wrap_workers_start(int worker, const struct msg_worker_start *m, uint64_t *ret_ticket);
int __wrap_workers_start(int worker, const struct msg_worker_start *m, uint64_t *ret_ticket)
{
    return -SP_ENOTFOUND;
}

static struct namespace ns = {.name = "test", .has_key = true};
static struct workflow workflow = {.ns = &ns, .name = "many", .version = "1.0.0"};

static struct run_id id_of(unsigned i)
{
    return (struct run_id){(uint64_t)(i + 1) << 20};
}

static unsigned n_ended, n_cancelled;

/* The one that ended by itself ends the others. */
static void on_ended(int code, const struct run_outcome *outcome, void *user)
{
    static bool is_within;
    const struct run_id *self = user;
    n_ended++;
    if (is_within)
        return;
    is_within = true;
    for (unsigned i = 0; i < RUNS; i++)
        n_cancelled += id_of(i).n != self->n && run_cancel(id_of(i), SLICE_LITERAL("ops"), NULL, NULL) == 0;
    is_within = false;
}

static void add_runs(enum run_phase phase, int worker)
{
    n_ended = n_cancelled = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = run_add(id_of(i), &workflow);
        assert_non_null(run);
        run->input = slice_owned(SLICE_LITERAL("{}"));
        run->ended = on_ended;
        run->user = &run->id;
        run->phase = phase;
        run->worker = worker;
        if (phase == PHASE_WORKER)
            run_wait_for_worker(run);
    }
    assert_int_equal(runs_active(), RUNS);
}

static void assert_all_ended(void)
{
    assert_int_equal(n_ended, RUNS);
    assert_true(n_cancelled >= RUNS / 2);
    assert_int_equal(runs_active(), 0);
}

/* --- the walk itself ----------------------------------------------------------------------------------------------- */

static bool is_seen[RUNS];

static void see(const struct run *run)
{
    unsigned i = (unsigned)(run->id.n >> 20) - 1;
    assert_false(is_seen[i]);
    is_seen[i] = true;
}

static unsigned walk_through(void)
{
    struct run_walk walk;
    unsigned n = 0;
    run_walk_begin(&walk);
    while (run_walk_next(&walk))
        n++;
    return n;
}

/* Each that is given is freed, and now and then the one that would be next. */
static void a_walk_gives_each_run_that_is_there(void **state)
{
    add_runs(PHASE_STEP, NO_WORKER);
    memset(is_seen, 0, sizeof is_seen);
    struct run_walk walk;
    unsigned left = RUNS;
    run_walk_begin(&walk);
    for (struct run *run; (run = run_walk_next(&walk));) {
        see(run);
        struct run *next = walk.next;
        if (next && left % 3 == 0) {
            run_free(next);
            left--;
        }
        run_free(run);
        left--;
        assert_int_equal(walk_through(), left);
    }
    assert_int_equal(left, 0);
    assert_int_equal(runs_active(), 0);
}

/* --- those who walk ------------------------------------------------------------------------------------------------ */

static void a_workflow_is_stopped(void **state)
{
    add_runs(PHASE_STEP, NO_WORKER);
    runs_cancel_workflow(&workflow, SLICE_LITERAL("ops"));
    assert_all_ended();
}

static void a_worker_dies(void **state)
{
    add_runs(PHASE_STEP, 3);
    runs_on_worker_died(3, (struct run_id){0}, NULL);
    assert_all_ended();
}

static void a_worker_is_born(void **state)
{
    add_runs(PHASE_WORKER, NO_WORKER);
    runs_on_worker_born();
    assert_all_ended();
}

static void egress_comes_back(void **state)
{
    add_runs(PHASE_IDLE, NO_WORKER);
    for (unsigned i = 0; i < RUNS; i += 2)
        run_find(id_of(i))->is_cancelled = true; /* it waited for room */
    egress_connected();
    assert_all_ended();
}

/* Who leaves the line of those who wait, at its head, at its end or within, leaves the others in it, and in their order. */
static void the_line_for_a_worker(void **state)
{
    add_runs(PHASE_WORKER, NO_WORKER);
    for (unsigned i = 0; i < RUNS; i++) {
        struct run *run = run_find(id_of(i));
        run->ended = NULL;
        if (i == 0 || i % 3 == 1 || i == RUNS - 1)
            run_free(run);
    }
    const size_t left = runs_active();
    struct run *late = run_add(id_of(0), &workflow);
    late->input = slice_owned(SLICE_LITERAL("{}"));
    run_wait_for_worker(late);
    assert_int_equal(runs_active(), left + 1);
    runs_on_worker_born();
    assert_int_equal(runs_active(), 0);
}

int main(void)
{
    if (crypto_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_walk_gives_each_run_that_is_there),
        cmocka_unit_test(a_workflow_is_stopped),
        cmocka_unit_test(a_worker_dies),
        cmocka_unit_test(a_worker_is_born),
        cmocka_unit_test(egress_comes_back),
        cmocka_unit_test(the_line_for_a_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
