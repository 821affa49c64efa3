/* Origins and URIs, with the spellings of the ssrf family. */
#include "table.h"

#include "base/error.h"
#include "policy/uri.h"

static size_t unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from;) {
        unsigned byte;
        if (from[0] == '\\' && from[1] == 'x' && sscanf(from + 2, "%2x", &byte) == 1) {
            *to++ = (char)byte;
            from += 4;
        } else {
            *to++ = *from++;
        }
    }
    return (size_t)(to - text);
}

static void uri_case(char *line, unsigned number)
{
    struct policy_uri uri;
    struct diag diag = {0};
    size_t len = unescape(line);
    if (policy_uri_parse(slice_of(line, len), &uri, &diag) >= 0)
        fail_msg("line %u: accepted, host %s", number, uri.origin.host);
    if (diag.text[0] == 0)
        fail_msg("line %u: refused without a reason", number);
}

static void test_odd_spellings_are_refused(void **state)
{
    assert_true(table_run("ssrf_uris.txt", uri_case) > 50);
}

static void test_origin_is_read(void **state)
{
    struct policy_origin o;
    char text[POLICY_ORIGIN_TEXT];
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("https://API.Example.com:8443"), &o, NULL), 0);
    assert_string_equal(o.scheme, "https");
    assert_string_equal(o.host, "api.example.com");
    assert_int_equal(o.port, 8443);
    assert_false(o.is_address);
    policy_origin_text(&o, text);
    assert_string_equal(text, "https://api.example.com:8443");
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("http://[2001:0DB8:0::1]"), &o, NULL), 0);
    assert_string_equal(o.host, "[2001:db8::1]");
    assert_int_equal(o.port, 80);
    assert_true(o.is_address);
    policy_origin_text(&o, text);
    assert_string_equal(text, "http://[2001:db8::1]");
}

static void test_origin_has_nothing_else(void **state)
{
    static const char *const bad[] = {"https://a.io/", "https://a.io?", "https://a.io#", "https://a.io/x", "https://", "https://:443",
                                      "https://a.io ", " https://a.io", "https://u:p@a.io", "a.io", "https://a.io:"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct policy_origin o;
        struct diag diag = {0};
        if (policy_origin_parse(slice_text(bad[i]), &o, &diag) >= 0 || diag.text[0] == 0)
            fail_msg("%s", bad[i]);
    }
}

static void test_uri_is_cut(void **state)
{
    struct policy_uri u;
    assert_int_equal(policy_uri_parse(SLICE_LITERAL("https://a.io/b/c?d=e?f"), &u, NULL), 0);
    assert_true(slice_is(u.path, "/b/c"));
    assert_true(slice_is(u.query, "d=e?f"));
    assert_int_equal(policy_uri_parse(SLICE_LITERAL("https://a.io"), &u, NULL), 0);
    assert_int_equal(u.path.len, 0);
    assert_null(u.query.p);
    assert_int_equal(policy_uri_parse(SLICE_LITERAL("https://a.io?"), &u, NULL), 0);
    assert_non_null(u.query.p);
}

static void test_long_uris_are_refused(void **state)
{
    static char text[LIMIT_URI + 2];
    memset(text, 'a', sizeof text);
    memcpy(text, "https://a.io/", 13);
    struct policy_uri u;
    assert_int_equal(policy_uri_parse(slice_of(text, LIMIT_URI), &u, NULL), 0);
    assert_int_equal(policy_uri_parse(slice_of(text, LIMIT_URI + 1), &u, NULL), -SP_ELIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_spellings_are_refused), cmocka_unit_test(test_origin_is_read),
        cmocka_unit_test(test_origin_has_nothing_else),   cmocka_unit_test(test_uri_is_cut),
        cmocka_unit_test(test_long_uris_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
