/* rule: what each keyword's value becomes in its node. The form of the value has been checked and its subschemas are nodes
 * already. Called by compile.c through the table of keywords. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/must.h"
#include "schema/compiler.h"
#include "schema/value.h"

void *compiler_rules(struct compiler *c, struct node *n, enum group group)
{
    static const size_t sizes[GROUP_COUNT] = {
        [GROUP_VALUES] = sizeof(struct value_rules), [GROUP_NUMBER] = sizeof(struct number_rules),
        [GROUP_STRING] = sizeof(struct string_rules), [GROUP_ARRAY] = sizeof(struct array_rules),
        [GROUP_OBJECT] = sizeof(struct object_rules), [GROUP_REFERENCE] = sizeof(struct reference_rules),
        [GROUP_LOGIC] = sizeof(struct logic_rules), [GROUP_DEPENDENT] = sizeof(struct dependent_rules),
        [GROUP_UNEVALUATED] = sizeof(struct unevaluated_rules)};
    if (!n->rules[group])
        n->rules[group] = compiler_take(c, sizes[group]);
    if (n->rules[group])
        n->groups |= (uint16_t)(1u << group);
    return n->rules[group];
}

/* The place that the keyword fills, or NULL without memory. */
static void *member(struct compiler *c, struct node *n, const struct keyword *k)
{
    uint8_t *rules = compiler_rules(c, n, k->group);
    return rules ? rules + k->offset : NULL;
}

static struct owned *own(struct compiler *c, int kind)
{
    struct owned *o = compiler_take(c, sizeof *o);
    if (o) {
        o->next = c->schema->owned;
        o->kind = kind;
        o->value = jv_invalid();
        c->schema->owned = o;
    }
    return o;
}

int compiler_keep(struct compiler *c, jv value)
{
    struct owned *o = own(c, OWNED_VALUE);
    if (!o) {
        jv_free(value);
        return -ENOMEM;
    }
    o->value = value;
    return 0;
}

int compiler_keep_table(struct compiler *c, struct table *t)
{
    struct owned *o = own(c, OWNED_TABLE);
    if (o)
        o->table = t;
    return o ? 0 : -ENOMEM;
}

int compiler_pattern(struct compiler *c, const struct node *n, const char *keyword, struct slice text,
                     const struct pattern **ret)
{
    char why[REGEX_WHY] = "";
    pcre2_code *code = NULL;
    int r = regex_compile(text, &code, why);
    if (r == -SP_EINVALID)
        return compiler_fail(c, n, keyword, r, "not a regular expression of ECMA-262: %s", why);
    if (r < 0)
        return r;
    struct owned *o = own(c, OWNED_PATTERN);
    struct pattern *pattern = compiler_take(c, sizeof *pattern);
    if (!o || !pattern) {
        pcre2_code_free(code);
        return -ENOMEM;
    }
    size_t size = 0;
    pcre2_pattern_info(code, PCRE2_INFO_SIZE, &size);
    c->schema->pattern_bytes += size;
    pattern->code = o->pattern = code;
    regex_quick_read(text, &pattern->quick);
    *ret = pattern;
    if (c->schema->pattern_bytes > LIMIT_SCHEMA_MEMORY)
        return compiler_fail(c, n, keyword, -SP_ELIMIT, "the regular expressions are too large together");
    return 0;
}

static unsigned type_named(struct slice name)
{
    static const struct {
        const char *name;
        unsigned bits;
    } types[] = {{"null", TYPE_NULL}, {"boolean", TYPE_BOOLEAN}, {"integer", TYPE_INTEGER},
                 {"number", TYPE_NUMBER | TYPE_INTEGER}, {"string", TYPE_STRING}, {"array", TYPE_ARRAY},
                 {"object", TYPE_OBJECT}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (slice_is(name, types[i].name))
            return types[i].bits;
    return 0;
}

int rule_type(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    jv list = jv_get_kind(value) == JV_KIND_STRING ? JV_ARRAY(jv_copy(value)) : jv_copy(value);
    bool known = true;
    for (size_t i = 0; i < value_count(list); i++) {
        jv one = jv_array_get(jv_copy(list), (int)i);
        unsigned bits = type_named(value_text(one));
        known &= bits != 0;
        n->types |= (uint8_t)bits;
        jv_free(one);
    }
    jv_free(list);
    n->groups |= 1u << GROUP_TYPE;
    return known ? 0 : compiler_fail(c, n, k->name, -SP_EINVALID,
                                     "a type is one of null, boolean, integer, number, string, array and object");
}

/* Hashes the value of `const` or one of `enum`, which opens it to its ends, so that no validation has to. */
static int constant_init(struct compiler *c, struct node *n, const struct keyword *k, jv value, struct view *v, uint32_t *ret_hash)
{
    long steps = LIMIT_SCHEMA_STEPS;
    view_init(v, value);
    int r = view_hash((struct view_budget){&c->schema->room, &steps}, v, ret_hash);
    if (r == -SP_EBUDGET)
        return compiler_fail(c, n, k->name, -SP_ELIMIT, "the values are too large or nested too deeply");
    return r;
}

int rule_const(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct value_rules *rules = compiler_rules(c, n, GROUP_VALUES);
    struct view *constant = compiler_take(c, sizeof *constant);
    uint32_t hash = 0;
    if (!rules || !constant || compiler_keep(c, jv_copy(value)) < 0)
        return -ENOMEM;
    rules->constant = constant;
    return constant_init(c, n, k, value, constant, &hash);
}

static int by_hash(const void *a, const void *b)
{
    uint32_t x = ((const struct enum_value *)a)->hash, y = ((const struct enum_value *)b)->hash;
    return x < y ? -1 : x > y;
}

int rule_enum(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct value_rules *rules = compiler_rules(c, n, GROUP_VALUES);
    size_t count = value_count(value);
    struct enum_value *values = compiler_take(c, (count + 1) * sizeof *values);
    if (!rules || !values || compiler_keep(c, jv_copy(value)) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        jv one = jv_array_get(jv_copy(value), (int)i);
        jv_free(one); /* the array, which is kept, holds it */
        int r = constant_init(c, n, k, one, &values[i].value, &values[i].hash);
        if (r < 0)
            return r;
    }
    qsort(values, count, sizeof *values, by_hash);
    rules->has_values = true;
    rules->values = values;
    rules->n_values = count;
    return 0;
}

int rule_bound(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct bound *bound = member(c, n, k);
    if (!bound)
        return -ENOMEM;
    *bound = (struct bound){.is_set = true, .limit = jv_number_value(value)};
    return 0;
}

int rule_multiple_of(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct number_rules *rules = compiler_rules(c, n, GROUP_NUMBER);
    if (!rules)
        return -ENOMEM;
    rules->multiple_decimal = decimal_of(jv_number_value(value));
    return rule_bound(c, n, k, value);
}

int rule_flag(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    bool *flag = member(c, n, k);
    if (!flag)
        return -ENOMEM;
    *flag = jv_get_kind(value) == JV_KIND_TRUE;
    return 0;
}

int rule_pattern(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    const struct pattern **pattern = member(c, n, k);
    return pattern ? compiler_pattern(c, n, k->name, value_text(value), pattern) : -ENOMEM;
}

int rule_format(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    if (!c->options->assert_formats && !(n->resource->vocabularies & VOCABULARY_FORMAT_ASSERTION))
        return 0;
    format_check *check = format_find(value_text(value));
    if (!check)
        return 0;
    struct string_rules *rules = compiler_rules(c, n, GROUP_STRING);
    struct slice name = schema_arena_copy(&c->schema->arena, value_text(value));
    if (!rules || !name.p)
        return -ENOMEM;
    rules->format = check;
    rules->format_name = name;
    return 0;
}

/* The name's text lives as long as `string` is held. */
static struct name name_of(jv string)
{
    struct slice text = value_text(string);
    return (struct name){.text = text, .hash = view_hash_name(text)};
}

static int names_of(struct compiler *c, jv array, struct name_list *ret)
{
    ret->n = value_count(array);
    ret->names = compiler_take(c, (ret->n + 1) * sizeof *ret->names);
    if (!ret->names || compiler_keep(c, jv_copy(array)) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < ret->n; i++) {
        jv one = jv_array_get(jv_copy(array), (int)i);
        ret->names[i] = name_of(one);
        jv_free(one); /* the array, which is kept, holds it */
    }
    return 0;
}

int rule_required(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct name_list *names = member(c, n, k);
    return names ? names_of(c, value, names) : -ENOMEM;
}

/* The child of `n` at the keyword, and at `key` below it unless that is NULL. */
static int child_at(struct compiler *c, struct node *n, const struct keyword *k, struct slice key, struct node **ret)
{
    _cleanup_buffer_ struct buffer token = BUFFER_MAX(LIMIT_SCHEMA_MEMORY);
    buffer_append_text(&token, k->name);
    if (key.p)
        token_append(&token, key);
    if (buffer_error(&token) < 0)
        return -ENOMEM;
    *ret = compiler_find_child(c, n, buffer_slice(&token));
    return *ret ? 0 : -ENOMEM;
}

int rule_schema(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct node **place = member(c, n, k);
    return place ? child_at(c, n, k, (struct slice){NULL, 0}, place) : -ENOMEM;
}

int rule_schemas(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct node_list *list = member(c, n, k);
    size_t count = value_count(value);
    struct node **items = compiler_take(c, count * sizeof *items);
    if (!list || !items)
        return -ENOMEM;
    for (size_t i = 0; i < count; i++) {
        char text[24];
        snprintf(text, sizeof text, "%zu", i);
        if (child_at(c, n, k, slice_text(text), &items[i]) < 0)
            return -ENOMEM;
    }
    *list = (struct node_list){.items = items, .n = count};
    return 0;
}

int rule_properties(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct table *table = member(c, n, k);
    if (!table || compiler_keep_table(c, table) < 0)
        return -ENOMEM;
    int r = 0;
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        struct node *child;
        jv key = jv_object_iter_key(value, i);
        r = child_at(c, n, k, value_text(key), &child);
        struct slice name = schema_arena_copy(&c->schema->arena, value_text(key));
        if (r == 0)
            r = name.p ? table_put(table, view_hash_name(name), name, child) : -ENOMEM;
        jv_free(key);
    }
    return r;
}

int rule_pattern_properties(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct object_rules *rules = compiler_rules(c, n, GROUP_OBJECT);
    struct pattern_rule *patterns = compiler_take(c, (value_properties(value) + 1) * sizeof *patterns);
    if (!rules || !patterns)
        return -ENOMEM;
    int r = 0;
    rules->patterns = patterns;
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        jv key = jv_object_iter_key(value, i);
        struct pattern_rule *rule = &patterns[rules->n_patterns++];
        r = child_at(c, n, k, value_text(key), &rule->node);
        if (r == 0)
            r = compiler_pattern(c, rule->node, NULL, value_text(key), &rule->pattern);
        jv_free(key);
    }
    return r;
}

static int dependent_add(struct compiler *c, struct node *n, const struct keyword *k, jv key, jv value)
{
    struct dependent_rules *rules = compiler_rules(c, n, GROUP_DEPENDENT);
    struct dependent *d = compiler_take(c, sizeof *d);
    if (!rules || !d || compiler_keep(c, jv_copy(key)) < 0)
        return -ENOMEM;
    d->trigger = name_of(key); /* kept above */
    d->keyword = k->name;
    int r = jv_get_kind(value) == JV_KIND_ARRAY ? names_of(c, value, &d->required)
                                                : child_at(c, n, k, value_text(key), &d->node);
    d->next = rules->first;
    rules->first = d;
    return r;
}

int rule_dependent(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    int r = 0;
    for (int i = jv_object_iter(value); r == 0 && jv_object_iter_valid(value, i); i = jv_object_iter_next(value, i)) {
        jv key = jv_object_iter_key(value, i), one = jv_object_iter_value(value, i);
        r = dependent_add(c, n, k, key, one);
        jv_free(one);
        jv_free(key);
    }
    return r;
}

int rule_reference(struct compiler *c, struct node *n, const struct keyword *k, jv value)
{
    struct reference_rules *rules = compiler_rules(c, n, GROUP_REFERENCE);
    struct node *target = NULL;
    uint32_t dynamic = 0;
    if (!rules)
        return -ENOMEM;
    int r = resource_resolve(c, n, k->name, value_text(value), &target, &dynamic);
    if (r < 0)
        return r;
    if (k->offset == offsetof(struct reference_rules, target)) {
        rules->target = target;
        return 0;
    }
    rules->dynamic_target = target;
    rules->dynamic_name = dynamic;
    c->schema->has_dynamic |= dynamic != 0;
    return 0;
}
