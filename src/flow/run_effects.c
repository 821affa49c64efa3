/* run_effects: what leaves a run, and who waits for it. Called by the interpreter. What must hold: numbers
 * count from 1 over the run in the order of the records; an open effect belongs to a frame that is on a
 * stack, and goes when the frame goes. */
#include "flow/run.h"

static bool may_open(struct flow_run *run, const struct frame *f)
{
    if (run->n_effects >= LIMIT_EFFECTS)
        run_limit(run, f, "the run has too many effects");
    return run->status == STEP_WAITING;
}

bool effect_open(struct flow_run *run, struct strand *s, struct frame *f, enum effect_kind kind,
                 enum purpose purpose, struct buffer *record)
{
    if (buffer_error(record))
        return problem(run, f, FLOW_ERROR_RUNTIME, 500, "the request is too large");
    if (!may_open(run, f))
        return false;
    if (run->n_open == LIMIT_OPEN_EFFECTS) {
        run_limit(run, f, "too many effects are under way");
        return false;
    }
    uint32_t number = ++run->n_effects;
    wire_effects_put(&run->effects, (uint8_t)kind, number, buffer_slice(record));
    run->open[run->n_open++] = (struct open_effect){number, (uint8_t)kind, purpose, s, f};
    return true;
}

bool effect_timer(struct flow_run *run, struct strand *s, struct frame *f, enum purpose purpose,
                  int64_t delay_ms)
{
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(64);
    struct msg_effect_timer timer = {.delay_ms = delay_ms > 0 ? (uint64_t)delay_ms : 0,
                                     .is_timeout = purpose == PURPOSE_TIMEOUT || purpose == PURPOSE_ATTEMPT,
                                     .task = f->task->index};
    wire_encode_effect_timer(&record, &timer);
    return effect_open(run, s, f, EFFECT_TIMER, purpose, &record);
}

bool effect_event(struct flow_run *run, struct frame *f, jv event)
{
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(LIMIT_BODY + 64);
    jv text = jv_dump_string(event, 0);
    struct msg_effect_event message = {.event = text_of(text), .task = f->task->index};
    wire_encode_effect_event(&record, &message);
    jv_free(text);
    if (buffer_error(&record))
        return problem(run, f, FLOW_ERROR_RUNTIME, 500, "the event is too large");
    if (!may_open(run, f))
        return false;
    wire_effects_put(&run->effects, EFFECT_EVENT, ++run->n_effects, buffer_slice(&record));
    return true;
}

static void cancel_one(struct flow_run *run, uint32_t number)
{
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(64);
    struct msg_effect_cancel message = {.effect = number};
    wire_encode_effect_cancel(&record, &message);
    wire_effects_put(&run->effects, EFFECT_CANCEL, ++run->n_effects, buffer_slice(&record));
}

void effects_cancel(struct flow_run *run, const struct frame *f)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->n_open; i++)
        if (!f || run->open[i].frame == f)
            cancel_one(run, run->open[i].number);
        else
            run->open[n++] = run->open[i];
    run->n_open = n;
}

void effect_cancel_at(struct flow_run *run, unsigned i)
{
    cancel_one(run, run->open[i].number);
    memmove(run->open + i, run->open + i + 1, (run->n_open - i - 1) * sizeof run->open[0]);
    run->n_open--;
}

void effects_arm(struct flow_run *run)
{
    for (unsigned i = 0; i < run->n_strands; i++)
        for (struct frame *f = run->strands[i]->top; f; f = f->below) {
            if (f->deadline_ms >= 0 &&
                !effect_timer(run, run->strands[i], f, PURPOSE_TIMEOUT, f->deadline_ms - run->now_ms))
                return;
            f->deadline_ms = -1;
            if (f->attempt_deadline_ms >= 0 &&
                !effect_timer(run, run->strands[i], f, PURPOSE_ATTEMPT, f->attempt_deadline_ms - run->now_ms))
                return;
            f->attempt_deadline_ms = -1;
        }
}
