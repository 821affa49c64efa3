/* How deeply a value is nested, found out without recursion: what libjq does to a value (free, print, compare) recurses. */
#ifndef FLOW_EXPRESSION_DEPTH_H
#define FLOW_EXPRESSION_DEPTH_H

#include <jv.h>
#include <stdbool.h>

/* Whether arrays and objects stand more than `limit` (at most LIMIT_JSON_DEPTH) levels within one another; `v` is borrowed. */
bool flow_value_is_deeper(jv v, unsigned limit);

#endif
