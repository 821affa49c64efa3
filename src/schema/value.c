/* value: equality and hashing of JSON values. Must hold: equal values have equal hashes. Called while compiling (`enum`) and
 * validating (`enum`, `const`, `uniqueItems`). */
#include "schema/value.h"

#include "base/error.h"
#include "base/limits.h"

static int equal(jv a, jv b, long *steps, int depth);

static int equal_arrays(jv a, jv b, long *steps, int depth)
{
    size_t n = value_count(a);
    if (n != value_count(b))
        return 0;
    int r = 1;
    for (size_t i = 0; i < n && r == 1; i++) {
        jv x = jv_array_get(jv_copy(a), (int)i), y = jv_array_get(jv_copy(b), (int)i);
        r = equal(x, y, steps, depth);
        jv_free(x);
        jv_free(y);
    }
    return r;
}

static int equal_objects(jv a, jv b, long *steps, int depth)
{
    if (value_properties(a) != value_properties(b))
        return 0;
    int r = 1;
    for (int i = jv_object_iter(a); r == 1 && jv_object_iter_valid(a, i); i = jv_object_iter_next(a, i)) {
        jv x = jv_object_iter_value(a, i), y = jv_object_get(jv_copy(b), jv_object_iter_key(a, i));
        r = jv_is_valid(y) ? equal(x, y, steps, depth) : 0;
        jv_free(x);
        jv_free(y);
    }
    return r;
}

static int equal(jv a, jv b, long *steps, int depth)
{
    if (--*steps < 0 || depth > LIMIT_JSON_DEPTH)
        return -SP_EBUDGET;
    jv_kind kind = jv_get_kind(a);
    if (kind != jv_get_kind(b))
        return 0;
    switch (kind) {
    case JV_KIND_NUMBER:
        return jv_number_value(a) == jv_number_value(b);
    case JV_KIND_STRING:
        return slice_equal(value_text(a), value_text(b));
    case JV_KIND_ARRAY:
        return equal_arrays(a, b, steps, depth + 1);
    case JV_KIND_OBJECT:
        return equal_objects(a, b, steps, depth + 1);
    case JV_KIND_NULL:
    case JV_KIND_FALSE:
    case JV_KIND_TRUE:
        return 1;
    case JV_KIND_INVALID:
        break;
    }
    return 0;
}

int value_equal(jv a, jv b, long *steps)
{
    return equal(a, b, steps, 0);
}

static uint32_t mixed(uint32_t hash, uint32_t more)
{
    hash ^= more + 0x9e3779b9u + (hash << 6) + (hash >> 2);
    hash *= 0x85ebca6bu;
    return hash ^ hash >> 15;
}

static uint32_t hash_number(double number)
{
    uint64_t bits;
    if (number == 0)
        number = 0; /* -0 equals 0 */
    memcpy(&bits, &number, sizeof bits);
    return mixed((uint32_t)bits, (uint32_t)(bits >> 32));
}

static int hash(jv v, long *steps, int depth, uint32_t *ret);

static int hash_array(jv v, long *steps, int depth, uint32_t *ret)
{
    uint32_t sum = 0xa5u;
    size_t n = value_count(v);
    for (size_t i = 0; i < n; i++) {
        uint32_t one = 0;
        jv x = jv_array_get(jv_copy(v), (int)i);
        int r = hash(x, steps, depth, &one);
        jv_free(x);
        if (r < 0)
            return r;
        sum = mixed(sum, one);
    }
    *ret = sum;
    return 0;
}

/* A sum, so that the order of properties does not matter. */
static int hash_object(jv v, long *steps, int depth, uint32_t *ret)
{
    uint32_t sum = 0x0bu;
    for (int i = jv_object_iter(v); jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
        uint32_t one = 0;
        jv x = jv_object_iter_value(v, i);
        int r = hash(x, steps, depth, &one);
        jv_free(x);
        if (r < 0)
            return r;
        sum += mixed((uint32_t)jv_string_hash(jv_object_iter_key(v, i)), one);
    }
    *ret = sum;
    return 0;
}

static int hash(jv v, long *steps, int depth, uint32_t *ret)
{
    if (--*steps < 0 || depth > LIMIT_JSON_DEPTH)
        return -SP_EBUDGET;
    jv_kind kind = jv_get_kind(v);
    if (kind == JV_KIND_ARRAY)
        return hash_array(v, steps, depth + 1, ret);
    if (kind == JV_KIND_OBJECT)
        return hash_object(v, steps, depth + 1, ret);
    if (kind == JV_KIND_NUMBER)
        *ret = hash_number(jv_number_value(v));
    else if (kind == JV_KIND_STRING)
        *ret = (uint32_t)jv_string_hash(jv_copy(v));
    else
        *ret = (uint32_t)kind;
    return 0;
}

int value_hash(jv v, long *steps, uint32_t *ret)
{
    return hash(v, steps, 0, ret);
}

size_t value_length(struct slice text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += (text.p[i] & 0xC0) != 0x80;
    return n;
}
