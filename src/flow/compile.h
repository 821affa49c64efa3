/* Inside the compiler: what the compile_*.c files share. The compiler walks the parsed document once; where
 * it stands is `path`, a JSON Pointer. A function that meets a mistake adds a finding and goes on with
 * something harmless, so that one check reports everything; what it leaves behind then is never run.
 * Recursion follows the document and is bounded by LIMIT_YAML_DEPTH. All values are borrowed from the
 * document. */
#ifndef FLOW_COMPILE_H
#define FLOW_COMPILE_H

#include "flow/definition.h"
#include "flow/findings.h"

#define SCOPE_WORKFLOW_IN  (VARIABLE_BIT(SECRETS) | VARIABLE_BIT(WORKFLOW) | VARIABLE_BIT(RUNTIME))
#define SCOPE_WORKFLOW_OUT (SCOPE_WORKFLOW_IN | VARIABLE_BIT(CONTEXT))
#define SCOPE_TASK_IN      (SCOPE_WORKFLOW_OUT | VARIABLE_BIT(TASK))
#define SCOPE_TASK         (SCOPE_TASK_IN | VARIABLE_BIT(INPUT) | VARIABLE_BIT(AUTHORIZATION))
#define SCOPE_TASK_EXPORT  (SCOPE_TASK | VARIABLE_BIT(OUTPUT))

#define COMPILE_OWN_MAX (3 * LIMIT_TASK_DEPTH) /* variables of nested `for` and `catch` */

/* The list of tasks that is being compiled: where a `then` may lead. */
struct list_scope {
    jv list;
    bool is_branches;
    const struct list_scope *up;
};

struct compiler {
    struct flow_definition *d;
    struct findings f;
    struct buffer path;
    jv use; /* the `use` object, or invalid */
    struct slice own[COMPILE_OWN_MAX];
    unsigned n_own;
    unsigned depth; /* of tasks */
    const struct list_scope *list;
    char **pointers; /* of each expression of the program */
    size_t n_pointers;
    jv seen;   /* entries of `use` that something refers to: "section/name" → true */
    int error; /* -ENOMEM; sticks */
};

/* --- where we stand: compile_check.c ------------------------------------------------------------------ */

size_t enter(struct compiler *c, const char *key);
size_t enter_name(struct compiler *c, struct slice key);
size_t enter_item(struct compiler *c, unsigned i);
void leave(struct compiler *c, size_t mark);
const char *here(struct compiler *c);

[[gnu::format(printf, 4, 5)]] void complain(struct compiler *c, const char *rule, const char *hint,
                                            const char *format, ...);
[[gnu::format(printf, 4, 5)]] void advise(struct compiler *c, const char *rule, const char *hint,
                                          const char *format, ...);
void note(struct compiler *c, const char *rule, const char *hint, const char *message);

/* Properties of an object: kinds are bits (1 << jv_kind). */
#define P_STRING (1u << JV_KIND_STRING)
#define P_OBJECT (1u << JV_KIND_OBJECT)
#define P_ARRAY  (1u << JV_KIND_ARRAY)
#define P_NUMBER (1u << JV_KIND_NUMBER)
#define P_BOOL   (1u << JV_KIND_TRUE | 1u << JV_KIND_FALSE)
#define P_ANY    (~0u)
struct property {
    const char *name; /* NULL ends a table */
    unsigned kinds;
    bool is_required;
};

/* Complains about properties that are unknown, missing or of a wrong type. `more` may be NULL: a second table
 * that holds too. False if `object` is no object. */
bool check_properties(struct compiler *c, jv object, const struct property *table,
                      const struct property *more);
bool check_kind(struct compiler *c, jv v, unsigned kinds);

/* The property if it is there and of the right kind, else an invalid value; no complaint. */
jv property(jv object, const char *key, unsigned kinds);

/* The nearest of the names, for "did you mean"; NULL when none is near. */
const char *nearest(struct slice word, const char *const *names, size_t n);

/* True if the text is a name of at most LIMIT_NAME bytes without control characters. */
bool is_name(struct slice s);
bool is_semver(struct slice s);

/* --- expressions: compile_expr.c ---------------------------------------------------------------------- */

/* A string that is an expression, with or without `${ }`. */
void compile_expression(struct compiler *c, jv v, unsigned scope, struct expr *ret);
/* Any value in which strings that are wholly `${ … }` are expressions. */
void compile_template(struct compiler *c, jv v, unsigned scope, struct expr *ret);
/* `from` and `as`: a string is an expression, anything else a template. */
void compile_transform(struct compiler *c, jv v, unsigned scope, struct expr *ret);
void compile_timing(struct compiler *c, jv v, unsigned scope, struct timing *ret);
void compile_schema(struct compiler *c, jv v, struct schema **ret);
void compile_own(struct compiler *c, struct slice name); /* a variable comes into scope */
/* Complains unless the secret is declared. */
void compile_secret(struct compiler *c, struct slice name);
/* An entry of `use.SECTION`, or invalid with a complaint. */
jv compile_use(struct compiler *c, const char *section, struct slice name);
/* Stands in that entry until leave_use; what was compiled there is not checked a second time by compile_uses.
 */
struct buffer enter_use(struct compiler *c, const char *section, struct slice name);
void leave_use(struct compiler *c, struct buffer *path);

/* --- tasks: compile_task.c, compile_kinds.c, compile_try.c, compile_http.c ---------------------------- */

void compile_list(struct compiler *c, jv list, bool is_branches, struct task_list *ret);
struct task *compile_task(struct compiler *c, jv v, struct slice name, uint16_t position);
void compile_then(struct compiler *c, jv v, struct then *ret);
void compile_timeout(struct compiler *c, jv v, unsigned scope, struct timing *ret);
/* `input`, `output` or `export` of a task or of the workflow: a schema, and a transformation under the name `how`. */
void compile_data(struct compiler *c, jv of, const char *key, const char *how, unsigned scope,
                  struct expr *ret_expr, struct schema **ret_schema);

typedef void compile_kind(struct compiler *c, jv v, struct task *t);
compile_kind compile_do, compile_set, compile_switch, compile_for, compile_fork, compile_raise, compile_wait,
    compile_emit, compile_try, compile_call, compile_run;
void compile_error(struct compiler *c, jv v, struct error_template *ret);
void compile_retry(struct compiler *c, jv v, struct retry *ret);
void compile_authentication(struct compiler *c, jv v, bool may_use, struct authentication *ret);
void compile_functions(struct compiler *c);
void compile_uses(struct compiler *c);

/* --- what is not tasks -------------------------------------------------------------------------------- */

void compile_sallyport(struct compiler *c, jv metadata);
void lint_secrets(struct compiler *c, jv root);
void lint_credential(struct compiler *c, jv v, const char *what); /* a literal where a credential belongs */
void manifest_write(const struct flow_definition *d, struct buffer *out);

#endif
