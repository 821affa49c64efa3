/* The N-th option is not taken by curl: a call that lacks one (the check of certificates, the socket that is judged, no redirects of
 * curl's own) is never made without it [I8]. Until a call that needed no more. */
#include "fixture.h"

#include <curl/curl.h>

static unsigned fail_at, count; /* fail_at 0: none */

CURLcode __real_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...);

/* A long, a pointer and a curl_off_t are each one register. */
CURLcode __wrap_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    _Static_assert(sizeof(long) == sizeof(void *) && sizeof(curl_off_t) == sizeof(void *), "one register");
    va_list args;
    va_start(args, option);
    void *value = va_arg(args, void *);
    va_end(args);
    return fail_at && ++count == fail_at ? CURLE_UNKNOWN_OPTION : __real_curl_easy_setopt(easy, option, value);
}

static void try_each_option(struct fixture *f, const struct spec *spec)
{
    unsigned before = fixture_count(f, "{home}");
    bool was_lost = true;
    for (unsigned n = 1; was_lost; n++) {
        fail_at = n;
        count = 0;
        const struct msg_egress_result *r = fixture_call(f, spec);
        was_lost = count >= fail_at;
        fail_at = 0;
        if (was_lost && (r->code >= 0 || r->was_sent))
            fail_msg("without option %u of its call it answered %d, sent %d", n, r->code, r->was_sent);
        if (!was_lost)
            assert_int_equal(r->code, 0);
    }
    assert_true(count > 20);
    assert_int_equal(fixture_count(f, "{home}"), before + 1);
}

static void test_get(void **state)
{
    try_each_option(*state, &(struct spec){.uri = "{home}/echo"});
}

static void test_head(void **state)
{
    try_each_option(*state, &(struct spec){.method = "HEAD", .uri = "{home}/echo"});
}

static void test_post(void **state)
{
    try_each_option(*state, &(struct spec){.method = "POST", .uri = "{home}/echo", .body = "hello", .idempotency_key = "k"});
}

static void test_post_that_may_not_be_repeated(void **state)
{
    try_each_option(*state, &(struct spec){.method = "POST", .uri = "{home}/echo", .body = "hello"});
}

static void test_digest(void **state)
{
    try_each_option(*state, &(struct spec){.uri = "{home}/echo", .auth = AUTH_DIGEST, .username = "user", .password = HANDLE(1)});
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get), cmocka_unit_test(test_head), cmocka_unit_test(test_post),
        cmocka_unit_test(test_post_that_may_not_be_repeated), cmocka_unit_test(test_digest)};
    return cmocka_run_group_tests_name("egress/options", tests, fixture_setup, fixture_teardown);
}
