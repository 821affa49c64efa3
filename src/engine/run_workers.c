/* run_workers: runs and the workers that interpret them: who is given a run, who waits for a worker, what a worker says, and what
 * becomes of its runs when it dies. Called by workers.c and the other files of runs. What must hold: nothing that a worker says
 * changes a run that it was not given. */
#include "base/clock.h"
#include "base/error.h"
#include "engine/replay.h"
#include "engine/run.h"
#include "role/role.h"

static struct run *waiting_first, **waiting_last = &waiting_first;
static size_t n_waiting;

/* --- giving -------------------------------------------------------------------------------------------------------- */

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
    n_waiting++;
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

static void leave_line(struct run **place)
{
    struct run *run = *place;
    *place = run->next_waiting;
    if (waiting_last == &run->next_waiting)
        waiting_last = place;
    run->next_waiting = NULL;
    n_waiting--;
}

/* Those who are in line now. Who finds no worker stands in line again; who ends at once, or with somebody else, is in it no more. */
void runs_on_worker_born(void)
{
    static bool is_serving;
    if (is_serving)
        return; /* one that ended at once made a place: the others are being served */
    is_serving = true;
    for (size_t n = n_waiting; n > 0 && waiting_first; n--) {
        struct run *run = waiting_first;
        leave_line(&waiting_first);
        /* One that was cancelled while it waited is on its way to its end. */
        if (run->phase == PHASE_WORKER)
            restart(run);
    }
    is_serving = false;
}

void run_wait_stop(struct run *run)
{
    struct run **place = &waiting_first;
    while (*place && *place != run)
        place = &(*place)->next_waiting;
    if (*place)
        leave_line(place);
}

/* A place became free where all workers were full. */
void runs_serve_waiting(void)
{
    if (waiting_first && workers_choose() != NO_WORKER)
        runs_on_worker_born();
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
static void rescue(struct run *run, bool was_at_work, const char *cause)
{
    run->worker = NO_WORKER;
    if (run->phase != PHASE_STEP && run->phase != PHASE_REPLAY)
        return;
    if (was_at_work && cause) {
        leaf_of_worker(run, cause);
        run_fault(run, "runtime", 500, "Evaluation budget exceeded",
                  "The run used more processor time or memory in one step than a run may.");
        return;
    }
    /* A worker does one thing after the other: those that waited for it have no part in its death, however many it dies. */
    run->rescues += was_at_work;
    if (run->rescues > LIMIT_RESCUES) {
        run_fault(run, "runtime", 500, "Workers lost", "The worker was lost at each attempt to go on with the run.");
        return;
    }
    run_take_back(run);
    run->phase = PHASE_IDLE;
    restart(run);
}

void runs_on_worker_died(int worker, struct run_id at_work, const char *cause)
{
    replay_on_worker_died(worker);
    struct run_walk walk;
    run_walk_begin(&walk);
    for (struct run *run; (run = run_walk_next(&walk));)
        if (run->worker == worker)
            rescue(run, run->id.n == at_work.n, cause);
}
