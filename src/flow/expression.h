/* Runtime expressions: all those of one definition are compiled into one jq program, because libjq 1.6 takes 16 ms per
 * compile whatever the size. Add every expression, compile once, evaluate by index.
 *
 * What a text may do is decided before jq sees it (lexer.h): no environment, files, input, modules, output, clock or halt;
 * brackets balance, so a text cannot leave the parentheses it is put in. The program's prelude redefines the forbidden
 * functions as errors, so that a slip there is harmless. Processor time is budget.h's, memory the process's. */
#ifndef FLOW_EXPRESSION_H
#define FLOW_EXPRESSION_H

#include <jv.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/slice.h"

struct flow_program;

[[gnu::warn_unused_result]] int flow_program_new(struct flow_program **ret);
void flow_program_free(struct flow_program *p);
DEFINE_CLEANUP(struct flow_program *, flow_program_free)

/* Adds one expression (without `${ }`) to be evaluated with the named variables (without `$`, NULL-ended) in scope.
 * Returns its index >= 0; or -SP_ESYNTAX, -SP_EINVALID (a forbidden function, an unknown variable), -SP_ELIMIT, with a diag
 * whose line and column are relative to the text; or -ENOMEM. Not after compile. */
[[gnu::warn_unused_result]] int flow_program_add(struct flow_program *p, struct slice text, const char *const *variables,
                                                 struct diag *reterr);

/* Adds a template (consumed): a value in which strings that are wholly `${ … }` are expressions. In loose mode every other
 * string is tried as an expression too and, where it is not one, stands for itself. The whole becomes one expression that gives the
 * template with its expressions replaced. As flow_program_add; the diag's pointer leads to the string within the template. */
[[gnu::warn_unused_result]] int flow_program_add_template(struct flow_program *p, jv template, bool loose,
                                                          const char *const *variables, struct diag *reterr);

/* Compiles, once, after all adds. On failure `ret_failed` is the index of the guilty expression (or -1) and the diag says
 * what jq said; its pointer and place are as in the adds. An expression of 16 KiB can keep jq busy for seconds: call between
 * flow_budget_begin(LIMIT_COMPILE_CPU_MS) and flow_budget_end (budget.h). */
[[gnu::warn_unused_result]] int flow_program_compile(struct flow_program *p, int *ret_failed, struct diag *reterr);

/* Evaluates with `dot` as `.`; `variables` is an object of values by name (both consumed), a variable that is not given is
 * null; `now` is `now_ms`. The first value counts when there are several. -SP_EINVALID with jq's message in the diag when
 * the expression raises an error or gives no value; -SP_EBUDGET when the value is nested deeper than LIMIT_JSON_DEPTH or
 * larger than LIMIT_VALUE. Call between flow_budget_begin and flow_budget_end (budget.h). */
[[gnu::warn_unused_result]] int flow_program_eval(struct flow_program *p, int index, jv dot, jv variables, int64_t now_ms,
                                                  jv *ret, struct diag *reterr);

/* Whether the text is wholly `${ … }`, white space around it allowed; `ret_inner` (may be NULL) is what is inside. */
bool flow_text_is_expression(struct slice text, struct slice *ret_inner);

#endif
