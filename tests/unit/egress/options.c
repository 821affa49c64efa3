/* The N-th option is not taken by curl: a call that lacks one (the check of certificates, the socket that is judged, no redirects of
 * curl's own) is never made without it [I8]. Until a call that needed no more. */
#include "fixture.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/error.h"

static unsigned fail_at, count; /* fail_at 0: none */
static bool has_no_patience;    /* to connect */

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
    if (has_no_patience && option == CURLOPT_CONNECTTIMEOUT_MS)
        return __real_curl_easy_setopt(easy, option, 50L);
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

/* An address where nobody takes the connection is given up long before the call's own time is over. */
static void test_connection_that_is_not_taken(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fds[8];
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fds[0], (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fds[0], 0), 0);
    assert_int_equal(getsockname(fds[0], (struct sockaddr *)&address, &len), 0);
    for (size_t i = 1; i < 8; i++) { /* the first fill its queue */
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        (void)!connect(fds[i], (struct sockaddr *)&address, sizeof address);
    }
    char uri[64], grants[80];
    snprintf(uri, sizeof uri, "http://127.0.0.1:%u", ntohs(address.sin_port));
    snprintf(grants, sizeof grants, "[\"%s\"]", uri);
    has_no_patience = true;
    const struct msg_egress_result *r = fixture_call(f, &(struct spec){.uri = uri, .grants = grants, .timeout_ms = LIMIT_EGRESS_TIMEOUT_MS});
    has_no_patience = false;
    assert_int_equal(r->code, -SP_ETIMEOUT);
    assert_int_equal(r->was_sent, 0);
    assert_false(slice_is(r->reason, "the server did not answer in time")); /* what the call's own timer says */
    for (size_t i = 0; i < 8; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_get), cmocka_unit_test(test_head), cmocka_unit_test(test_post),
        cmocka_unit_test(test_post_that_may_not_be_repeated), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_connection_that_is_not_taken)};
    return cmocka_run_group_tests_name("egress/options", tests, fixture_setup, fixture_teardown);
}
