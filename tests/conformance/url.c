/* The WHATWG's URL tests: each input is refused by policy_uri_parse, or then the host is the one that libcurl sees and the
 * one that the suite expects. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <jansson.h>

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

/* Whether we accept it; fails where we then disagree. */
static bool agree(struct slice input, const char *expected_host, const char *expected_port)
{
    struct policy_uri uri;
    if (policy_uri_parse(input, &uri, NULL) < 0)
        return false;
    char *text = slice_dup(input);
    assert_non_null(text);
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

static void test_urls(void **state)
{
    char path[512];
    suite_path(path, sizeof path, "suites/url/tests/wpt/urltestdata.json");
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (!cases) {
        print_message("skipped: no suite at %s\n", path);
        skip();
    }
    unsigned n = 0, n_accepted = 0;
    size_t i;
    json_t *one;
    json_array_foreach(cases, i, one) {
        const json_t *input = json_object_get(one, "input");
        if (!json_is_string(input))
            continue;
        n++;
        n_accepted += agree(slice_of(json_string_value(input), json_string_length(input)),
                            json_string_value(json_object_get(one, "hostname")), json_string_value(json_object_get(one, "port")));
    }
    print_message("%u inputs, %u accepted, all others refused\n", n, n_accepted);
    assert_true(n > 800 && n_accepted > 20);
    json_decref(cases);
}

/* The hosts of toascii.json: refused, or kept as they are but for case. */
static void test_hosts(void **state)
{
    char path[512];
    suite_path(path, sizeof path, "suites/url/tests/wpt/toascii.json");
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, NULL);
    if (!cases) {
        print_message("skipped: no suite at %s\n", path);
        skip();
    }
    unsigned n_accepted = 0;
    size_t i;
    json_t *one;
    json_array_foreach(cases, i, one) {
        const json_t *input = json_object_get(one, "input");
        char uri[2048];
        if (!json_is_string(input))
            continue;
        int len = snprintf(uri, sizeof uri, "https://%s/x", json_string_value(input));
        n_accepted += agree(slice_of(uri, (size_t)len), json_string_value(json_object_get(one, "output")), NULL);
    }
    assert_true(n_accepted > 5);
    json_decref(cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_urls), cmocka_unit_test(test_hosts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
