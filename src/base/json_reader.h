/* JSON from outside, read by jansson: the one way in, for every role that links it. (Inside the worker:
 * flow_json_parse.)
 *
 * Well-formed UTF-8, no duplicate keys (two readers could take different ones), and no NUL byte: jansson
 * takes one between two tokens for the end of the text, and would not look at what follows. `flags` are
 * jansson's; NULL when it is refused. */
#ifndef BASE_JSON_READER_H
#define BASE_JSON_READER_H

#include <jansson.h>
#include <stdio.h>

#include "base/slice.h"

[[gnu::warn_unused_result]] static inline json_t *json_read(struct slice text, size_t flags,
                                                            json_error_t *reterr)
{
    static const char what[] = "a NUL byte in the text";
    if (!text.len || !memchr(text.p, 0, text.len))
        return json_loadb(text.len ? (const char *)text.p : "", text.len, flags | JSON_REJECT_DUPLICATES,
                          reterr);
    if (reterr) {
        *reterr = (json_error_t){.line = 1, .column = 1};
        (void)snprintf(reterr->text, sizeof reterr->text, "%s", what);
        reterr->text[JSON_ERROR_TEXT_LENGTH - 1] =
            json_error_null_character; /* where jansson keeps the code */
    }
    return NULL;
}

#endif
