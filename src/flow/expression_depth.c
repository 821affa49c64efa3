/* expression_depth: walks a value with a stack of its own. Called by program.c on each result, and wherever a value that an
 * expression made is about to be printed. The values on the stack are borrowed: each is held by the one below it. */
#include "flow/expression_depth.h"

#include "base/limits.h"
#include "base/must.h"

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

/* The next item of a level, borrowed; false at the end. */
static bool next(struct level *level, jv *ret)
{
    if (jv_get_kind(level->value) == JV_KIND_ARRAY) {
        if (level->at >= level->end)
            return false;
        *ret = jv_array_get(jv_copy(level->value), level->at++);
    } else {
        if (!jv_object_iter_valid(level->value, level->at))
            return false;
        *ret = jv_object_iter_value(level->value, level->at);
        level->at = jv_object_iter_next(level->value, level->at);
    }
    jv_free(*ret); /* the container holds it on */
    return true;
}

bool flow_value_is_deeper(jv v, unsigned limit)
{
    struct level stack[LIMIT_JSON_DEPTH];
    must(limit >= 1 && limit <= LIMIT_JSON_DEPTH);
    if (!is_container(v))
        return false;
    unsigned depth = 1;
    stack[0] = enter(v);
    while (depth) {
        jv item;
        if (!next(&stack[depth - 1], &item)) {
            depth--;
            continue;
        }
        if (!is_container(item))
            continue;
        if (depth == limit)
            return true;
        stack[depth++] = enter(item);
    }
    return false;
}
