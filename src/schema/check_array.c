/* check_array: items, contains, uniqueItems and unevaluatedItems. */
#include <errno.h>
#include <stdlib.h>

#include "schema/run.h"
#include "schema/value.h"

static int check_items(struct run *r, const struct node *n, jv v, size_t count, const struct at *at, struct marks *marks)
{
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    int result = VALID;
    for (size_t i = 0; i < count && run_goes_on(r, result); i++) {
        const struct node *child = i < k->prefix.n ? k->prefix.items[i] : k->items;
        if (!child)
            break;
        struct at here = {.up = at, .index = i};
        jv item = jv_array_get(jv_copy(v), (int)i);
        int one = run_node(r, child, item, &here, NULL);
        jv_free(item);
        if (one != VALID)
            result = one;
        if (marks)
            marks_set(marks, i);
    }
    return result;
}

static int check_contains(struct run *r, const struct node *n, jv v, size_t count, const struct at *at, struct marks *marks)
{
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    double least = k->min_contains.is_set ? k->min_contains.limit : 1, found = 0;
    for (size_t i = 0; i < count; i++) {
        struct at here = {.up = at, .index = i};
        jv item = jv_array_get(jv_copy(v), (int)i);
        int one = run_quiet(r, k->contains, item, &here, NULL);
        jv_free(item);
        if (one < 0)
            return one;
        if (one == INVALID)
            continue;
        found++;
        if (marks)
            marks_set(marks, i);
        else if (found >= least && !k->max_contains.is_set)
            return VALID;
    }
    if (found < least)
        return run_report(r, n, k->min_contains.is_set ? "minContains" : "contains", at,
                          "must contain at least %.0f items as the schema describes", least);
    if (k->max_contains.is_set && found > k->max_contains.limit)
        return run_report(r, n, "maxContains", at, "must contain at most %.0f items as the schema describes",
                          k->max_contains.limit);
    return VALID;
}

struct hashed {
    uint32_t hash;
    uint32_t index;
};

static int by_hash(const void *a, const void *b)
{
    const struct hashed *x = a, *y = b;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int same_items(struct run *r, jv v, const struct hashed *a, const struct hashed *b)
{
    jv x = jv_array_get(jv_copy(v), (int)a->index), y = jv_array_get(jv_copy(v), (int)b->index);
    int same = value_equal(x, y, &r->steps);
    jv_free(x);
    jv_free(y);
    return same;
}

/* Sorted by hash, so that only items of equal hashes are compared. */
static int find_twins(struct run *r, const struct node *n, jv v, struct hashed *items, size_t count, const struct at *at)
{
    for (size_t i = 0; i < count; i++) {
        jv item = jv_array_get(jv_copy(v), (int)i);
        int e = value_hash(item, &r->steps, &items[i].hash);
        jv_free(item);
        if (e < 0)
            return e;
        items[i].index = (uint32_t)i;
    }
    qsort(items, count, sizeof *items, by_hash);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
            int same = same_items(r, v, &items[i], &items[j]);
            if (same < 0)
                return same;
            if (same)
                return run_report(r, n, "uniqueItems", at, "items %u and %u are equal, and must not be", items[i].index,
                                  items[j].index);
        }
    return VALID;
}

static int check_unique(struct run *r, const struct node *n, jv v, size_t count, const struct at *at)
{
    if (count < 2)
        return VALID;
    int e = run_pay(r, count);
    if (e < 0)
        return e;
    struct hashed few[16], *items = count <= 16 ? few : malloc(count * sizeof *items);
    if (!items)
        return -ENOMEM;
    int result = find_twins(r, n, v, items, count, at);
    if (items != few)
        free(items);
    return result;
}

int check_array(struct run *r, const struct node *n, jv v, const struct at *at, struct marks *marks)
{
    if (jv_get_kind(v) != JV_KIND_ARRAY)
        return VALID;
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    size_t count = value_count(v);
    int result = VALID, one;
    if (k->max_items.is_set && (double)count > k->max_items.limit)
        result = run_report(r, n, "maxItems", at, "must have at most %.0f items", k->max_items.limit);
    if (k->min_items.is_set && (double)count < k->min_items.limit)
        result = run_report(r, n, "minItems", at, "must have at least %.0f items", k->min_items.limit);
    if (run_goes_on(r, result) && (one = check_items(r, n, v, count, at, marks)) != VALID)
        result = one;
    if (k->contains && run_goes_on(r, result) && (one = check_contains(r, n, v, count, at, marks)) != VALID)
        result = one;
    if (k->unique && run_goes_on(r, result) && (one = check_unique(r, n, v, count, at)) != VALID)
        result = one;
    return result;
}

static int unevaluated_items(struct run *r, const struct node *child, jv v, const struct at *at, struct marks *marks)
{
    size_t count = value_count(v);
    int result = run_pay(r, count / 8);
    for (size_t i = 0; i < count && run_goes_on(r, result); i++) {
        if (marks_has(marks, i))
            continue;
        struct at here = {.up = at, .index = i};
        jv item = jv_array_get(jv_copy(v), (int)i);
        int one = run_node(r, child, item, &here, NULL);
        jv_free(item);
        if (one != VALID)
            result = one;
    }
    marks->all = true;
    return result;
}

static int unevaluated_properties(struct run *r, const struct node *child, jv v, const struct at *at, struct marks *marks)
{
    int result = run_pay(r, value_properties(v) / 8);
    size_t order = 0;
    for (int i = jv_object_iter(v); jv_object_iter_valid(v, i) && run_goes_on(r, result); i = jv_object_iter_next(v, i)) {
        if (marks_has(marks, order++))
            continue;
        jv key = jv_object_iter_key(v, i), value = jv_object_iter_value(v, i);
        struct at here = {.up = at, .key = &key};
        int one = run_node(r, child, value, &here, NULL);
        jv_free(value);
        jv_free(key);
        if (one != VALID)
            result = one;
    }
    marks->all = true;
    return result;
}

/* `marks` is never NULL here, and has what all other keywords of the node evaluated. */
int check_unevaluated(struct run *r, const struct node *n, jv v, const struct at *at, struct marks *marks)
{
    const struct unevaluated_rules *k = n->rules[GROUP_UNEVALUATED];
    if (k->items && jv_get_kind(v) == JV_KIND_ARRAY)
        return unevaluated_items(r, k->items, v, at, marks);
    if (k->properties && jv_get_kind(v) == JV_KIND_OBJECT)
        return unevaluated_properties(r, k->properties, v, at, marks);
    return VALID;
}
