/* Decisions by grants, from the table of the host-match family, and the reading of grants. */
#include "table.h"

#include "base/error.h"
#include "policy/grant.h"
#include "policy/uri.h"

static const char *decide(const char *grant, const char *method, const char *uri)
{
    char json[1024];
    struct policy_grants *grants = NULL;
    struct policy_uri parsed;
    const char *reason = NULL;
    snprintf(json, sizeof json, "[%s]", grant);
    assert_int_equal(policy_grants_parse(slice_text(json), &grants, NULL), 0);
    const char *decision = "bad";
    if (policy_uri_parse(slice_text(uri), &parsed, NULL) == 0) {
        int r = policy_grants_allow(grants, &parsed.origin, slice_text(method), parsed.path, &reason);
        decision = r == 0 ? "yes" : "no";
        if (r < 0) {
            assert_int_equal(r, -SP_EDENIED);
            assert_non_null(reason);
        }
    }
    policy_grants_free(grants);
    return decision;
}

static void match_case(char *line, unsigned number)
{
    char *column[4];
    assert_int_equal(table_columns(line, column, 4), 4);
    const char *got = decide(column[0], column[1], column[2]);
    if (strcmp(got, column[3]) != 0)
        fail_msg("line %u: %s %s for %s is %s, not %s", number, column[1], column[2], column[0], got, column[3]);
}

static void test_table(void **state)
{
    assert_true(table_run("host_match.txt", match_case) > 80);
}

static void test_bad_grants_are_refused(void **state)
{
    static const char *const bad[] = {
        "", "null", "{}", "\"https://a.io\"", "[1]", "[null]", "[[]]", "[{}]", "[\"\"]", "[\"*\"]", "[\"https://*.a.io\"]", "[\"https://a.io/\"]",
        "[\"https://a.io/x\"]", "[\"https://a.io?x\"]", "[\"https://a.io#x\"]", "[\"https://u@a.io\"]", "[\"https://a.io.\"]", "[\"ftp://a.io\"]",
        "[\"https://127.1\"]", "[\"https://a.io\"] x", "[\"https://a.io\",]", "[{\"origin\":1}]", "[{\"origin\":\"https://a.io\",\"methods\":[]}]",
        "[{\"origin\":\"https://a.io\",\"methods\":[\"get\"]}]", "[{\"origin\":\"https://a.io\",\"methods\":[\"\"]}]",
        "[{\"origin\":\"https://a.io\",\"methods\":\"GET\"}]", "[{\"origin\":\"https://a.io\",\"paths\":[]}]",
        "[{\"origin\":\"https://a.io\",\"paths\":[\"v1\"]}]", "[{\"origin\":\"https://a.io\",\"paths\":[\"\"]}]",
        "[{\"origin\":\"https://a.io\",\"paths\":[\"/a/../b\"]}]", "[{\"origin\":\"https://a.io\",\"paths\":[\"/a%2fb\"]}]",
        "[{\"origin\":\"https://a.io\",\"paths\":[\"/a?b\"]}]", "[{\"origin\":\"https://a.io\",\"paths\":[\"//a\"]}]",
        "[{\"origin\":\"https://a.io\",\"path\":[\"/a\"]}]", "[{\"origin\":\"https://a.io\",\"origin\":\"https://b.io\"}]",
        "[{\"origin\":\"https://a.io\\u0000\"}]",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct policy_grants *grants = NULL;
        struct diag diag = {0};
        int r = policy_grants_parse(slice_text(bad[i]), &grants, &diag);
        if (r >= 0 || diag.text[0] == 0)
            fail_msg("%s: %d %s", bad[i], r, diag.text);
    }
}

static void test_no_grants_allow_nothing(void **state)
{
    struct policy_grants *grants = NULL;
    struct policy_origin origin;
    const char *reason = NULL;
    assert_int_equal(policy_grants_parse(SLICE_LITERAL("[]"), &grants, NULL), 0);
    assert_int_equal(policy_origin_parse(SLICE_LITERAL("https://a.io"), &origin, NULL), 0);
    assert_int_equal(policy_grants_allow(grants, &origin, SLICE_LITERAL("GET"), SLICE_LITERAL("/"), &reason), -SP_EDENIED);
    policy_grants_free(grants);
}

static void test_too_many_are_refused(void **state)
{
    char json[LIMIT_ORIGINS * 24 + 64] = "[\"https://a.io\"";
    size_t len = strlen(json);
    for (unsigned i = 0; i < LIMIT_ORIGINS; i++)
        len += (size_t)snprintf(json + len, sizeof json - len, ",\"https://a%u.io\"", i);
    snprintf(json + len, sizeof json - len, "]");
    struct policy_grants *grants = NULL;
    assert_true(policy_grants_parse(slice_text(json), &grants, NULL) < 0);
}

static void test_second_grant_may_allow(void **state)
{
    assert_string_equal(decide("{\"origin\":\"https://a.io\",\"methods\":[\"GET\"]},{\"origin\":\"https://a.io\",\"paths\":[\"/w\"]}", "POST",
                               "https://a.io/w/1"),
                        "yes");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_bad_grants_are_refused),
        cmocka_unit_test(test_no_grants_allow_nothing),
        cmocka_unit_test(test_too_many_are_refused),
        cmocka_unit_test(test_second_grant_may_allow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
