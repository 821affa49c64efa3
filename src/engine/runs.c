/* runs: the table of runs that have not ended, their states, and what makes them go on. Called on the loop by hooks.c,
 * api_runs.c and by what comes from workers. What must hold: an answer goes out only when what it says is durable [I1];
 * nothing that a worker says changes a run that it was not given. */
#include "engine/run.h"

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
#include "engine/replay.h"
#include "role/role.h"
#include "store/seal.h"

#define BUCKETS (1u << 16)

static struct run *buckets[BUCKETS];
static size_t n_runs, n_idle_on_disk;
static struct run_id last_id;
static struct run *waiting_first, **waiting_last = &waiting_first;

/* --- the table ----------------------------------------------------------------------------------------------------- */

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

struct run *run_next(const struct run *after)
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

size_t runs_active(void)
{
    return n_runs;
}

enum run_state run_state_now(struct run_id id)
{
    const struct run *run = run_find(id);
    return run ? run->state : (enum run_state)0;
}

static struct run *table_add(struct run_id id, struct workflow *w)
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

static void free_owned(struct slice *s)
{
    free((void *)(uintptr_t)s->p);
    *s = (struct slice){0};
}

static void table_remove(struct run *run)
{
    struct run **place = bucket_of(run->id);
    while (*place != run)
        place = &(*place)->next_in_bucket;
    *place = run->next_in_bucket;
    for (place = &waiting_first; *place; place = &(*place)->next_waiting)
        if (*place == run) {
            *place = run->next_waiting;
            break;
        }
    waiting_last = &waiting_first;
    while (*waiting_last)
        waiting_last = &(*waiting_last)->next_waiting;
    n_runs--;
    run->workflow->n_runs--;
}

void run_wake_stop(struct run *run)
{
    if (!ev_is_active(&run->wake))
        return;
    ev_timer_stop(role_loop(), &run->wake);
    n_idle_on_disk--;
}

static void run_free(struct run *run)
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
    free_owned(&run->input);
    free_owned(&run->expected);
    free_owned(&run->output);
    free_owned(&run->error);
    free_owned(&run->context);
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
    if (n_runs - n_idle_on_disk >= LIMIT_RUNS_ACTIVE || n_runs >= LIMIT_RUNS_WAITING)
        return -SP_EOVERLOAD;
    struct slice copy = slice_owned(input);
    if (!copy.p)
        return -SP_EOVERLOAD;
    last_id = run_id_new(clock_wall_ms(), last_id);
    struct run *run = table_add(last_id, w);
    if (!run) {
        free_owned(&copy);
        return -SP_EOVERLOAD;
    }
    run->input = copy;
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

void run_to_worker(struct run *run)
{
    struct msg_worker_start m = {.run = run->id.n, .started_ms = run->started_ms, .input = run->input};
    memcpy(m.digest, run->workflow->digest, sizeof m.digest);
    memcpy(m.nonce, run->nonce, sizeof m.nonce);
    memcpy(m.seed, run->seed, sizeof m.seed);
    int worker = workers_choose();
    int r = worker == NO_WORKER ? -SP_EUNAVAILABLE : workers_start(worker, &m, &run->ticket);
    if (r == 0) {
        run->worker = worker;
        run->phase = PHASE_STEP;
    } else if (r == -SP_ELIMIT || r == -SP_ENOTFOUND) {
        run_fault(run, "runtime", 500, "Run not startable", "The run's input or definition could not be handed to a worker.");
    } else {
        run_wait_for_worker(run);
    }
}

/* A worker may be alive and yet take nothing now: its queue or table is full. Nobody tells when that is over. */
#define WAITING_RETRY_S 0.2
static ev_timer waiting_timer;

static void on_waiting(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    if (workers_any())
        runs_on_worker_born();
}

void run_wait_for_worker(struct run *run)
{
    run->phase = PHASE_WORKER;
    run->next_waiting = NULL;
    *waiting_last = run;
    waiting_last = &run->next_waiting;
    if (ev_is_active(&waiting_timer))
        return;
    ev_timer_init(&waiting_timer, on_waiting, WAITING_RETRY_S, 0.);
    ev_timer_start(role_loop(), &waiting_timer);
}

/* From its input if that is at hand, which it is until the first step is durable; else from its journal. */
static void restart(struct run *run)
{
    if (run->input.p)
        run_to_worker(run);
    else
        load_begin(run);
}

void runs_on_worker_born(void)
{
    struct run *run = waiting_first;
    waiting_first = NULL;
    waiting_last = &waiting_first;
    while (run) {
        struct run *next = run->next_waiting;
        run->next_waiting = NULL;
        /* One that was cancelled while it waited is on its way to its end. */
        if (run->phase == PHASE_WORKER)
            restart(run);
        run = next;
    }
}

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

/* A place became free where all workers were full. */
static void serve_waiting(void)
{
    if (waiting_first && workers_choose() != NO_WORKER)
        runs_on_worker_born();
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

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct run *run = timer->data;
    n_idle_on_disk--;
    load_begin(run);
}

static void wake_after(struct run *run, int64_t delay_ms, bool is_by_wall)
{
    must(!ev_is_active(&run->wake));
    n_idle_on_disk++;
    run->is_wake_by_wall = is_by_wall;
    ev_timer_init(&run->wake, on_wake, delay_ms > 0 ? (double)delay_ms / 1000. : 0., 0.);
    run->wake.data = run;
    ev_timer_start(role_loop(), &run->wake);
}

static void sleep_on_disk(struct run *run, int64_t left_ms)
{
    if (!effects_keep_timers(run))
        return; /* it waits in memory */
    workers_drop(run->worker, run->id);
    run->worker = NO_WORKER;
    wake_after(run, left_ms, false);
}

void run_retry_later(struct run *run)
{
    wake_after(run, 1000, false);
}

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
        sleep_on_disk(run, left);
}

void result_push(struct run *run, struct result *result)
{
    result->next = NULL;
    *run->queue_last = result;
    run->queue_last = &result->next;
    if (run->phase == PHASE_IDLE)
        run_continue(run);
}

/* --- what workers say ---------------------------------------------------------------------------------------------- */

int runs_on_step(int worker, uint64_t ticket, const struct msg_worker_step *m)
{
    struct run *run = run_find((struct run_id){m->run});
    bool is_expected = run && run->worker == worker && run->ticket == ticket &&
                       (run->phase == PHASE_STEP || run->phase == PHASE_REPLAY);
    if (!is_expected) {
        /* Of a replay that somebody asked for; or of a run that was cancelled meanwhile. */
        replay_on_step(worker, ticket, m);
        return 0;
    }
    if (run->results != m->results)
        return -SP_EPROTOCOL;
    if (run->phase == PHASE_STEP)
        return step_take(run, m);
    replay_check(run, m);
    return 0;
}

static void leaf_of_worker(const struct run *run, const char *why)
{
    struct commit *c = commit_new(NULL, NULL);
    if (!c)
        return;
    struct audit_event e = {.action = AUDIT_WORKER_KILLED, .time_ms = clock_wall_ms(), .outcome = AUDIT_FAILED,
                            .actor_kind = SLICE_LITERAL("server"), .run = run->id, .ns = slice_text(run->workflow->ns->name),
                            .workflow = slice_text(run->workflow->name), .detail = slice_text(why)};
    commit_leaf(c, &e);
    commit_submit(c);
}

void runs_on_worker_silent(struct run_id id)
{
    const struct run *run = run_find(id);
    if (run)
        leaf_of_worker(run, "it did not answer");
}

/* What the worker was doing when it died is done again elsewhere, unless it was this run that killed it. */
static void rescue(struct run *run, const char *cause)
{
    run->worker = NO_WORKER;
    if (run->phase != PHASE_STEP && run->phase != PHASE_REPLAY)
        return;
    if (cause) {
        leaf_of_worker(run, cause);
        run_fault(run, "runtime", 500, "Evaluation budget exceeded",
                  "The run used more processor time or memory in one step than a run may.");
        return;
    }
    if (++run->rescues > LIMIT_RESCUES) {
        run_fault(run, "runtime", 500, "Workers lost", "The worker was lost at each attempt to go on with the run.");
        return;
    }
    run_take_back(run);
    run->phase = PHASE_IDLE;
    restart(run);
}

void runs_on_worker_died(int worker, struct run_id culprit, const char *cause)
{
    replay_on_worker_died(worker);
    struct run *run = run_next(NULL);
    while (run) {
        struct run *next = run_next(run);
        if (run->worker == worker)
            rescue(run, run->id.n == culprit.n ? cause : NULL);
        run = next;
    }
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
    serve_waiting();
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
    run_wake_stop(run);
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
    struct run *run = run_next(NULL);
    while (run) {
        struct run *next = run_next(run);
        /* One that is ending already is as good as cancelled. */
        if (is_same_workflow(run->workflow, w) && run_cancel(run->id, by, NULL, NULL) == 0)
            log_event(LOG_LEVEL_INFO, "engine.run-cancelled", "workflow", w->name, NULL);
        run = next;
    }
}

/* --- steps of the wall clock --------------------------------------------------------------------------------------- */

/* A wait that began in this life is measured by the monotonic clock. One of an earlier life has the wall clock alone, which may
 * have been wrong at our start and be set right later. */
#define WATCH_CLOCK_S 1.
#define LEAST_STEP_MS 500

static ev_timer clock_watch;
static int64_t wall_offset_ms; /* wall minus monotonic time at the last look */

int64_t run_wall_ms(void)
{
    return clock_monotonic_ms() + wall_offset_ms;
}

static void follow_clock(struct run *run, int64_t step_ms)
{
    effects_follow_clock(run, step_ms);
    if (!ev_is_active(&run->wake) || (!run->is_wake_by_wall && run->n_kept == 0))
        return;
    int64_t left = run->n_kept ? effects_left_ms(run) : (int64_t)(ev_timer_remaining(role_loop(), &run->wake) * 1000.) - step_ms;
    run_wake_stop(run);
    wake_after(run, left, run->is_wake_by_wall);
}

static void on_clock_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    int64_t offset = clock_wall_ms() - clock_monotonic_ms(), step = offset - wall_offset_ms;
    if (step > -LEAST_STEP_MS && step < LEAST_STEP_MS)
        return;
    wall_offset_ms = offset;
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)step);
    log_event(LOG_LEVEL_WARN, "engine.clock-stepped", "ms", text, NULL);
    for (struct run *run = run_next(NULL); run; run = run_next(run))
        follow_clock(run, step);
}

static void clock_watch_start(void)
{
    wall_offset_ms = clock_wall_ms() - clock_monotonic_ms();
    ev_timer_init(&clock_watch, on_clock_watch, WATCH_CLOCK_S, WATCH_CLOCK_S);
    ev_timer_start(role_loop(), &clock_watch);
}

/* --- recovery ------------------------------------------------------------------------------------------------------ */

struct run *run_recovered(const struct store_run *row, struct workflow *w)
{
    struct run *run = table_add(row->id, w);
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

static int on_open_run(void *user, const struct store_run *row)
{
    struct store_reader *reader = user;
    struct workflow *w = workflow_by_id(row->workflow_id);
    if (!w && store_workflow_by_id(reader, row->workflow_id, on_version, reader) == 0)
        w = workflow_by_id(row->workflow_id);
    struct run *run = w ? run_recovered(row, w) : NULL;
    if (!run) {
        log_event(LOG_LEVEL_ERROR, "engine.run-not-recovered", "run", LOG_U64(row->id.n), NULL);
        return 0;
    }
    if (row->due_ms)
        wake_after(run, row->due_ms - run_wall_ms(), true);
    else
        load_begin(run);
    return 0;
}

int runs_recover(struct store_reader *reader)
{
    clock_watch_start();
    return store_runs_open(reader, on_open_run, reader);
}
