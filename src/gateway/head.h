/* Whether the head of a request was well formed on the wire. libmicrohttpd 0.9.75 forgives bare LF, folded lines, NULs and lines
 * that hide behind an empty name, even in its strict mode, and two readers that forgive differently are the whole of request
 * smuggling. It parses in place, though: each delimiter becomes a NUL and every name and value stays where it was. So the
 * places of the parts tell what stood between them:
 *
 *   METHOD 0 uri 0 VERSION 00 (name 0 blanks value 00)* 00          one 0 where SP or ":" was, two where CRLF was
 *
 * A bare LF leaves one NUL where two belong, a fold moves the value elsewhere, a NUL ends a part too early: each breaks the
 * sequence. From 0.9.77 the library refuses all of these itself (MHD_OPTION_CLIENT_DISCIPLINE_LVL); then this is not used. */
#ifndef GATEWAY_HEAD_H
#define GATEWAY_HEAD_H

#include "base/slice.h"

struct head_walk {
    const char *begin, *end; /* of the head */
    const char *at;          /* where the next part must begin; NULL after the first that did not */
};

/* `len` is the head's whole length from its method to the empty line; `uri_len` the length of the raw target at `uri`. */
struct head_walk head_begin(const char *method, size_t len, const char *uri, size_t uri_len, const char *version);
void head_field(struct head_walk *w, const char *name, size_t name_len, const char *value, size_t value_len);
bool head_end(const struct head_walk *w);

#endif
