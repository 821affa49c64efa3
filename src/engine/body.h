/* The body of a request, held against what its route takes. */
#ifndef ENGINE_BODY_H
#define ENGINE_BODY_H

#include <jansson.h>

#include "base/diag.h"
#include "engine/request.h"

/* Checks media type and length, and reads JSON whose schema has members; `ret` is NULL for all else, and the
 * caller's. -SP_EMEDIATYPE, -SP_ELIMIT, -SP_ESYNTAX, -SP_EINVALID and why. */
[[gnu::warn_unused_result]] int body_read(const struct request *r, json_t **ret, struct diag *reterr);

#endif
