/* compile_kinds: what each kind of task has of its own, but for `try` and `call`. Called by compile_task
 * through its table. */
#include <errno.h>

#include "flow/compile.h"

void compile_do(struct compiler *c, jv v, struct task *t)
{
    size_t mark = enter(c, "do");
    compile_list(c, property(v, "do", P_ARRAY), false, &t->list);
    leave(c, mark);
}

void compile_set(struct compiler *c, jv v, struct task *t)
{
    size_t mark = enter(c, "set");
    jv set = property(v, "set", P_OBJECT | P_STRING);
    if (is_kind(set, JV_KIND_OBJECT) && jv_object_length(jv_copy(set)) == 0)
        complain(c, "invalid-value", NULL, "`set` sets at least one property");
    compile_transform(c, set, SCOPE_TASK, &t->value);
    leave(c, mark);
}

static void compile_case(struct compiler *c, jv v, struct switch_case *ret)
{
    static const struct property table[] = {{"when", P_STRING, false}, {"then", P_STRING, true}, {0}};
    if (!check_properties(c, v, table, NULL))
        return;
    size_t mark = enter(c, "when");
    compile_expression(c, property(v, "when", P_STRING), SCOPE_TASK, &ret->when);
    leave(c, mark);
    mark = enter(c, "then");
    compile_then(c, property(v, "then", P_STRING), &ret->then);
    leave(c, mark);
}

void compile_switch(struct compiler *c, jv v, struct task *t)
{
    jv cases = property(v, "switch", P_ARRAY);
    int n = is_kind(cases, JV_KIND_ARRAY) ? jv_array_length(jv_copy(cases)) : 0;
    size_t mark = enter(c, "switch");
    if (n < 1 || n > LIMIT_TASKS) {
        complain(c, "invalid-value", NULL, "a switch has at least one case");
        n = 0;
    }
    t->cases.items = calloc((size_t)n + 1, sizeof *t->cases.items);
    if (!t->cases.items) {
        c->error = -ENOMEM;
        n = 0;
    }
    unsigned defaults = 0;
    for (int i = 0; i < n; i++) {
        jv item = peek_item(cases, i);
        size_t inner = enter_item(c, (unsigned)i);
        if (!is_kind(item, JV_KIND_OBJECT) || jv_object_length(jv_copy(item)) != 1) {
            complain(c, "wrong-type", NULL, "a case is an object with one property, the case's name");
        } else {
            jv key = jv_object_iter_key(item, jv_object_iter(item));
            (void)enter_name(c, text_of(key));
            jv body = jv_object_get(jv_copy(item), key);
            compile_case(c, body, &t->cases.items[t->cases.n++]);
            if (is_kind(peek(body, "when"), JV_KIND_INVALID) && ++defaults == 2)
                complain(c, "invalid-value", "give it a `when`",
                         "a switch has one case without `when` at most");
            jv_free(body);
        }
        leave(c, inner);
    }
    leave(c, mark);
}

static struct slice variable_name(struct compiler *c, jv v, const char *key, const char *otherwise)
{
    jv name = property(v, key, P_STRING);
    struct slice s = is_kind(name, JV_KIND_STRING) ? text_of(name) : slice_text(otherwise);
    size_t mark = enter(c, key);
    compile_own(c, s);
    leave(c, mark);
    return s;
}

void compile_for(struct compiler *c, jv v, struct task *t)
{
    static const struct property table[] = {
        {"each", P_STRING, false}, {"in", P_STRING | P_ARRAY, true}, {"at", P_STRING, false}, {0}};
    jv loop = property(v, "for", P_OBJECT);
    unsigned n_own = c->n_own;
    size_t mark = enter(c, "for");
    if (is_kind(loop, JV_KIND_OBJECT))
        (void)check_properties(c, loop, table, NULL);
    size_t inner = enter(c, "in");
    compile_transform(c, property(loop, "in", P_STRING | P_ARRAY), SCOPE_TASK, &t->value);
    leave(c, inner);
    t->loop.each = variable_name(c, loop, "each", "item");
    t->loop.at = variable_name(c, loop, "at", "index");
    leave(c, mark);
    mark = enter(c, "while");
    compile_expression(c, property(v, "while", P_STRING), SCOPE_TASK, &t->loop.while_);
    leave(c, mark);
    compile_do(c, v, t);
    c->n_own = n_own;
}

void compile_fork(struct compiler *c, jv v, struct task *t)
{
    static const struct property table[] = {{"branches", P_ARRAY, true}, {"compete", P_BOOL, false}, {0}};
    jv fork = property(v, "fork", P_OBJECT);
    size_t mark = enter(c, "fork");
    if (is_kind(fork, JV_KIND_OBJECT))
        (void)check_properties(c, fork, table, NULL);
    t->compete = is_kind(peek(fork, "compete"), JV_KIND_TRUE);
    jv branches = property(fork, "branches", P_ARRAY);
    size_t inner = enter(c, "branches");
    if (is_kind(branches, JV_KIND_ARRAY) && jv_array_length(jv_copy(branches)) > LIMIT_BRANCHES)
        complain(c, "limit", NULL, "a fork has at most %d branches", LIMIT_BRANCHES);
    else
        compile_list(c, branches, true, &t->list);
    leave(c, inner);
    leave(c, mark);
}

static void compile_error_field(struct compiler *c, jv v, const char *key, unsigned kinds, struct expr *ret)
{
    size_t mark = enter(c, key);
    compile_template(c, property(v, key, kinds), SCOPE_TASK, ret);
    leave(c, mark);
}

void compile_error(struct compiler *c, jv v, struct error_template *ret)
{
    static const struct property table[] = {
        {"type", P_STRING, true},    {"status", P_NUMBER | P_STRING, true}, {"title", P_STRING, false},
        {"detail", P_STRING, false}, {"instance", P_STRING, false},         {0}};
    if (!check_properties(c, v, table, NULL))
        return;
    jv status = peek(v, "status");
    if (is_kind(status, JV_KIND_NUMBER)) {
        double n = jv_number_value(status);
        size_t mark = enter(c, "status");
        if (!(n >= 100 && n <= 599) || n != (double)(int)n)
            complain(c, "invalid-value", "HTTP status codes fit best",
                     "a status is a whole number from 100 to 599");
        leave(c, mark);
    } else if (is_kind(status, JV_KIND_STRING) && !flow_text_is_expression(text_of(status), NULL)) {
        complain(c, "wrong-type", NULL, "`status` is a number or an expression");
    }
    compile_error_field(c, v, "type", P_STRING, &ret->type);
    compile_error_field(c, v, "status", P_NUMBER | P_STRING, &ret->status);
    compile_error_field(c, v, "title", P_STRING, &ret->title);
    compile_error_field(c, v, "detail", P_STRING, &ret->detail);
    compile_error_field(c, v, "instance", P_STRING, &ret->instance);
}

void compile_raise(struct compiler *c, jv v, struct task *t)
{
    static const struct property table[] = {{"error", P_STRING | P_OBJECT, true}, {0}};
    jv raise = property(v, "raise", P_OBJECT);
    size_t mark = enter(c, "raise");
    if (is_kind(raise, JV_KIND_OBJECT))
        (void)check_properties(c, raise, table, NULL);
    jv error = property(raise, "error", P_STRING | P_OBJECT);
    (void)enter(c, "error");
    if (is_kind(error, JV_KIND_STRING)) {
        jv named = compile_use(c, "errors", text_of(error));
        if (jv_is_valid(named)) {
            struct buffer old = enter_use(c, "errors", text_of(error));
            compile_error(c, named, &t->error);
            leave_use(c, &old);
        }
    } else if (is_kind(error, JV_KIND_OBJECT)) {
        compile_error(c, error, &t->error);
    }
    leave(c, mark);
}

void compile_wait(struct compiler *c, jv v, struct task *t)
{
    size_t mark = enter(c, "wait");
    compile_timing(c, property(v, "wait", P_OBJECT | P_STRING), SCOPE_TASK, &t->wait);
    leave(c, mark);
}

void compile_emit(struct compiler *c, jv v, struct task *t)
{
    static const struct property emit_table[] = {{"event", P_OBJECT, true}, {0}};
    static const struct property event_table[] = {{"with", P_OBJECT, true}, {0}};
    jv emit = property(v, "emit", P_OBJECT), event = property(emit, "event", P_OBJECT),
       with = property(event, "with", P_OBJECT);
    size_t mark = enter(c, "emit");
    if (is_kind(emit, JV_KIND_OBJECT))
        (void)check_properties(c, emit, emit_table, NULL);
    (void)enter(c, "event");
    if (is_kind(event, JV_KIND_OBJECT))
        (void)check_properties(c, event, event_table, NULL);
    (void)enter(c, "with");
    if (is_kind(with, JV_KIND_OBJECT) && !is_kind(peek(with, "type"), JV_KIND_STRING))
        complain(c, "missing-property", NULL, "the property `type` is missing: every event has one");
    if (is_kind(with, JV_KIND_OBJECT))
        compile_template(c, with, SCOPE_TASK, &t->value);
    leave(c, mark);
}

void compile_run(struct compiler *c, jv v, struct task *t)
{
    jv run = property(v, "run", P_OBJECT), command = peek(peek(run, "shell"), "command");
    static const char *const processes[] = {"container", "script", "shell", "workflow"};
    t->kind = TASK_RUN;
    size_t mark = enter(c, "run");
    for (size_t i = 0; i < 4; i++)
        if (jv_is_valid(peek(run, processes[i]))) {
            char rule[64];
            (void)snprintf(rule, sizeof rule, "unsupported-run-%s", processes[i]);
            complain(c, rule, NULL, "`run: %s` is not supported yet", processes[i]);
        }
    if (is_kind(command, JV_KIND_STRING)) {
        struct slice text = text_of(command);
        (void)enter(c, "shell");
        (void)enter(c, "command");
        if (memmem(text.p, text.len, "${", 2))
            complain(c, "shell-expression", "pass data in `arguments`, `environment` or `stdin`",
                     "an expression within a shell command lets data become code");
    } else if (is_kind(run, JV_KIND_OBJECT) && jv_object_length(jv_copy(run)) == 0) {
        complain(c, "missing-property", NULL, "nothing tells what to run");
    }
    leave(c, mark);
}
