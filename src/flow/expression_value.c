/* expression_value: walks a value with a stack of its own. Called by program.c on each result, and on an error's value before it is
 * printed. The values on the stack are borrowed: each is held by the one below it. */
#include "flow/expression_value.h"

#include "base/limits.h"

struct level {
    jv value;
    int at, end; /* the next item, and how many there are; an object's iterator ends by itself */
};

static bool is_container(jv v)
{
    return jv_get_kind(v) == JV_KIND_ARRAY || jv_get_kind(v) == JV_KIND_OBJECT;
}

static struct level enter(jv v)
{
    if (jv_get_kind(v) == JV_KIND_ARRAY)
        return (struct level){v, 0, jv_array_length(jv_copy(v))};
    return (struct level){v, jv_object_iter(v), 0};
}

/* What a value weighs by itself: its bytes, and one. */
static size_t weight(jv v)
{
    return jv_get_kind(v) == JV_KIND_STRING ? (size_t)jv_string_length_bytes(jv_copy(v)) + 1 : 1;
}

/* The next item of a level, borrowed, with what it adds; false at the end. */
static bool next(struct level *level, jv *ret, size_t *total)
{
    if (jv_get_kind(level->value) == JV_KIND_ARRAY) {
        if (level->at >= level->end)
            return false;
        *ret = jv_array_get(jv_copy(level->value), level->at++);
    } else {
        if (!jv_object_iter_valid(level->value, level->at))
            return false;
        jv key = jv_object_iter_key(level->value, level->at);
        *total += weight(key);
        jv_free(key);
        *ret = jv_object_iter_value(level->value, level->at);
        level->at = jv_object_iter_next(level->value, level->at);
    }
    jv_free(*ret); /* the container holds it on */
    *total += weight(*ret);
    return true;
}

bool flow_value_is_too_big(jv v)
{
    struct level stack[LIMIT_JSON_DEPTH];
    size_t total = weight(v);
    unsigned depth = 0;
    if (is_container(v))
        stack[depth++] = enter(v);
    while (depth && total <= LIMIT_VALUE) {
        jv item;
        if (!next(&stack[depth - 1], &item, &total)) {
            depth--;
            continue;
        }
        if (!is_container(item))
            continue;
        if (depth == LIMIT_JSON_DEPTH)
            return true;
        stack[depth++] = enter(item);
    }
    return total > LIMIT_VALUE;
}
