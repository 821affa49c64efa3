/* Handles and the scrubber, on texts alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "egress/grant_cache.h"
#include "egress/handle.h"
#include "egress/scrub.h"

#define NONCE  ((const uint8_t *)"0123456789abcdef")
#define PREFIX "sph1.gaytemzugu3doobzmfrggzdfmy."

static const char *substitute(const char *text, enum handle_escape escape, struct buffer *out)
{
    struct handle_pattern p;
    struct slice values[HANDLE_SLOTS] = {0};
    handle_pattern_init(&p, NONCE, 6);
    values[0] = SLICE_LITERAL("a\"b\\c\n/é");
    values[1] = SLICE_LITERAL(PREFIX "0.e");
    values[2] = SLICE_LITERAL("\r\t\n\1");
    values[3] = SLICE_LITERAL("\xff");
    values[4] = slice_of("\0", 1);
    values[HANDLE_AUTHORIZATION] = SLICE_LITERAL("auth");
    buffer_clear(out);
    int r = handle_substitute(&p, slice_text(text), escape, values, out);
    return r < 0 ? error_slug(r) : buffer_text(out);
}

static void test_substitution(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1000);
    assert_string_equal(substitute("x" PREFIX "0.ey", HANDLE_RAW, &b), "xa\"b\\c\n/éy");
    assert_string_equal(substitute(PREFIX "0.e", HANDLE_PERCENT, &b), "a%22b%5Cc%0A%2F%C3%A9");
    assert_string_equal(substitute(PREFIX "0.e", HANDLE_JSON, &b), "a\\\"b\\\\c\\n/é");
    assert_string_equal(substitute("[" PREFIX "0.e" PREFIX "a.e]", HANDLE_MASK, &b), "[******]");
    assert_string_equal(substitute(PREFIX "a.e", HANDLE_RAW, &b), "auth");
    assert_string_equal(substitute(PREFIX "1.e", HANDLE_RAW, &b), PREFIX "0.e"); /* a value is not searched again */
    assert_string_equal(substitute(PREFIX "5.e", HANDLE_RAW, &b), "denied");     /* no value */
    assert_string_equal(substitute(PREFIX "6.e", HANDLE_RAW, &b), "invalid");
    assert_string_equal(substitute(PREFIX "2.e", HANDLE_JSON, &b), "\\r\\t\\n\\u0001");
    assert_string_equal(substitute(PREFIX "3.e", HANDLE_JSON, &b), "invalid"); /* would make the whole text none */
    assert_string_equal(substitute(PREFIX "3.e" PREFIX "4.e", HANDLE_PERCENT, &b), "%FF%00");
    assert_string_equal(substitute(PREFIX "0.", HANDLE_RAW, &b), "invalid");
    assert_string_equal(substitute(PREFIX, HANDLE_RAW, &b), "invalid");
    assert_string_equal(substitute("sph1.gaytemzugu3doobzmfrggzdfmz.0.e", HANDLE_RAW, &b), "sph1.gaytemzugu3doobzmfrggzdfmz.0.e");
    assert_string_equal(substitute("", HANDLE_RAW, &b), "");
}

static const char *scrubbed(const char *value, const char *text, struct buffer *out)
{
    struct scrub *s;
    assert_int_equal(scrub_new(&s), 0);
    assert_int_equal(scrub_add(s, slice_text(value)), 0);
    buffer_clear(out);
    int r = scrub_apply(s, slice_text(text), out);
    assert_int_equal(r, scrub_finds(s, slice_text(text)));
    scrub_free(s);
    return buffer_text(out);
}

static void test_scrub(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(10000);
    assert_string_equal(scrubbed("hunter22!", "a hunter22! b", &b), "a *** b");
    assert_string_equal(scrubbed("hunter22!", "hunter22%21hunter22!", &b), "******");
    assert_string_equal(scrubbed("hunter22!", "68756e7465723232 68756e746572323221", &b), "68756e7465723232 ***");
    assert_string_equal(scrubbed("hunter22!", "68756E746572323221", &b), "***");
    assert_string_equal(scrubbed("hunter22!", "hunter22", &b), "hunter22");
    assert_string_equal(scrubbed("x y", "x+y x%20y x y", &b), "*** *** ***");
    assert_string_equal(scrubbed("a/b c+d&e", "a%252Fb%2520c%252Bd%2526e a%252fb%2520c%252bd%2526e", &b), "*** ***");
    assert_string_equal(scrubbed("it's<\"&", "it&#39;s&lt;&#34;&amp; it&#x27;s&lt;&quot;&amp; it&apos;s&lt;&quot;&amp;", &b), "*** *** ***");
    assert_string_equal(scrubbed("a/b\"c", "a\\/b\\\"c a/b\\\"c", &b), "*** ***");
    /* JSON in JSON: in one style, and what we sent in the style of PHP and of Python. */
    assert_string_equal(scrubbed("a/b\"c", "{\"echo\":\"a/b\\\\\\\"c a\\/b\\\\\\\"c a\\\\\\/b\\\\\\\"c\"}", &b), "{\"echo\":\"*** *** ***\"}");
    assert_string_equal(scrubbed("\xc3\xa4\"c", "{\"echo\":\"\\u00e4\\\\\\\"c \\\\u00e4\\\\\\\"c\"}", &b), "{\"echo\":\"*** ***\"}");
    assert_string_equal(scrubbed("", "nothing", &b), "nothing");
    assert_string_equal(scrubbed("aab", "aaab", &b), "a***");
    assert_string_equal(scrubbed("short", "c2hvcnQ=", &b), "c2hvcnQ="); /* of a short value only its plain forms */
}

static void test_scrub_base64_at_each_offset(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(10000), text = BUFFER_MAX(1000);
    const char *value = "\xfb\xff secret ~~~ value \xfe";
    for (size_t before = 0; before < 7; before++)
        for (size_t after = 0; after < 4; after++) {
            _cleanup_buffer_ struct buffer plain = BUFFER_MAX(1000);
            (void)buffer_append(&plain, "1234567", before);
            (void)buffer_append_text(&plain, value);
            (void)buffer_append(&plain, "1234567", after);
            buffer_clear(&text);
            (void)buffer_append_base64(&text, buffer_slice(&plain));
            assert_non_null(strstr(scrubbed(value, buffer_text(&text), &b), "***"));
        }
}

/* What is beyond U+FFFF is two escapes; a NUL is escaped as any control character. */
static void test_scrub_of_escapes(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(10000);
    struct scrub *s;
    assert_string_equal(scrubbed("key \xf0\x9f\x97\x9d", "key \\ud83d\\udddd key \\uD83D\\uDDDD key \xf0\x9f\x97\x9d", &b), "*** *** ***");
    assert_string_equal(scrubbed("\xe2\x82\xac" "5", "\\u20ac5 \\u20AC5 \\u20ac6", &b), "*** *** \\u20ac6");
    assert_int_equal(scrub_new(&s), 0);
    assert_int_equal(scrub_add(s, slice_of("nul\0nul", 7)), 0);
    buffer_clear(&b);
    assert_int_equal(scrub_apply(s, SLICE_LITERAL("nul\\u0000nul nul%00nul"), &b), 1);
    assert_string_equal(buffer_text(&b), "*** ***");
    scrub_free(s);
}

/* A value that finds no place any more is an error: the answer must not be passed on. */
static void test_scrub_is_bounded(void **state)
{
    struct scrub *s;
    int r = 0;
    unsigned n = 0;
    assert_int_equal(scrub_new(&s), 0);
    for (; r == 0 && n < 5000; n++) {
        char value[32];
        snprintf(value, sizeof value, "<value \"%u\">", n);
        r = scrub_add(s, slice_text(value));
    }
    assert_int_equal(r, -SP_ELIMIT);
    assert_true(n > HANDLE_SLOTS);
    scrub_free(s);
}

static void test_scrub_of_headers(void **state)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(10000);
    struct scrub *s;
    assert_int_equal(scrub_new(&s), 0);
    assert_int_equal(scrub_add_header(s, SLICE_LITERAL("Basic YW5uOmh1bnRlcjIyIQ==")), 0);
    assert_int_equal(scrub_apply(s, SLICE_LITERAL("ann:hunter22! hunter22! YW5uOmh1bnRlcjIyIQ== ann"), &b), 1);
    assert_string_equal(buffer_text(&b), "*** *** *** ann");
    scrub_free(s);
    /* A key that is a user name without a password. */
    assert_int_equal(scrub_new(&s), 0);
    assert_int_equal(scrub_add_header(s, SLICE_LITERAL("Basic c2tfbGl2ZV9rZXk6")), 0);
    buffer_clear(&b);
    assert_int_equal(scrub_apply(s, SLICE_LITERAL("sk_live_key: sk_live_key c2tfbGl2ZV9rZXk6"), &b), 1);
    assert_string_equal(buffer_text(&b), "*** *** ***");
    scrub_free(s);
    /* Headers that hold nothing, or no base64: of these the whole is kept, no part. */
    static const char *const odd[] = {"", "Basic ", "Basic !", "Basic Og=="};
    assert_int_equal(scrub_new(&s), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(scrub_add_header(s, slice_text(odd[i])), 0);
    assert_false(scrub_finds(s, SLICE_LITERAL("nothing of Basic")));
    assert_true(scrub_finds(s, SLICE_LITERAL("Basic !")));
    scrub_free(s);
}

static struct grant_entry *held(struct grant_cache *c, unsigned n)
{
    char json[64];
    struct grant_entry *e = NULL;
    snprintf(json, sizeof json, "[\"https://a%u.example\"]", n);
    assert_int_equal(grant_cache_hold(c, slice_text(json), &e, NULL), 0);
    return e;
}

/* The stalest gives way, but none that a call holds. */
static void test_grant_cache(void **state)
{
    struct grant_cache *c;
    struct grant_entry *first, *e = NULL;
    struct policy_origin origin;
    const char *reason = "";
    assert_int_equal(grant_cache_new(&c), 0);
    first = held(c, 0);
    for (unsigned n = 1; n < 2 * LIMIT_EGRESS_OPEN; n++)
        grant_cache_release(held(c, n));
    assert_ptr_equal(held(c, 0), first);
    grant_cache_release(first);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("https://a0.example"), &origin, NULL), 0);
    assert_int_equal(policy_grants_allow(grant_entry_grants(first), &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/"), &reason), 0);
    e = held(c, 1); /* was evicted, and is read again */
    assert_int_equal(policy_grants_allow(grant_entry_grants(e), &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/"), &reason), -SP_EDENIED);
    grant_cache_release(e);
    grant_cache_release(first);
    assert_true(grant_cache_hold(c, SLICE_LITERAL(""), &e, NULL) < 0);
    assert_true(grant_cache_hold(c, SLICE_LITERAL("{"), &e, NULL) < 0);
    grant_cache_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_substitution), cmocka_unit_test(test_scrub), cmocka_unit_test(test_scrub_base64_at_each_offset),
        cmocka_unit_test(test_scrub_of_headers), cmocka_unit_test(test_scrub_of_escapes), cmocka_unit_test(test_scrub_is_bounded),
        cmocka_unit_test(test_grant_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
