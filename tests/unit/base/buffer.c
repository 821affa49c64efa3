/* Buffers and slices: the maximum holds, failures stick, decoders are strict. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"

static void assert_content(struct buffer *b, const char *text)
{
    assert_int_equal(buffer_error(b), 0);
    assert_string_equal(buffer_text(b), text);
}

static void a_failure_leaves_the_content_and_sticks(void **state)
{
    (void)state;
    struct buffer b = BUFFER_MAX(5);
    assert_int_equal(buffer_append_text(&b, "abc"), 0);
    assert_int_equal(buffer_append_text(&b, "def"), -SP_ELIMIT);
    assert_int_equal(b.len, 3);
    assert_int_equal(buffer_append_byte(&b, 'd'), -SP_ELIMIT);
    assert_null(buffer_text(&b));
    buffer_clear(&b);
    assert_int_equal(buffer_append_text(&b, "defgh"), 0);
    assert_content(&b, "defgh");
    buffer_free(&b);
    assert_int_equal(buffer_append_text(&b, "again"), 0);
    buffer_free(&b);
}

static void every_append_knows_the_maximum(void **state)
{
    (void)state;
    for (size_t max = 0; max < 8; max++) {
        uint8_t *p;
        struct buffer all[] = {BUFFER_MAX(max), BUFFER_MAX(max), BUFFER_MAX(max), BUFFER_MAX(max), BUFFER_MAX(max), BUFFER_MAX(max)};
        assert_int_equal(buffer_append_u64(&all[0], UINT64_MAX), -SP_ELIMIT);
        assert_int_equal(buffer_append_i64(&all[1], INT64_MIN), -SP_ELIMIT);
        assert_int_equal(buffer_printf(&all[2], "%08d", 1), -SP_ELIMIT);
        assert_int_equal(buffer_append_hex(&all[3], SLICE_LITERAL("abcd")), -SP_ELIMIT);
        assert_int_equal(buffer_append_base64(&all[4], SLICE_LITERAL("abcdef")), -SP_ELIMIT);
        assert_int_equal(buffer_extend(&all[5], SIZE_MAX, &p), -SP_ELIMIT);
        for (size_t i = 0; i < 6; i++) {
            assert_int_equal(all[i].len, 0);
            buffer_free(&all[i]);
        }
    }
}

static void numbers(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(100);
    (void)buffer_append_u64(&b, UINT64_MAX);
    (void)buffer_append_byte(&b, ' ');
    (void)buffer_append_i64(&b, INT64_MIN);
    (void)buffer_append_byte(&b, ' ');
    (void)buffer_append_u64(&b, 0);
    assert_content(&b, "18446744073709551615 -9223372036854775808 0");
}

static void front_and_back(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(100);
    (void)buffer_append_text(&b, "0123456789");
    buffer_consume(&b, 3);
    buffer_truncate(&b, 4);
    assert_content(&b, "3456");
    buffer_consume(&b, 4);
    assert_int_equal(b.len, 0);
    size_t len = 1;
    (void)buffer_append_text(&b, "x");
    uint8_t *taken = buffer_take(&b, &len);
    assert_int_equal(len, 1);
    assert_int_equal(b.len, 0);
    free(taken);
}

static const struct {
    const char *text;
    int code, url_code;
    const char *decoded;
} base64_cases[] = {
    {"", 0, 0, ""},
    {"Zg==", 0, -SP_ESYNTAX, "f"},
    {"Zg", -SP_ESYNTAX, 0, "f"},
    {"Zm8=", 0, -SP_ESYNTAX, "fo"},
    {"Zm9v", 0, 0, "foo"},
    {"Zm9vYmFy", 0, 0, "foobar"},
    {"Zh==", -SP_ESYNTAX, -SP_ESYNTAX, NULL}, /* bits that say nothing */
    {"Zm9=", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Z", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Zg=", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Zg===", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Zm9v\n", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Zm 9v", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Zg==Zg==", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"=Zg=", -SP_ESYNTAX, -SP_ESYNTAX, NULL},
    {"Pj8+Pj8/", 0, -SP_ESYNTAX, ">?>>??"},
    {"Pj8-Pj8_", -SP_ESYNTAX, 0, ">?>>??"},
};

static void base64_is_strict(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof base64_cases / sizeof base64_cases[0]; i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(100), u = BUFFER_MAX(100);
        int r = buffer_append_base64_decoded(&b, slice_text(base64_cases[i].text));
        int ru = buffer_append_base64url_decoded(&u, slice_text(base64_cases[i].text));
        if (r != base64_cases[i].code || ru != base64_cases[i].url_code)
            fail_msg("%s: %d and %d", base64_cases[i].text, r, ru);
        if (r == 0)
            assert_content(&b, base64_cases[i].decoded);
        if (ru == 0)
            assert_content(&u, base64_cases[i].decoded);
        if (r < 0)
            assert_int_equal(b.len, 0);
    }
}

static void base64_and_hex_come_back(void **state)
{
    (void)state;
    uint8_t bytes[64];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 37 + 200);
    for (size_t n = 0; n <= sizeof bytes; n++) {
        _cleanup_buffer_ struct buffer text = BUFFER_MAX(200), back = BUFFER_MAX(200);
        (void)buffer_append_base64(&text, slice_of(bytes, n));
        assert_int_equal(buffer_append_base64_decoded(&back, buffer_slice(&text)), 0);
        assert_true(slice_equal(buffer_slice(&back), slice_of(bytes, n)));
        buffer_clear(&text);
        buffer_clear(&back);
        (void)buffer_append_hex(&text, slice_of(bytes, n));
        assert_int_equal(buffer_append_hex_decoded(&back, buffer_slice(&text)), 0);
        assert_true(slice_equal(buffer_slice(&back), slice_of(bytes, n)));
    }
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(10);
    assert_int_equal(buffer_append_hex_decoded(&b, SLICE_LITERAL("abc")), -SP_ESYNTAX);
    buffer_clear(&b);
    assert_int_equal(buffer_append_hex_decoded(&b, SLICE_LITERAL("zz")), -SP_ESYNTAX);
}

static void slices(void **state)
{
    (void)state;
    struct slice rest = SLICE_LITERAL("a,,b"), part;
    assert_true(slice_split(&rest, ',', &part) && slice_is(part, "a"));
    assert_true(slice_split(&rest, ',', &part) && slice_is(part, ""));
    assert_true(slice_split(&rest, ',', &part) && slice_is(part, "b"));
    assert_false(slice_split(&rest, ',', &part));
    assert_true(slice_equal_nocase(SLICE_LITERAL("HoSt"), SLICE_LITERAL("hOsT")));
    assert_false(slice_equal_nocase(SLICE_LITERAL("host"), SLICE_LITERAL("hosts")));
    assert_false(slice_equal_nocase(SLICE_LITERAL("@"), SLICE_LITERAL("`")));
    assert_true(slice_starts(SLICE_LITERAL("abc"), "ab") && !slice_starts(SLICE_LITERAL("a"), "ab"));
    assert_null(slice_dup(slice_of("a\0b", 3)));
    char *copy = slice_dup(SLICE_LITERAL("ab"));
    assert_string_equal(copy, "ab");
    free(copy);
}

static void utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80", "\xc3", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
                                      "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "a\xe2\x82", "\xe2\x28\xa1"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (!slice_is_utf8(slice_text(good[i])))
            fail_msg("good[%zu]", i);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (slice_is_utf8(slice_text(bad[i])))
            fail_msg("bad[%zu]", i);
}

static void plain_numbers(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "+1", "-1", " 1", "1 ", "01", "00", "0x1", "1e3", "1.0"};
    uint64_t n = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(slice_parse_u64(slice_text(bad[i]), &n), -SP_ESYNTAX);
    assert_int_equal(slice_parse_u64(SLICE_LITERAL("18446744073709551616"), &n), -ERANGE);
    assert_int_equal(n, 7);
    assert_int_equal(slice_parse_u64(SLICE_LITERAL("18446744073709551615"), &n), 0);
    assert_true(n == UINT64_MAX);
    assert_int_equal(slice_parse_u64(SLICE_LITERAL("0"), &n), 0);
    assert_true(n == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_leaves_the_content_and_sticks),
        cmocka_unit_test(every_append_knows_the_maximum),
        cmocka_unit_test(numbers),
        cmocka_unit_test(front_and_back),
        cmocka_unit_test(base64_is_strict),
        cmocka_unit_test(base64_and_hex_come_back),
        cmocka_unit_test(slices),
        cmocka_unit_test(utf8),
        cmocka_unit_test(plain_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
