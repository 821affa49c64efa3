/* step_check: a worker is hostile by assumption, so that its step is checked whole before the engine acts on a part of it.
 * What must hold afterwards: each record decodes; numbers of effects only grow and stay below what the sealing of payloads
 * and the Idempotency-Key need; texts are JSON, since they become parts of answers as they are. Called by step.c; pure. */
#include "engine/step_check.h"

#include "base/error.h"
#include "base/json_check.h"

/* Cancellations are numbered too, at most one for each effect. */
#define LAST_NUMBER (2 * LIMIT_EFFECTS)

static int check_record(uint8_t kind, struct slice record)
{
    struct msg_effect_call call;
    struct msg_effect_timer timer;
    struct msg_effect_event event;
    struct msg_effect_cancel cancel;
    int r;
    switch ((enum effect_kind)kind) {
    case EFFECT_CALL:
        return wire_decode_effect_call(record, &call);
    case EFFECT_TIMER:
        r = wire_decode_effect_timer(record, &timer);
        return r == 0 && timer.delay_ms > (uint64_t)LIMIT_DURATION_MS ? -SP_ELIMIT : r;
    case EFFECT_EVENT:
        r = wire_decode_effect_event(record, &event);
        return r == 0 && !json_is_value(event.event) ? -SP_EINVALID : r;
    case EFFECT_CANCEL:
        return wire_decode_effect_cancel(record, &cancel);
    default:
        return -SP_EINVALID;
    }
}

static int check_effects(struct slice effects, uint32_t last, uint32_t *ret_last)
{
    uint8_t kind;
    uint32_t number;
    struct slice record;
    int r;
    while ((r = wire_effects_next(&effects, &kind, &number, &record)) > 0) {
        if (number <= last || number > LAST_NUMBER)
            return -SP_EINVALID;
        last = number;
        r = check_record(kind, record);
        if (r < 0)
            return r;
    }
    *ret_last = last;
    return r;
}

static int check_trace(struct slice trace)
{
    if (trace.len % 3)
        return -SP_EINVALID;
    for (size_t i = 2; i < trace.len; i += 3)
        if (!trace_status_text(trace.p[i]))
            return -SP_EINVALID;
    return 0;
}

static bool is_json_or_nothing(struct slice s)
{
    return s.len == 0 || json_is_value(s);
}

static int check_end(const struct msg_worker_step *m)
{
    if (m->status == STEP_COMPLETED)
        return m->output.len ? 0 : -SP_EINVALID;
    if (m->status == STEP_FAULTED)
        return m->error.len ? 0 : -SP_EINVALID;
    return 0;
}

int step_check(const struct msg_worker_step *m, uint32_t last_effect, uint32_t *ret_last)
{
    if (!step_status_text(m->status) || !is_json_or_nothing(m->output) || !is_json_or_nothing(m->error) ||
        !is_json_or_nothing(m->context))
        return -SP_EINVALID;
    int r = check_end(m);
    r = r < 0 ? r : check_trace(m->trace);
    return r < 0 ? r : check_effects(m->effects, last_effect, ret_last);
}
