/* check_array: items, contains, uniqueItems and unevaluatedItems. */
#include <errno.h>
#include <stdlib.h>

#include "base/plural.h"
#include "schema/run.h"

static int check_items(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    int result = VALID;
    for (size_t i = 0; i < v->n && run_goes_on(r, result); i++) {
        const struct node *child = i < k->prefix.n ? k->prefix.items[i] : k->items;
        if (!child)
            break;
        struct at here = {.up = at, .index = i};
        int one = run_node(r, child, &v->items[i], &here, NULL);
        if (one != VALID)
            result = one;
        if (marks)
            marks_set(marks, i);
    }
    return result;
}

static int check_contains(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    double least = k->min_contains.is_set ? k->min_contains.limit : 1, found = 0;
    for (size_t i = 0; i < v->n; i++) {
        struct at here = {.up = at, .index = i};
        int one = run_quiet(r, k->contains, &v->items[i], &here, NULL);
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
                          "must contain at least %.0f %s as the schema describes", least, PLURAL(least, "item", "items"));
    if (k->max_contains.is_set && found > k->max_contains.limit)
        return run_report(r, n, "maxContains", at, "must contain at most %.0f %s as the schema describes",
                          k->max_contains.limit, PLURAL(k->max_contains.limit, "item", "items"));
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

/* Sorted by hash, so that only items of equal hashes are compared. */
static int find_twins(struct run *r, const struct node *n, struct view *v, struct hashed *items, const struct at *at)
{
    struct view_budget budget = {&r->room, &r->steps};
    size_t count = v->n;
    for (size_t i = 0; i < count; i++) {
        int e = view_hash(budget, &v->items[i], &items[i].hash);
        if (e < 0)
            return e;
        items[i].index = (uint32_t)i;
    }
    qsort(items, count, sizeof *items, by_hash);
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count && items[j].hash == items[i].hash; j++) {
            int same = view_equal(budget, &v->items[items[i].index], &v->items[items[j].index]);
            if (same < 0)
                return same;
            if (same)
                return run_report(r, n, "uniqueItems", at, "items %u and %u are equal, and must not be", items[i].index,
                                  items[j].index);
        }
    return VALID;
}

static int check_unique(struct run *r, const struct node *n, struct view *v, const struct at *at)
{
    size_t count = v->n;
    if (count < 2)
        return VALID;
    int e = run_pay(r, count);
    if (e < 0)
        return e;
    [[gnu::uninitialized]] struct hashed few[16];
    struct hashed *items = count <= 16 ? few : malloc(count * sizeof *items);
    if (!items)
        return -ENOMEM;
    int result = find_twins(r, n, v, items, at);
    if (items != few)
        free(items);
    return result;
}

int check_array(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct array_rules *k = n->rules[GROUP_ARRAY];
    int result = run_open(r, v), one;
    if (result < 0)
        return result;
    if (k->max_items.is_set && v->n > k->max_items.limit)
        result = run_report(r, n, "maxItems", at, "must have at most %.0f %s", k->max_items.limit,
                            PLURAL(k->max_items.limit, "item", "items"));
    if (k->min_items.is_set && v->n < k->min_items.limit)
        result = run_report(r, n, "minItems", at, "must have at least %.0f %s", k->min_items.limit,
                            PLURAL(k->min_items.limit, "item", "items"));
    if (run_goes_on(r, result) && (one = check_items(r, n, v, at, marks)) != VALID)
        result = one;
    if (k->contains && run_goes_on(r, result) && (one = check_contains(r, n, v, at, marks)) != VALID)
        result = one;
    if (k->unique && run_goes_on(r, result) && (one = check_unique(r, n, v, at)) != VALID)
        result = one;
    return result;
}

static int unevaluated_items(struct run *r, const struct node *child, struct view *v, const struct at *at, struct marks *marks)
{
    int result = run_pay(r, v->n / 8);
    for (size_t i = 0; i < v->n && run_goes_on(r, result); i++) {
        if (marks_has(marks, i))
            continue;
        struct at here = {.up = at, .index = i};
        int one = run_node(r, child, &v->items[i], &here, NULL);
        if (one != VALID)
            result = one;
    }
    marks->all = true;
    return result;
}

static int unevaluated_properties(struct run *r, const struct node *child, struct view *v, const struct at *at,
                                  struct marks *marks)
{
    int result = run_pay(r, v->n / 8);
    for (size_t i = 0; i < v->n && run_goes_on(r, result); i++) {
        if (marks_has(marks, i))
            continue;
        struct at here = {.up = at, .key = &v->members[i].name};
        int one = run_node(r, child, &v->members[i].value, &here, NULL);
        if (one != VALID)
            result = one;
    }
    marks->all = true;
    return result;
}

/* `marks` is never NULL here, and has what all other keywords of the node evaluated; who opened them opened the view. */
int check_unevaluated(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct unevaluated_rules *k = n->rules[GROUP_UNEVALUATED];
    if (k->items && v->type == TYPE_ARRAY)
        return unevaluated_items(r, k->items, v, at, marks);
    if (k->properties && v->type == TYPE_OBJECT)
        return unevaluated_properties(r, k->properties, v, at, marks);
    return VALID;
}
