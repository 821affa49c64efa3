/* run_task: what every task goes through (dsl.md, "Data Flow"): if, input, the work, output, export; and
 * lists of tasks. Called by the loop in run.c. What must hold: each stage sees exactly the data that the
 * specification names. */
#include "base/problem.h"
#include "flow/run.h"

struct frame *frame_push(struct flow_run *run, struct strand *s, const struct task *t, jv raw, jv vars)
{
    struct frame *f = s->n_frames < LIMIT_FRAMES ? calloc(1, sizeof *f) : NULL;
    if (!f) {
        if (s->n_frames < LIMIT_FRAMES)
            run->error = -ENOMEM;
        else
            run_limit(run, s->top, "tasks call one another too deeply");
        jv_free(raw);
        jv_free(vars);
        return NULL;
    }
    *f = (struct frame){.below = s->top,
                        .task = t,
                        .phase = FRAME_ENTER,
                        .raw = raw,
                        .input = jv_copy(raw),
                        .output = jv_null(),
                        .data = jv_null(),
                        .vars = vars,
                        .items = jv_null(),
                        .started_ms = run->now_ms,
                        .deadline_ms = -1,
                        .attempt_deadline_ms = -1,
                        .then = t->then};
    s->top = f;
    s->n_frames++;
    return f;
}

void frame_pop(struct flow_run *run, struct strand *s)
{
    struct frame *f = s->top;
    effects_cancel(run, f);
    s->top = f->below;
    s->n_frames--;
    jv_free(f->raw);
    jv_free(f->input);
    jv_free(f->output);
    jv_free(f->data);
    jv_free(f->vars);
    jv_free(f->items);
    free(f);
}

static void replace(jv *place, jv v)
{
    jv_free(*place);
    *place = v;
}

void frame_done(struct frame *f, jv output)
{
    replace(&f->output, output);
    f->phase = FRAME_DONE;
}

void frame_begin_list(struct frame *f, const struct task_list *list, jv data)
{
    replace(&f->data, data);
    f->list = list;
    f->position = 0;
    f->phase = FRAME_LIST;
}

/* What comes after a task of the list, or after the whole workflow. `output` is consumed. */
static bool hand_over(struct flow_run *run, struct strand *s, jv output, struct then then)
{
    struct frame *f = s->top;
    if (then.kind == THEN_END) { /* the whole run ends with this output */
        struct frame *bottom = run->strands[0]->top;
        while (bottom->below)
            bottom = bottom->below;
        if (s != run->strands[0])
            strand_unwind(run, s, NULL, TRACE_COMPLETED);
        strand_unwind(run, run->strands[0], bottom, s == run->strands[0] ? TRACE_COMPLETED : TRACE_CANCELLED);
        s->is_dead = s != run->strands[0];
        frame_done(bottom, output);
        return true;
    }
    if (!f) {
        fork_branch_done(run, s, output);
        return true;
    }
    if (f->task->kind == TASK_FUNCTION) {
        frame_done(f, output);
        return true;
    }
    replace(&f->data, output);
    if (then.kind == THEN_EXIT)
        return frame_end_list(run, f, true);
    f->position = then.kind == THEN_TASK ? then.position : (uint16_t)(f->position + 1);
    return true;
}

/* That the workflow's own input is wrong has a place of its own: who sent it is told what, and of no other fault. */
static bool validate_input(struct flow_run *run, struct frame *f)
{
    if (run_validate(run, f, f->task->input_schema, f->raw, "input"))
        return true;
    if (f->task->kind == TASK_WORKFLOW && is_kind(run->problem, JV_KIND_OBJECT))
        run->problem = jv_object_set(run->problem, jv_string("instance"), jv_string(PROBLEM_AT_INPUT));
    return false;
}

static bool enter_input(struct flow_run *run, struct frame *f)
{
    const struct task *t = f->task;
    jv input;
    int64_t ms;
    if (!validate_input(run, f) ||
        !run_eval(run, f, &t->input_from, jv_copy(f->raw), jv_null(), &input))
        return false;
    replace(&f->input, input);
    if (!run_timing(run, f, &t->timeout, &ms))
        return false;
    if (t->timeout.kind != TIMING_ABSENT)
        f->deadline_ms = run->now_ms + ms;
    return true;
}

bool task_enter(struct flow_run *run, struct strand *s, struct frame *f)
{
    bool holds = true;
    if (++run->n_steps > LIMIT_STEPS) {
        run_limit(run, f, "the run has too many steps");
        return false;
    }
    run_trace(run, f->task, TRACE_CREATED);
    if (f->task->condition.kind != EXPR_ABSENT &&
        !run_condition(run, f, &f->task->condition, jv_copy(f->raw), &holds))
        return false;
    if (!holds) {
        jv output = jv_copy(f->raw);
        run_trace(run, f->task, TRACE_SKIPPED);
        frame_pop(run, s);
        return hand_over(run, s, output, (struct then){0}); /* a skipped task's `then` does not count */
    }
    run_trace(run, f->task, TRACE_STARTED);
    return enter_input(run, f) && kind_enter(run, s, f);
}

bool frame_end_list(struct flow_run *run, struct frame *f, bool is_exit)
{
    if (f->task->kind == TASK_FOR && !is_exit) {
        f->iteration++;
        return for_next(run, f);
    }
    frame_done(f, jv_copy(f->data));
    return true;
}

bool task_next(struct flow_run *run, struct strand *s, struct frame *f)
{
    if (f->position >= f->list->n)
        return frame_end_list(run, f, false);
    const struct task *t = run->d->tasks[f->list->tasks[f->position]];
    return frame_push(run, s, t, jv_copy(f->data), jv_copy(f->vars)) != NULL;
}

static bool finish_export(struct flow_run *run, struct frame *f, jv output)
{
    const struct task *t = f->task;
    if (t->export_as.kind != EXPR_ABSENT) {
        jv context;
        if (!run_eval(run, f, &t->export_as, jv_copy(output), output, &context))
            return false;
        replace(&run->context, context);
    }
    return run_validate(run, f, t->export_schema, run->context, "context");
}

bool task_finish(struct flow_run *run, struct strand *s, struct frame *f)
{
    jv output;
    if (!run_eval(run, f, &f->task->output_as, jv_copy(f->output), jv_null(), &output))
        return false;
    if (!run_validate(run, f, f->task->output_schema, output, "output") || !finish_export(run, f, output)) {
        jv_free(output);
        return false;
    }
    struct then then = f->then;
    bool is_workflow = f->task->kind == TASK_WORKFLOW;
    run_trace(run, f->task, TRACE_COMPLETED);
    if (is_workflow) {
        run_complete(run, output);
        return run->status == STEP_COMPLETED;
    }
    frame_pop(run, s);
    return hand_over(run, s, output, then);
}
