/* Where a redirect leads, by the rules of RFC 9110, section 15.4, and the Fetch standard's for methods. */
#ifndef EGRESS_REDIRECT_H
#define EGRESS_REDIRECT_H

#include "base/buffer.h"

bool redirect_is(uint16_t status);

/* Resolves `location` against `base` (NUL-terminated) and drops the fragment. -SP_EINVALID when there is no such URI,
 * -ENOMEM. */
[[gnu::warn_unused_result]] int redirect_resolve(const char *base, struct slice location, struct buffer *ret_uri);

/* Whether the next hop is a GET without a body instead of the same method again. */
bool redirect_becomes_get(uint16_t status, const char *method);

#endif
