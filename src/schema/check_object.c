/* check_object: properties and what depends on them. The instance is walked once, each key looked up in the schema's table
 * with the hash that libjq keeps with the key. */
#include "schema/run.h"
#include "schema/value.h"

static bool has(jv object, jv key)
{
    return jv_object_has(jv_copy(object), jv_copy(key));
}

/* One property against all that speaks of it; `*ret_evaluated` if anything but the names' schema did. */
static int check_property(struct run *r, const struct object_rules *k, jv key, jv value, const struct at *here,
                          bool *ret_evaluated)
{
    struct slice name = value_text(key);
    int result = VALID, one;
    const struct node *child = k->properties.n ? table_get(&k->properties, (uint32_t)jv_string_hash(jv_copy(key)), name) : NULL;
    *ret_evaluated = child != NULL;
    if (child)
        result = run_node(r, child, value, here, NULL);
    for (size_t i = 0; i < k->n_patterns && run_goes_on(r, result); i++) {
        int found = run_match(r, k->patterns[i].code, name);
        if (found < 0)
            return found;
        if (!found)
            continue;
        *ret_evaluated = true;
        if ((one = run_node(r, k->patterns[i].node, value, here, NULL)) != VALID)
            result = one;
    }
    if (k->additional && !*ret_evaluated && run_goes_on(r, result)) {
        *ret_evaluated = true;
        if ((one = run_node(r, k->additional, value, here, NULL)) != VALID)
            result = one;
    }
    if (k->names && run_goes_on(r, result) && (one = run_node(r, k->names, key, here, NULL)) != VALID)
        result = one;
    return result;
}

static int check_properties(struct run *r, const struct object_rules *k, jv v, const struct at *at, struct marks *marks)
{
    int result = VALID;
    size_t order = 0;
    for (int i = jv_object_iter(v); jv_object_iter_valid(v, i) && run_goes_on(r, result); i = jv_object_iter_next(v, i)) {
        bool evaluated;
        jv key = jv_object_iter_key(v, i), value = jv_object_iter_value(v, i);
        struct at here = {.up = at, .key = &key};
        int one = run_pay(r, 1);
        if (one == VALID)
            one = check_property(r, k, key, value, &here, &evaluated);
        jv_free(value);
        jv_free(key);
        if (one != VALID)
            result = one;
        else if (marks && evaluated)
            marks_set(marks, order);
        order++;
    }
    return result;
}

static int check_required(struct run *r, const struct node *n, const char *keyword, const struct name_list *list, jv v,
                          const struct at *at)
{
    int result = run_pay(r, list->n);
    for (size_t i = 0; i < list->n && run_goes_on(r, result); i++)
        if (!has(v, list->names[i]))
            result = run_report(r, n, keyword, at, "must have the property \"%.200s\"", jv_string_value(list->names[i]));
    return result;
}

int check_object(struct run *r, const struct node *n, jv v, const struct at *at, struct marks *marks)
{
    if (jv_get_kind(v) != JV_KIND_OBJECT)
        return VALID;
    const struct object_rules *k = n->rules[GROUP_OBJECT];
    double count = (double)value_properties(v);
    int result = VALID, one;
    if (k->max_properties.is_set && count > k->max_properties.limit)
        result = run_report(r, n, "maxProperties", at, "must have at most %.0f properties", k->max_properties.limit);
    if (k->min_properties.is_set && count < k->min_properties.limit)
        result = run_report(r, n, "minProperties", at, "must have at least %.0f properties", k->min_properties.limit);
    if (k->required.n && run_goes_on(r, result) && (one = check_required(r, n, "required", &k->required, v, at)) != VALID)
        result = one;
    bool walk = k->properties.n || k->n_patterns || k->additional || k->names;
    if (walk && run_goes_on(r, result) && (one = check_properties(r, k, v, at, marks)) != VALID)
        result = one;
    return result;
}

int check_dependent(struct run *r, const struct node *n, jv v, const struct at *at, struct marks *marks)
{
    if (jv_get_kind(v) != JV_KIND_OBJECT)
        return VALID;
    const struct dependent_rules *k = n->rules[GROUP_DEPENDENT];
    int result = VALID;
    for (const struct dependent *d = k->first; d && run_goes_on(r, result); d = d->next) {
        int one = run_pay(r, 1);
        if (one < 0)
            return one;
        if (!has(v, d->trigger))
            continue;
        one = d->node ? run_node(r, d->node, v, at, marks) : check_required(r, n, d->keyword, &d->required, v, at);
        if (one != VALID)
            result = one;
    }
    return result;
}
