/* keyword: every keyword of 2020-12 once: its vocabulary, the form of its value, and what it becomes. Also `definitions` and
 * `dependencies`, which the metaschema still describes. A keyword that is not here is an annotation without meaning. */
#include "schema/compiler.h"

#include <errno.h>
#include <math.h>

#include "base/error.h"
#include "schema/value.h"

#define C VOCABULARY_CORE
#define A VOCABULARY_APPLICATOR
#define U VOCABULARY_UNEVALUATED
#define V VOCABULARY_VALIDATION
#define M VOCABULARY_META_DATA
#define T VOCABULARY_CONTENT
#define NOTHING NULL, GROUP_NONE, 0
#define NUMBER(member) GROUP_NUMBER, offsetof(struct number_rules, member)
#define STRING(member) GROUP_STRING, offsetof(struct string_rules, member)
#define ARRAY(member)  GROUP_ARRAY, offsetof(struct array_rules, member)
#define OBJECT(member) GROUP_OBJECT, offsetof(struct object_rules, member)
#define LOGIC(member)  GROUP_LOGIC, offsetof(struct logic_rules, member)
#define REFERENCE(member) GROUP_REFERENCE, offsetof(struct reference_rules, member)
#define UNEVALUATED(member) GROUP_UNEVALUATED, offsetof(struct unevaluated_rules, member)

static const struct keyword keywords[] = {
    {"$id", C, SHAPE_STRING, NOTHING},
    {"$schema", C, SHAPE_STRING, NOTHING},
    {"$anchor", C, SHAPE_STRING, NOTHING},
    {"$dynamicAnchor", C, SHAPE_STRING, NOTHING},
    {"$vocabulary", C, SHAPE_OBJECT, NOTHING},
    {"$comment", C, SHAPE_STRING, NOTHING},
    {"$defs", C, SHAPE_SCHEMA_MAP, NOTHING},
    {"definitions", C, SHAPE_SCHEMA_MAP, NOTHING},
    {"$ref", C, SHAPE_STRING, rule_reference, REFERENCE(target)},
    {"$dynamicRef", C, SHAPE_STRING, rule_reference, REFERENCE(dynamic_target)},
    {"prefixItems", A, SHAPE_SCHEMAS, rule_schemas, ARRAY(prefix)},
    {"items", A, SHAPE_SCHEMA, rule_schema, ARRAY(items)},
    {"contains", A, SHAPE_SCHEMA, rule_schema, ARRAY(contains)},
    {"properties", A, SHAPE_SCHEMA_MAP, rule_properties, OBJECT(properties)},
    {"patternProperties", A, SHAPE_SCHEMA_MAP, rule_pattern_properties, OBJECT(patterns)},
    {"additionalProperties", A, SHAPE_SCHEMA, rule_schema, OBJECT(additional)},
    {"propertyNames", A, SHAPE_SCHEMA, rule_schema, OBJECT(names)},
    {"dependentSchemas", A, SHAPE_SCHEMA_MAP, rule_dependent, GROUP_DEPENDENT, 0},
    {"dependencies", A, SHAPE_DEPENDENCIES, rule_dependent, GROUP_DEPENDENT, 0},
    {"allOf", A, SHAPE_SCHEMAS, rule_schemas, LOGIC(all)},
    {"anyOf", A, SHAPE_SCHEMAS, rule_schemas, LOGIC(any)},
    {"oneOf", A, SHAPE_SCHEMAS, rule_schemas, LOGIC(one)},
    {"not", A, SHAPE_SCHEMA, rule_schema, LOGIC(negated)},
    {"if", A, SHAPE_SCHEMA, rule_schema, LOGIC(when)},
    {"then", A, SHAPE_SCHEMA, rule_schema, LOGIC(then)},
    {"else", A, SHAPE_SCHEMA, rule_schema, LOGIC(otherwise)},
    {"unevaluatedItems", U, SHAPE_SCHEMA, rule_schema, UNEVALUATED(items)},
    {"unevaluatedProperties", U, SHAPE_SCHEMA, rule_schema, UNEVALUATED(properties)},
    {"type", V, SHAPE_TYPE, rule_type, GROUP_TYPE, 0},
    {"const", V, SHAPE_ANY, rule_const, GROUP_VALUES, 0},
    {"enum", V, SHAPE_ARRAY, rule_enum, GROUP_VALUES, 0},
    {"multipleOf", V, SHAPE_POSITIVE, rule_multiple_of, NUMBER(multiple)},
    {"maximum", V, SHAPE_NUMBER, rule_bound, NUMBER(maximum)},
    {"exclusiveMaximum", V, SHAPE_NUMBER, rule_bound, NUMBER(exclusive_maximum)},
    {"minimum", V, SHAPE_NUMBER, rule_bound, NUMBER(minimum)},
    {"exclusiveMinimum", V, SHAPE_NUMBER, rule_bound, NUMBER(exclusive_minimum)},
    {"maxLength", V, SHAPE_COUNT, rule_bound, STRING(max_length)},
    {"minLength", V, SHAPE_COUNT, rule_bound, STRING(min_length)},
    {"pattern", V, SHAPE_STRING, rule_pattern, STRING(pattern)},
    {"maxItems", V, SHAPE_COUNT, rule_bound, ARRAY(max_items)},
    {"minItems", V, SHAPE_COUNT, rule_bound, ARRAY(min_items)},
    {"uniqueItems", V, SHAPE_BOOLEAN, rule_flag, ARRAY(unique)},
    {"maxContains", V, SHAPE_COUNT, rule_bound, ARRAY(max_contains)},
    {"minContains", V, SHAPE_COUNT, rule_bound, ARRAY(min_contains)},
    {"maxProperties", V, SHAPE_COUNT, rule_bound, OBJECT(max_properties)},
    {"minProperties", V, SHAPE_COUNT, rule_bound, OBJECT(min_properties)},
    {"required", V, SHAPE_STRINGS, rule_required, OBJECT(required)},
    {"dependentRequired", V, SHAPE_STRINGS_MAP, rule_dependent, GROUP_DEPENDENT, 0},
    {"title", M, SHAPE_STRING, NOTHING},
    {"description", M, SHAPE_STRING, NOTHING},
    {"default", M, SHAPE_ANY, NOTHING},
    {"deprecated", M, SHAPE_BOOLEAN, NOTHING},
    {"readOnly", M, SHAPE_BOOLEAN, NOTHING},
    {"writeOnly", M, SHAPE_BOOLEAN, NOTHING},
    {"examples", M, SHAPE_ARRAY, NOTHING},
    {"format", VOCABULARY_FORMAT, SHAPE_STRING, rule_format, STRING(format)},
    {"contentEncoding", T, SHAPE_STRING, NOTHING},
    {"contentMediaType", T, SHAPE_STRING, NOTHING},
    {"contentSchema", T, SHAPE_SCHEMA, NOTHING},
};

const struct keyword *keyword_find(struct slice name, unsigned vocabularies)
{
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++)
        if (slice_is(name, keywords[i].name))
            return keywords[i].vocabulary & vocabularies ? &keywords[i] : NULL;
    return NULL;
}

/* These answer 1, 0 or -ENOMEM. */
typedef int form_check(jv v);

static int is_boolean(jv v)
{
    return jv_get_kind(v) == JV_KIND_TRUE || jv_get_kind(v) == JV_KIND_FALSE;
}

static bool is_count(jv v)
{
    return jv_get_kind(v) == JV_KIND_NUMBER && number_is_integer(jv_number_value(v)) && jv_number_value(v) >= 0;
}

/* An array of strings, each once. */
static int is_strings(jv v)
{
    if (jv_get_kind(v) != JV_KIND_ARRAY)
        return 0;
    int good = 1;
    struct table seen = {0};
    size_t n = value_count(v);
    for (size_t i = 0; i < n && good > 0; i++) {
        jv one = jv_array_get(jv_copy(v), (int)i);
        good = jv_get_kind(one) == JV_KIND_STRING;
        if (good) {
            struct slice text = value_text(one); /* borrowed: the array keeps it */
            uint32_t hash = table_hash(0, text);
            good = table_get(&seen, hash, text) ? 0 : table_put(&seen, hash, text, &seen) == 0 ? 1 : -ENOMEM;
        }
        jv_free(one);
    }
    table_free(&seen);
    return good;
}

static int is_map(jv v, form_check *is_good)
{
    int good = jv_get_kind(v) == JV_KIND_OBJECT;
    for (int i = good ? jv_object_iter(v) : 0; good > 0 && jv_object_iter_valid(v, i); i = jv_object_iter_next(v, i)) {
        jv one = jv_object_iter_value(v, i);
        good = is_good(one);
        jv_free(one);
    }
    return good;
}

static int is_schema(jv v)
{
    return is_boolean(v) || jv_get_kind(v) == JV_KIND_OBJECT;
}

static int is_dependency(jv v)
{
    return is_schema(v) ? 1 : is_strings(v);
}

static bool is_schemas(jv v)
{
    bool good = jv_get_kind(v) == JV_KIND_ARRAY && value_count(v) > 0;
    for (size_t i = 0; good && i < value_count(v); i++) {
        jv one = jv_array_get(jv_copy(v), (int)i);
        good = is_schema(one);
        jv_free(one);
    }
    return good;
}

static int is_type(jv v)
{
    if (jv_get_kind(v) == JV_KIND_STRING)
        return 1;
    int good = is_strings(v);
    return good > 0 ? value_count(v) > 0 : good;
}

int keyword_check(const struct keyword *k, jv value, const char **ret_why)
{
    static const char *const wants[] = {
        [SHAPE_STRING] = "a string", [SHAPE_BOOLEAN] = "true or false", [SHAPE_COUNT] = "an integer of at least 0",
        [SHAPE_NUMBER] = "a number", [SHAPE_POSITIVE] = "a number above 0", [SHAPE_ARRAY] = "an array",
        [SHAPE_OBJECT] = "an object of booleans", [SHAPE_TYPE] = "a type's name, or an array of different ones",
        [SHAPE_STRINGS] = "an array of different strings", [SHAPE_STRINGS_MAP] = "an object of arrays of different strings",
        [SHAPE_DEPENDENCIES] = "an object of schemas or arrays of different strings",
        [SHAPE_SCHEMA] = "a schema: an object, true or false", [SHAPE_SCHEMAS] = "an array of schemas with at least one",
        [SHAPE_SCHEMA_MAP] = "an object of schemas"};
    jv_kind kind = jv_get_kind(value);
    int good = 1;
    switch (k->shape) {
    case SHAPE_ANY:
        return 0;
    case SHAPE_STRING:
        good = kind == JV_KIND_STRING;
        break;
    case SHAPE_BOOLEAN:
        good = is_boolean(value);
        break;
    case SHAPE_COUNT:
        good = is_count(value);
        break;
    case SHAPE_NUMBER:
        good = kind == JV_KIND_NUMBER && isfinite(jv_number_value(value));
        break;
    case SHAPE_POSITIVE:
        good = kind == JV_KIND_NUMBER && isfinite(jv_number_value(value)) && jv_number_value(value) > 0;
        break;
    case SHAPE_ARRAY:
        good = kind == JV_KIND_ARRAY;
        break;
    case SHAPE_OBJECT:
        good = is_map(value, is_boolean);
        break;
    case SHAPE_TYPE:
        good = is_type(value);
        break;
    case SHAPE_STRINGS:
        good = is_strings(value);
        break;
    case SHAPE_STRINGS_MAP:
        good = is_map(value, is_strings);
        break;
    case SHAPE_DEPENDENCIES:
        good = is_map(value, is_dependency);
        break;
    case SHAPE_SCHEMA:
        good = is_schema(value);
        break;
    case SHAPE_SCHEMAS:
        good = is_schemas(value);
        break;
    case SHAPE_SCHEMA_MAP:
        good = is_map(value, is_schema);
        break;
    }
    *ret_why = wants[k->shape];
    return good < 0 ? good : good ? 0 : -SP_EINVALID;
}
