/* run: the life of a run and its loop. Called by the worker through flow.h. What must hold: the same
 * definition, start and results give the same bytes [I4]; strands go in the order of their creation, so
 * nothing depends on addresses or time. */
#include "flow/run.h"

#include "base/error.h"
#include "base/id.h"
#include "flow/document.h"
#include "flow/value_json.h"

static int begin(struct flow_run *run, jv input)
{
    struct strand *main = calloc(1, sizeof *main);
    if (!main) {
        jv_free(input);
        return -ENOMEM;
    }
    run->strands[run->n_strands++] = main;
    (void)frame_push(run, main, &run->d->workflow, input, jv_object());
    return run->error;
}

int flow_run_new(struct flow_definition *d, const struct msg_worker_start *start, struct flow_run **ret,
                 struct diag *reterr)
{
    jv input;
    int r = flow_json_parse(start->input, &input, reterr);
    if (r < 0)
        return r == -ENOMEM ? r : -SP_ESYNTAX;
    struct flow_run *run = calloc(1, sizeof *run);
    if (!run) {
        jv_free(input);
        return -ENOMEM;
    }
    *run = (struct flow_run){.d = flow_definition_ref(d),
                             .id = {start->run},
                             .started_ms = start->started_ms,
                             .now_ms = start->started_ms,
                             .status = STEP_WAITING,
                             .problem = jv_null(),
                             .context = jv_object(),
                             .output = jv_null(),
                             .fault = jv_null(),
                             .secrets = jv_invalid(),
                             .descriptor = jv_invalid(),
                             .runtime = jv_invalid(),
                             .effects = BUFFER_MAX(LIMIT_FRAME / 2),
                             .trace = BUFFER_MAX(4 * LIMIT_TRACE),
                             .output_text = BUFFER_MAX(LIMIT_BODY),
                             .context_text = BUFFER_MAX(LIMIT_BODY),
                             .fault_text = BUFFER_MAX(LIMIT_CONFIG)};
    memcpy(run->nonce, start->nonce, sizeof run->nonce);
    flow_random_init(&run->random, start->seed);
    r = begin(run, input);
    if (r < 0)
        flow_run_free(run);
    else
        *ret = run;
    return r;
}

static void drop_strands(struct flow_run *run)
{
    for (unsigned i = run->n_strands; i-- > 0;) {
        while (run->strands[i]->top)
            frame_pop(run, run->strands[i]);
        free(run->strands[i]);
    }
    run->n_strands = 0;
}

void flow_run_free(struct flow_run *run)
{
    if (!run)
        return;
    drop_strands(run);
    jv_free(run->problem);
    jv_free(run->context);
    jv_free(run->output);
    jv_free(run->fault);
    jv_free(run->secrets);
    jv_free(run->descriptor);
    jv_free(run->runtime);
    buffer_free(&run->effects);
    buffer_free(&run->trace);
    buffer_free(&run->output_text);
    buffer_free(&run->context_text);
    buffer_free(&run->fault_text);
    flow_definition_unref(run->d);
    free(run);
}

void run_trace(struct flow_run *run, const struct task *t, enum trace_status status)
{
    wire_put_u16(&run->trace, t->index);
    wire_put_u8(&run->trace, (uint8_t)status);
}

/* Appends compact JSON; false when it is too long for its field. */
static bool write_json(struct buffer *b, jv v)
{
    flow_value_write(b, v);
    return buffer_error(b) == 0;
}

void run_fault(struct flow_run *run, jv error)
{
    if (run->status != STEP_WAITING) {
        jv_free(error);
        return;
    }
    run->status = STEP_FAULTED;
    effects_cancel(run, NULL);
    jv_free(run->fault);
    run->fault = error;
    run_trace(run, &run->d->workflow, TRACE_FAULTED);
}

void run_limit(struct flow_run *run, const struct frame *f, const char *detail)
{
    (void)problem_titled(run, f, FLOW_ERROR_RUNTIME, 500, "limit exceeded", detail);
    run_fault(run, run->problem);
    run->problem = jv_null();
}

void run_complete(struct flow_run *run, jv output)
{
    if (!write_json(&run->output_text, output)) {
        jv_free(output);
        buffer_clear(&run->output_text);
        run_limit(run, NULL, "the workflow's output is too large");
        return;
    }
    run->status = STEP_COMPLETED;
    effects_cancel(run, NULL);
    jv_free(run->output);
    run->output = output;
}

static bool is_runnable(const struct strand *s)
{
    return !s->is_dead && s->top && s->top->phase != FRAME_EFFECT && s->top->phase != FRAME_FORK;
}

/* Goes on with one strand until it waits or ends. */
static void advance(struct flow_run *run, struct strand *s)
{
    while (run->status == STEP_WAITING && !run->error && is_runnable(s)) {
        struct frame *f = s->top;
        bool ok = f->phase == FRAME_ENTER  ? task_enter(run, s, f)
                  : f->phase == FRAME_LIST ? task_next(run, s, f)
                                           : task_finish(run, s, f);
        if (!ok && run->status == STEP_WAITING && !run->error)
            run_raise(run, s);
    }
}

static void sweep(struct flow_run *run)
{
    unsigned n = 0;
    for (unsigned i = 0; i < run->n_strands; i++)
        if (run->strands[i]->is_dead)
            free(run->strands[i]);
        else
            run->strands[n++] = run->strands[i];
    run->n_strands = n;
}

static void go(struct flow_run *run)
{
    for (bool moved = true; moved && run->status == STEP_WAITING && !run->error;) {
        moved = false;
        for (unsigned i = 0; i < run->n_strands; i++)
            if (is_runnable(run->strands[i])) {
                advance(run, run->strands[i]);
                moved = true;
            }
        sweep(run);
    }
}

/* The buffers are emptied before the first byte of a new step, not at the end of the last, whose slices are
 * still read. */
static void begin_step(struct flow_run *run)
{
    if (!run->is_drained)
        return;
    buffer_clear(&run->effects);
    buffer_clear(&run->trace);
    run->is_drained = false;
}

static void write_end(struct flow_run *run)
{
    if (run->status == STEP_FAULTED && run->fault_text.len == 0 &&
        !write_json(&run->fault_text, run->fault)) {
        buffer_clear(&run->fault_text);
        jv_free(run->fault);
        run->fault = jv_null();
        (void)problem_titled(run, NULL, FLOW_ERROR_RUNTIME, 500, "limit exceeded",
                             "the error is too large to be kept");
        (void)write_json(&run->fault_text, run->problem);
    }
    if (run->context_text.len == 0 && !write_json(&run->context_text, run->context)) {
        buffer_clear(&run->context_text);
        (void)buffer_append_text(&run->context_text, "null");
    }
}

/* None of the step's effects can leave, so the run did not end as it seemed to. */
static void end_oversized(struct flow_run *run)
{
    buffer_clear(&run->effects);
    buffer_clear(&run->output_text);
    run->status = STEP_WAITING;
    run_limit(run, NULL, "the effects of one step are too large");
}

int flow_run_step(struct flow_run *run, struct flow_step *ret)
{
    begin_step(run);
    go(run);
    if (run->status == STEP_WAITING && !run->error)
        effects_arm(run);
    if (buffer_error(&run->effects) == -SP_ELIMIT)
        end_oversized(run);
    run->is_drained = true;
    if (run->error || buffer_error(&run->trace) || buffer_error(&run->effects))
        return -ENOMEM;
    if (run->status != STEP_WAITING)
        write_end(run);
    *ret = (struct flow_step){.status = run->status,
                              .effects = buffer_slice(&run->effects),
                              .trace = buffer_slice(&run->trace),
                              .output = buffer_slice(&run->output_text),
                              .context = buffer_slice(&run->context_text),
                              .error = buffer_slice(&run->fault_text)};
    return 0;
}

static void deliver(struct flow_run *run, const struct open_effect *e, const struct msg_worker_result *result)
{
    struct frame *f = e->frame;
    bool ok = true;
    if (e->purpose == PURPOSE_RESULT && e->kind == EFFECT_CALL) {
        ok = http_finish(run, f, result);
    } else if (e->purpose == PURPOSE_RESULT) {
        frame_done(f, jv_copy(f->input));
    } else if (e->purpose == PURPOSE_DELAY) {
        ok = try_again(run, f);
    } else {
        strand_unwind(run, e->strand, f, TRACE_CANCELLED);
        if (e->purpose == PURPOSE_TIMEOUT)
            f->phase = FRAME_DONE; /* a `try` does not catch its own timeout */
        ok = problem(run, f, FLOW_ERROR_TIMEOUT, 408, "the %s did not end in time",
                     f->task->kind == TASK_WORKFLOW  ? "workflow"
                     : e->purpose == PURPOSE_ATTEMPT ? "attempt"
                                                     : "task");
    }
    if (!ok && run->status == STEP_WAITING && !run->error)
        run_raise(run, e->strand);
}

int flow_run_deliver(struct flow_run *run, const struct msg_worker_result *result)
{
    begin_step(run);
    if (result->effect == 0 || result->effect > run->n_effects)
        return -SP_EINVALID;
    for (unsigned i = 0; i < run->n_open; i++)
        if (run->open[i].number == result->effect) {
            struct open_effect e = run->open[i];
            if (e.kind != result->kind)
                return -SP_EINVALID;
            memmove(run->open + i, run->open + i + 1, (run->n_open - i - 1) * sizeof e);
            run->n_open--;
            run->now_ms = result->at_ms;
            deliver(run, &e, result);
            return 0;
        }
    /* It was cancelled in a step that the peer had not seen when it sent this: a race, not a lie. */
    return 0;
}
