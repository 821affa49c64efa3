/* Places of errors, what is refused at compile time (both from text files), limits, references to other documents, regular
 * expressions, numbers. The meaning of the keywords is the conformance suite's business. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "schema/arena.h"
#include "schema/decimal.h"
#include "schema/format.h"
#include "schema/regex.h"
#include "schema/regex_quick.h"
#include "schema/schema.h"
#include "schema/uri.h"
#include "schema/view.h"

static const char *folder;
static struct schema_errors errors;

static jv json(const char *text)
{
    jv v = jv_parse(text);
    if (!jv_is_valid(v))
        fail_msg("not JSON: %s", text);
    return v;
}

static struct schema *compiled(const char *text)
{
    struct schema *s = NULL;
    struct diag diag = {0};
    if (schema_compile(json(text), NULL, &s, &diag) < 0)
        fail_msg("%s: %s: %s", text, diag.pointer, diag.text);
    return s;
}

static int validated(const struct schema *s, jv instance)
{
    int quick = schema_validate(s, instance, NULL), full = schema_validate(s, instance, &errors);
    jv_free(instance);
    assert_int_equal(quick, full);
    return full;
}

/* Cases are lines, fields separated by tabs; "#" begins a comment. */
static void each_case(const char *file, void (*run)(char **fields))
{
    char path[1024], line[16384];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0] || line[0] == '#')
            continue;
        char *fields[24] = {line};
        int n = 1;
        for (char *tab = line; n < 23 && (tab = strchr(tab, '\t')); n++) {
            *tab++ = 0;
            fields[n] = tab;
        }
        run(fields);
    }
    fclose(f);
}

static void error_case(char **field)
{
    struct schema *s = compiled(field[0]);
    assert_int_equal(validated(s, json(field[1])), -SP_EINVALID);
    size_t i = 0;
    for (; field[2 + i]; i += 2) {
        assert_true(i / 2 < errors.n);
        assert_string_equal(errors.items[i / 2].instance, field[2 + i]);
        assert_string_equal(errors.items[i / 2].keyword, field[3 + i]);
        assert_true(errors.items[i / 2].text[0]);
    }
    assert_int_equal(errors.n, i / 2);
    schema_free(s);
}

static void error_places(void **state)
{
    each_case("errors.txt", error_case);
}

static void text_case(char **field)
{
    struct schema *s = compiled(field[0]);
    assert_int_equal(validated(s, json(field[1])), -SP_EINVALID);
    assert_string_equal(errors.items[0].text, field[2]);
    schema_free(s);
}

static void error_texts(void **state)
{
    each_case("texts.txt", text_case);
}

static void refused_case(char **field)
{
    struct schema *s = NULL;
    struct diag diag = {0};
    int r = schema_compile(json(field[0]), NULL, &s, &diag);
    if (r == 0)
        fail_msg("accepted: %s", field[0]);
    assert_true(r == -SP_EINVALID || r == -SP_EUNSUPPORTED);
    assert_int_equal(diag.code, r);
    assert_string_equal(diag.pointer, field[1]);
    assert_true(diag.text[0]);
}

static void bad_schemas(void **state)
{
    each_case("refused.txt", refused_case);
}

static void pattern_case(char **field)
{
    char why[REGEX_WHY] = "";
    pcre2_code *code = NULL;
    pcre2_match_context *context = regex_context_new(LIMIT_REGEX_MATCH);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    jv pattern = json(field[0]);
    int r = regex_compile(slice_text(jv_string_value(pattern)), &code, why);
    const char *got = "bad";
    if (r == 0) {
        jv subject = field[2] ? json(field[2]) : jv_string("");
        int found = regex_match(code, slice_text(jv_string_value(subject)), data, context);
        got = found < 0 ? "budget" : found ? "yes" : "no";
        jv_free(subject);
    }
    if (strcmp(got, field[1]) != 0)
        fail_msg("%s %s: %s instead of %s (%s)", field[0], field[2] ? field[2] : "", got, field[1], why);
    jv_free(pattern);
    pcre2_code_free(code);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
}

static void patterns(void **state)
{
    each_case("patterns.txt", pattern_case);
}

static void format_case(char **field)
{
    format_check *check = format_find(slice_text(field[0]));
    jv text = json(field[2]);
    assert_non_null(check);
    int found = check(slice_of(jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))));
    if (found != !strcmp(field[1], "yes"))
        fail_msg("%s %s: %d instead of %s", field[0], field[2], found, field[1]);
    jv_free(text);
}

static void formats(void **state)
{
    each_case("formats.txt", format_case);
}

/* Counts the texts of up to four of these pieces on which the plain part of the pattern decides, and holds it against PCRE2. */
static unsigned decided(const char *text)
{
    static const char *const pieces[] = {"", "a", "b", "x-", "0", "}", "\n", " ", "\xc3\xa9"};
    enum { N = sizeof pieces / sizeof *pieces };
    char why[REGEX_WHY] = "";
    unsigned n = 0;
    pcre2_code *code = NULL;
    struct regex_quick quick;
    pcre2_match_context *context = regex_context_new(LIMIT_REGEX_MATCH);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (regex_compile(slice_text(text), &code, why) < 0)
        fail_msg("%s: %s", text, why);
    regex_quick_read(slice_text(text), &quick);
    for (unsigned i = 0; i < N * N * N * N; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "%s%s%s%s", pieces[i % N], pieces[i / N % N], pieces[i / N / N % N], pieces[i / N / N / N]);
        enum regex_quick_answer answer = regex_quick_match(&quick, slice_text(subject));
        n += answer != REGEX_ASK;
        if (answer != REGEX_ASK && (answer == REGEX_YES) != regex_match(code, slice_text(subject), data, context))
            fail_msg("%s on \"%s\": the plain part says %s", text, subject, answer == REGEX_YES ? "yes" : "no");
    }
    pcre2_code_free(code);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return n;
}

static void quick_case(char **field)
{
    jv pattern = json(field[0]);
    unsigned n = decided(jv_string_value(pattern)), at_least = (unsigned)strtoul(field[1], NULL, 10);
    if (n < at_least)
        fail_msg("%s decides %u of 6561", field[0], n);
    jv_free(pattern);
}

static void quick_patterns(void **state)
{
    each_case("quick.txt", quick_case);
}

static jv nested(int levels)
{
    jv v = jv_null();
    for (int i = 0; i < levels; i++)
        v = jv_object_set(jv_object(), jv_string("a"), v);
    return v;
}

static void endless_reference_ends(void **state)
{
    struct schema *s = compiled("{\"$ref\":\"#\"}");
    assert_int_equal(validated(s, jv_null()), -SP_EBUDGET);
    schema_free(s);
    s = compiled("{\"$dynamicAnchor\":\"x\",\"not\":{\"$dynamicRef\":\"#x\"}}");
    assert_int_equal(validated(s, jv_null()), -SP_EBUDGET);
    schema_free(s);
}

static void deep_instances(void **state)
{
    struct schema *s = compiled("{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"type\":[\"object\",\"null\"]}");
    assert_int_equal(validated(s, nested(LIMIT_JSON_DEPTH)), 0);
    assert_int_equal(validated(s, nested(5000)), -SP_EBUDGET);
    schema_free(s);
    s = compiled("{\"uniqueItems\":true,\"const\":{\"a\":1}}");
    jv pair = jv_array_append(jv_array_append(jv_array(), nested(5000)), nested(5000));
    assert_int_equal(validated(s, pair), -SP_EINVALID); /* an array is no object, however deep */
    schema_free(s);
    s = compiled("{\"uniqueItems\":true}");
    pair = jv_array_append(jv_array_append(jv_array(), nested(5000)), nested(5000));
    assert_int_equal(validated(s, pair), -SP_EBUDGET);
    schema_free(s);
}

static void exponential_schema_ends(void **state)
{
    struct schema *s = compiled("{\"$defs\":{\"a\":{\"anyOf\":[{\"$ref\":\"#/$defs/b\"},{\"$ref\":\"#/$defs/b\"}]},"
                                "\"b\":{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"$ref\":\"#/$defs/a\"}]}},\"$ref\":\"#/$defs/a\"}");
    assert_int_equal(validated(s, jv_null()), -SP_EBUDGET);
    schema_free(s);
}

static void large_arrays(void **state)
{
    struct schema *s = compiled("{\"uniqueItems\":true,\"items\":{\"type\":\"integer\"}}");
    jv array = jv_array();
    for (int i = 0; i < 200000; i++)
        array = jv_array_append(array, jv_number(i));
    assert_int_equal(validated(s, jv_copy(array)), 0);
    array = jv_array_append(array, jv_number(77));
    assert_int_equal(validated(s, array), -SP_EINVALID);
    assert_string_equal(errors.items[0].keyword, "/uniqueItems");
    schema_free(s);
}

static void steps_are_bounded(void **state)
{
    struct schema *s = compiled("{\"items\":{\"allOf\":[{\"type\":\"integer\"},{\"minimum\":0},{\"maximum\":9},{\"minimum\":0},"
                                "{\"minimum\":0},{\"minimum\":0},{\"minimum\":0},{\"minimum\":0},{\"minimum\":0},{\"minimum\":0}]}}");
    jv array = jv_array();
    for (int i = 0; i < 600000; i++)
        array = jv_array_append(array, jv_number(1));
    assert_int_equal(validated(s, array), -SP_EBUDGET);
    schema_free(s);
}

static void too_many_subschemas(void **state)
{
    jv all = jv_array();
    for (int i = 0; i <= LIMIT_SCHEMA_NODES; i++)
        all = jv_array_append(all, jv_object());
    struct schema *s = NULL;
    struct diag diag = {0};
    jv document = jv_object_set(jv_object(), jv_string("allOf"), jv_copy(all));
    assert_int_equal(schema_compile(document, NULL, &s, &diag), -SP_ELIMIT);
    assert_int_equal(diag.code, -SP_ELIMIT);
    /* The last place is the document's that is referred to: it has no place in this one. */
    all = jv_array_slice(all, 0, LIMIT_SCHEMA_NODES - 2);
    all = jv_array_append(all, json("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}"));
    assert_int_equal(schema_compile(jv_object_set(jv_object(), jv_string("allOf"), all), NULL, &s, &diag), -SP_ELIMIT);
    assert_string_equal(diag.pointer, "");
}

/* Names that would not fit where they are put together. */
static void names_are_bounded(void **state)
{
    static const char *const keywords[] = {"$id", "$anchor", "$dynamicAnchor", "$ref", "$dynamicRef"};
    char text[LIMIT_URI + 1];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof keywords / sizeof *keywords; i++) {
        char place[24];
        struct schema *s = NULL;
        struct diag diag = {0};
        jv document = jv_object_set(jv_object(), jv_string(keywords[i]), jv_string_sized(text, sizeof text));
        assert_int_equal(schema_compile(document, NULL, &s, &diag), -SP_ELIMIT);
        (void)snprintf(place, sizeof place, "/%s", keywords[i]);
        assert_string_equal(diag.pointer, place);
    }
}

static void errors_are_bounded(void **state)
{
    static const char *const schemas[] = {"{\"items\":{\"type\":\"string\"}}",
                                          "{\"items\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"},false]}}"};
    for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
        struct schema *s = compiled(schemas[i]);
        jv array = jv_array();
        for (int n = 0; n < 1000; n++)
            array = jv_array_append(array, jv_number(n));
        assert_int_equal(validated(s, array), -SP_EINVALID);
        assert_int_equal(errors.n, LIMIT_SCHEMA_ERRORS);
        schema_free(s);
    }
}

/* Memory that a schema takes too much of is the schema's fault, whatever it is taken for. */
static void large_enumerations(void **state)
{
    jv values = jv_array(), map = jv_object();
    for (int i = 0; i < LIMIT_SCHEMA_MEMORY / 40; i++)
        values = jv_array_append(values, jv_true());
    for (int i = 0; i < 5; i++) {
        char name[2] = {(char)('a' + i), 0};
        jv part = jv_array_slice(jv_copy(values), 0, LIMIT_SCHEMA_MEMORY / 200);
        map = jv_object_set(map, jv_string(name), jv_object_set(jv_object(), jv_string("enum"), part));
    }
    jv documents[] = {jv_object_set(jv_object(), jv_string("enum"), values), jv_object_set(jv_object(), jv_string("$defs"), map)};
    for (size_t i = 0; i < 2; i++) {
        struct schema *s = NULL;
        struct diag diag = {0};
        assert_int_equal(schema_compile(documents[i], NULL, &s, &diag), -SP_ELIMIT);
        assert_int_equal(diag.code, -SP_ELIMIT);
        assert_null(s);
    }
}

static void arena_is_bounded(void **state)
{
    struct schema_arena a = {0};
    unsigned n = 0;
    assert_null(schema_arena_take(&a, LIMIT_SCHEMA_MEMORY + 1));
    assert_true(a.is_full);
    a.is_full = false;
    while (schema_arena_take(&a, 1u << 20))
        n++;
    assert_int_equal(n, LIMIT_SCHEMA_MEMORY >> 20);
    assert_null(schema_arena_copy(&a, slice_text("")).p);
    assert_true(a.is_full);
    schema_arena_free(&a);
}

static void places_are_cut(void **state)
{
    struct schema *s = compiled("{\"additionalProperties\":{\"type\":\"string\"}}");
    char key[2000];
    memset(key, 'k', sizeof key);
    jv object = jv_object_set(jv_object(), jv_string_sized(key, sizeof key), jv_null());
    assert_int_equal(validated(s, object), -SP_EINVALID);
    assert_int_equal(strlen(errors.items[0].instance), sizeof errors.items[0].instance - 1);
    schema_free(s);
}

/* From the front, and never within a character, in the instance as in the schema. */
static void places_are_cut_at_a_character(void **state)
{
    char key[1201], schema[3000], instance[3000];
    for (size_t i = 0; i < 1200; i += 2)
        memcpy(key + i, "\xC3\xA9", 3);
    (void)snprintf(schema, sizeof schema, "{\"properties\":{\"%s\":{\"properties\":{\"b\":{\"type\":\"null\"}}}}}", key);
    (void)snprintf(instance, sizeof instance, "{\"%s\":{\"b\":1}}", key);
    struct schema *s = compiled(schema);
    assert_int_equal(validated(s, json(instance)), -SP_EINVALID);
    assert_int_equal(strncmp(errors.items[0].instance, "\xC3\xA9", 2), 0);
    assert_int_equal(strlen(errors.items[0].instance), sizeof errors.items[0].instance - 2);
    assert_int_equal(strncmp(errors.items[0].keyword, "\xC3\xA9", 2), 0);
    assert_string_equal(strrchr(errors.items[0].keyword, 'b'), "b/type");
    schema_free(s);
}

/* An object of more properties than a validation has room for at first. */
static void large_objects(void **state)
{
    struct schema *s = compiled("{\"additionalProperties\":{\"type\":\"integer\"},\"required\":[\"k999\"],"
                                "\"unevaluatedProperties\":false}");
    jv object = jv_object();
    for (int i = 0; i < 1000; i++)
        object = jv_object_set(object, jv_string_fmt("k%d", i), jv_number(i));
    assert_int_equal(validated(s, jv_copy(object)), 0);
    object = jv_object_set(object, jv_string("k500"), jv_null());
    assert_int_equal(validated(s, object), -SP_EINVALID);
    assert_string_equal(errors.items[0].instance, "/k500");
    schema_free(s);
}

static void other_documents(void **state)
{
    struct schema_resource other = {.uri = "https://example.com/b.json",
                                    .document = json("{\"$defs\":{\"n\":{\"type\":\"number\"}}}")};
    struct schema_options options = {.resources = &other, .n_resources = 1};
    struct schema *s = NULL;
    jv document = json("{\"$id\":\"https://example.com/a.json\",\"$ref\":\"b.json#/$defs/n\"}");
    assert_int_equal(schema_compile(document, &options, &s, NULL), 0);
    jv_free(other.document);
    assert_int_equal(validated(s, jv_number(1)), 0);
    assert_int_equal(validated(s, jv_null()), -SP_EINVALID);
    assert_string_equal(errors.items[0].keyword, "https://example.com/b.json#/$defs/n/type");
    schema_free(s);
}

/* Schemas of a dialect of one's own: the metaschema's `$vocabulary` says which keywords mean something. */
static void dialects(void **state)
{
#define VOCABULARY(name) "\"https://json-schema.org/draft/2020-12/vocab/" name "\":"
    static const struct {
        const char *metaschema, *rest; /* members of the schema besides `$schema` */
        int code;                      /* of compiling; then of validating 1 */
    } cases[] = {
        {"{\"$vocabulary\":{" VOCABULARY("core") "true," VOCABULARY("validation") "true}}", "\"type\":\"string\"", -SP_EINVALID},
        {"{\"$vocabulary\":{" VOCABULARY("core") "true}}", "\"type\":\"string\"", 0},
        {"{\"$vocabulary\":{" VOCABULARY("core") "true}}", "\"type\":5", 0},
        {"{\"$vocabulary\":{" VOCABULARY("strange") "false}}", "\"type\":\"string\"", 0},
        {"{\"$vocabulary\":{" VOCABULARY("strange") "true}}", "\"type\":\"string\"", -SP_EUNSUPPORTED},
        {"{\"$vocabulary\":{\"http://strange\":true}}", "\"type\":\"string\"", -SP_EUNSUPPORTED},
        {"{\"$vocabulary\":5}", "\"type\":\"string\"", -SP_EINVALID},
        {"{}", "\"type\":\"string\"", -SP_EINVALID},
        {"true", "\"type\":\"string\"", -SP_EUNSUPPORTED},
    };
#undef VOCABULARY
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[200];
        struct schema_resource own = {.uri = "http://own/schema#", .document = json(cases[i].metaschema)};
        struct schema_options options = {.resources = &own, .n_resources = 1};
        struct schema *s = NULL;
        (void)snprintf(text, sizeof text, "{\"$schema\":\"http://own/schema\",%s}", cases[i].rest);
        int r = schema_compile(json(text), &options, &s, NULL);
        if (r == 0)
            r = validated(s, jv_number(1));
        if (r != cases[i].code)
            fail_msg("%s with %s: %d instead of %d", text, cases[i].metaschema, r, cases[i].code);
        schema_free(s);
        jv_free(own.document);
    }
}

static void bad_documents_are_refused_where_they_come_in(void **state)
{
    struct schema_resource own = {.uri = "http://own/a", .document = json("{\"items\":{\"type\":5}}")};
    struct schema_options options = {.resources = &own, .n_resources = 1};
    struct schema *s = NULL;
    struct diag diag = {0};
    assert_int_equal(schema_compile(json("{\"$ref\":\"http://own/a\"}"), &options, &s, &diag), -SP_EINVALID);
    assert_string_equal(diag.pointer, "http://own/a#/items/type");
    jv_free(own.document);
}

static void formats_are_annotations_unless_asked(void **state)
{
    struct schema_options options = {.assert_formats = true};
    struct schema *s = compiled("{\"format\":\"ipv4\"}");
    assert_int_equal(validated(s, jv_string("no")), 0);
    schema_free(s);
    assert_int_equal(schema_compile(json("{\"format\":\"ipv4\"}"), &options, &s, NULL), 0);
    assert_int_equal(validated(s, jv_string("no")), -SP_EINVALID);
    assert_string_equal(errors.items[0].keyword, "/format");
    schema_free(s);
}

static void no_value_is_not_valid(void **state)
{
    struct schema *s = compiled("true");
    assert_int_equal(validated(s, jv_invalid()), -SP_EINVALID);
    schema_free(s);
}

static void patterns_that_backtrack_end(void **state)
{
    struct schema *s = compiled("{\"items\":{\"not\":{\"pattern\":\"^(a|a|b)*c$\"}}}");
    jv array = jv_array();
    for (int i = 0; i < 100000; i++)
        array = jv_array_append(array, jv_string("aaaaaaaaaaaaaacb"));
    assert_int_equal(validated(s, array), -SP_EBUDGET);
    schema_free(s);
}

static void patterns_are_bounded_together(void **state)
{
    jv map = jv_object();
    for (int i = 0; i < 5000; i++)
        map = jv_object_set(map, jv_string_fmt("(?:(?:abc){200}){4}%d", i), jv_true());
    struct schema *s = NULL;
    struct diag diag = {0};
    jv document = jv_object_set(jv_object(), jv_string("patternProperties"), map);
    assert_int_equal(schema_compile(document, NULL, &s, &diag), -SP_ELIMIT);
}

static void empty_subschemas_pay_too(void **state)
{
    jv all = jv_array(), array = jv_array();
    for (int i = 0; i < 1000; i++)
        all = jv_array_append(all, json("{\"items\":{}}"));
    for (int i = 0; i < 100000; i++)
        array = jv_array_append(array, jv_null());
    struct schema *s = NULL;
    assert_int_equal(schema_compile(jv_object_set(jv_object(), jv_string("allOf"), all), NULL, &s, NULL), 0);
    assert_int_equal(validated(s, array), -SP_EBUDGET);
    schema_free(s);
}

static void numbers_divide_as_written(void **state)
{
    static const struct {
        double number, divisor;
        bool multiple;
    } cases[] = {{0.0075, 0.0001, true}, {0.00751, 0.0001, false}, {1e308, 0.123456789, false}, {1e308, 0.5, true},
                 {19.99, 0.01, true}, {19.995, 0.01, false}, {0.3, 0.1, true}, {-0.3, 0.1, true}, {0, 0.1, true},
                 {4.35, 0.05, true}, {1e22, 1e21, true}, {9007199254740993.0, 2, true}, {5e-324, 5e-324, true},
                 {1e-300, 1e300, false}, {123456789012.34, 0.01, true}, {123456789012.345, 0.01, false},
                 {1.1e30, 1e29, true}, {7, 2, false}, {1, 0.3, false}, {0.9, 0.3, true},
                 {-123456789012.3456, 0.0001, true}, {-123456789012.3456, 0.001, false}, {1.0 / 0.0, 2, false},
                 {-1.0 / 0.0, 0.1, false}, {1e-13, 1e-13, true}, {1.5e-13, 1e-13, false}, {0.1 + 0.2, 0.1, false},
                 {1e300, 9007199254740994.0, false}, {3, 9007199254740994.0, false}, {2.5, 5, false}, {123456789.125, 1e-12, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (number_is_multiple(cases[i].number, cases[i].divisor, decimal_of(cases[i].divisor)) != cases[i].multiple)
            fail_msg("%.17g of %.17g", cases[i].number, cases[i].divisor);
    assert_int_equal(decimal_of(0).digits, 0);
    assert_true(number_is_integer(1.0) && number_is_integer(-1e300) && !number_is_integer(0.5) &&
                !number_is_integer(1.0 / 0.0));
}

/* Wherever the steps end within hashing and comparing, that is what is said, and with enough of them the answer is right. */
static void steps_may_end_anywhere(void **state)
{
    jv one = json("{\"a\":[1,\"x\",{\"b\":null,\"c\":[true,false]}],\"d\":-0.5}");
    jv other = json("{\"d\":-0.5,\"a\":[1,\"x\",{\"c\":[true,false],\"b\":null}]}");
    long to_compare = 0, to_hash = 0;
    for (long n = 1; !to_hash || !to_compare; n++) {
        struct room room = {0};
        struct view a, b;
        uint32_t hash_a = 1, hash_b = 2;
        long left = n, also_left = n, steps = n;
        view_init(&a, one);
        view_init(&b, other);
        int r = view_equal((struct view_budget){&room, &steps}, &a, &b);
        assert_int_equal(r, steps < 0 ? -SP_EBUDGET : 1);
        to_compare = r == 1 && !to_compare ? n : to_compare;
        r = view_hash((struct view_budget){&room, &left}, &a, &hash_a);
        assert_int_equal(r, left < 0 ? -SP_EBUDGET : 0);
        if (r == 0 && view_hash((struct view_budget){&room, &also_left}, &b, &hash_b) == 0) {
            assert_int_equal(hash_a, hash_b);
            to_hash = to_hash ? to_hash : n;
        }
        room_free(&room);
    }
    assert_in_range(to_compare, 9, 20); /* a step for each value at least */
    assert_in_range(to_hash, 9, 20);
    jv_free(one);
    jv_free(other);
}

/* An open array or object takes room: 160 MiB, then the budget is at its end. */
static void room_is_bounded(void **state)
{
    struct schema *s = compiled("{\"items\":{\"items\":{\"maxItems\":500}}}");
    jv inner = jv_array(), middle = jv_array(), outer = jv_array();
    for (int i = 0; i < 500; i++)
        inner = jv_array_append(inner, jv_null());
    for (int i = 0; i < 100; i++)
        middle = jv_array_append(middle, jv_copy(inner));
    for (int i = 0; i < 110; i++)
        outer = jv_array_append(outer, jv_copy(middle));
    assert_int_equal(schema_validate(s, outer, NULL), -SP_EBUDGET);
    jv_free(inner);
    jv_free(middle);
    jv_free(outer);
    schema_free(s);
}

/* RFC 3986, section 5.4, and bases of other forms. */
static void assert_resolves(const char *base, const char *reference, const char *want)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(1000);
    assert_int_equal(uri_resolve(slice_text(base), slice_text(reference), &out), 0);
    assert_string_equal(buffer_text(&out), want);
}

static void references_resolve(void **state)
{
    static const char *const cases[][2] = {
        {"g:h", "g:h"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"}, {"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"}, {";x", "http://a/b/c/;x"}, {"", "http://a/b/c/d;p?q"}, {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"}, {"..", "http://a/b/"}, {"../", "http://a/b/"}, {"../g", "http://a/b/g"},
        {"../..", "http://a/"}, {"../../g", "http://a/g"}, {"../../../g", "http://a/g"}, {"/./g", "http://a/g"},
        {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."}, {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"}, {"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"}, {"g;x=1/../y", "http://a/b/c/y"}, {"g?y/../x", "http://a/b/c/g?y/../x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_resolves("http://a/b/c/d;p?q", cases[i][0], cases[i][1]);
    assert_resolves("http://a", "g", "http://a/g");
    assert_resolves("http://a?q", "", "http://a?q");
    assert_resolves("urn:b", "g", "urn:g");
    assert_resolves("urn:b:c", "#s", "urn:b:c");
    assert_resolves("file:///b/c", "g", "file:///b/g");
    assert_resolves("a:b/c", "../../g", "a:g");
    struct buffer out = BUFFER_MAX(20);
    assert_int_equal(uri_resolve(slice_text("http://a/"), slice_text("0123456789012345678901"), &out), -SP_ELIMIT);
    buffer_free(&out);
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_places), cmocka_unit_test(error_texts),
        cmocka_unit_test(bad_schemas),
        cmocka_unit_test(patterns),
        cmocka_unit_test(quick_patterns),
        cmocka_unit_test(formats),
        cmocka_unit_test(endless_reference_ends),
        cmocka_unit_test(deep_instances),
        cmocka_unit_test(exponential_schema_ends),
        cmocka_unit_test(large_arrays),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(too_many_subschemas),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(large_enumerations),
        cmocka_unit_test(arena_is_bounded),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(places_are_cut),
        cmocka_unit_test(places_are_cut_at_a_character),
        cmocka_unit_test(large_objects),
        cmocka_unit_test(other_documents),
        cmocka_unit_test(dialects),
        cmocka_unit_test(bad_documents_are_refused_where_they_come_in),
        cmocka_unit_test(formats_are_annotations_unless_asked),
        cmocka_unit_test(no_value_is_not_valid),
        cmocka_unit_test(references_resolve),
        cmocka_unit_test(steps_may_end_anywhere),
        cmocka_unit_test(room_is_bounded),
        cmocka_unit_test(patterns_that_backtrack_end),
        cmocka_unit_test(patterns_are_bounded_together),
        cmocka_unit_test(empty_subschemas_pay_too),
        cmocka_unit_test(numbers_divide_as_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
