/* compile_task: lists of tasks, what every task has in common, and where the flow may go from each. Called by
 * compile.c and by the kinds that hold lists. What must hold: a task's index is its place in `tasks`, given
 * when the task is met, so a task comes before those within it; a `then` leads only to a task of the same
 * list. */
#include "base/error.h"
#include "flow/compile.h"

static const struct property common[] = {{"if", P_STRING, false},
                                         {"input", P_OBJECT, false},
                                         {"output", P_OBJECT, false},
                                         {"export", P_OBJECT, false},
                                         {"timeout", P_STRING | P_OBJECT, false},
                                         {"then", P_STRING, false},
                                         {"metadata", P_OBJECT, false},
                                         {0}};

static const struct property do_table[] = {{"do", P_ARRAY, true}, {0}};
static const struct property set_table[] = {{"set", P_OBJECT | P_STRING, true}, {0}};
static const struct property switch_table[] = {{"switch", P_ARRAY, true}, {0}};
static const struct property for_table[] = {
    {"for", P_OBJECT, true}, {"while", P_STRING, false}, {"do", P_ARRAY, true}, {0}};
static const struct property fork_table[] = {{"fork", P_OBJECT, true}, {0}};
static const struct property raise_table[] = {{"raise", P_OBJECT, true}, {0}};
static const struct property try_table[] = {{"try", P_ARRAY, true}, {"catch", P_OBJECT, true}, {0}};
static const struct property wait_table[] = {{"wait", P_OBJECT | P_STRING, true}, {0}};
static const struct property emit_table[] = {{"emit", P_OBJECT, true}, {0}};
static const struct property call_table[] = {{"call", P_STRING, true}, {"with", P_OBJECT, false}, {0}};
static const struct property listen_table[] = {{"listen", P_OBJECT, true}, {"foreach", P_OBJECT, false}, {0}};
static const struct property run_table[] = {{"run", P_OBJECT, true}, {0}};

static const struct {
    const char *name;
    const struct property *table;
    compile_kind *compile; /* NULL: not supported yet */
} kinds[] = {
    [TASK_DO] = {"do", do_table, compile_do},
    [TASK_SET] = {"set", set_table, compile_set},
    [TASK_SWITCH] = {"switch", switch_table, compile_switch},
    [TASK_FOR] = {"for", for_table, compile_for},
    [TASK_FORK] = {"fork", fork_table, compile_fork},
    [TASK_RAISE] = {"raise", raise_table, compile_raise},
    [TASK_TRY] = {"try", try_table, compile_try},
    [TASK_WAIT] = {"wait", wait_table, compile_wait},
    [TASK_EMIT] = {"emit", emit_table, compile_emit},
    [TASK_CALL] = {"call", call_table, compile_call},
    [TASK_LISTEN] = {"listen", listen_table, NULL},
    [TASK_RUN] = {"run", run_table, compile_run},
};
#define KINDS (sizeof kinds / sizeof kinds[0])

/* `for` before `do`, which it also has: the most telling property decides. */
static int find_kind(struct compiler *c, jv v)
{
    static const enum task_kind order[] = {TASK_FOR,   TASK_TRY,  TASK_FORK, TASK_SWITCH, TASK_SET, TASK_CALL,
                                           TASK_RAISE, TASK_WAIT, TASK_EMIT, TASK_LISTEN, TASK_RUN, TASK_DO};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        if (!is_kind(peek(v, kinds[order[i]].name), JV_KIND_INVALID))
            return (int)order[i];
    const char *names[KINDS], *near = NULL;
    for (size_t i = 0; i < KINDS; i++)
        names[i] = kinds[i].name;
    for (int i = jv_object_iter(v); jv_object_iter_valid(v, i) && !near; i = jv_object_iter_next(v, i)) {
        jv key = jv_object_iter_key(v, i);
        near = nearest(text_of(key), names, KINDS);
        jv_free(key);
    }
    char hint[64];
    (void)snprintf(hint, sizeof hint, "did you mean `%s`?", near ? near : "");
    complain(c, "missing-property",
             near ? hint : "a task is one of: call, do, emit, for, fork, raise, set, switch, try, wait",
             "nothing tells what this task does");
    return -1;
}

void compile_timeout(struct compiler *c, jv v, unsigned scope, struct timing *ret)
{
    static const struct property table[] = {{"after", P_STRING | P_OBJECT, true}, {0}};
    if (is_kind(v, JV_KIND_STRING)) {
        jv named = compile_use(c, "timeouts", text_of(v));
        if (is_kind(named, JV_KIND_OBJECT)) {
            struct buffer old = enter_use(c, "timeouts", text_of(v));
            compile_timeout(c, named, scope, ret);
            leave_use(c, &old);
        }
        return;
    }
    if (is_kind(v, JV_KIND_INVALID) || !check_properties(c, v, table, NULL))
        return;
    size_t mark = enter(c, "after");
    compile_timing(c, peek(v, "after"), scope, ret);
    leave(c, mark);
}

void compile_data(struct compiler *c, jv of, const char *key, const char *how, unsigned scope,
                  struct expr *ret_expr, struct schema **ret_schema)
{
    const struct property table[] = {{"schema", P_OBJECT, false}, {how, P_STRING | P_OBJECT, false}, {0}};
    jv v = property(of, key, P_OBJECT);
    if (is_kind(v, JV_KIND_INVALID))
        return;
    size_t mark = enter(c, key);
    (void)check_properties(c, v, table, NULL);
    size_t inner = enter(c, "schema");
    compile_schema(c, property(v, "schema", P_OBJECT), ret_schema);
    leave(c, inner);
    inner = enter(c, how);
    jv transform = property(v, how, P_STRING | P_OBJECT);
    if (!is_kind(transform, JV_KIND_INVALID))
        compile_transform(c, transform, scope, ret_expr);
    leave(c, inner);
    leave(c, mark);
}

static void compile_common(struct compiler *c, jv v, struct task *t)
{
    jv condition = property(v, "if", P_STRING);
    size_t mark = enter(c, "if");
    if (is_kind(condition, JV_KIND_STRING))
        compile_expression(c, condition, SCOPE_TASK_IN, &t->condition);
    leave(c, mark);
    compile_data(c, v, "input", "from", SCOPE_TASK_IN, &t->input_from, &t->input_schema);
    compile_data(c, v, "output", "as", SCOPE_TASK, &t->output_as, &t->output_schema);
    compile_data(c, v, "export", "as", SCOPE_TASK_EXPORT, &t->export_as, &t->export_schema);
    mark = enter(c, "timeout");
    compile_timeout(c, property(v, "timeout", P_STRING | P_OBJECT), SCOPE_TASK, &t->timeout);
    leave(c, mark);
    mark = enter(c, "then");
    compile_then(c, property(v, "then", P_STRING), &t->then);
    leave(c, mark);
}

static struct task *add_task(struct compiler *c)
{
    struct flow_definition *d = c->d;
    if (d->n_tasks == LIMIT_TASKS) {
        complain(c, "limit", NULL, "a definition has at most %d tasks", LIMIT_TASKS);
        return NULL;
    }
    struct task *t = calloc(1, sizeof *t);
    if (!d->tasks)
        d->tasks = calloc(LIMIT_TASKS, sizeof *d->tasks);
    if (!t || !d->tasks) {
        free(t);
        c->error = -ENOMEM;
        return NULL;
    }
    t->kind = TASK_DO;
    t->index = d->n_tasks;
    d->tasks[d->n_tasks++] = t;
    return t;
}

/* NULL when there is no task to keep; its complaint is there then. */
struct task *compile_task(struct compiler *c, jv v, struct slice name, uint16_t position)
{
    if (!check_kind(c, v, P_OBJECT))
        return NULL;
    if (c->depth == LIMIT_TASK_DEPTH) {
        complain(c, "limit", NULL, "tasks stand at most %d levels within one another", LIMIT_TASK_DEPTH);
        return NULL;
    }
    int kind = find_kind(c, v);
    struct task *t = kind < 0 ? NULL : add_task(c);
    if (!t)
        return NULL;
    t->position = position;
    t->name = name;
    t->definition = v;
    t->reference = strdup(here(c));
    if (!t->reference)
        c->error = -ENOMEM;
    (void)check_properties(c, v, common, kinds[kind].table);
    compile_common(c, v, t);
    c->depth++;
    if (kinds[kind].compile) {
        t->kind = (enum task_kind)kind;
        kinds[kind].compile(c, v, t);
    } else {
        char rule[64];
        (void)snprintf(rule, sizeof rule, "unsupported-%s", kinds[kind].name);
        complain(c, rule, NULL, "`%s` tasks are not supported yet", kinds[kind].name);
    }
    c->depth--;
    return t;
}

/* The name and task of one item of a list; false with a complaint when it is none. */
static bool item_of(struct compiler *c, jv item, jv *ret_name, jv *ret_task)
{
    if (!check_kind(c, item, P_OBJECT))
        return false;
    if (jv_object_length(jv_copy(item)) != 1) {
        complain(c, "invalid-value", "write each task as `- NAME:` with its properties further in",
                 "an item of a list is an object with one property, the task's name");
        return false;
    }
    int i = jv_object_iter(item);
    *ret_name = jv_object_iter_key(item, i);
    *ret_task = jv_object_iter_value(item, i);
    jv_free(*ret_name); /* the document keeps both */
    jv_free(*ret_task);
    return true;
}

static void check_task_name(struct compiler *c, jv list, int position, struct slice name)
{
    if (!is_name(name))
        complain(c, "invalid-value", NULL, "a name has 1 to %d bytes and no control characters", LIMIT_NAME);
    static const char *const directives[] = {"continue", "exit", "end"};
    for (size_t i = 0; i < 3; i++)
        if (slice_is(name, directives[i]))
            advise(c, "invalid-value", NULL, "no `then` can lead to a task named `%s`", directives[i]);
    for (int i = 0; i < position; i++) {
        jv other = peek_item(list, i);
        jv found = is_kind(other, JV_KIND_OBJECT)
                       ? jv_object_get(jv_copy(other), jv_string_sized((const char *)name.p, (int)name.len))
                       : jv_invalid();
        bool is_there = jv_is_valid(found);
        jv_free(found);
        if (is_there) {
            complain(c, "duplicate-task-name", "give each task of a list a name of its own",
                     "another task of this list has this name");
            return;
        }
    }
}

static void compile_reachable(struct compiler *c, const struct task_list *list);

void compile_list(struct compiler *c, jv list, bool is_branches, struct task_list *ret)
{
    if (is_kind(list, JV_KIND_INVALID) || !check_kind(c, list, P_ARRAY))
        return;
    int n = jv_array_length(jv_copy(list));
    if (n == 0)
        complain(c, "invalid-value", NULL, "a list of tasks has at least one task");
    if (n == 0 || n > LIMIT_TASKS)
        return;
    ret->tasks = calloc((size_t)n, sizeof *ret->tasks);
    if (!ret->tasks) {
        c->error = -ENOMEM;
        return;
    }
    struct list_scope scope = {list, is_branches, c->list};
    c->list = &scope;
    for (int i = 0; i < n; i++) {
        jv name, v;
        size_t mark = enter_item(c, (unsigned)i);
        if (item_of(c, peek_item(list, i), &name, &v)) {
            (void)enter_name(c, text_of(name));
            check_task_name(c, list, i, text_of(name));
            struct task *t = compile_task(c, v, text_of(name), (uint16_t)i);
            ret->tasks[ret->n++] = t ? t->index : 0; /* with a complaint, so it never runs */
        }
        leave(c, mark);
    }
    c->list = scope.up;
    if (!is_branches && ret->n == n && !c->f.errors)
        compile_reachable(c, ret);
}

void compile_then(struct compiler *c, jv v, struct then *ret)
{
    if (!is_kind(v, JV_KIND_STRING))
        return;
    ret->is_set = true;
    struct slice target = text_of(v);
    if (slice_is(target, "continue"))
        return;
    if (slice_is(target, "exit") || slice_is(target, "end")) {
        ret->kind = slice_is(target, "end") ? THEN_END : THEN_EXIT;
        return;
    }
    const char *names[64];
    size_t n = 0;
    jv list = c->list && !c->list->is_branches ? c->list->list : jv_null();
    for (int i = 0, len = is_kind(list, JV_KIND_ARRAY) ? jv_array_length(jv_copy(list)) : 0; i < len; i++) {
        jv item = peek_item(list, i);
        if (!is_kind(item, JV_KIND_OBJECT) || jv_object_length(jv_copy(item)) != 1)
            continue;
        jv key = jv_object_iter_key(item, jv_object_iter(item));
        jv_free(key); /* the document keeps it */
        if (slice_equal(text_of(key), target)) {
            *ret = (struct then){THEN_TASK, true, (uint16_t)i};
            return;
        }
        if (n < 64)
            names[n++] = jv_string_value(key);
    }
    char hint[256];
    const char *near = nearest(target, names, n);
    (void)snprintf(hint, sizeof hint,
                   near ? "did you mean `%s`?" : "a `then` leads only to tasks of its own list",
                   near ? near : "");
    complain(c, "unknown-task", hint, "there is no task `%.*s` in this list",
             target.len > 100 ? 100 : (int)target.len, (const char *)target.p);
}

/* The directives that may follow a task, one after the other: false when `i` is beyond the last. */
static bool task_exit(const struct task *t, unsigned i, struct then *ret)
{
    struct then own = t->kind == TASK_RAISE ? (struct then){THEN_END, true, 0} : t->then;
    unsigned n = 0;
    if (i == n++) {
        *ret = own;
        return true;
    }
    if (t->condition.kind != EXPR_ABSENT && i == n++) {
        *ret = (struct then){0}; /* skipped: goes on */
        return true;
    }
    if (t->kind == TASK_TRY && t->catch_.then.is_set && i == n++) {
        *ret = t->catch_.then;
        return true;
    }
    if (t->kind == TASK_SWITCH && i - n < t->cases.n) {
        *ret = t->cases.items[i - n].then;
        return true;
    }
    return false;
}

/* A switch with a default case never goes on by itself. */
static bool has_default(const struct task *t)
{
    for (uint16_t i = 0; t->kind == TASK_SWITCH && i < t->cases.n; i++)
        if (t->cases.items[i].when.kind == EXPR_ABSENT)
            return true;
    return false;
}

static bool reach_from(const struct task *t, bool *reached, uint16_t n)
{
    bool changed = false;
    struct then then;
    for (unsigned i = has_default(t) ? 1 : 0; task_exit(t, i, &then); i++) {
        unsigned to = then.kind == THEN_CONTINUE ? t->position + 1u
                      : then.kind == THEN_TASK   ? then.position
                                                 : n;
        if (to < n && !reached[to])
            changed = reached[to] = true;
    }
    return changed;
}

static void compile_reachable(struct compiler *c, const struct task_list *list)
{
    bool *reached = calloc(list->n, sizeof *reached);
    if (!reached) {
        c->error = -ENOMEM;
        return;
    }
    reached[0] = true;
    for (bool changed = true; changed;) {
        changed = false;
        for (uint16_t i = 0; i < list->n; i++)
            if (reached[i])
                changed = reach_from(c->d->tasks[list->tasks[i]], reached, list->n) || changed;
    }
    for (uint16_t i = 0; i < list->n; i++)
        if (!reached[i])
            findings_add(&c->f, FINDING_WARNING, "unreachable-task", c->d->tasks[list->tasks[i]]->reference,
                         true, "no path leads to this task", "lead a `then` here, or remove it");
    free(reached);
}
