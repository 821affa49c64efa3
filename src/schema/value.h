/* Short ways to libjq's values, for what compiles a schema. All arguments are borrowed. */
#ifndef SCHEMA_VALUE_H
#define SCHEMA_VALUE_H

#include <jv.h>

#include "base/slice.h"

/* A string's bytes, borrowed from `v`. */
static inline struct slice value_text(jv v)
{
    return slice_of(jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)));
}

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
