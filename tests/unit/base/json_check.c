/* What is JSON and what is not: lines that two parsers have read differently somewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/json_check.h"

static void assert_all(const char *const *texts, bool wanted)
{
    for (; *texts; texts++)
        if (json_is_value(slice_text(*texts)) != wanted)
            fail_msg("%s: wanted %d", *texts, wanted);
}

static void test_json(void **state)
{
    static const char *const texts[] = {"{}",
                                        "[]",
                                        " { } ",
                                        "0",
                                        "-0",
                                        "-1.5e+10",
                                        "1E9",
                                        "1e400",
                                        "99999999999999999999",
                                        "\"\"",
                                        "\"a\\u0000\\n\\\"\"",
                                        "true",
                                        "null",
                                        "[1,[2,{\"a\":[]}],\"x\"]",
                                        "{\"a\":1,\"a\":2}",
                                        "\t[\r\n]",
                                        "\"\\ud800\"",
                                        "\"\x7f\xc3\xa9\"",
                                        "{\"\":{\"\":[{}]}}",
                                        NULL};
    assert_all(texts, true);
}

static void test_no_json(void **state)
{
    static const char *const texts[] = {"",
                                        " ",
                                        "{",
                                        "[",
                                        "]",
                                        "[1",
                                        "[1,]",
                                        "[,1]",
                                        "{\"a\"}",
                                        "{\"a\":}",
                                        "{\"a\":1,}",
                                        "{a:1}",
                                        "{1:1}",
                                        "[1}",
                                        "{\"a\":1]",
                                        "01",
                                        "-",
                                        "+1",
                                        ".5",
                                        "1.",
                                        "1e",
                                        "1e+",
                                        "tru",
                                        "nul",
                                        "True",
                                        "NaN",
                                        "\"",
                                        "\"\\x\"",
                                        "\"\\u12g4\"",
                                        "\"\\u12\"",
                                        "\"a\nb\"",
                                        "'a'",
                                        "1 2",
                                        "{}{}",
                                        "1},\"state\":{",
                                        "[1] x",
                                        "<skipped: too deep>",
                                        "\"\xff\"",
                                        "\xef\xbb\xbf{}",
                                        NULL};
    assert_all(texts, false);
    assert_false(json_is_value(SLICE_LITERAL("{}\0")));
    assert_false(json_is_value(SLICE_LITERAL("\"\\\0\"")));
    assert_false(json_is_value((struct slice){NULL, 0}));
}

static void test_depth(void **state)
{
    for (size_t depth = LIMIT_JSON_PASSED_DEPTH - 1; depth <= LIMIT_JSON_PASSED_DEPTH + 1; depth++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(4 * LIMIT_JSON_PASSED_DEPTH + 8);
        for (size_t i = 0; i < depth; i++)
            buffer_append_byte(&b, '[');
        for (size_t i = 0; i < depth; i++)
            buffer_append_byte(&b, ']');
        assert_int_equal(json_is_value(buffer_slice(&b)), depth <= LIMIT_JSON_PASSED_DEPTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_json), cmocka_unit_test(test_no_json),
                                       cmocka_unit_test(test_depth)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
