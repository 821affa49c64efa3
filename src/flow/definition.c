/* definition: the life of a compiled definition, and how its values are looked at without counting
 * references. Called by the compiler, which fills one, and by runs, which share it. What must hold: a
 * borrowed value never outlives `value`. */
#include "flow/definition.h"

#include "base/must.h"

jv peek(jv object, const char *key)
{
    if (!is_kind(object, JV_KIND_OBJECT))
        return jv_invalid();
    jv v = jv_object_get(jv_copy(object), jv_string(key));
    jv_free(v); /* the object keeps it */
    return v;
}

jv peek_item(jv array, int i)
{
    jv v = jv_array_get(jv_copy(array), i);
    jv_free(v);
    return v;
}

struct slice text_of(jv string)
{
    return slice_of(jv_string_value(string), (size_t)jv_string_length_bytes(jv_copy(string)));
}

static void expr_release(struct expr *e)
{
    if (e->kind == EXPR_CONSTANT)
        jv_free(e->constant);
    e->kind = EXPR_ABSENT;
}

static void timing_release(struct timing *t)
{
    if (t->kind == TIMING_EXPR)
        expr_release(&t->expr);
    t->kind = TIMING_ABSENT;
}

static void retry_release(struct retry *r)
{
    expr_release(&r->when);
    expr_release(&r->except_when);
    timing_release(&r->delay);
    timing_release(&r->attempt_duration);
    timing_release(&r->duration);
    timing_release(&r->jitter_from);
    timing_release(&r->jitter_to);
}

static void catch_release(struct task *t)
{
    expr_release(&t->catch_.type);
    expr_release(&t->catch_.title);
    expr_release(&t->catch_.status);
    expr_release(&t->catch_.instance);
    expr_release(&t->catch_.detail);
    expr_release(&t->catch_.when);
    expr_release(&t->catch_.except_when);
    retry_release(&t->catch_.retry);
    free(t->catch_.list.tasks);
}

static void http_release(struct http_call *h)
{
    expr_release(&h->method);
    expr_release(&h->headers);
    expr_release(&h->query);
    expr_release(&h->body);
    expr_release(&h->endpoint);
    expr_release(&h->authentication.username);
    expr_release(&h->authentication.password);
}

static void error_release(struct error_template *e)
{
    expr_release(&e->type);
    expr_release(&e->title);
    expr_release(&e->detail);
    expr_release(&e->instance);
    expr_release(&e->status);
}

static void kind_release(struct task *t)
{
    switch (t->kind) {
    case TASK_SWITCH:
        for (uint16_t i = 0; i < t->cases.n; i++)
            expr_release(&t->cases.items[i].when);
        free(t->cases.items);
        break;
    case TASK_FOR:
        expr_release(&t->loop.while_);
        break;
    case TASK_RAISE:
        error_release(&t->error);
        break;
    case TASK_TRY:
        catch_release(t);
        break;
    case TASK_WAIT:
        timing_release(&t->wait);
        break;
    case TASK_CALL:
        http_release(&t->http);
        break;
    case TASK_DO:
    case TASK_SET:
    case TASK_FORK:
    case TASK_EMIT:
    case TASK_LISTEN:
    case TASK_RUN:
    case TASK_FUNCTION:
    case TASK_WORKFLOW:
    case TASK_KIND_COUNT:
        break;
    }
}

void task_release(struct task *t)
{
    kind_release(t);
    expr_release(&t->condition);
    expr_release(&t->input_from);
    expr_release(&t->output_as);
    expr_release(&t->export_as);
    expr_release(&t->value);
    timing_release(&t->timeout);
    schema_free(t->input_schema);
    schema_free(t->output_schema);
    schema_free(t->export_schema);
    free(t->list.tasks);
    free(t->reference);
}

struct flow_definition *definition_new(void)
{
    struct flow_definition *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->references = 1;
    d->value = jv_null();
    d->secrets = jv_null();
    d->workflow.kind = TASK_WORKFLOW;
    d->workflow.index = FLOW_TASK_WORKFLOW;
    return d;
}

struct flow_definition *flow_definition_ref(struct flow_definition *d)
{
    d->references++;
    return d;
}

void flow_definition_unref(struct flow_definition *d)
{
    if (!d)
        return;
    must(d->references > 0);
    if (--d->references)
        return;
    for (uint16_t i = 0; i < d->n_tasks; i++) {
        task_release(d->tasks[i]);
        free(d->tasks[i]);
    }
    free(d->tasks);
    task_release(&d->workflow);
    if (d->program)
        flow_program_free(d->program);
    jv_free(d->secrets);
    jv_free(d->value);
    free(d);
}
