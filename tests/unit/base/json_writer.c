/* JSON as it is written: no value can break the structure, and strings are escaped as RFC 8785 wants. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/json_writer.h"

static void structure(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1000);
    struct json_writer w = JSON_WRITER(&b);
    json_object_begin(&w);
    json_key(&w, "a");
    json_array_begin(&w);
    json_i64(&w, -1);
    json_u64(&w, UINT64_MAX);
    json_bool(&w, true);
    json_put_null(&w);
    json_array_begin(&w);
    json_array_end(&w);
    json_object_begin(&w);
    json_object_end(&w);
    json_array_end(&w);
    json_key_text(&w, "b\"", "c");
    json_key_bool(&w, "d", false);
    json_key(&w, "e");
    json_raw(&w, (struct slice){NULL, 0});
    json_key(&w, "f");
    json_raw(&w, SLICE_LITERAL("[1]"));
    json_key_string(&w, "g", (struct slice){NULL, 0});
    json_key_time(&w, "h", 0);
    json_object_end(&w);
    assert_string_equal(buffer_text(&b), "{\"a\":[-1,18446744073709551615,true,null,[],{}],\"b\\\"\":\"c\",\"d\":false,\"e\":null,"
                                         "\"f\":[1],\"g\":null,\"h\":\"1970-01-01T00:00:00.000Z\"}");
}

static const struct {
    const char *in;
    size_t len;
    const char *out;
} strings[] = {
    {"", 0, "\"\""},
    {"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
    {"\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\""},
    {"\0\x1f\x7f", 3, "\"\\u0000\\u001f\x7f\""},
    {"/", 1, "\"/\""},
    {"\xe2\x80\xa8", 3, "\"\xe2\x80\xa8\""},
    {"\xf0\x9f\x98\x80", 4, "\"\xf0\x9f\x98\x80\""},
    {"a\xff" "b", 3, "\"a\xef\xbf\xbd" "b\""},
    {"\xed\xa0\x80", 3, NULL}, /* a surrogate: whatever it becomes, it is UTF-8 */
    {"\xe2\x82", 2, NULL},
};

static void each_string(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(100);
        struct json_writer w = JSON_WRITER(&b);
        json_slice(&w, slice_of(strings[i].in, strings[i].len));
        if (strings[i].out && !slice_is(buffer_slice(&b), strings[i].out))
            fail_msg("case %zu: %.*s", i, SLICE_ARGS(buffer_slice(&b)));
        assert_true(slice_is_utf8(buffer_slice(&b)));
    }
}

static void every_control_character_is_escaped(void **state)
{
    (void)state;
    for (int c = 0; c < 0x20; c++) {
        char text = (char)c;
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(100);
        struct json_writer w = JSON_WRITER(&b);
        json_slice(&w, slice_of(&text, 1));
        for (size_t i = 0; i < b.len; i++)
            assert_true(b.p[i] >= 0x20);
        assert_true(b.p[1] == '\\');
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(structure),
        cmocka_unit_test(each_string),
        cmocka_unit_test(every_control_character_is_escaped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
