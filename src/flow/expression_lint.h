/* What an expression may name: the functions that no expression has, and the variables that are in scope. */
#ifndef FLOW_EXPRESSION_LINT_H
#define FLOW_EXPRESSION_LINT_H

#include "base/buffer.h"
#include "base/diag.h"

/* Functions of jq that reach outside the expression: D(name, arity, what to do instead). They are refused by name, and
 * program.c redefines each so that a call would raise an error all the same. */
#define FLOW_FORBIDDEN_FUNCTIONS(D)                                                                              \
    D("env", 0, "secrets are in `$secrets`, everything else comes with the input")                                 \
    D("input", 0, "the task's input is `.`, the workflow's is `$workflow.input`")                                  \
    D("inputs", 0, "the task's input is `.`, the workflow's is `$workflow.input`")                                 \
    D("input_filename", 0, "there are no files")                                                                   \
    D("input_line_number", 0, "there are no files")                                                                \
    D("debug", 0, "look at the run's history instead")                                                             \
    D("debug", 1, "look at the run's history instead")                                                             \
    D("stderr", 0, "look at the run's history instead")                                                            \
    D("halt", 0, "use a `raise` task, or `then: end`")                                                             \
    D("halt_error", 0, "use a `raise` task, or `error(\"…\")`")                                                  \
    D("halt_error", 1, "use a `raise` task, or `error(\"…\")`")                                                  \
    D("localtime", 0, "use `gmtime`: the machine's time zone does not count")                                      \
    D("strflocaltime", 1, "use `strftime`: the machine's time zone does not count")                                \
    D("modulemeta", 0, "there are no modules")                                                                     \
    D("get_search_list", 0, "there are no modules")                                                                \
    D("get_prog_origin", 0, "there are no files")                                                                  \
    D("get_jq_origin", 0, "there are no files")                                                                    \
    D("builtins", 0, "the functions are those of jq's manual")

#define FLOW_BOUND_NAMES 128 /* variables that one expression binds */

/* What the check found out; `uses[i]` tells whether the expression needs the i-th variable of its scope. */
struct flow_lint {
    const char *const *scope; /* NULL-ended, borrowed */
    bool *uses;
    /* Asked for each function that is called and not defined in the text; may be NULL. */
    bool (*is_function)(struct slice name, void *user);
    void *user;
};

/* 0; or -SP_ESYNTAX, -SP_EINVALID or -SP_ELIMIT with line, column, text and hint. */
[[gnu::warn_unused_result]] int flow_expression_lint(struct slice text, struct flow_lint *lint, struct diag *reterr);

#endif
