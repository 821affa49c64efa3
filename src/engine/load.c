/* load: brings a run back from its journal, after a crash, an eviction or the death of its worker. The journal's results are
 * handed to a worker again in their order; the step that follows the last of them must name the same effects as the journal
 * does [I4]. Then the open effects are taken up: timers at their time, calls only if repeating them is safe. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/log.h"
#include "engine/load.h"
#include "engine/metrics.h"
#include "engine/registry.h"
#include "engine/run.h"
#include "engine/slow.h"
#include "store/seal.h"

struct load {
    struct run_id id;
    struct seal_key key;
    struct journal_copy journal;
    uint64_t events_len;
    int code;
};

/* --- reading, on the slow thread ----------------------------------------------------------------------------------- */

/* Whether a row is one that the engine writes. What is sealed is; but kind and number stand beside it in clear, and an empty row has no
 * seal. */
static bool is_written(const struct journal_copy *j, const struct journal_row *row)
{
    struct msg_effect_timer timer;
    struct msg_effect_call call;
    struct msg_worker_result result;
    switch (row->kind) {
    case JOURNAL_INTENT:
        return row->effect && (wire_decode_effect_timer(row->data, &timer) == 0 || wire_decode_effect_call(row->data, &call) == 0);
    case JOURNAL_RESULT:
        return wire_decode_worker_result(row->data, &result) == 0 && result.run == j->key->run.n && result.effect == row->effect;
    case JOURNAL_CANCEL:
        return row->data.len == 0;
    case JOURNAL_TRACE:
    case JOURNAL_NOTE:
        break;
    }
    return row->data.len > 0;
}

/* Adds `row` with what is sealed for it. */
static int take_row(struct journal_copy *j, enum seal_column column, uint32_t seq, struct slice sealed,
                    const struct journal_row *row)
{
    _cleanup_buffer_ struct buffer plain = BUFFER_MAX(LIMIT_FRAME);
    int r = sealed.len ? seal_open(j->key, column, seq, sealed, &plain) : 0;
    struct journal_row *copy = r < 0 ? NULL : arena_alloc(&j->memory, sizeof *copy);
    bool ok = copy;
    if (!ok)
        return r < 0 ? r : -ENOMEM;
    *copy = *row;
    copy->data = arena_copy(&j->memory, buffer_slice(&plain), &ok);
    *j->last = copy;
    j->last = &copy->next;
    return !ok ? -ENOMEM : is_written(j, copy) ? 0 : -SP_ETAMPERED;
}

static int on_run(void *user, const struct store_run *row)
{
    struct journal_copy *j = user;
    j->state = row->state;
    j->started_ms = row->started_ms;
    j->trigger = row->trigger;
    (void)snprintf(j->actor, sizeof j->actor, "%.*s", SLICE_ARGS(row->actor));
    int r = seal_open_column(j->key, SEAL_RUN_INPUT, row->input, &j->input);
    struct journal_row trace = {.kind = JOURNAL_TRACE, .at_ms = row->started_ms};
    return r < 0 || row->trace.len == 0 ? r : take_row(j, SEAL_RUN_TRACE, 0, row->trace, &trace);
}

/* An intent or a cancellation for each number that an effect may have (step_check.c), and for each effect a result and a trace, but for
 * the trace of the first step, which has no result. */
#define ROWS_MAX (4u * LIMIT_EFFECTS + 1)
_Static_assert(ROWS_MAX < 1u << 24, "a row's number is a part of its nonce (store/seal.c)");

static int on_row(void *user, const struct store_journal *row)
{
    struct journal_copy *j = user;
    struct journal_row copy = {.kind = row->kind, .effect = row->effect, .at_ms = row->at_ms};
    /* Their numbers are dense: without that an empty row, which has no seal, could stand anywhere. */
    if (row->seq != j->next_seq)
        return -SP_ETAMPERED;
    j->n_results += row->kind == JOURNAL_RESULT;
    j->next_seq = row->seq + 1;
    j->len += row->data.len;
    /* None is written that is longer; but for the result of a run that ended because of it. */
    if (j->len > LIMIT_JOURNAL + 2 * LIMIT_FRAME || j->next_seq > ROWS_MAX)
        return -SP_ELIMIT;
    return take_row(j, SEAL_JOURNAL, row->seq, row->data, &copy);
}

void journal_copy_begin(struct journal_copy *j, const struct seal_key *key)
{
    *j = (struct journal_copy){.key = key, .input = BUFFER_MAX(LIMIT_BODY)};
    j->last = &j->first;
}

int journal_copy_read(struct journal_copy *j, struct store_reader *reader)
{
    int r = store_snapshot_begin(reader);
    if (r < 0)
        return r;
    r = store_run_by_id(reader, j->key->run, on_run, j);
    r = r < 0 ? r : store_journal(reader, j->key->run, on_row, j);
    store_snapshot_end(reader);
    return r;
}

void journal_copy_free(struct journal_copy *j)
{
    arena_free(&j->memory);
    buffer_free(&j->input);
}

static void load_work(struct store_reader *reader, void *user)
{
    struct load *load = user;
    load->code = journal_copy_read(&load->journal, reader);
    /* The index of open runs said otherwise. Its row is what an update would meet, and what leaves vouch for. */
    if (load->code == 0 && run_state_is_terminal(load->journal.state))
        load->code = -SP_ECONFLICT;
    if (load->code == 0)
        load->code = store_events_len(reader, load->id, &load->events_len);
}

/* --- replaying, on the loop ---------------------------------------------------------------------------------------- */

/* What an intent's record is: a timer's has a fixed size that no call's can have. */
static enum effect_kind intent_kind(struct slice record)
{
    struct msg_effect_timer timer;
    return wire_decode_effect_timer(record, &timer) == 0 ? EFFECT_TIMER : EFFECT_CALL;
}

static int resume_effect(struct run *run, const struct journal_row *row)
{
    struct effect *effect;
    int r = effect_add(run, intent_kind(row->data), row->effect, row->data, &effect);
    if (r == 0)
        effect_resume(effect, row->at_ms);
    return r;
}

/* The journal's open effects: intents without result or cancellation. */
static int open_effects(struct run *run, const struct journal_copy *j)
{
    for (const struct journal_row *row = j->first; row; row = row->next) {
        struct effect *effect = effect_find(run, row->effect);
        int r = 0;
        if (row->kind == JOURNAL_INTENT && !effect)
            r = resume_effect(run, row);
        else if ((row->kind == JOURNAL_RESULT || row->kind == JOURNAL_CANCEL) && effect)
            effect_remove(effect);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Effects whose results are queued already are not open any more, though the journal does not know it yet. */
static void drop_answered(struct run *run)
{
    for (const struct result *result = run->queue; result; result = result->next) {
        struct effect *effect = effect_find(run, result->message.effect);
        if (effect)
            effect_remove(effect);
    }
}

static void put_intent(struct buffer *b, uint32_t number, struct slice record)
{
    wire_put_u32(b, number);
    wire_put_bytes(b, record, LIMIT_FRAME / 2);
}

/* The intents since the journal's last result: what the last step of the replay must name again. */
static int expect(struct run *run, const struct journal_copy *j)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_FRAME);
    for (const struct journal_row *row = j->first; row; row = row->next) {
        if (row->kind == JOURNAL_RESULT)
            buffer_clear(&b);
        else if (row->kind == JOURNAL_INTENT)
            put_intent(&b, row->effect, row->data);
    }
    slice_owned_free(&run->expected);
    run->expected = slice_owned(buffer_slice(&b));
    return run->expected.p ? buffer_error(&b) : -ENOMEM;
}

static bool is_as_expected(const struct run *run, struct slice effects)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_FRAME);
    uint8_t kind;
    uint32_t number;
    struct slice record;
    int r;
    while ((r = wire_effects_next(&effects, &kind, &number, &record)) > 0)
        if (kind == EFFECT_CALL || kind == EFFECT_TIMER)
            put_intent(&b, number, record);
    return r == 0 && buffer_error(&b) == 0 && slice_equal(buffer_slice(&b), run->expected);
}

int journal_copy_send(const struct journal_copy *j, int worker, struct msg_worker_start *m, uint64_t *ret_ticket)
{
    uint32_t sent = 0;
    m->input = buffer_slice(&j->input);
    m->replayed = j->n_results;
    int r = worker == NO_WORKER ? -SP_EUNAVAILABLE : workers_start(worker, m, ret_ticket);
    if (r < 0)
        return r;
    const struct run_id id = {m->run};
    for (const struct journal_row *row = j->first; row && r == 0; row = row->next)
        if (row->kind == JOURNAL_RESULT)
            r = workers_replayed(worker, id, row->data, ++sent == j->n_results, ret_ticket);
    if (r < 0)
        workers_drop(worker, id);
    return r;
}

static void replay(struct run *run, const struct journal_copy *j)
{
    struct msg_worker_start m = {.run = run->id.n, .started_ms = run->started_ms};
    memcpy(m.digest, run->workflow->digest, sizeof m.digest);
    memcpy(m.nonce, run->nonce, sizeof m.nonce);
    memcpy(m.seed, run->seed, sizeof m.seed);
    int worker = workers_choose();
    int r = journal_copy_send(j, worker, &m, &run->ticket);
    if (r < 0) {
        if (r == -SP_ENOTFOUND || r == -SP_ELIMIT)
            run_fault(run, "runtime", 500, "Replay not possible",
                      "The run's journal or definition could not be handed to a worker.");
        else
            run_wait_for_worker(run);
        return;
    }
    run->worker = worker;
    run->results = j->n_results;
    run->phase = j->first ? PHASE_REPLAY : PHASE_STEP;
    metrics_count(METRIC_RUNS_REPLAYED);
}

/* What a run that was recovered at a start did not know of itself. */
static void take_cause(struct run *run, const struct journal_copy *j)
{
    run->started_ms = j->started_ms;
    run->last_ms = run->last_ms > j->started_ms ? run->last_ms : j->started_ms;
    run->trigger = j->trigger;
    memcpy(run->actor, j->actor, sizeof run->actor);
}

static void log_run(const struct run *run, const char *event, int code)
{
    char id[RUN_ID_LEN + 1];
    run_id_text(run->id, id);
    log_event(LOG_LEVEL_ERROR, event, "run", id, "error", error_text(code), NULL);
}

static void on_loaded(void *user)
{
    struct load *load = user;
    struct run *run = run_find(load->id);
    if (run && run->phase == PHASE_LOAD) {
        run->journal_seq = load->journal.next_seq;
        run->journal_len = load->journal.len;
        run->events_len = load->events_len;
        if (load->code == 0)
            take_cause(run, &load->journal);
        /* Calls that are with egress stay there; all others are taken from the journal anew. */
        int r = load->code < 0 ? load->code : open_effects(run, &load->journal);
        r = r < 0 ? r : expect(run, &load->journal);
        for (const struct journal_row *row = load->journal.first; row; row = row->next) {
            run->last_ms = row->at_ms > run->last_ms ? row->at_ms : run->last_ms;
            if (row->kind == JOURNAL_INTENT && row->effect > run->last_effect)
                run->last_effect = row->effect;
        }
        drop_answered(run);
        if (r == 0)
            effects_forget_timers(run);
        if (load->code == -SP_ECONFLICT) {
            log_run(run, "engine.run-ended-already", load->code);
            run_finish(run, load->code);
        } else if (run->is_cancelled) {
            step_cancel(run);
        } else if (r == -ENOMEM) {
            run->phase = PHASE_IDLE;
            run_retry_later(run);
        } else if (r < 0) {
            log_run(run, "engine.journal-unreadable", r);
            run_fault(run, "runtime", 500, "Journal unreadable", "The run's journal could not be read; verify the database.");
        } else {
            replay(run, &load->journal);
        }
    }
    journal_copy_free(&load->journal);
    seal_key_wipe(&load->key);
    free(load);
}

void load_begin(struct run *run)
{
    struct load *load = calloc(1, sizeof *load);
    run->phase = PHASE_LOAD;
    run_wake_stop(run);
    if (load) {
        load->id = run->id;
        load->key = run->key;
        journal_copy_begin(&load->journal, &load->key);
    }
    if (!load || slow_submit(load_work, on_loaded, load) < 0) {
        if (load)
            seal_key_wipe(&load->key);
        free(load);
        run->phase = PHASE_IDLE;
        run_retry_later(run);
    }
}

/* The effects that the last step of the replay names are those that the journal has as intents, in the same order. */
void replay_check(struct run *run, const struct msg_worker_step *m)
{
    if (m->status != STEP_WAITING || !is_as_expected(run, m->effects)) {
        run_fault(run, "runtime", 500, "Replay differs", "The replay of the run's journal does not give the effects that it had.");
        return;
    }
    run->phase = PHASE_IDLE;
    run->state = RUN_WAITING;
    run->rescues = 0;
    effects_begin(run, true);
}
