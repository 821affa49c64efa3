/* run_kinds: the work of each kind of task. Called by run_task once the input is there. What must hold: a
 * kind either ends the task (frame_done), begins a list, or leaves the frame waiting for something that will
 * come. */
#include "base/clock.h"
#include "base/must.h"
#include "flow/run.h"

typedef bool enter_kind(struct flow_run *run, struct strand *s, struct frame *f);

static bool enter_list(struct flow_run *run, struct strand *s, struct frame *f)
{
    frame_begin_list(f, &f->task->list, jv_copy(f->input));
    return true;
}

static bool enter_set(struct flow_run *run, struct strand *s, struct frame *f)
{
    jv v;
    if (!run_eval(run, f, &f->task->value, jv_copy(f->input), jv_null(), &v))
        return false;
    frame_done(f, v);
    return true;
}

static bool enter_switch(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct task *t = f->task;
    for (uint16_t i = 0; i < t->cases.n; i++) {
        bool holds;
        if (t->cases.items[i].when.kind == EXPR_ABSENT)
            continue;
        if (!run_condition(run, f, &t->cases.items[i].when, jv_copy(f->input), &holds))
            return false;
        if (holds) {
            f->then = t->cases.items[i].then;
            frame_done(f, jv_copy(f->input));
            return true;
        }
    }
    for (uint16_t i = 0; i < t->cases.n; i++)
        if (t->cases.items[i].when.kind == EXPR_ABSENT)
            f->then = t->cases.items[i].then;
    frame_done(f, jv_copy(f->input));
    return true;
}

bool for_next(struct flow_run *run, struct frame *f)
{
    const struct task *t = f->task;
    if (f->iteration >= (uint32_t)jv_array_length(jv_copy(f->items))) {
        frame_done(f, jv_copy(f->data));
        return true;
    }
    if (f->iteration >= LIMIT_ITERATIONS) {
        run_limit(run, f, "a `for` has too many iterations");
        return false;
    }
    f->vars = jv_object_set(f->vars, jv_string_sized((const char *)t->loop.each.p, (int)t->loop.each.len),
                            jv_copy(peek_item(f->items, (int)f->iteration)));
    f->vars = jv_object_set(f->vars, jv_string_sized((const char *)t->loop.at.p, (int)t->loop.at.len),
                            jv_number(f->iteration));
    bool holds = true;
    if (t->loop.while_.kind != EXPR_ABSENT &&
        !run_condition(run, f, &t->loop.while_, jv_copy(f->data), &holds))
        return false;
    if (holds)
        frame_begin_list(f, &t->list, jv_copy(f->data));
    else
        frame_done(f, jv_copy(f->data));
    return true;
}

static bool enter_for(struct flow_run *run, struct strand *s, struct frame *f)
{
    jv items;
    if (!run_eval(run, f, &f->task->value, jv_copy(f->input), jv_null(), &items))
        return false;
    if (!is_kind(items, JV_KIND_ARRAY)) {
        jv_free(items);
        return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "`for.in` does not give a list");
    }
    jv_free(f->items);
    f->items = items;
    jv_free(f->data);
    f->data = jv_copy(f->input);
    return for_next(run, f);
}

/* A strand for each branch; they run in the order of their declaration. */
static bool enter_fork(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct task_list *list = &f->task->list;
    if (run->n_strands + list->n > LIMIT_STRANDS) {
        run_limit(run, f, "too many branches run at once");
        return false;
    }
    f->phase = FRAME_FORK;
    f->iteration = list->n;
    jv_free(f->items);
    f->items = jv_array();
    for (uint16_t i = 0; i < list->n; i++) {
        struct strand *branch = calloc(1, sizeof *branch);
        if (!branch) {
            run->error = -ENOMEM;
            return false;
        }
        branch->parent = s;
        branch->branch = i;
        run->strands[run->n_strands++] = branch;
        f->items = jv_array_append(f->items, jv_null());
        if (!frame_push(run, branch, run->d->tasks[list->tasks[i]], jv_copy(f->input), jv_copy(f->vars)))
            return false;
    }
    return true;
}

void fork_branch_done(struct flow_run *run, struct strand *branch, jv output)
{
    struct frame *f = branch->parent->top;
    must(f && f->phase == FRAME_FORK);
    branch->is_dead = true;
    if (f->task->compete) {
        strand_cancel_branches(run, branch->parent);
        frame_done(f, output);
        return;
    }
    f->items = jv_array_set(f->items, branch->branch, output);
    if (--f->iteration == 0)
        frame_done(f, jv_copy(f->items));
}

static bool error_field(struct flow_run *run, struct frame *f, const struct expr *e, const char *name,
                        jv *error)
{
    jv v;
    if (e->kind == EXPR_ABSENT)
        return true;
    if (!run_eval(run, f, e, jv_copy(f->input), jv_null(), &v))
        return false;
    bool is_status = strcmp(name, "status") == 0;
    if (!is_kind(v, is_status ? JV_KIND_NUMBER : JV_KIND_STRING)) {
        jv_free(v);
        return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "the error's `%s` is not a %s", name,
                       is_status ? "number" : "text");
    }
    *error = jv_object_set(*error, jv_string(name), v);
    return true;
}

static bool enter_raise(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct error_template *e = &f->task->error;
    jv error = jv_object();
    if (!error_field(run, f, &e->type, "type", &error) ||
        !error_field(run, f, &e->status, "status", &error) ||
        !error_field(run, f, &e->title, "title", &error) ||
        !error_field(run, f, &e->detail, "detail", &error)) {
        jv_free(error);
        return false;
    }
    jv_free(run->problem);
    run->problem = jv_object_set(error, jv_string("instance"), jv_string(f->task->reference));
    return false;
}

static bool enter_wait(struct flow_run *run, struct strand *s, struct frame *f)
{
    int64_t ms;
    if (!run_timing(run, f, &f->task->wait, &ms) || !effect_timer(run, s, f, PURPOSE_RESULT, ms))
        return false;
    f->phase = FRAME_EFFECT;
    return true;
}

static jv event_default(jv event, const char *key, jv value)
{
    jv old = peek(event, key);
    if (jv_is_valid(old) && !is_kind(old, JV_KIND_NULL)) {
        jv_free(value);
        return event;
    }
    return jv_object_set(event, jv_string(key), value);
}

static bool enter_emit(struct flow_run *run, struct strand *s, struct frame *f)
{
    jv event;
    char id[FLOW_UUID_LEN + 1], time[CLOCK_RFC3339_LEN + 1];
    if (!run_eval(run, f, &f->task->value, jv_copy(f->input), jv_null(), &event))
        return false;
    flow_random_uuid(&run->random, id);
    clock_rfc3339(run->now_ms, time);
    event = event_default(event, "id", jv_string(id));
    event = event_default(event, "time", jv_string(time));
    event = event_default(event, "source",
                          jv_string_fmt("/%.*s/%.*s/%.*s", SLICE_ARGS(run->d->ns), SLICE_ARGS(run->d->name),
                                        SLICE_ARGS(run->d->version)));
    event = jv_object_set(event, jv_string("specversion"), jv_string("1.0"));
    static const char *const texts[] = {"id", "time", "source", "type"};
    for (size_t i = 0; i < 4; i++)
        if (!is_kind(peek(event, texts[i]), JV_KIND_STRING)) {
            jv_free(event);
            return problem(run, f, FLOW_ERROR_VALIDATION, 400, "the event's `%s` is not a text", texts[i]);
        }
    if (!effect_event(run, f, jv_copy(event))) {
        jv_free(event);
        return false;
    }
    frame_done(f, event);
    return true;
}

static bool enter_function(struct flow_run *run, struct strand *s, struct frame *f)
{
    jv arguments;
    if (!run_eval(run, f, &f->task->value, jv_copy(f->input), jv_null(), &arguments))
        return false;
    f->phase = FRAME_LIST;
    return frame_push(run, s, run->d->tasks[f->task->function], arguments, jv_object()) != NULL;
}

static bool enter_call(struct flow_run *run, struct strand *s, struct frame *f)
{
    return http_start(run, s, f);
}

bool kind_enter(struct flow_run *run, struct strand *s, struct frame *f)
{
    static enter_kind *const table[TASK_KIND_COUNT] = {
        [TASK_DO] = enter_list,   [TASK_SET] = enter_set,           [TASK_SWITCH] = enter_switch,
        [TASK_FOR] = enter_for,   [TASK_FORK] = enter_fork,         [TASK_RAISE] = enter_raise,
        [TASK_TRY] = enter_list,  [TASK_WAIT] = enter_wait,         [TASK_EMIT] = enter_emit,
        [TASK_CALL] = enter_call, [TASK_FUNCTION] = enter_function, [TASK_WORKFLOW] = enter_list,
    };
    must(table[f->task->kind]); /* the compiler refuses what has no entry */
    return table[f->task->kind](run, s, f);
}
