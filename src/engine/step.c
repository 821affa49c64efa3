/* step: what a worker's step says becomes durable, as one commit: the result that began it, its effects' intents, its trace,
 * the run's state, and a leaf for each of them [I3]. Only when that commit is on disk do the effects leave and is anybody
 * answered [I1]. Called by runs.c, in PHASE_STEP. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/committer.h"
#include "engine/registry.h"
#include "engine/run.h"
#include "engine/step_check.h"

/* --- leaves -------------------------------------------------------------------------------------------------------- */

static const char *actor_kind(enum run_trigger trigger)
{
    return trigger == TRIGGER_WEBHOOK ? "webhook" : trigger == TRIGGER_API || trigger == TRIGGER_COMMAND ? "principal" : "server";
}

static struct audit_event run_leaf(const struct run *run, enum audit_action action)
{
    const struct workflow *w = run->workflow;
    return (struct audit_event){
        .action = action,
        .time_ms = run->last_ms,
        .run = run->id,
        .ns = slice_text(w->ns->name),
        .workflow = slice_text(w->name),
        .version = slice_text(w->version),
        .definition = slice_of(w->digest, sizeof w->digest),
        .actor_kind = slice_text(actor_kind(run->trigger)),
        .actor = slice_text(run->actor),
        .auth = slice_text(run->auth),
        .address = slice_text(run->peer),
    };
}

/* The `type` of a problem object, found without parsing all of it: the worker's text is only named in the log. */
static struct slice problem_type(struct slice error)
{
    static const char key[] = "\"type\":\"";
    const uint8_t *at = error.len ? memmem(error.p, error.len, key, sizeof key - 1) : NULL;
    if (!at)
        return (struct slice){0};
    at += sizeof key - 1;
    const uint8_t *end = memchr(at, '"', (size_t)(error.p + error.len - at));
    return end && end - at < 256 ? slice_of(at, (size_t)(end - at)) : (struct slice){0};
}

static void add_end_leaf(struct commit *c, const struct run *run, enum run_state state, struct slice error)
{
    enum audit_action action = state == RUN_COMPLETED ? AUDIT_RUN_COMPLETED
                               : state == RUN_FAULTED ? AUDIT_RUN_FAULTED
                                                      : AUDIT_RUN_CANCELLED;
    struct audit_event e = run_leaf(run, action);
    if (state == RUN_FAULTED) {
        e.outcome = AUDIT_FAILED;
        e.error = problem_type(error);
    }
    if (state == RUN_CANCELLED)
        e.actor = slice_text(run->cancelled_by);
    int64_t duration = run->last_ms - run->started_ms;
    e.duration_ms = duration > 0 ? (uint64_t)duration : 0;
    commit_leaf(c, &e);
}

/* --- what one commit holds ----------------------------------------------------------------------------------------- */

static void add_journal(struct commit *c, struct run *run, enum journal_kind kind, uint32_t effect, struct slice data)
{
    struct store_journal row = {.run = run->id, .seq = run->journal_seq++, .kind = kind, .effect = effect,
                                .at_ms = run->last_ms, .data = data};
    run->journal_len += data.len;
    commit_journal(c, &row);
}

/* The result that began this step: journal and leaf. */
static void add_current(struct commit *c, struct run *run)
{
    struct result *current = run->current;
    if (!current)
        return;
    _cleanup_buffer_ struct buffer payload = BUFFER_MAX(LIMIT_FRAME);
    wire_encode_worker_result(&payload, &current->message);
    add_journal(c, run, JOURNAL_RESULT, current->message.effect, buffer_slice(&payload));
    if (current->has_leaf)
        commit_leaf(c, &current->leaf);
}

/* It is in the commit now. */
static void release_current(struct run *run)
{
    if (run->current)
        result_free(run->current);
    run->current = NULL;
}

static int add_event(struct commit *c, struct run *run, uint32_t number, struct slice record)
{
    struct msg_effect_event m;
    int r = wire_decode_effect_event(record, &m);
    if (r < 0)
        return r;
    struct store_event row = {.run = run->id, .at_ms = run->last_ms, .data = m.event};
    run->events_len += m.event.len;
    commit_event(c, &row, number);
    struct audit_event e = run_leaf(run, AUDIT_EVENT_EMITTED);
    e.effect = number;
    commit_leaf(c, &e);
    return 0;
}

static int add_intent(struct commit *c, struct run *run, enum effect_kind kind, uint32_t number, struct slice record)
{
    struct effect *effect;
    int r = effect_add(run, kind, number, record, &effect);
    if (r < 0)
        return r;
    if (kind == EFFECT_CALL) {
        struct msg_effect_call call;
        r = wire_decode_effect_call(record, &call);
        if (r < 0)
            return r;
        struct audit_event e;
        effect_leaf(run, &call, number, AUDIT_EFFECT_INTENDED, &e);
        commit_leaf(c, &e);
    }
    add_journal(c, run, JOURNAL_INTENT, number, record);
    return 0;
}

static int add_cancel(struct commit *c, struct run *run, struct slice record)
{
    struct msg_effect_cancel m;
    int r = wire_decode_effect_cancel(record, &m);
    if (r < 0)
        return r;
    struct effect *effect = effect_find(run, m.effect);
    if (effect)
        effect_remove(effect);
    add_journal(c, run, JOURNAL_CANCEL, m.effect, (struct slice){0});
    return 0;
}

static int add_effects(struct commit *c, struct run *run, struct slice effects)
{
    uint8_t kind;
    uint32_t number;
    struct slice record;
    int r;
    while ((r = wire_effects_next(&effects, &kind, &number, &record)) > 0) {
        if (kind == EFFECT_EVENT)
            r = add_event(c, run, number, record);
        else if (kind == EFFECT_CANCEL)
            r = add_cancel(c, run, record);
        else
            r = add_intent(c, run, (enum effect_kind)kind, number, record);
        if (r < 0)
            break;
    }
    return r;
}

static void add_row(struct commit *c, struct run *run, struct slice trace)
{
    bool is_end = run_state_is_terminal(run->state);
    if (run->is_durable) {
        struct store_run_change change = {.id = run->id, .state = run->state, .ended_ms = is_end ? run->last_ms : 0,
                                          .due_ms = effects_due(run), .output = run->output, .error = run->error,
                                          .context = run->context};
        commit_run_update(c, &change);
        if (trace.len)
            add_journal(c, run, JOURNAL_TRACE, run->results, trace);
        return;
    }
    struct store_run row = {.id = run->id,
                            .workflow_id = run->workflow->id,
                            .state = run->state,
                            .trigger = run->trigger,
                            .started_ms = run->started_ms,
                            .ended_ms = is_end ? run->last_ms : 0,
                            .due_ms = effects_due(run),
                            .actor = slice_text(run->actor),
                            .idempotency = slice_of(run->idempotency, run->idempotency_len),
                            .input = run->input,
                            .output = run->output,
                            .error = run->error,
                            .context = run->context,
                            .trace = trace};
    commit_run_insert(c, &row);
    if (run->has_delivery)
        commit_delivery(c, run->delivery, run->started_ms);
}

/* A run that ends in its first step has one leaf, its end, which says all that a start would. */
static void add_start_leaf(struct commit *c, struct run *run, enum run_state state)
{
    if (run->has_leaf_started || run_state_is_terminal(state))
        return;
    struct audit_event e = run_leaf(run, AUDIT_RUN_STARTED);
    e.time_ms = run->started_ms;
    commit_leaf(c, &e);
    run->has_leaf_started = true;
}

/* --- durable ------------------------------------------------------------------------------------------------------- */

static void answer_accepted(struct run *run)
{
    struct run_outcome outcome = {.id = run->id, .state = RUN_PENDING};
    run_ended *ended = run->ended;
    run->ended = NULL;
    ended(0, &outcome, run->user);
}

/* The store refused what the step said, but the run's row is there: it must not be left open for ever. */
static void end_refused(struct run *run, int code)
{
    run->is_refused = true;
    run->state = RUN_RUNNING; /* its end, if this was one, is not on disk */
    slice_owned_free(&run->output);
    slice_owned_free(&run->error);
    slice_owned_free(&run->context);
    run_fault(run, "runtime", 500, "Step not storable", error_text(code));
}

static void on_durable(int code, uint32_t new_id, void *user)
{
    (void)new_id;
    struct run *run = user;
    must(run->phase == PHASE_COMMIT || run->phase == PHASE_END);
    if (code < 0 && run->is_durable && !run->is_refused && committer_error() == 0) {
        end_refused(run, code);
        return;
    }
    if (code < 0 || run_state_is_terminal(run->state)) {
        run_finish(run, code);
        return;
    }
    run->rescues = 0;
    run->is_durable = true;
    run->phase = PHASE_IDLE;
    if (run->ended && !run->wants_end)
        answer_accepted(run);
    if (run->state == RUN_PENDING) {
        if (run->is_cancelled)
            run_continue(run);
        else
            run_to_worker(run);
        return;
    }
    run_drop_input(run);
    if (run->is_cancelled)
        run_continue(run);
    else
        effects_begin(run, false);
}

static struct commit *new_commit(struct run *run)
{
    struct commit *c = commit_new(on_durable, run);
    if (c)
        commit_seal_for(c, &run->key);
    return c;
}

void step_accept(struct run *run)
{
    run->phase = PHASE_COMMIT;
    struct commit *c = new_commit(run);
    if (!c) {
        run_finish(run, -SP_EOVERLOAD);
        return;
    }
    add_start_leaf(c, run, run->state);
    add_row(c, run, (struct slice){0});
    commit_submit(c);
}

/* Nothing more can be written now. A run that nobody was told of is gone; one that is durable goes on from its journal. */
static void leave_to_journal(struct run *run)
{
    if (!run->is_durable || committer_error()) {
        run_finish(run, -SP_EOVERLOAD);
        return;
    }
    workers_drop(run->worker, run->id);
    run->worker = NO_WORKER;
    run_take_back(run);
    slice_owned_free(&run->output);
    slice_owned_free(&run->error);
    slice_owned_free(&run->context);
    run->phase = PHASE_IDLE;
    run_retry_later(run);
}

/* --- a step -------------------------------------------------------------------------------------------------------- */

static bool keep_end(struct run *run, const struct msg_worker_step *m)
{
    run->output = slice_owned(m->output);
    run->error = slice_owned(m->error);
    run->context = slice_owned(m->context);
    return run->output.p && run->error.p && run->context.p;
}

static enum run_state state_after(const struct msg_worker_step *m)
{
    return m->status == STEP_COMPLETED ? RUN_COMPLETED : m->status == STEP_FAULTED ? RUN_FAULTED : RUN_WAITING;
}

/* The worker's word cannot be used: the run does not go on, and what is known of its effects is kept. */
static int disbelieve(struct run *run)
{
    log_event(LOG_LEVEL_ERROR, "engine.step-malformed", "worker", LOG_U64((uint64_t)run->worker), "workflow", run->workflow->name,
              NULL);
    run_fault(run, "runtime", 500, "Worker failed", "A worker answered with a step that is malformed.");
    return -SP_EPROTOCOL;
}

/* A run that waits must wait for something. */
static bool is_stuck(const struct run *run, enum run_state state)
{
    return state == RUN_WAITING && run->n_effects == 0 && !run->queue;
}

/* What a run has written before a step. */
struct written {
    uint32_t seq;
    size_t journal_len, events_len;
};

/* A step that was added in part is as if it had not come. */
static void undo(struct commit *c, struct run *run, const struct written *before)
{
    commit_drop(c);
    run->journal_seq = before->seq;
    run->journal_len = before->journal_len;
    run->events_len = before->events_len;
}

/* NULL: the run has not written more than it may. */
static const char *what_is_full(const struct run *run)
{
    if (run->journal_len > LIMIT_JOURNAL)
        return "The results of the run's calls are more than the journal of one run holds.";
    return run->events_len > LIMIT_EVENTS ? "The events of the run are more than one run may emit." : NULL;
}

/* Nor its effects, all of them later than those before; what it cancelled comes back with the journal. */
static void undo_effects(struct run *run, uint32_t last)
{
    struct effect *effect = run->effects;
    while (effect) {
        struct effect *next = effect->next;
        if (effect->number > last)
            effect_remove(effect);
        effect = next;
    }
    run->last_effect = last;
}

int step_take(struct run *run, const struct msg_worker_step *m)
{
    enum run_state state = state_after(m);
    bool is_end = run_state_is_terminal(state);
    const uint32_t last = run->last_effect;
    if (step_check(m, last, &run->last_effect) < 0)
        return disbelieve(run);
    struct commit *c = new_commit(run);
    if (!c || (is_end && !keep_end(run, m))) {
        if (c)
            commit_drop(c);
        leave_to_journal(run);
        return 0;
    }
    const struct written before = {run->journal_seq, run->journal_len, run->events_len};
    run->phase = is_end ? PHASE_END : PHASE_COMMIT;
    if (is_end)
        run_set_time(run);
    add_start_leaf(c, run, state);
    add_current(c, run);
    int r = add_effects(c, run, m->effects);
    if (r == -ENOMEM) {
        undo(c, run, &before);
        undo_effects(run, last);
        leave_to_journal(run);
        return 0;
    }
    if (r < 0 || is_stuck(run, state)) {
        undo(c, run, &before);
        return disbelieve(run);
    }
    const char *full = what_is_full(run);
    if (full) {
        undo(c, run, &before);
        run_fault(run, "runtime", 500, "Journal full", full);
        return 0;
    }
    run_set_state(run, state);
    release_current(run);
    if (is_end) {
        workers_ended(run->worker);
        run->worker = NO_WORKER;
        effects_free(run);
        add_end_leaf(c, run, state, run->error);
    }
    add_row(c, run, m->trace);
    commit_submit(c);
    return 0;
}

/* Ends the run without the worker's word. */
static void end_here(struct run *run, enum run_state state, struct slice error)
{
    /* It may have had to wait for room once before: nothing else takes it up while it ends. */
    run_wake_stop(run);
    struct commit *c = new_commit(run);
    if (!c) {
        leave_to_journal(run);
        return;
    }
    workers_drop(run->worker, run->id);
    run->worker = NO_WORKER;
    effects_free(run);
    run->phase = PHASE_END;
    run_set_time(run);
    slice_owned_free(&run->output);
    slice_owned_free(&run->error);
    slice_owned_free(&run->context);
    run->error = slice_owned(error);
    run_set_state(run, state);
    add_current(c, run);
    release_current(run);
    add_end_leaf(c, run, state, error);
    add_row(c, run, (struct slice){0});
    commit_submit(c);
}

void step_fault(struct run *run, struct slice error)
{
    end_here(run, RUN_FAULTED, error);
}

void step_cancel(struct run *run)
{
    end_here(run, RUN_CANCELLED, (struct slice){0});
}
