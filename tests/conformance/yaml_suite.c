/* The public YAML test suite against flow_document_parse: a document that is accepted gives the JSON of the
 * suite, every malformed one is refused, and what is refused on purpose stands in yaml_refused.txt with its
 * rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "flow/document.h"
#include "suite.h"

static char refused_list[65536];
static unsigned n_accepted, n_refused, n_errors, n_wrong;

/* The rule by which yaml_refused.txt excuses a case: the rest of its line; NULL without one. */
static const char *excuse(const char *id, char *ret, size_t size)
{
    char start[300];
    snprintf(start, sizeof start, "\n%s ", id);
    const char *line = strstr(refused_list, start);
    if (!line)
        return NULL;
    line += strlen(start);
    snprintf(ret, size, "%.*s", (int)strcspn(line, "\n"), line);
    return ret;
}

static void wrong(const char *id, const char *what, const char *detail)
{
    printf("  %s: %s%s%s\n", id, what, detail ? ": " : "", detail ? detail : "");
    n_wrong++;
}

static void compare(const char *id, const char *folder, const struct flow_document *d)
{
    _cleanup_buffer_ struct buffer json = BUFFER_MAX(1 << 20);
    if (!suite_read(folder, "in.json", &json))
        return;
    jv expected, got = flow_document_value(d);
    struct diag diag;
    struct slice text = buffer_slice(&json);
    int r = text.len ? flow_json_parse(text, &expected, &diag) : (expected = jv_null(), 0);
    if (r < 0) {
        wrong(id, "in.json", diag.text);
        jv_free(got);
        return;
    }
    if (!jv_equal(jv_copy(expected), jv_copy(got))) {
        jv a = jv_dump_string(jv_copy(got), 0), b = jv_dump_string(jv_copy(expected), 0);
        printf("  %s: got %s, expected %s\n", id, jv_string_value(a), jv_string_value(b));
        jv_free(a);
        jv_free(b);
        n_wrong++;
    }
    jv_free(expected);
    jv_free(got);
}

static void check_case(void *user, const char *path, const char *full)
{
    char id[256], folder[SUITE_PATH_MAX];
    snprintf(id, sizeof id, "%.*s", (int)(strlen(path) - strlen("/in.yaml")), path);
    snprintf(folder, sizeof folder, "%.*s", (int)(strlen(full) - strlen("/in.yaml")), full);
    if (strncmp(id, "name/", 5) == 0 || strncmp(id, "tags/", 5) == 0)
        return; /* the same cases by other names */
    _cleanup_buffer_ struct buffer yaml = BUFFER_MAX(1 << 20), error = BUFFER_MAX(1 << 20);
    assert_true(suite_read(full, NULL, &yaml));
    bool must_fail = suite_read(folder, "error", &error);
    struct flow_document *d = NULL;
    struct diag diag = {0};
    char rule[256];
    int r = flow_document_parse(buffer_slice(&yaml), &d, &diag);
    if (must_fail) {
        n_errors++;
        if (r == 0)
            wrong(id, "malformed, but accepted", NULL);
    } else if (r == 0) {
        n_accepted++;
        compare(id, folder, d);
    } else if (!excuse(id, rule, sizeof rule)) {
        wrong(id, "refused without a rule", diag.text);
    } else if (strcmp(rule, diag.text) != 0) {
        wrong(id, "refused by another rule than listed", diag.text);
    } else {
        n_refused++;
    }
    flow_document_free(d);
}

static void test_suite(void **state)
{
    char root[SUITE_PATH_MAX];
    suite_path_or_skip(root, "suites/yaml");
    struct buffer list = BUFFER_MAX(sizeof refused_list - 2);
    assert_true(suite_read(SOURCE_ROOT "/tests/conformance", "yaml_refused.txt", &list));
    snprintf(refused_list, sizeof refused_list, "\n%s", buffer_text(&list));
    buffer_free(&list);
    suite_files(root, "/in.yaml", check_case, NULL);
    print_message("%u accepted with the right value, %u malformed refused, %u wrong\n", n_accepted, n_errors,
                  n_wrong);
    assert_int_equal(n_wrong, 0);
    struct suite_result result = {
        .cases = n_accepted + n_errors + n_refused, .passed = n_accepted + n_errors, .refused = n_refused};
    assert_true(suite_print("yaml", &result) && result.cases > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
