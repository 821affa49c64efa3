/* run_table: the runs that have not ended, by id, and their states. Called by the other files of runs. What must hold: a state
 * changes along an edge of the table below, and nowhere else. */
#include <stdlib.h>

#include "base/must.h"
#include "engine/metrics.h"
#include "engine/run.h"

#define BUCKETS (1u << 16)

static struct run *buckets[BUCKETS];
static size_t n_runs;

static struct run **bucket_of(struct run_id id)
{
    return &buckets[(id.n * 0x9E3779B97F4A7C15ull) >> 48];
}

struct run *run_find(struct run_id id)
{
    struct run *run = *bucket_of(id);
    while (run && run->id.n != id.n)
        run = run->next_in_bucket;
    return run;
}

static struct run *next_of(const struct run *after)
{
    size_t at = 0;
    if (after) {
        if (after->next_in_bucket)
            return after->next_in_bucket;
        at = (size_t)(bucket_of(after->id) - buckets) + 1;
    }
    while (at < BUCKETS && !buckets[at])
        at++;
    return at < BUCKETS ? buckets[at] : NULL;
}

static struct run_walk *walks; /* that have not come to their end, the innermost first */

void run_walk_begin(struct run_walk *walk)
{
    *walk = (struct run_walk){.next = next_of(NULL), .outer = walks};
    walks = walk;
}

struct run *run_walk_next(struct run_walk *walk)
{
    must(walks == walk);
    struct run *run = walk->next;
    if (run)
        walk->next = next_of(run);
    else
        walks = walk->outer;
    return run;
}

static void leave_walks(const struct run *run)
{
    for (struct run_walk *walk = walks; walk; walk = walk->outer)
        if (walk->next == run)
            walk->next = next_of(run);
}

size_t runs_active(void)
{
    return n_runs;
}

enum run_state run_state_now(struct run_id id)
{
    const struct run *run = run_find(id);
    return run ? run->state : (enum run_state)0;
}

struct run *run_add(struct run_id id, struct workflow *w)
{
    struct run *run = calloc(1, sizeof *run);
    if (!run)
        return NULL;
    run->id = id;
    run->workflow = w;
    run->worker = NO_WORKER;
    run->state = RUN_PENDING;
    run->queue_last = &run->queue;
    struct run **bucket = bucket_of(id);
    run->next_in_bucket = *bucket;
    *bucket = run;
    n_runs++;
    w->n_runs++;
    seal_key_derive(w->ns->key, id, &run->key);
    seal_run_random(&run->key, run->nonce, run->seed);
    return run;
}

/* Of runs that wait for a worker, with what senders put into them [I6]. */
static size_t inputs_len;

int run_keep_input(struct run *run, struct slice input)
{
    if (input.len > LIMIT_INPUTS_TOTAL - inputs_len)
        return -SP_EOVERLOAD;
    run->input = slice_owned(input);
    if (!run->input.p)
        return -SP_EOVERLOAD;
    inputs_len += run->input.len;
    return 0;
}

void run_drop_input(struct run *run)
{
    inputs_len -= run->input.len;
    slice_owned_free(&run->input);
}

static void table_remove(struct run *run)
{
    leave_walks(run);
    struct run **place = bucket_of(run->id);
    while (*place != run)
        place = &(*place)->next_in_bucket;
    *place = run->next_in_bucket;
    run_wait_stop(run);
    n_runs--;
    run->workflow->n_runs--;
}

void run_free(struct run *run)
{
    workers_drop(run->worker, run->id);
    table_remove(run);
    effects_free(run);
    run_wake_stop(run);
    while (run->queue) {
        struct result *next = run->queue->next;
        result_free(run->queue);
        run->queue = next;
    }
    if (run->current)
        result_free(run->current);
    run_drop_input(run);
    slice_owned_free(&run->expected);
    slice_owned_free(&run->output);
    slice_owned_free(&run->error);
    slice_owned_free(&run->context);
    seal_key_wipe(&run->key);
    free(run);
}

/* --- states -------------------------------------------------------------------------------------------------------- */

#define BIT(state) (1u << (state))
static const unsigned next_states[] = {
    [RUN_PENDING] = BIT(RUN_RUNNING) | BIT(RUN_WAITING) | BIT(RUN_COMPLETED) | BIT(RUN_FAULTED) | BIT(RUN_CANCELLED),
    [RUN_RUNNING] = BIT(RUN_RUNNING) | BIT(RUN_WAITING) | BIT(RUN_COMPLETED) | BIT(RUN_FAULTED) | BIT(RUN_CANCELLED),
    [RUN_WAITING] = BIT(RUN_RUNNING) | BIT(RUN_WAITING) | BIT(RUN_COMPLETED) | BIT(RUN_FAULTED) | BIT(RUN_CANCELLED),
    [RUN_COMPLETED] = 0,
    [RUN_FAULTED] = 0,
    [RUN_CANCELLED] = 0,
};

void run_set_state(struct run *run, enum run_state state)
{
    must(next_states[run->state] & BIT(state));
    run->state = state;
    if (state == RUN_COMPLETED)
        metrics_count(METRIC_RUNS_COMPLETED);
    else if (state == RUN_FAULTED)
        metrics_count(METRIC_RUNS_FAULTED);
    else if (state == RUN_CANCELLED)
        metrics_count(METRIC_RUNS_CANCELLED);
}
