/* Problem details (RFC 9457): the one form in which gateway and engine tell over HTTP what is wrong. `type`
 * is stable; it, the title and the status come from the list in error.h, so that a type has one meaning
 * whoever says it. */
#ifndef BASE_PROBLEM_H
#define BASE_PROBLEM_H

#include "base/json_writer.h"

#define PROBLEM_TYPE       "urn:sallyport:error:" /* and the slug */
#define PROBLEM_MEDIA_TYPE "application/problem+json"
#define PROBLEM_AT_INPUT   "/input" /* `instance` of a run's fault when it is the workflow's own input that is wrong */

/* The code as a client may see it: -ENOMEM is overload, any other -errno is internal, which it says nothing
 * more about. */
int problem_code(int code);
int problem_status(int code);

/* Writes an object's beginning with type, title, status and detail; the caller adds members of its own and
 * ends it. */
void problem_begin(struct json_writer *w, int code, const char *detail);
/* The whole object. */
void problem_write(struct buffer *b, int code, const char *detail);

#endif
