/* The WHATWG's URL tests. Each input is refused by policy_uri_parse, or then scheme, host, port and path are
 * what libcurl sees and what the suite expects; and what the interpreter's own check (flow_uri_check)
 * accepts, policy refuses or reads alike. The suite's files are lists of cases with remarks between them,
 * which are texts. */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/uri_template.h"
#include "policy/uri.h"
#include "suite.h"

static char *curl_part(const char *text, CURLUPart part, unsigned flags)
{
    CURLU *url = curl_url();
    char *value = NULL;
    if (curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK)
        curl_url_get(url, part, &value, flags);
    curl_url_cleanup(url);
    return value;
}

static void same(const char *input, const char *what, const char *ours, const char *theirs)
{
    if (!theirs || strcmp(ours, theirs) != 0)
        fail_msg("%s: %s is '%s' to us and '%s' to others", input, what, ours, theirs ? theirs : "(refused)");
}

/* The interpreter's is without brackets, and IPv6 as it was written. */
static bool is_same_host(struct slice flow, const char *policy)
{
    char text[2][64];
    struct in6_addr a, b;
    if (policy[0] != '[')
        return slice_equal_nocase(flow, slice_text(policy));
    snprintf(text[0], sizeof text[0], "%.*s", SLICE_ARGS(flow));
    snprintf(text[1], sizeof text[1], "%.*s", (int)strlen(policy) - 2, policy + 1);
    return inet_pton(AF_INET6, text[0], &a) == 1 && inet_pton(AF_INET6, text[1], &b) == 1 &&
           memcmp(&a, &b, sizeof a) == 0;
}

static void flow_agrees(const char *text, struct slice input, const struct policy_uri *policy)
{
    struct flow_uri flow;
    struct diag diag;
    if (flow_uri_check(input, &flow, &diag) < 0)
        return;
    if (!is_same_host(flow.host, policy->origin.host) || flow.port != policy->origin.port ||
        !slice_equal_nocase(flow.scheme, slice_text(policy->origin.scheme)))
        fail_msg("%s: the interpreter sees another origin than policy", text);
}

/* Whether we accept it; fails where we then disagree. */
static bool agree(struct slice input, const char *expected_host, const char *expected_port)
{
    struct policy_uri uri;
    if (policy_uri_parse(input, &uri, NULL) < 0)
        return false;
    char *text = slice_dup(input);
    assert_non_null(text);
    flow_agrees(text, input, &uri);
    char *host = curl_part(text, CURLUPART_HOST, 0);
    char *port = curl_part(text, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    char *scheme = curl_part(text, CURLUPART_SCHEME, 0);
    char *path = curl_part(text, CURLUPART_PATH, 0);
    char ours[8];
    snprintf(ours, sizeof ours, "%u", uri.origin.port);
    for (char *p = host; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z')
            *p = (char)(*p + 32);
    same(text, "host", uri.origin.host, host);
    same(text, "port", ours, port);
    same(text, "scheme", uri.origin.scheme, scheme);
    if (uri.path.len)
        assert_true(path && slice_is(uri.path, path));
    same(text, "host (suite)", uri.origin.host, expected_host);
    if (expected_port && *expected_port)
        same(text, "port (suite)", ours, expected_port);
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_free(path);
    free(text);
    return true;
}

static bool agree_on_url(const json_t *one)
{
    const json_t *input = json_object_get(one, "input");
    return agree(slice_of(json_string_value(input), json_string_length(input)),
                 json_string_value(json_object_get(one, "hostname")),
                 json_string_value(json_object_get(one, "port")));
}

static bool agree_on_host(const json_t *one)
{
    char uri[2048];
    int len = snprintf(uri, sizeof uri, "https://%s/x", json_string_value(json_object_get(one, "input")));
    return agree(slice_of(uri, (size_t)len), json_string_value(json_object_get(one, "output")), NULL);
}

/* Whether the suite wants it refused. */
static bool must_fail(const json_t *one)
{
    const json_t *output = json_object_get(one, "output");
    return json_is_true(json_object_get(one, "failure")) || json_is_null(output);
}

static void run_file(const char *name, const char *below, bool (*is_accepted)(const json_t *one),
                     unsigned least)
{
    char path[SUITE_PATH_MAX];
    struct suite_result result = {0};
    unsigned n_accepted = 0;
    size_t i;
    json_t *one;
    suite_path_or_skip(path, below);
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    assert_non_null(cases);
    json_array_foreach(cases, i, one)
    {
        bool is_case = json_is_object(one), got = is_case && is_accepted(one),
             is_right = got != must_fail(one);
        result.cases++;
        result.left_out += !is_case;
        result.passed += is_case && is_right;
        result.refused += is_case && !is_right && !got;
        n_accepted += got;
    }
    json_decref(cases);
    print_message("%u accepted, each with the same host everywhere\n", n_accepted);
    assert_true(suite_print(name, &result) && n_accepted >= least);
}

static void test_urls(void **state)
{
    run_file("url", "suites/url/tests/wpt/urltestdata.json", agree_on_url, 20);
}

static void test_hosts(void **state)
{
    run_file("url/hosts", "suites/url/tests/wpt/toascii.json", agree_on_host, 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls), cmocka_unit_test(test_hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
