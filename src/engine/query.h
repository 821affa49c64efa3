/* The query of a request, held against what its route takes. */
#ifndef ENGINE_QUERY_H
#define ENGINE_QUERY_H

#include "base/diag.h"
#include "engine/request.h"

/* Reads the whole query: each parameter has to be one of the route's, be there once, and have the form of its
 * schema. -SP_EINVALID and why not. */
[[gnu::warn_unused_result]] int request_query_read(struct request *r, struct diag *reterr);

/* The value of a parameter that the route names: decoded; empty if it is absent. */
struct slice request_query_text(const struct request *r, const char *name);

/* That of a number; if it is absent the route's default or, without one, `otherwise`. */
uint64_t request_query_number(const struct request *r, const char *name, uint64_t otherwise);

#endif
