/* check_object: properties and what depends on them. The instance is walked once, each name looked up in the schema's table. */
#include "base/plural.h"
#include "schema/run.h"

/* One property against all that speaks of it; `*ret_evaluated` if anything but the names' schema did. */
static int check_property(struct run *r, const struct object_rules *k, struct view_member *m, const struct at *here,
                          bool *ret_evaluated)
{
    int result = VALID, one;
    const struct node *child = table_get(&k->properties, m->hash, m->name);
    *ret_evaluated = child != NULL;
    if (child)
        result = run_node(r, child, &m->value, here, NULL);
    for (size_t i = 0; i < k->n_patterns && run_goes_on(r, result); i++) {
        int found = run_match(r, k->patterns[i].pattern, m->name);
        if (found < 0)
            return found;
        if (!found)
            continue;
        *ret_evaluated = true;
        if ((one = run_node(r, k->patterns[i].node, &m->value, here, NULL)) != VALID)
            result = one;
    }
    if (k->additional && !*ret_evaluated && run_goes_on(r, result)) {
        *ret_evaluated = true;
        if ((one = run_node(r, k->additional, &m->value, here, NULL)) != VALID)
            result = one;
    }
    return result;
}

/* A property's name is a value of its own. */
static int check_name(struct run *r, const struct node *names, const struct view_member *m, const struct at *here)
{
    struct view name = {.type = TYPE_STRING, .is_open = true, .n = (uint32_t)m->name.len, .text = m->name.p};
    return run_node(r, names, &name, here, NULL);
}

static int check_properties(struct run *r, const struct object_rules *k, struct view *v, const struct at *at, struct marks *marks)
{
    int result = run_pay(r, v->n);
    for (size_t i = 0; i < v->n && run_goes_on(r, result); i++) {
        bool evaluated;
        struct view_member *m = &v->members[i];
        struct at here = {.up = at, .key = &m->name};
        int one = check_property(r, k, m, &here, &evaluated);
        if (one == VALID && marks && evaluated)
            marks_set(marks, i);
        if (k->names && run_goes_on(r, one)) {
            int name = check_name(r, k->names, m, &here);
            one = name != VALID ? name : one;
        }
        if (one != VALID)
            result = one;
    }
    return result;
}

/* Looking for a name costs what it passes. */
static int has(struct run *r, const struct view *v, const struct name *name, uint32_t *at)
{
    uint32_t before = *at;
    bool found = view_find(v, name->text, name->hash, at) != NULL;
    uint32_t passed = !found ? v->n : *at > before ? *at - before : *at + v->n - before;
    int e = run_pay(r, 1 + passed / 16);
    return e < 0 ? e : found;
}

static int check_required(struct run *r, const struct node *n, const char *keyword, const struct name_list *list,
                          const struct view *v, const struct at *at)
{
    int result = list->n > v->n && !r->errors ? INVALID : VALID;
    uint32_t place = 0;
    for (size_t i = 0; i < list->n && run_goes_on(r, result); i++) {
        const struct name *name = &list->names[i];
        int found = has(r, v, name, &place);
        if (found < 0)
            return found;
        if (!found)
            result = run_report(r, n, keyword, at, "must have the property \"%.*s\"",
                                (int)(name->text.len < 200 ? name->text.len : 200), (const char *)name->text.p);
    }
    return result;
}

int check_object(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct object_rules *k = n->rules[GROUP_OBJECT];
    int result = run_open(r, v), one;
    if (result < 0)
        return result;
    if (k->max_properties.is_set && v->n > k->max_properties.limit)
        result = run_report(r, n, "maxProperties", at, "must have at most %.0f %s", k->max_properties.limit,
                            PLURAL(k->max_properties.limit, "property", "properties"));
    if (k->min_properties.is_set && v->n < k->min_properties.limit)
        result = run_report(r, n, "minProperties", at, "must have at least %.0f %s", k->min_properties.limit,
                            PLURAL(k->min_properties.limit, "property", "properties"));
    if (k->required.n && run_goes_on(r, result) && (one = check_required(r, n, "required", &k->required, v, at)) != VALID)
        result = one;
    bool walk = k->properties.n || k->n_patterns || k->additional || k->names;
    if (walk && run_goes_on(r, result) && (one = check_properties(r, k, v, at, marks)) != VALID)
        result = one;
    return result;
}

int check_dependent(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct dependent_rules *k = n->rules[GROUP_DEPENDENT];
    int result = run_open(r, v);
    uint32_t place = 0;
    for (const struct dependent *d = k->first; d && run_goes_on(r, result); d = d->next) {
        int one = has(r, v, &d->trigger, &place);
        if (one < 0)
            return one;
        if (!one)
            continue;
        one = d->node ? run_node(r, d->node, v, at, marks) : check_required(r, n, d->keyword, &d->required, v, at);
        if (one != VALID)
            result = one;
    }
    return result;
}
