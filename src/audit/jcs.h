/* Canonical JSON (RFC 8785) of any jansson value: keys in the order of their UTF-16 code units, numbers as ECMAScript
 * writes them, strings with the fewest escapes. Leaves have their own writer; this one is for values of unknown shape. */
#ifndef AUDIT_JCS_H
#define AUDIT_JCS_H

#include <jansson.h>

#include "base/buffer.h"

/* Parses (duplicate keys refused) and appends the canonical text; -SP_ESYNTAX. */
[[gnu::warn_unused_result]] int jcs_canonicalise(struct slice json, struct buffer *ret);

/* Appends a finite number as ECMAScript's Number::toString writes it (ECMA-262, 6.1.6.1.20); -SP_EINVALID otherwise. */
[[gnu::warn_unused_result]] int jcs_number(double number, struct buffer *ret);

#endif
