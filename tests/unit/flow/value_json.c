/* value_json: the texts of values, and that they are those of libjq. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/limits.h"
#include "flow/document.h"
#include "flow/value_json.h"

static const char *const texts[] = {
    "null",
    "true",
    "false",
    "0",
    "-1",
    "42",
    "-0.0",
    "0.1",
    "1.5e300",
    "-2.5e-10",
    "999999999999999",
    "-999999999999999",
    "1000000000000000",
    "9007199254740993",
    "100000000000000000000",
    "\"\"",
    "\"a\\\"b\\\\c\\/d\\u0000\\b\\f\\n\\r\\t\\u001f\"",
    "\"\\u007f \x7F\"", /* libjq writes an escape, our writer by itself would not */
    "{\"\x7F\":[\"\x7F\",1],\"a\":2}",
    "\"</script> & ' \xE2\x80\xA8\"",
    "100000",
    "100000000000000",
    "\"\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80 \\ud83d\\ude00\"",
    "[]",
    "{}",
    "[[],{},[null,[1,[2,[3]]]],\"x\"]",
    "{\"b\":1,\"a\":{\"d\":[1,2],\"c\":null},\"\":true,\"\\n\":\"\\u0001\"}",
};

static void test_as_libjq_writes_it(void **state)
{
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        jv v;
        struct buffer b = BUFFER_MAX(4096);
        assert_int_equal(flow_json_parse(slice_text(texts[i]), &v, NULL), 0);
        flow_value_write(&b, v);
        assert_int_equal(buffer_error(&b), 0);
        jv wanted = jv_dump_string(v, 0);
        assert_string_equal(buffer_text(&b), jv_string_value(wanted));
        jv_free(wanted);
        buffer_free(&b);
    }
}

/* What no text gives: numbers that an expression computed. */
static void test_numbers_that_json_has_not(void **state)
{
    static const double numbers[] = {0. / 0., 1. / 0., -1. / 0., 1e17, 123456789012345678., 0.1 + 0.2};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        jv v = jv_number(numbers[i]), wanted = jv_dump_string(jv_copy(v), 0);
        struct buffer b = BUFFER_MAX(64);
        flow_value_write(&b, v);
        assert_string_equal(buffer_text(&b), jv_string_value(wanted));
        jv_free(v);
        jv_free(wanted);
        buffer_free(&b);
    }
}

static void test_too_long_for_its_buffer(void **state)
{
    struct buffer b = BUFFER_MAX(8);
    jv v = jv_string("0123456789");
    flow_value_write(&b, v);
    assert_true(buffer_error(&b) < 0);
    jv_free(v);
    buffer_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_libjq_writes_it),
        cmocka_unit_test(test_numbers_that_json_has_not),
        cmocka_unit_test(test_too_long_for_its_buffer),
    };
    return cmocka_run_group_tests_name("value_json", tests, NULL, NULL);
}
