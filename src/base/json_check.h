/* Whether a text is JSON, without making anything of it: for what is passed on as it is, inside JSON of ours. */
#ifndef BASE_JSON_CHECK_H
#define BASE_JSON_CHECK_H

#include "base/limits.h"
#include "base/slice.h"

/* One value (RFC 8259) with white space around it, nothing else, UTF-8, at most LIMIT_JSON_PASSED_DEPTH levels deep. */
bool json_is_value(struct slice text);

#endif
