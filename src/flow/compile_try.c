/* compile_try: `try`, its filter and its retry policy. Called by compile_task through its table and by
 * compile.c for `use.retries`. What must hold: a policy that would retry without any bound is bounded by
 * LIMIT_RETRIES. */
#include "flow/compile.h"

static void compile_filter(struct compiler *c, jv errors, struct task *t)
{
    static const struct property errors_table[] = {{"with", P_OBJECT, false}, {0}};
    static const struct property with_table[] = {{"type", P_STRING, false},     {"status", P_NUMBER, false},
                                                 {"title", P_STRING, false},    {"detail", P_STRING, false},
                                                 {"instance", P_STRING, false}, {0}};
    struct expr *const fields[] = {&t->catch_.type, &t->catch_.status, &t->catch_.title, &t->catch_.detail,
                                   &t->catch_.instance};
    if (is_kind(errors, JV_KIND_INVALID))
        return;
    size_t mark = enter(c, "errors");
    (void)check_properties(c, errors, errors_table, NULL);
    jv with = property(errors, "with", P_OBJECT);
    (void)enter(c, "with");
    if (is_kind(with, JV_KIND_OBJECT)) {
        (void)check_properties(c, with, with_table, NULL);
        for (size_t i = 0; with_table[i].name; i++) {
            jv v = peek(with, with_table[i].name);
            if (is_kind(v, JV_KIND_STRING) && flow_text_is_expression(text_of(v), NULL))
                complain(c, "invalid-value", "use `when` for what is known only at run time",
                         "the filter is static: no expressions");
            if (jv_is_valid(v))
                *fields[i] = (struct expr){EXPR_CONSTANT, 0, 0, jv_copy(v)};
        }
    }
    leave(c, mark);
}

static void compile_limit(struct compiler *c, jv limit, struct retry *ret)
{
    static const struct property table[] = {
        {"attempt", P_OBJECT, false}, {"duration", P_STRING | P_OBJECT, false}, {0}};
    static const struct property attempt_table[] = {
        {"count", P_NUMBER, false}, {"duration", P_STRING | P_OBJECT, false}, {0}};
    if (is_kind(limit, JV_KIND_INVALID))
        return;
    size_t mark = enter(c, "limit");
    (void)check_properties(c, limit, table, NULL);
    size_t inner = enter(c, "duration");
    compile_timing(c, property(limit, "duration", P_STRING | P_OBJECT), SCOPE_TASK, &ret->duration);
    leave(c, inner);
    jv attempt = property(limit, "attempt", P_OBJECT);
    (void)enter(c, "attempt");
    if (is_kind(attempt, JV_KIND_OBJECT))
        (void)check_properties(c, attempt, attempt_table, NULL);
    jv count = property(attempt, "count", P_NUMBER);
    if (jv_is_valid(count)) {
        double n = jv_number_value(count);
        if (!(n >= 0 && n <= LIMIT_RETRIES) || n != (double)(int)n)
            complain(c, "invalid-retry", NULL, "`count` is a whole number from 0 to %d", LIMIT_RETRIES);
        else
            ret->attempts = (int64_t)n;
    }
    (void)enter(c, "duration");
    compile_timing(c, property(attempt, "duration", P_STRING | P_OBJECT), SCOPE_TASK, &ret->attempt_duration);
    leave(c, mark);
}

static void compile_backoff(struct compiler *c, jv backoff, struct retry *ret)
{
    static const struct property table[] = {
        {"constant", P_ANY, false}, {"linear", P_ANY, false}, {"exponential", P_ANY, false}, {0}};
    if (is_kind(backoff, JV_KIND_INVALID))
        return;
    size_t mark = enter(c, "backoff");
    (void)check_properties(c, backoff, table, NULL);
    if (jv_object_length(jv_copy(backoff)) != 1)
        complain(c, "invalid-retry", "write one: backoff: { exponential: {} }",
                 "a backoff is constant, linear or exponential");
    ret->backoff = jv_is_valid(peek(backoff, "exponential")) ? BACKOFF_EXPONENTIAL
                   : jv_is_valid(peek(backoff, "linear"))    ? BACKOFF_LINEAR
                                                             : BACKOFF_CONSTANT;
    leave(c, mark);
}

static void compile_jitter(struct compiler *c, jv jitter, struct retry *ret)
{
    static const struct property table[] = {
        {"from", P_STRING | P_OBJECT, true}, {"to", P_STRING | P_OBJECT, true}, {0}};
    if (is_kind(jitter, JV_KIND_INVALID))
        return;
    size_t mark = enter(c, "jitter");
    (void)check_properties(c, jitter, table, NULL);
    size_t inner = enter(c, "from");
    compile_timing(c, property(jitter, "from", P_STRING | P_OBJECT), SCOPE_TASK, &ret->jitter_from);
    leave(c, inner);
    inner = enter(c, "to");
    compile_timing(c, property(jitter, "to", P_STRING | P_OBJECT), SCOPE_TASK, &ret->jitter_to);
    leave(c, inner);
    if (ret->jitter_from.kind == TIMING_LITERAL && ret->jitter_to.kind == TIMING_LITERAL &&
        ret->jitter_from.ms > ret->jitter_to.ms)
        complain(c, "invalid-retry", NULL, "`from` is greater than `to`");
    leave(c, mark);
}

void compile_retry(struct compiler *c, jv v, struct retry *ret)
{
    static const struct property table[] = {{"when", P_STRING, false},
                                            {"exceptWhen", P_STRING, false},
                                            {"delay", P_STRING | P_OBJECT, false},
                                            {"backoff", P_OBJECT, false},
                                            {"limit", P_OBJECT, false},
                                            {"jitter", P_OBJECT, false},
                                            {0}};
    if (is_kind(v, JV_KIND_STRING)) {
        jv named = compile_use(c, "retries", text_of(v));
        if (is_kind(named, JV_KIND_OBJECT)) {
            struct buffer old = enter_use(c, "retries", text_of(v));
            compile_retry(c, named, ret);
            leave_use(c, &old);
        }
        return;
    }
    if (is_kind(v, JV_KIND_INVALID) || !check_properties(c, v, table, NULL))
        return;
    ret->is_set = true;
    ret->attempts = -1;
    size_t mark = enter(c, "when");
    compile_expression(c, property(v, "when", P_STRING), SCOPE_TASK, &ret->when);
    leave(c, mark);
    mark = enter(c, "exceptWhen");
    compile_expression(c, property(v, "exceptWhen", P_STRING), SCOPE_TASK, &ret->except_when);
    leave(c, mark);
    mark = enter(c, "delay");
    compile_timing(c, property(v, "delay", P_STRING | P_OBJECT), SCOPE_TASK, &ret->delay);
    leave(c, mark);
    compile_backoff(c, property(v, "backoff", P_OBJECT), ret);
    compile_limit(c, property(v, "limit", P_OBJECT), ret);
    compile_jitter(c, property(v, "jitter", P_OBJECT), ret);
    if (ret->attempts < 0 && ret->duration.kind == TIMING_ABSENT)
        advise(c, "invalid-retry", "set `limit.attempt.count`",
               "nothing limits the attempts; they end after %d", LIMIT_RETRIES);
}

static void compile_catch(struct compiler *c, jv v, struct task *t)
{
    jv as = property(v, "as", P_STRING);
    compile_filter(c, property(v, "errors", P_OBJECT), t);
    t->catch_.as = is_kind(as, JV_KIND_STRING) ? text_of(as) : SLICE_LITERAL("error");
    size_t mark = enter(c, "as");
    compile_own(c, t->catch_.as);
    leave(c, mark);
    mark = enter(c, "when");
    compile_expression(c, property(v, "when", P_STRING), SCOPE_TASK, &t->catch_.when);
    leave(c, mark);
    mark = enter(c, "exceptWhen");
    compile_expression(c, property(v, "exceptWhen", P_STRING), SCOPE_TASK, &t->catch_.except_when);
    leave(c, mark);
    mark = enter(c, "retry");
    compile_retry(c, property(v, "retry", P_STRING | P_OBJECT), &t->catch_.retry);
    leave(c, mark);
    mark = enter(c, "do");
    jv list = property(v, "do", P_ARRAY);
    t->catch_.has_do = is_kind(list, JV_KIND_ARRAY);
    if (t->catch_.has_do)
        compile_list(c, list, false, &t->catch_.list);
    leave(c, mark);
    mark = enter(c, "then");
    compile_then(c, property(v, "then", P_STRING), &t->catch_.then);
    leave(c, mark);
}

void compile_try(struct compiler *c, jv v, struct task *t)
{
    static const struct property table[] = {{"errors", P_OBJECT, false},
                                            {"as", P_STRING, false},
                                            {"when", P_STRING, false},
                                            {"exceptWhen", P_STRING, false},
                                            {"retry", P_STRING | P_OBJECT, false},
                                            {"do", P_ARRAY, false},
                                            {"then", P_STRING, false},
                                            {0}};
    size_t mark = enter(c, "try");
    compile_list(c, property(v, "try", P_ARRAY), false, &t->list);
    leave(c, mark);
    jv catch = property(v, "catch", P_OBJECT);
    if (!is_kind(catch, JV_KIND_OBJECT))
        return;
    unsigned n_own = c->n_own;
    mark = enter(c, "catch");
    (void)check_properties(c, catch, table, NULL);
    compile_catch(c, catch, t);
    leave(c, mark);
    c->n_own = n_own;
}
