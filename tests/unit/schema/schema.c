/* Places and texts of errors and what is refused at compile time (from text files), references to other documents, dialects. The
 * meaning of the keywords is the conformance suite's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "cases.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_places),
        cmocka_unit_test(error_texts),
        cmocka_unit_test(bad_schemas),
        cmocka_unit_test(places_are_cut),
        cmocka_unit_test(places_are_cut_at_a_character),
        cmocka_unit_test(large_objects),
        cmocka_unit_test(other_documents),
        cmocka_unit_test(dialects),
        cmocka_unit_test(bad_documents_are_refused_where_they_come_in),
        cmocka_unit_test(formats_are_annotations_unless_asked),
        cmocka_unit_test(no_value_is_not_valid),
    };
    return cmocka_run_group_tests_name("unit/schema/schema", tests, NULL, NULL);
}
