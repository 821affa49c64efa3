/* The public test data of RFC 8785 (cyberphone/json-canonicalization): input/X.json must become
 * output/X.json, byte for byte; and numbers as the RFC's appendix B lists them. */
#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "audit/jcs.h"
#include "base/error.h"
#include "suite.h"

static void check_pair(void *user, const char *name, const char *full)
{
    struct suite_result *result = user;
    char outputs[SUITE_PATH_MAX];
    _cleanup_buffer_ struct buffer in = BUFFER_MAX(1 << 20), want = BUFFER_MAX(1 << 20),
                                   got = BUFFER_MAX(1 << 20);
    suite_path(outputs, "suites/jcs/testdata/output");
    assert_true(suite_read(full, NULL, &in) && suite_read(outputs, name, &want));
    assert_int_equal(jcs_canonicalise(buffer_slice(&in), &got), 0);
    if (!slice_equal(buffer_slice(&got), buffer_slice(&want)))
        fail_msg("%s: got %.*s", name, SLICE_ARGS(buffer_slice(&got)));
    result->cases++;
    result->passed++;
}

static void pairs(void **state)
{
    char inputs[SUITE_PATH_MAX];
    struct suite_result result = {0};
    suite_path_or_skip(inputs, "suites/jcs/testdata/input");
    suite_files(inputs, ".json", check_pair, &result);
    assert_true(suite_print("jcs", &result) && result.cases >= 6);
}

static void numbers(void **state)
{
    static const struct {
        uint64_t bits;
        const char *text; /* NULL: refused */
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0xffefffffffffffff, "-1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0xc340000000000000, "-9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x7fffffffffffffff, NULL},
        {0x7ff0000000000000, NULL},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef4f, "999999999999999900000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555554, "333333333.33333325"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0x41b3de4355555556, "333333333.3333334"},
        {0x41b3de4355555557, "333333333.33333343"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer got = BUFFER_MAX(64);
        double number;
        memcpy(&number, &cases[i].bits, sizeof number);
        int r = jcs_number(number, &got);
        assert_int_equal(r, cases[i].text ? 0 : -SP_EINVALID);
        if (cases[i].text)
            assert_string_equal(buffer_text(&got), cases[i].text);
    }
}

static void refusals(void **state)
{
    static const char *const cases[] = {"",      "{",   "{\"a\":1,\"a\":2}", "[1,]", "\"\\ud800\"",
                                        "1e999", "nul", "{\"a\\u0000\":1}"};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer got = BUFFER_MAX(1024);
        assert_int_equal(jcs_canonicalise(slice_text(cases[i]), &got), -SP_ESYNTAX);
    }
    _cleanup_buffer_ struct buffer deep = BUFFER_MAX(4096), got = BUFFER_MAX(4096);
    for (int i = 0; i < 300; i++)
        assert_int_equal(buffer_append_byte(&deep, '['), 0);
    for (int i = 0; i < 300; i++)
        assert_int_equal(buffer_append_byte(&deep, ']'), 0);
    assert_int_equal(jcs_canonicalise(buffer_slice(&deep), &got), -SP_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pairs), cmocka_unit_test(numbers),
                                       cmocka_unit_test(refusals)};
    return cmocka_run_group_tests_name("conformance/jcs", tests, NULL, NULL);
}
