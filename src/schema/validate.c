/* validate: walks the nodes over an instance. Both are hostile: the depth of nodes within one another and the steps of the
 * whole are bounded. A first pass only decides; if the answer is no and errors are wanted, a second pass finds them, so that
 * a valid instance pays nothing for messages. */
#include <errno.h>

#include "schema/run.h"

int run_quiet(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    struct schema_errors *errors = r->errors;
    r->errors = NULL;
    int result = run_node(r, n, v, at, marks);
    r->errors = errors;
    return result;
}

/* A dynamic reference leads to the outermost resource in the dynamic scope that has the anchor (core, section 8.2.3.2). */
static int dynamic_target(struct run *r, const struct reference_rules *k, const struct node **ret)
{
    size_t seen = 0;
    *ret = NULL;
    for (size_t i = 0; k->dynamic_name && i < r->n_scope && !*ret; i++)
        for (const struct dynamic_anchor *d = r->scope[i]->dynamic_anchors; d && !*ret; d = d->next, seen++)
            if (d->name == k->dynamic_name)
                *ret = d->node;
    if (!*ret)
        *ret = k->dynamic_target;
    return run_pay(r, seen / 8);
}

static int check_reference(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct reference_rules *k = n->rules[GROUP_REFERENCE];
    int result = VALID, one;
    if (k->target)
        result = run_node(r, k->target, v, at, marks);
    if (!k->dynamic_target || !run_goes_on(r, result))
        return result;
    const struct node *target;
    if ((one = dynamic_target(r, k, &target)) == VALID)
        one = run_node(r, target, v, at, marks);
    return one == VALID ? result : one;
}

/* A branch that may fail without harm, so its marks count only if it holds. */
static int try_branch(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    if (!marks)
        return run_quiet(r, n, v, at, NULL);
    [[gnu::uninitialized]] struct marks own;
    int result = marks_open(r, &own, v);
    if (result < 0)
        return result;
    result = run_quiet(r, n, v, at, &own);
    if (result == VALID)
        marks_merge(marks, &own);
    marks_close(&own);
    return result;
}

/* No alternative held: the errors of each help to see why. */
static int report_branches(struct run *r, const struct node_list *list, struct view *v, const struct at *at)
{
    for (size_t i = 0; r->errors && i < list->n && r->errors->n < LIMIT_SCHEMA_ERRORS; i++) {
        int one = run_node(r, list->items[i], v, at, NULL);
        if (one < 0)
            return one;
    }
    return INVALID;
}

static int check_any(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct logic_rules *k = n->rules[GROUP_LOGIC];
    bool found = false;
    for (size_t i = 0; i < k->any.n && !(found && !marks); i++) {
        int one = try_branch(r, k->any.items[i], v, at, marks);
        if (one < 0)
            return one;
        found |= one == VALID;
    }
    if (found)
        return VALID;
    run_report(r, n, "anyOf", at, "must be as one of the alternatives describes");
    return report_branches(r, &k->any, v, at);
}

static int check_one(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct logic_rules *k = n->rules[GROUP_LOGIC];
    size_t found = 0, first = 0;
    for (size_t i = 0; i < k->one.n; i++) {
        int one = try_branch(r, k->one.items[i], v, at, marks);
        if (one < 0)
            return one;
        if (one == VALID && found++)
            return run_report(r, n, "oneOf", at, "must be as just one alternative describes, but %zu and %zu both do",
                              first, i);
        if (one == VALID)
            first = i;
    }
    if (found)
        return VALID;
    run_report(r, n, "oneOf", at, "must be as one of the alternatives describes");
    return report_branches(r, &k->one, v, at);
}

static int check_condition(struct run *r, const struct logic_rules *k, struct view *v, const struct at *at, struct marks *marks)
{
    int condition = try_branch(r, k->when, v, at, marks);
    if (condition < 0)
        return condition;
    const struct node *next = condition == VALID ? k->then : k->otherwise;
    return next ? run_node(r, next, v, at, marks) : VALID;
}

static int check_not(struct run *r, const struct node *n, struct view *v, const struct at *at)
{
    const struct logic_rules *k = n->rules[GROUP_LOGIC];
    int one = run_quiet(r, k->negated, v, at, NULL);
    if (one < 0)
        return one;
    return one == INVALID ? VALID : run_report(r, n, "not", at, "must not be as the schema describes here");
}

static int check_logic(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    const struct logic_rules *k = n->rules[GROUP_LOGIC];
    int result = VALID, one;
    for (size_t i = 0; i < k->all.n && run_goes_on(r, result); i++)
        if ((one = run_node(r, k->all.items[i], v, at, marks)) != VALID)
            result = one;
    if (k->any.n && run_goes_on(r, result) && (one = check_any(r, n, v, at, marks)) != VALID)
        result = one;
    if (k->one.n && run_goes_on(r, result) && (one = check_one(r, n, v, at, marks)) != VALID)
        result = one;
    if (k->negated && run_goes_on(r, result) && (one = check_not(r, n, v, at)) != VALID)
        result = one;
    if (k->when && run_goes_on(r, result) && (one = check_condition(r, k, v, at, marks)) != VALID)
        result = one;
    return result;
}

/* The groups that say nothing about a value of the type are passed over, by its bit's number. */
static unsigned groups_for(const struct view *v)
{
    static const uint16_t silent[] = {
#define SILENT(number, string, array, object)                                                                          \
    (uint16_t)((number) << GROUP_NUMBER | (string) << GROUP_STRING | (array) << GROUP_ARRAY | (object) << GROUP_OBJECT |    \
               (object) << GROUP_DEPENDENT | 1u << GROUP_UNEVALUATED)
        SILENT(1, 1, 1, 1), SILENT(1, 1, 1, 1), SILENT(0, 1, 1, 1), SILENT(0, 1, 1, 1),
        SILENT(1, 0, 1, 1), SILENT(1, 1, 0, 1), SILENT(1, 1, 1, 0)};
    return ~(unsigned)silent[__builtin_ctz(v->type)];
}

static int check_groups(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    static check_function *const checks[GROUP_COUNT] = {
        [GROUP_TYPE] = check_type, [GROUP_VALUES] = check_values, [GROUP_NUMBER] = check_number,
        [GROUP_STRING] = check_string, [GROUP_ARRAY] = check_array, [GROUP_OBJECT] = check_object,
        [GROUP_REFERENCE] = check_reference, [GROUP_LOGIC] = check_logic, [GROUP_DEPENDENT] = check_dependent};
    int result = VALID;
    /* Most nodes have a type and most values are of it, so that is not worth a call. */
    unsigned right = n->types & v->type ? 1u << GROUP_TYPE : 0;
    for (unsigned groups = n->groups & groups_for(v) & ~right; groups && run_goes_on(r, result); groups &= groups - 1) {
        int one = checks[__builtin_ctz(groups)](r, n, v, at, marks);
        if (one != VALID)
            result = one;
    }
    return result;
}

/* A node with `unevaluated*` sees what it evaluated itself, and not what stands beside it. */
static int check_with_unevaluated(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    [[gnu::uninitialized]] struct marks own;
    int result = marks_open(r, &own, v);
    if (result < 0)
        return result;
    result = check_groups(r, n, v, at, &own);
    /* After a failure the marks are not whole, and would give errors that are not there. */
    if (result == VALID)
        result = check_unevaluated(r, n, v, at, &own);
    if (result == VALID && marks)
        marks_merge(marks, &own);
    marks_close(&own);
    return result;
}

int run_node(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks)
{
    if (--r->steps < 0)
        return -SP_EBUDGET;
    if (n->never)
        return run_report(r, n, NULL, at, "is not allowed here");
    if (!n->groups)
        return VALID;
    if (r->depth == LIMIT_SCHEMA_DEPTH)
        return -SP_EBUDGET;
    r->depth++;
    bool enters = r->scope && (!r->n_scope || r->scope[r->n_scope - 1] != n->resource);
    if (enters)
        r->scope[r->n_scope++] = n->resource;
    int result = n->groups & 1u << GROUP_UNEVALUATED ? check_with_unevaluated(r, n, v, at, marks)
                                                     : check_groups(r, n, v, at, marks);
    if (enters)
        r->n_scope--;
    r->depth--;
    return result;
}

static int validate(struct run *r, jv instance, struct schema_errors *ret)
{
    static const struct at root;
    const struct node *n = r->schema->root;
    struct view v;
    view_init(&v, instance);
    int result = run_node(r, n, &v, &root, NULL);
    if (result != INVALID || !ret)
        return result == INVALID ? -SP_EINVALID : result;
    ret->n = 0;
    r->errors = ret;
    r->steps = LIMIT_SCHEMA_STEPS;
    result = run_node(r, n, &v, &root, NULL);
    /* What was found before the budget ended is enough. */
    if (ret->n == 0)
        run_report(r, n, NULL, &root, "is not as the schema describes");
    return result == -ENOMEM ? result : -SP_EINVALID;
}

int schema_validate(const struct schema *s, jv instance, struct schema_errors *ret)
{
    /* Not zeroed: that would cost more than many a validation. */
    [[gnu::uninitialized]] const struct resource *scope[LIMIT_SCHEMA_DEPTH];
    [[gnu::uninitialized]] _Alignas(max_align_t) uint8_t first[8192];
    struct run r = {.schema = s, .steps = LIMIT_SCHEMA_STEPS, .scope = s->has_dynamic ? scope : NULL,
                    .room = room_in(first, sizeof first)};
    if (!jv_is_valid(instance)) { /* libjq's "no value" */
        r.errors = ret;
        if (ret)
            ret->n = 0;
        run_report(&r, s->root, NULL, NULL, "is not a JSON value");
        return -SP_EINVALID;
    }
    int result = validate(&r, instance, ret);
    pcre2_match_data_free(r.match_data);
    room_free(&r.room);
    return result;
}
