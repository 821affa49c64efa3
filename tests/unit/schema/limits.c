/* Schemas and instances that ask for too much: each ends, with the limit's name, and takes no more than it may [I6]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "cases.h"
#include "schema/arena.h"
#include "schema/view.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(endless_reference_ends),
        cmocka_unit_test(deep_instances),
        cmocka_unit_test(exponential_schema_ends),
        cmocka_unit_test(large_arrays),
        cmocka_unit_test(steps_are_bounded),
        cmocka_unit_test(too_many_subschemas),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(errors_are_bounded),
        cmocka_unit_test(large_enumerations),
        cmocka_unit_test(arena_is_bounded),
        cmocka_unit_test(patterns_that_backtrack_end),
        cmocka_unit_test(patterns_are_bounded_together),
        cmocka_unit_test(empty_subschemas_pay_too),
        cmocka_unit_test(steps_may_end_anywhere),
        cmocka_unit_test(room_is_bounded),
    };
    return cmocka_run_group_tests_name("unit/schema/limits", tests, NULL, NULL);
}
