/* How big a value is, found out without recursion: what libjq does to a value (free, print, compare) recurses, and a value that an
 * expression made can refer to the same part a billion times. */
#ifndef FLOW_EXPRESSION_VALUE_H
#define FLOW_EXPRESSION_VALUE_H

#include <jv.h>
#include <stdbool.h>

/* Whether arrays and objects stand more than LIMIT_JSON_DEPTH levels within one another, or the value written out would exceed
 * LIMIT_VALUE; `v` is borrowed. */
bool flow_value_is_too_big(jv v);

#endif
