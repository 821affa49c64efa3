/* Templates of the DSL: a value in which some strings are expressions, turned into the text of one jq expression with places
 * left open for them. */
#ifndef FLOW_TEMPLATE_H
#define FLOW_TEMPLATE_H

#include <jv.h>

#include "base/buffer.h"
#include "base/diag.h"

#define FLOW_TEMPLATE_DEPTH LIMIT_YAML_DEPTH

/* The function around each item of an array; the program's prelude defines it: the first value, or an error. */
#define FLOW_TEMPLATE_ONE "__one"

/* Asked for each string that may be an expression, `text` being what is inside `${ }` or, when `wrapped` is false (loose mode), the
 * whole string; `at` is where it goes in the skeleton. Returns 1 if it takes the string, 0 if it stands for itself, or an error. */
typedef int flow_template_part(struct slice text, bool wrapped, const char *pointer, size_t at, void *user);

/* Appends the skeleton of `value` (borrowed). -SP_ELIMIT when the value is too deep or the text too long. */
[[gnu::warn_unused_result]] int flow_template_write(jv value, bool loose, struct buffer *skeleton, flow_template_part *part,
                                                    void *user, struct diag *reterr);

/* Appends a value as jq text that stands for itself, whatever it contains. */
int flow_template_write_constant(struct buffer *out, jv value /* consumed */);

#endif
