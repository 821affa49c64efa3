/* runs: how runs begin, go on and end, and how those that had not ended come back at a start. Called on the loop by hooks.c and
 * api_runs.c. What must hold: an answer goes out only when what it says is durable [I1]. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/committer.h"
#include "engine/metrics.h"
#include "engine/registry.h"
#include "engine/run.h"

/* Beyond it an id is none that was given, and would leave no room for those that come after it (base/id.h). */
#define LAST_RUN_ID ((1ull << 63) - (1ull << 40))

static struct run_id last_id;

/* --- beginning ----------------------------------------------------------------------------------------------------- */

static void copy_text(char *to, size_t size, struct slice s)
{
    size_t n = s.len < size - 1 ? s.len : size - 1;
    if (n)
        memcpy(to, s.p, n);
    to[n] = 0;
}

static void keep_cause(struct run *run, const struct run_cause *cause)
{
    run->trigger = cause->trigger;
    copy_text(run->actor, sizeof run->actor, cause->actor);
    copy_text(run->auth, sizeof run->auth, cause->auth);
    if (cause->peer)
        request_peer_text(cause->peer, run->peer);
    if (cause->delivery) {
        memcpy(run->delivery, cause->delivery, sizeof run->delivery);
        run->has_delivery = true;
    }
    run->idempotency_len = cause->idempotency.len < sizeof run->idempotency ? cause->idempotency.len : sizeof run->idempotency;
    if (run->idempotency_len)
        memcpy(run->idempotency, cause->idempotency.p, run->idempotency_len);
}

int run_start(struct workflow *w, struct slice input, const struct run_cause *cause, bool wants_end, run_ended *ended,
              void *user, struct run_id *ret_id)
{
    if (committer_error() || committer_is_late() || !w->ns->has_key)
        return -SP_EUNAVAILABLE;
    if (input.len > LIMIT_BODY)
        return -SP_ELIMIT;
    if (w->n_runs >= w->concurrency)
        return -SP_ERATE;
    if (runs_active() - runs_asleep() >= LIMIT_RUNS_ACTIVE || runs_active() >= LIMIT_RUNS_WAITING)
        return -SP_EOVERLOAD;
    last_id = run_id_new(clock_wall_ms(), last_id);
    struct run *run = run_add(last_id, w);
    if (!run)
        return -SP_EOVERLOAD;
    int r = run_keep_input(run, input);
    if (r < 0) {
        run_free(run);
        return r;
    }
    run->started_ms = run->last_ms = clock_wall_ms();
    run->wants_end = wants_end;
    run->ended = ended;
    run->user = user;
    keep_cause(run, cause);
    metrics_count(METRIC_RUNS_STARTED);
    *ret_id = run->id;
    if (wants_end)
        run_to_worker(run);
    else
        step_accept(run);
    return 0;
}

/* --- going on ------------------------------------------------------------------------------------------------------ */

void run_set_time(struct run *run)
{
    int64_t now = clock_wall_ms();
    run->last_ms = now > run->last_ms ? now : run->last_ms;
}

/* The result whose step did not come is delivered again. */
void run_take_back(struct run *run)
{
    if (!run->current)
        return;
    run->current->next = run->queue;
    run->queue = run->current;
    if (!run->current->next)
        run->queue_last = &run->current->next;
    run->current = NULL;
    run->results--;
}

static void deliver(struct run *run)
{
    struct result *result = run->queue;
    run->queue = result->next;
    if (!run->queue)
        run->queue_last = &run->queue;
    run_set_time(run);
    result->message.run = run->id.n;
    result->message.at_ms = run->last_ms;
    run->current = result;
    run->results++;
    run->phase = PHASE_STEP;
    int r = workers_result(run->worker, &result->message, &run->ticket);
    if (r == -EPIPE || r == -SP_EUNAVAILABLE)
        return; /* the worker is dying: `rescue` takes the run elsewhere */
    if (r == -SP_EOVERLOAD) {
        /* It does not keep up: the run goes on from its journal, with whoever has room. */
        workers_drop(run->worker, run->id);
        run->worker = NO_WORKER;
        run_take_back(run);
        run->phase = PHASE_IDLE;
        run_retry_later(run);
        return;
    }
    if (r < 0)
        run_fault(run, "runtime", 500, "Result not deliverable", "The result of an effect could not be handed to a worker.");
}

/* A run that only waits for timers far away lives in its journal: a hundred thousand of them must fit into memory. */
#define EVICT_AFTER_MS 2000

void run_continue(struct run *run)
{
    must(run->phase == PHASE_IDLE);
    if (run->is_cancelled) {
        step_cancel(run);
        return;
    }
    if (run->queue) {
        if (run->worker == NO_WORKER)
            load_begin(run);
        else
            deliver(run);
        return;
    }
    if (ev_is_active(&run->wake))
        return; /* it sleeps: egress or the vault came back, which has nothing to do with it */
    int64_t left = effects_left_ms(run);
    if (left > EVICT_AFTER_MS && run->is_durable && !run->ended)
        run_sleep(run, left);
}

void result_push(struct run *run, struct result *result)
{
    result->next = NULL;
    *run->queue_last = result;
    run->queue_last = &result->next;
    if (run->phase == PHASE_IDLE)
        run_continue(run);
}

/* --- ending -------------------------------------------------------------------------------------------------------- */

void run_fault(struct run *run, const char *type, int status, const char *title, const char *detail)
{
    _cleanup_buffer_ struct buffer error = BUFFER_MAX(LIMIT_CONFIG);
    struct json_writer w = JSON_WRITER(&error);
    json_object_begin(&w);
    json_key(&w, "type");
    (void)buffer_printf(&error, "\"https://open-workflow-specification.org/spec/1.0.0/errors/%s\"", type);
    w.need_comma = true;
    json_key_text(&w, "title", title);
    json_key_i64(&w, "status", status);
    json_key_text(&w, "instance", "/");
    json_key_text(&w, "detail", detail);
    json_object_end(&w);
    step_fault(run, buffer_slice(&error));
}

void run_finish(struct run *run, int code)
{
    struct run_outcome outcome = {.id = run->id, .state = run->state, .output = run->output, .error = run->error,
                                  .context = run->context};
    run_ended *ended = run->ended, *cancelled = run->cancelled;
    run->ended = run->cancelled = NULL;
    /* What a failing disk did not acknowledge may be on it all the same. */
    bool is_gone = code < 0 && !run->is_durable && committer_error() == 0;
    if (code < 0)
        outcome = (struct run_outcome){.id = run->id, .state = RUN_RUNNING};
    if (ended)
        ended(code, is_gone ? NULL : &outcome, run->user);
    if (cancelled)
        cancelled(code, is_gone ? NULL : &outcome, run->cancelled_user);
    run_free(run);
    runs_serve_waiting();
}

int run_cancel(struct run_id id, struct slice by, run_ended *ended, void *user)
{
    struct run *run = run_find(id);
    if (!run)
        return -SP_ENOTFOUND;
    if (run->is_cancelled || run_state_is_terminal(run->state))
        return -SP_ECONFLICT;
    run->is_cancelled = true;
    run->cancelled = ended;
    run->cancelled_user = user;
    copy_text(run->cancelled_by, sizeof run->cancelled_by, by);
    /* While something is being written the run is not touched: it ends as soon as that is durable. */
    if (run->phase == PHASE_COMMIT || run->phase == PHASE_LOAD || run->phase == PHASE_END)
        return 0;
    step_cancel(run);
    return 0;
}

/* Another version of the same workflow has a row of its own. */
static bool is_same_workflow(const struct workflow *a, const struct workflow *b)
{
    return a->ns == b->ns && strcmp(a->name, b->name) == 0;
}

void runs_cancel_workflow(const struct workflow *w, struct slice by)
{
    struct run_walk walk;
    run_walk_begin(&walk);
    /* One that is ending already is as good as cancelled. */
    for (struct run *run; (run = run_walk_next(&walk));)
        if (is_same_workflow(run->workflow, w) && run_cancel(run->id, by, NULL, NULL) == 0)
            log_event(LOG_LEVEL_INFO, "engine.run-cancelled", "workflow", w->name, NULL);
}

/* --- recovery ------------------------------------------------------------------------------------------------------ */

/* A run from its row, idle. */
static struct run *run_recovered(const struct store_run *row, struct workflow *w)
{
    struct run *run = run_add(row->id, w);
    if (!run)
        return NULL;
    run->is_durable = run->has_leaf_started = true;
    run->state = row->state;
    run->trigger = row->trigger;
    run->started_ms = run->last_ms = row->started_ms;
    copy_text(run->actor, sizeof run->actor, row->actor);
    if (row->id.n > last_id.n)
        last_id = row->id;
    return run;
}

static int on_version(void *user, const struct store_workflow *row)
{
    struct store_reader *reader = user;
    return registry_load_workflow(reader, row, false, NULL);
}

/* Of two that the index has of one run, the first counts. */
static int recover(struct store_reader *reader, const struct store_run *row, struct run **ret)
{
    if (row->id.n == 0 || row->id.n > LAST_RUN_ID || run_find(row->id))
        return -SP_ETAMPERED;
    struct workflow *w = workflow_by_id(row->workflow_id);
    int r = w ? 0 : store_workflow_by_id(reader, row->workflow_id, on_version, reader);
    w = r < 0 || w ? w : workflow_by_id(row->workflow_id);
    if (!w)
        return r < 0 ? r : -SP_ENOTFOUND;
    *ret = run_recovered(row, w);
    return *ret ? 0 : -ENOMEM;
}

/* What is wrong with one run is no reason to keep the others from going on. */
static int on_open_run(void *user, const struct store_run *row, int code)
{
    struct run *run = NULL;
    code = code < 0 ? code : recover(user, row, &run);
    if (code < 0) {
        char id[RUN_ID_LEN + 1];
        run_id_text(row->id, id);
        log_event(LOG_LEVEL_ERROR, "engine.run-not-recovered", "run", id, "error", error_text(code), NULL);
        return 0;
    }
    if (row->due_ms)
        run_wake_after(run, row->due_ms - run_wall_ms(), true);
    else
        load_begin(run);
    return 0;
}

int runs_recover(struct store_reader *reader)
{
    run_clock_start();
    return store_runs_open(reader, on_open_run, reader);
}
