/* run_fault: errors: made, raised, caught, retried. Called by the loop in run.c. What must hold: each frame
 * that an error passes is traced as faulted and what it waited for is cancelled; a limit is caught by nobody.
 */
#include <stdarg.h>

#include "flow/run.h"

bool problem_titled(struct flow_run *run, const struct frame *f, enum flow_error type, int status,
                    const char *title, const char *detail)
{
    jv e = jv_object_set(jv_object(), jv_string("type"), jv_string(flow_error_type_uri(type)));
    e = jv_object_set(e, jv_string("status"), jv_number(status));
    e = jv_object_set(e, jv_string("title"), jv_string(title));
    e = jv_object_set(e, jv_string("instance"), jv_string(f ? f->task->reference : ""));
    if (detail && detail[0])
        e = jv_object_set(e, jv_string("detail"), jv_string(detail));
    jv_free(run->problem);
    run->problem = e;
    return false;
}

bool problem(struct flow_run *run, const struct frame *f, enum flow_error type, int status,
             const char *format, ...)
{
    char detail[LIMIT_TEXT];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    return problem_titled(run, f, type, status, flow_error_type_title(type), detail);
}

void strand_cancel_branches(struct flow_run *run, const struct strand *s)
{
    /* A parent stands before its children, so one pass finds all that descend from it. */
    bool is_ended[LIMIT_STRANDS] = {false};
    for (unsigned i = 0; i < run->n_strands; i++) {
        struct strand *branch = run->strands[i];
        for (unsigned j = 0; j < i && !is_ended[i]; j++)
            is_ended[i] = is_ended[j] && run->strands[j] == branch->parent;
        is_ended[i] = is_ended[i] || branch->parent == s;
        if (!is_ended[i])
            continue;
        branch->is_dead = true;
        while (branch->top) {
            run_trace(run, branch->top->task, TRACE_CANCELLED);
            frame_pop(run, branch);
        }
    }
}

void strand_unwind(struct flow_run *run, struct strand *s, const struct frame *until,
                   enum trace_status status)
{
    if (s->top && s->top->phase == FRAME_FORK)
        strand_cancel_branches(run, s);
    while (s->top && s->top != until) {
        run_trace(run, s->top->task, status);
        frame_pop(run, s);
    }
}

static bool field_matches(const struct expr *filter, jv error, const char *name)
{
    if (filter->kind != EXPR_CONSTANT)
        return true;
    jv v = peek(error, name);
    if (is_kind(v, JV_KIND_STRING) && is_kind(filter->constant, JV_KIND_STRING) && strcmp(name, "type") == 0)
        return flow_error_type_equal(text_of(v), text_of(filter->constant));
    return jv_is_valid(v) && jv_equal(jv_copy(v), jv_copy(filter->constant));
}

/* `when` and `exceptWhen`, with the error in scope. */
static bool conditions_hold(struct flow_run *run, struct frame *f, const struct expr *when,
                            const struct expr *except_when, bool *ret)
{
    *ret = true;
    bool holds;
    if (when->kind != EXPR_ABSENT && !run_condition(run, f, when, jv_copy(f->input), ret))
        return false;
    if (*ret && except_when->kind != EXPR_ABSENT) {
        if (!run_condition(run, f, except_when, jv_copy(f->input), &holds))
            return false;
        *ret = !holds;
    }
    return true;
}

static int64_t bounded(int64_t ms)
{
    return ms < 0 ? 0 : ms > LIMIT_DURATION_MS ? LIMIT_DURATION_MS : ms;
}

/* The pause before attempt `n` + 1; n counts from 1. */
static bool retry_delay(struct flow_run *run, struct frame *f, const struct retry *r, uint32_t n,
                        int64_t *ret_ms)
{
    int64_t delay, from, to;
    if (!run_timing(run, f, &r->delay, &delay) || !run_timing(run, f, &r->jitter_from, &from) ||
        !run_timing(run, f, &r->jitter_to, &to))
        return false;
    if (r->backoff == BACKOFF_LINEAR)
        delay = bounded(delay) * n;
    for (uint32_t i = 1; r->backoff == BACKOFF_EXPONENTIAL && i < n && delay < LIMIT_DURATION_MS; i++)
        delay *= 2;
    if (r->jitter_to.kind != TIMING_ABSENT && to >= from)
        delay = bounded(delay) + from + (int64_t)flow_random_below(&run->random, (uint64_t)(to - from) + 1);
    *ret_ms = bounded(delay);
    return true;
}

/* 1: the policy has the task done again; 0: it does not; -1: another problem. */
static int try_retry(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct retry *r = &f->task->catch_.retry;
    bool holds;
    int64_t delay, total;
    if (!r->is_set)
        return 0;
    if (!conditions_hold(run, f, &r->when, &r->except_when, &holds))
        return -1;
    uint32_t attempts = f->iteration + 1;
    if (!holds || attempts > LIMIT_RETRIES || (r->attempts >= 0 && attempts > (uint64_t)r->attempts))
        return 0;
    if (!retry_delay(run, f, r, attempts, &delay) || !run_timing(run, f, &r->duration, &total))
        return -1;
    if (r->duration.kind != TIMING_ABSENT && run->now_ms - f->started_ms + delay > total)
        return 0;
    f->iteration = attempts;
    run_trace(run, f->task, TRACE_RETRIED);
    f->phase = FRAME_EFFECT;
    bool ok = delay ? effect_timer(run, s, f, PURPOSE_DELAY, delay) : try_again(run, f);
    return ok ? 1 : -1;
}

bool try_again(struct flow_run *run, struct frame *f)
{
    int64_t ms;
    frame_begin_list(f, &f->task->list, jv_copy(f->input));
    if (f->task->catch_.retry.attempt_duration.kind == TIMING_ABSENT)
        return true;
    if (!run_timing(run, f, &f->task->catch_.retry.attempt_duration, &ms))
        return false;
    f->attempt_deadline_ms = run->now_ms + ms;
    return true;
}

/* Only the timer of an attempt ends with it; the task's own goes on. */
static void end_attempt(struct flow_run *run, const struct frame *f)
{
    for (unsigned i = 0; i < run->n_open; i++)
        if (run->open[i].frame == f && run->open[i].purpose == PURPOSE_ATTEMPT) {
            effect_cancel_at(run, i);
            return;
        }
}

/* 1: caught; 0: not for this `try`; -1: another problem came up while deciding. */
static int try_catch(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct task *t = f->task;
    jv error = run->problem;
    bool holds;
    if (!field_matches(&t->catch_.type, error, "type") ||
        !field_matches(&t->catch_.status, error, "status") ||
        !field_matches(&t->catch_.title, error, "title") ||
        !field_matches(&t->catch_.detail, error, "detail") ||
        !field_matches(&t->catch_.instance, error, "instance"))
        return 0;
    f->attempt_deadline_ms = -1;
    end_attempt(run, f);
    f->vars = jv_object_set(f->vars, jv_string_sized((const char *)t->catch_.as.p, (int)t->catch_.as.len),
                            jv_copy(error));
    if (!conditions_hold(run, f, &t->catch_.when, &t->catch_.except_when, &holds))
        return -1;
    if (!holds)
        return 0;
    int retried = try_retry(run, s, f);
    if (retried)
        return retried;
    /* A policy that is used up and no handler: nobody has dealt with the error. */
    if (t->catch_.retry.is_set && !t->catch_.has_do && !t->catch_.then.is_set)
        return 0;
    f->is_catching = true;
    if (t->catch_.then.is_set)
        f->then = t->catch_.then;
    if (t->catch_.has_do)
        frame_begin_list(f, &t->catch_.list, jv_copy(f->input));
    else
        frame_done(f, jv_copy(f->input));
    return 1;
}

void run_raise(struct flow_run *run, struct strand *s)
{
    while (run->status == STEP_WAITING && !run->error) {
        struct frame *f = s->top;
        if (!f) {
            s->is_dead = true;
            s = s->parent; /* its top frame is the fork, which faults too */
            continue;
        }
        if (f->task->kind == TASK_TRY && f->phase == FRAME_LIST && !f->is_catching &&
            try_catch(run, s, f) > 0)
            return;
        if (run->status != STEP_WAITING || run->error)
            return;
        if (f->phase == FRAME_FORK)
            strand_cancel_branches(run, s);
        if (f->task->kind == TASK_WORKFLOW) {
            run_fault(run, run->problem);
            run->problem = jv_null();
            return;
        }
        run_trace(run, f->task, TRACE_FAULTED);
        frame_pop(run, s);
    }
}
