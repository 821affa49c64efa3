/* uri-templates/uritemplate-test against the templates of the DSL, which have simple expansion of one name
 * alone. A case is expanded to what the suite expects, or refused by one of the rules below: never expanded
 * to something else. What the suite wants refused is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "flow/uri_template.h"
#include "suite.h"

/* The beginnings of the messages by which a valid template is refused. */
static const char *const rules[] = {
    "operators of URI templates are not supported",
    "lists and modifiers of URI templates are not supported",
    "but only a string, number, boolean or null can stand in a URI",
};

static bool is_by_rule(const char *text)
{
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (strstr(text, rules[i]))
            return true;
    return false;
}

static bool is_expected(jv wanted, jv got)
{
    if (jv_get_kind(wanted) != JV_KIND_ARRAY)
        return jv_equal(jv_copy(wanted), jv_copy(got));
    jv_array_foreach(wanted, i, one) if (jv_equal(one, jv_copy(got))) return true;
    return false;
}

static void check_case(jv test /* [template, expected] */, jv variables, struct suite_result *result)
{
    jv template = jv_array_get(jv_copy(test), 0), wanted = jv_array_get(jv_copy(test), 1), got = jv_invalid();
    struct slice text =
        slice_of(jv_string_value(template), (size_t)jv_string_length_bytes(jv_copy(template)));
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(LIMIT_URI);
    struct diag diag = {0};
    bool must_fail = jv_get_kind(wanted) == JV_KIND_FALSE;
    int r = flow_uri_template_check(text, &diag);
    if (r == 0)
        r = flow_uri_expand(text, variables, &uri, &diag);
    if (r == 0)
        got = jv_string_sized((const char *)uri.p, (int)uri.len);
    if (r == 0 && (must_fail || !is_expected(wanted, got)))
        fail_msg("%s became %s", jv_string_value(template), jv_string_value(got));
    if (r < 0 && !must_fail && !is_by_rule(diag.text))
        fail_msg("%s is refused: %s", jv_string_value(template), diag.text);
    result->cases++;
    result->passed += r == 0 || must_fail;
    result->refused += r < 0 && !must_fail;
    jv_free(template);
    jv_free(wanted);
    jv_free(got);
}

static void check_group(jv group, struct suite_result *result)
{
    jv variables = jv_object_get(jv_copy(group), jv_string("variables")),
       tests = jv_object_get(jv_copy(group), jv_string("testcases"));
    jv_array_foreach(tests, i, test)
    {
        check_case(test, variables, result);
        jv_free(test);
    }
    jv_free(variables);
    jv_free(tests);
}

static void check_file(void *user, const char *name, const char *full)
{
    (void)name;
    jv documents = jv_load_file(full, 0);
    assert_true(jv_is_valid(documents));
    jv groups = jv_array_get(documents, 0);
    jv_object_foreach(groups, title, group)
    {
        check_group(group, user);
        jv_free(title);
        jv_free(group);
    }
    jv_free(groups);
}

static void test_suite(void **state)
{
    char root[SUITE_PATH_MAX];
    struct suite_result result = {0};
    suite_path_or_skip(root, "suites/uri-template");
    suite_files(root, ".json", check_file, &result);
    assert_true(suite_print("uri-template", &result) && result.passed >= 52);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests_name("conformance/uri_template", tests, NULL, NULL);
}
