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
#include "schema/decimal.h"
#include "schema/regex.h"
#include "schema/regex_quick.h"
#include "schema/schema.h"
#include "schema/uri.h"

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
    char path[1024], line[8192];
    snprintf(path, sizeof path, "%s/%s", folder, file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = 0;
        if (!line[0] || line[0] == '#')
            continue;
        char *fields[10] = {line};
        int n = 1;
        for (char *tab = line; n < 9 && (tab = strchr(tab, '\t')); n++) {
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
    for (size_t i = 0; field[2 + i]; i += 2) {
        assert_true(i / 2 < errors.n);
        assert_string_equal(errors.items[i / 2].instance, field[2 + i]);
        assert_string_equal(errors.items[i / 2].keyword, field[3 + i]);
        assert_true(errors.items[i / 2].text[0]);
    }
    schema_free(s);
}

static void error_places(void **state)
{
    each_case("errors.txt", error_case);
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
        jv subject = json(field[2]);
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
    jv document = jv_object_set(jv_object(), jv_string("allOf"), all);
    assert_int_equal(schema_compile(document, NULL, &s, &diag), -SP_ELIMIT);
    assert_int_equal(diag.code, -SP_ELIMIT);
}

static void errors_are_bounded(void **state)
{
    struct schema *s = compiled("{\"items\":{\"type\":\"string\"}}");
    jv array = jv_array();
    for (int i = 0; i < 1000; i++)
        array = jv_array_append(array, jv_number(i));
    assert_int_equal(validated(s, array), -SP_EINVALID);
    assert_int_equal(errors.n, LIMIT_SCHEMA_ERRORS);
    schema_free(s);
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
                 {1.1e30, 1e29, true}, {7, 2, false}, {1, 0.3, false}, {0.9, 0.3, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (number_is_multiple(cases[i].number, cases[i].divisor, decimal_of(cases[i].divisor)) != cases[i].multiple)
            fail_msg("%.17g of %.17g", cases[i].number, cases[i].divisor);
    assert_true(number_is_integer(1.0) && number_is_integer(-1e300) && !number_is_integer(0.5) &&
                !number_is_integer(1.0 / 0.0));
}

/* Fails each allocation in turn, until all succeed. libjq's and PCRE2's own are not ours to fail. */
static long allocations_left = -1;
void *__real_malloc(size_t len);
void *__real_calloc(size_t n, size_t len);
void *__real_realloc(void *p, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t n, size_t len);
void *__wrap_realloc(void *p, size_t len);

static bool allocation_fails(void)
{
    return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t len)
{
    return allocation_fails() ? NULL : __real_malloc(len);
}

void *__wrap_calloc(size_t n, size_t len)
{
    return allocation_fails() ? NULL : __real_calloc(n, len);
}

void *__wrap_realloc(void *p, size_t len)
{
    return allocation_fails() ? NULL : __real_realloc(p, len);
}

static void memory_may_end_anywhere(void **state)
{
    static const char text[] =
        "{\"$id\":\"http://a/b\",\"$defs\":{\"a\":{\"$anchor\":\"x\",\"$dynamicAnchor\":\"d\",\"type\":\"integer\"},"
        "\"c\":{\"$id\":\"c\",\"enum\":[1,2]}},\"items\":{\"anyOf\":[{\"$ref\":\"#x\"},{\"$ref\":\"c\"},"
        "{\"$ref\":\"#/$defs/a\"},{\"$dynamicRef\":\"#d\"},{\"pattern\":\"^a$\",\"properties\":{\"a\":{},\"b\":{}}}]},"
        "\"uniqueItems\":true,\"required\":[\"a\",\"b\"],\"unevaluatedItems\":false,\"dependentRequired\":{\"a\":[\"b\"]},"
        "\"patternProperties\":{\"^a\":{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}}}";
    jv array = jv_array();
    for (int i = 0; i < 300; i++)
        array = jv_array_append(array, jv_number(i));
    int r = -1;
    for (long n = 0; r != 0; n++) {
        struct schema *s = NULL;
        jv document = json(text);
        allocations_left = n;
        r = schema_compile(document, NULL, &s, NULL);
        int v = r == 0 ? schema_validate(s, array, NULL) : 0;
        allocations_left = -1;
        schema_free(s);
        assert_true(v == 0 || v == -ENOMEM);
        r = r < 0 ? r : v;
    }
    jv_free(array);
}

/* RFC 3986, section 5.4. */
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
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buffer out = BUFFER_MAX(1000);
        assert_int_equal(uri_resolve(slice_text("http://a/b/c/d;p?q"), slice_text(cases[i][0]), &out), 0);
        assert_string_equal(buffer_text(&out), cases[i][1]);
        buffer_free(&out);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    folder = argv[1];
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_places),
        cmocka_unit_test(bad_schemas),
        cmocka_unit_test(patterns),
        cmocka_unit_test(quick_patterns),
        cmocka_unit_test(endless_reference_ends),
        cmocka_unit_test(deep_instances),
        cmocka_unit_test(exponential_schema_ends),
        cmocka_unit_test(large_arrays),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(too_many_subschemas),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(places_are_cut),
        cmocka_unit_test(other_documents),
        cmocka_unit_test(formats_are_annotations_unless_asked),
        cmocka_unit_test(no_value_is_not_valid),
        cmocka_unit_test(references_resolve),
        cmocka_unit_test(patterns_that_backtrack_end),
        cmocka_unit_test(patterns_are_bounded_together),
        cmocka_unit_test(empty_subschemas_pay_too),
        cmocka_unit_test(numbers_divide_as_written),
        cmocka_unit_test(memory_may_end_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
