/* JSON from outside, read by jansson: the one way in, for every role that links it. (Inside the worker:
 * flow_json_parse.)
 *
 * Well-formed UTF-8, no duplicate keys (two readers could take different ones), and no NUL byte: jansson
 * takes one between two tokens for the end of the text, and would not look at what follows. And all of the
 * text: jansson's lexer passes over a byte when there is no memory for it, and what was read is then another. */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <jansson.h>

#include "base/slice.h"

/* `flags` are jansson's; NULL when it is refused, or memory was missing. `reterr` may be NULL. */
[[gnu::warn_unused_result]] json_t *json_read(struct slice text, size_t flags, json_error_t *reterr);

/* Why json_read gave nothing: -ENOMEM or -SP_ESYNTAX. */
int json_read_failure(const json_error_t *error);

/* What jansson allocates with; for a role that wants another way to free (json_set_alloc_funcs). */
void *json_read_malloc(size_t size);

#endif
