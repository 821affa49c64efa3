/* run_vars: evaluates expressions with the variables that they name, and validates. Called by all of the
 * interpreter. What must hold: a variable's value is built only for who names it; `$secrets` holds handles,
 * never a secret [I2]; only expressions of the definition are evaluated [I9]. */
#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"
#include "base/version.h"
#include "flow/duration.h"
#include "flow/run.h"

/* docs/formats/handle.md */
static jv make_handle(const struct flow_run *run, const char *rest)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
    char nonce[27];
    for (unsigned i = 0; i < 26; i++) {
        unsigned bit = 5 * i, v = 0;
        for (unsigned k = 0; k < 5; k++, bit++)
            v = v << 1 | (bit < 128 ? (unsigned)run->nonce[bit / 8] >> (7 - bit % 8) & 1u : 0u);
        nonce[i] = digits[v];
    }
    nonce[26] = 0;
    return jv_string_fmt("sph1.%s.%s.e", nonce, rest);
}

static jv make_secrets(const struct flow_run *run)
{
    jv all = jv_object(), names = run->d->secrets;
    int n = is_kind(names, JV_KIND_ARRAY) ? jv_array_length(jv_copy(names)) : 0;
    for (int i = 0; i < n; i++) {
        char number[16];
        (void)snprintf(number, sizeof number, "%d", i);
        all = jv_object_set(all, jv_copy(peek_item(names, i)), make_handle(run, number));
    }
    return all;
}

static jv make_time(int64_t ms)
{
    char text[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(ms, text);
    jv epoch = jv_object_set(jv_object(), jv_string("seconds"), jv_number((double)(ms / 1000)));
    epoch = jv_object_set(epoch, jv_string("milliseconds"), jv_number((double)ms));
    return jv_object_set(jv_object_set(jv_object(), jv_string("iso8601"), jv_string(text)),
                         jv_string("epoch"), epoch);
}

static jv make_workflow(const struct flow_run *run)
{
    char id[RUN_ID_LEN + 1];
    const struct frame *bottom = run->strands[0]->top;
    while (bottom->below)
        bottom = bottom->below;
    run_id_text(run->id, id);
    jv v = jv_object_set(jv_object(), jv_string("id"), jv_string(id));
    v = jv_object_set(v, jv_string("definition"), jv_copy(run->d->value));
    v = jv_object_set(v, jv_string("input"), jv_copy(bottom->raw));
    return jv_object_set(v, jv_string("startedAt"), make_time(run->started_ms));
}

static jv make_runtime(void)
{
    jv v = jv_object_set(jv_object(), jv_string("name"), jv_string("sallyport"));
    v = jv_object_set(v, jv_string("version"), jv_string(SALLYPORT_VERSION));
    return jv_object_set(v, jv_string("metadata"), jv_object());
}

static jv make_task(const struct frame *f)
{
    const struct task *t = f->task;
    jv v = jv_object_set(jv_object(), jv_string("name"),
                         jv_string_sized((const char *)t->name.p, (int)t->name.len));
    v = jv_object_set(v, jv_string("reference"), jv_string(t->reference));
    v = jv_object_set(v, jv_string("definition"), jv_copy(t->definition));
    v = jv_object_set(v, jv_string("input"), jv_copy(f->raw));
    v = jv_object_set(v, jv_string("output"), jv_copy(f->output));
    return jv_object_set(v, jv_string("startedAt"), make_time(f->started_ms));
}

static jv make_authorization(const struct flow_run *run, const struct frame *f)
{
    static const char *const schemes[] = {
        [AUTH_BASIC] = "Basic", [AUTH_BEARER] = "Bearer", [AUTH_DIGEST] = "Digest"};
    enum auth_scheme scheme = f->task->kind == TASK_CALL ? f->task->http.authentication.scheme : AUTH_NONE;
    if (scheme == AUTH_NONE)
        return jv_null();
    jv v = jv_object_set(jv_object(), jv_string("scheme"), jv_string(schemes[scheme]));
    return jv_object_set(v, jv_string("parameter"), make_handle(run, "a"));
}

static jv variables(struct flow_run *run, const struct frame *f, unsigned uses, jv output)
{
    jv v = uses & USES_OWN ? jv_copy(f->vars) : jv_object();
    if (uses & VARIABLE_BIT(CONTEXT))
        v = jv_object_set(v, jv_string("context"), jv_copy(run->context));
    if (uses & VARIABLE_BIT(INPUT))
        v = jv_object_set(v, jv_string("input"), jv_copy(f->input));
    if (uses & VARIABLE_BIT(OUTPUT))
        v = jv_object_set(v, jv_string("output"), jv_copy(output));
    if (uses & VARIABLE_BIT(AUTHORIZATION))
        v = jv_object_set(v, jv_string("authorization"), make_authorization(run, f));
    if (uses & VARIABLE_BIT(TASK))
        v = jv_object_set(v, jv_string("task"), make_task(f));
    if (uses & VARIABLE_BIT(SECRETS)) {
        if (!jv_is_valid(run->secrets))
            run->secrets = make_secrets(run);
        v = jv_object_set(v, jv_string("secrets"), jv_copy(run->secrets));
    }
    if (uses & VARIABLE_BIT(WORKFLOW)) {
        if (!jv_is_valid(run->descriptor))
            run->descriptor = make_workflow(run);
        v = jv_object_set(v, jv_string("workflow"), jv_copy(run->descriptor));
    }
    if (uses & VARIABLE_BIT(RUNTIME)) {
        if (!jv_is_valid(run->runtime))
            run->runtime = make_runtime();
        v = jv_object_set(v, jv_string("runtime"), jv_copy(run->runtime));
    }
    return v;
}

bool run_eval(struct flow_run *run, const struct frame *f, const struct expr *e, jv dot, jv output, jv *ret)
{
    if (e->kind == EXPR_ABSENT) {
        *ret = dot;
        return true;
    }
    if (e->kind == EXPR_CONSTANT) {
        jv_free(dot);
        *ret = jv_copy(e->constant);
        return true;
    }
    struct diag diag = {0};
    int r = flow_program_eval(run->d->program, e->index, dot, variables(run, f, e->uses, output), run->now_ms,
                              ret, &diag);
    if (r >= 0)
        return true;
    if (r == -ENOMEM) {
        run->error = r;
        return false;
    }
    return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "%s", diag.text);
}

bool run_condition(struct flow_run *run, const struct frame *f, const struct expr *e, jv dot, bool *ret)
{
    jv v;
    if (!run_eval(run, f, e, dot, jv_null(), &v))
        return false;
    *ret = !is_kind(v, JV_KIND_FALSE) && !is_kind(v, JV_KIND_NULL);
    jv_free(v);
    return true;
}

bool run_timing(struct flow_run *run, const struct frame *f, const struct timing *t, int64_t *ret_ms)
{
    if (t->kind != TIMING_EXPR) {
        *ret_ms = t->kind == TIMING_LITERAL ? t->ms : 0;
        return true;
    }
    jv v;
    struct diag diag = {0};
    if (!run_eval(run, f, &t->expr, jv_copy(f->input), jv_null(), &v))
        return false;
    if (flow_duration_from_jv(v, ret_ms, &diag) < 0)
        return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "%s", diag.text);
    return true;
}

bool run_validate(struct flow_run *run, const struct frame *f, const struct schema *s, jv v, const char *what)
{
    if (!s)
        return true;
    /* 48 KiB that a valid value does not touch: to zero them costs a tenth of a short run. */
    [[gnu::uninitialized]] struct schema_errors errors;
    int r = schema_validate(s, v, &errors);
    if (r == 0)
        return true;
    if (r == -ENOMEM) {
        run->error = r;
        return false;
    }
    if (r != -SP_EINVALID)
        return problem(run, f, FLOW_ERROR_VALIDATION, 400, "the %s could not be validated: %s", what,
                       error_text(r));
    char text[2048] = "";
    size_t len = 0;
    for (size_t i = 0; i < errors.n && i < 4 && len < sizeof text - 1; i++) {
        const char *place = errors.items[i].instance;
        len += (size_t)snprintf(text + len, sizeof text - len, "%s%s%s%s", i ? "; " : "", place,
                                place[0] ? ": " : "", errors.items[i].text);
    }
    return problem(run, f, FLOW_ERROR_VALIDATION, 400, "the %s does not match its schema: %s", what, text);
}
