/* URI templates and the checks of URIs by text cases: `template` with `vars`, or `uri` with
 * `query`, `check` with the parts it has. */
#include "cases.h"

#include "base/error.h"
#include "flow/uri_template.h"

static void expect_refusal(jv c, const struct diag *diag)
{
    if (!case_text(c, "refused"))
        case_wrong(c, "refused: %s", diag->text);
    case_expect(c, "refused", diag->text);
}

static void check_template(jv c)
{
    struct buffer uri = BUFFER_MAX(LIMIT_URI);
    struct diag diag = {0};
    jv vars = case_get(c, "vars");
    int r = flow_uri_template_check(case_slice(c, "template"), &diag);
    if (r == 0)
        r = flow_uri_expand(case_slice(c, "template"), vars, &uri, &diag);
    if (r < 0)
        expect_refusal(c, &diag);
    else
        case_expect_value(c, jv_string(buffer_text(&uri)));
    jv_free(vars);
    buffer_free(&uri);
}

static void check_query(jv c)
{
    struct buffer uri = BUFFER_MAX(LIMIT_URI);
    struct diag diag = {0};
    jv query = case_get(c, "query");
    buffer_append_slice(&uri, case_slice(c, "uri"));
    if (flow_uri_append_query_object(&uri, query, &diag) < 0)
        expect_refusal(c, &diag);
    else
        case_expect_value(c, jv_string(buffer_text(&uri)));
    jv_free(query);
    buffer_free(&uri);
}

static void check_uri(jv c)
{
    struct flow_uri u;
    struct diag diag = {0};
    if (flow_uri_check(case_slice(c, "check"), &u, &diag) < 0) {
        expect_refusal(c, &diag);
        return;
    }
    char parts[4096];
    snprintf(parts, sizeof parts, "%.*s %.*s %u %.*s %s%.*s", SLICE_ARGS(u.scheme), SLICE_ARGS(u.host), u.port, SLICE_ARGS(u.path),
             u.query.p ? "?" : "", SLICE_ARGS(u.query));
    case_expect_value(c, jv_string(parts));
}

static void test_cases(void **state)
{
    cases_wrong = 0;
    jv cases = cases_load("tests/unit/flow_base/uris.json");
    jv_array_foreach (cases, i, c) {
        if (case_text(c, "template"))
            check_template(c);
        else if (case_text(c, "uri"))
            check_query(c);
        else
            check_uri(c);
        jv_free(c);
    }
    jv_free(cases);
    assert_int_equal(cases_wrong, 0);
}

/* What does not fit leaves an error, not a shorter URI. */
static void test_limit(void **state)
{
    struct buffer uri = BUFFER_MAX(16);
    struct diag diag;
    jv vars = jv_object_set(jv_object(), jv_string("a"), jv_string("0123456789"));
    assert_int_equal(flow_uri_expand(SLICE_LITERAL("http://x/{a}"), vars, &uri, &diag), -SP_ELIMIT);
    jv_free(vars);
    buffer_free(&uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases), cmocka_unit_test(test_limit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
