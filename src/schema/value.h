/* Deep equality and hashing of libjq's values as JSON Schema compares them: 1 equals 1.0, the order of properties does not
 * matter. libjq's own comparison recurses without a bound, so it is not used. All arguments are borrowed. */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include <jv.h>

#include "base/slice.h"

/* Each visited value takes one from `*steps`; both fail with -SP_EBUDGET when there are none left, or at a nesting of more
 * than LIMIT_JSON_DEPTH. */
[[gnu::warn_unused_result]] int value_equal(jv a, jv b, long *steps); /* 1 equal, 0 not, or negative */
[[gnu::warn_unused_result]] int value_hash(jv v, long *steps, uint32_t *ret);

/* A string's bytes, borrowed from `v`. */
static inline struct slice value_text(jv v)
{
    return slice_of(jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)));
}

/* The number of code points of well-formed UTF-8. */
size_t value_length(struct slice text);

/* The object's value for a key of ours; an invalid value if there is none. The result is owned by the caller. */
static inline jv value_get(jv object, const char *key)
{
    return jv_object_get(jv_copy(object), jv_string(key));
}

static inline size_t value_count(jv array)
{
    return (size_t)jv_array_length(jv_copy(array));
}

static inline size_t value_properties(jv object)
{
    return (size_t)jv_object_length(jv_copy(object));
}

#endif
