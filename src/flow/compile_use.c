/* compile_use: the reusable components of `use`. What something refers to is compiled where it is referred
 * to, in that place's scope; the rest is checked here, so that a mistake does not wait for its first use.
 * Functions are tasks and compiled once. Called by compile.c after the tasks. */
#include "base/error.h"
#include "flow/compile.h"

static void check_authentication(struct compiler *c, jv v)
{
    struct task scratch = {.kind = TASK_CALL};
    compile_authentication(c, v, false, &scratch.http.authentication);
    task_release(&scratch);
}

static void check_error(struct compiler *c, jv v)
{
    struct task scratch = {.kind = TASK_RAISE};
    compile_error(c, v, &scratch.error);
    task_release(&scratch);
}

static void check_retry(struct compiler *c, jv v)
{
    struct task scratch = {.kind = TASK_TRY};
    compile_own(c, SLICE_LITERAL("error")); /* the default name: nothing refers to the policy */
    compile_retry(c, v, &scratch.catch_.retry);
    c->n_own--;
    task_release(&scratch);
}

static void check_timeout(struct compiler *c, jv v)
{
    struct task scratch = {.kind = TASK_DO};
    compile_timeout(c, v, SCOPE_TASK, &scratch.timeout);
    task_release(&scratch);
}

static void check_section(struct compiler *c, const char *section, void (*check)(struct compiler *c, jv v))
{
    jv all = property(c->use, section, P_OBJECT);
    if (!jv_is_valid(all))
        return;
    size_t mark = enter(c, section);
    for (int i = jv_object_iter(all); jv_object_iter_valid(all, i); i = jv_object_iter_next(all, i)) {
        jv key = jv_object_iter_key(all, i), v = jv_object_iter_value(all, i);
        size_t inner = enter_name(c, text_of(key));
        jv seen = jv_object_get(jv_copy(c->seen), jv_string(here(c)));
        if (!jv_is_valid(seen) && check_kind(c, v, P_OBJECT))
            check(c, v);
        jv_free(seen);
        leave(c, inner);
        jv_free(key);
        jv_free(v);
    }
    leave(c, mark);
}

void compile_uses(struct compiler *c)
{
    static const struct property table[] = {
        {"authentications", P_OBJECT, false}, {"errors", P_OBJECT, false},    {"functions", P_OBJECT, false},
        {"retries", P_OBJECT, false},         {"secrets", P_ARRAY, false},    {"timeouts", P_OBJECT, false},
        {"catalogs", P_OBJECT, false},        {"extensions", P_ARRAY, false}, {0}};
    if (!jv_is_valid(c->use))
        return;
    size_t mark = enter(c, "use");
    (void)check_properties(c, c->use, table, NULL);
    check_section(c, "authentications", check_authentication);
    check_section(c, "errors", check_error);
    check_section(c, "retries", check_retry);
    check_section(c, "timeouts", check_timeout);
    static const char *const unsupported[] = {"catalogs", "extensions"};
    for (size_t i = 0; i < 2; i++)
        if (jv_is_valid(peek(c->use, unsupported[i]))) {
            size_t inner = enter(c, unsupported[i]);
            complain(c, i ? "unsupported-extensions" : "unsupported-catalogs", NULL,
                     "`use.%s` is not supported yet", unsupported[i]);
            leave(c, inner);
        }
    leave(c, mark);
}

/* How deeply calls of functions nest: each function one level above those that it calls. Tasks of function
 * `i` are those from its own index to the next function's. */
static void check_nesting(struct compiler *c, const uint16_t *functions, int n)
{
    unsigned level[LIMIT_TASK_DEPTH + 1] = {0};
    if (n > LIMIT_TASK_DEPTH) /* more functions than levels: walk from each by its own bound */
        n = LIMIT_TASK_DEPTH;
    for (int round = 0; round <= n; round++)
        for (int i = 0; i < n; i++)
            for (uint16_t t = functions[i]; t < functions[i + 1]; t++)
                if (c->d->tasks[t]->kind == TASK_FUNCTION)
                    for (int j = 0; j < n; j++)
                        if (c->d->tasks[t]->function == functions[j] && level[i] <= level[j])
                            level[i] = level[j] + 1;
    for (int i = 0; i < n; i++)
        if (level[i] > (unsigned)n)
            findings_add(&c->f, FINDING_ERROR, "invalid-value", c->d->tasks[functions[i]]->reference, true,
                         "this function calls itself, directly or through others", "use `for` to repeat");
}

void compile_functions(struct compiler *c)
{
    jv all = property(c->use, "functions", P_OBJECT);
    if (!jv_is_valid(all))
        return;
    jv keys = jv_keys(jv_copy(all));
    int n = jv_array_length(jv_copy(keys));
    uint16_t *functions = calloc((size_t)n + 1, sizeof *functions);
    if (!functions)
        c->error = -ENOMEM;
    size_t mark = enter(c, "use");
    (void)enter(c, "functions");
    for (int i = 0; functions && i < n; i++) {
        jv key = peek_item(keys, i), v = jv_object_get(jv_copy(all), jv_copy(key));
        for (int k = jv_object_iter(all); jv_object_iter_valid(all, k); k = jv_object_iter_next(all, k)) {
            jv own = jv_object_iter_key(all, k);
            if (jv_equal(jv_copy(own), jv_copy(key)))
                key = own; /* the document's copy outlives `keys` */
            jv_free(own);
        }
        functions[i] = c->d->n_tasks;
        size_t inner = enter_name(c, text_of(key));
        (void)compile_task(c, v, text_of(key), 0);
        leave(c, inner);
        jv_free(v);
    }
    leave(c, mark);
    if (functions) {
        functions[n] = c->d->n_tasks;
        for (uint16_t t = 0; t < c->d->n_tasks; t++)
            if (c->d->tasks[t]->kind == TASK_FUNCTION && c->d->tasks[t]->function < n)
                c->d->tasks[t]->function = functions[c->d->tasks[t]->function];
        if (!c->f.errors)
            check_nesting(c, functions, n);
    }
    free(functions);
    jv_free(keys);
}
