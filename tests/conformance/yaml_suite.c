/* The public YAML test suite against flow_document_parse: a document that is accepted gives the JSON of the suite, every
 * malformed one is refused, and what is refused on purpose stands in yaml_refused.txt with its rule. */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/document.h"

static char suite[4096], refused_list[65536];
static unsigned n_accepted, n_refused, n_errors, n_wrong;

static bool read_file(const char *folder, const char *name, struct buffer *ret)
{
    char path[8192];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buffer_append(ret, block, n);
    fclose(f);
    return true;
}

/* The rule by which yaml_refused.txt excuses a case: the rest of its line; NULL without one. */
static const char *excuse(const char *id, char *ret, size_t size)
{
    char start[64];
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
    if (!read_file(folder, "in.json", &json))
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

static void check_case(const char *id, const char *folder)
{
    _cleanup_buffer_ struct buffer yaml = BUFFER_MAX(1 << 20), error = BUFFER_MAX(1 << 20);
    if (!read_file(folder, "in.yaml", &yaml))
        return;
    bool must_fail = read_file(folder, "error", &error);
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

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Cases stand one or two folders deep; links to them by name and tag are left out. */
static void walk(const char *folder, const char *id, unsigned depth)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, by_name);
    check_case(id, folder);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;
        char path[8192], child[512];
        snprintf(path, sizeof path, "%s/%s", folder, name);
        snprintf(child, sizeof child, "%s%s%s", id, *id ? "/" : "", name);
        if (name[0] != '.' && entries[i]->d_type == DT_DIR && depth < 2 && strcmp(name, "name") != 0 && strcmp(name, "tags") != 0)
            walk(path, child, depth + 1);
        free(entries[i]);
    }
    if (n >= 0)
        free(entries);
}

static void test_suite(void **state)
{
    const char *shared = getenv("SALLYPORT_SHARED");
    snprintf(suite, sizeof suite, "%s/suites/yaml", shared ? shared : SOURCE_ROOT "/../shared");
    if (access(suite, R_OK) != 0) {
        print_message("skipped: there is no YAML suite in %s\n", suite);
        skip();
    }
    struct buffer list = BUFFER_MAX(sizeof refused_list - 2);
    assert_true(read_file(SOURCE_ROOT "/tests/conformance", "yaml_refused.txt", &list));
    snprintf(refused_list, sizeof refused_list, "\n%s", buffer_text(&list));
    buffer_free(&list);
    walk(suite, "", 0);
    print_message("%u accepted with the right value, %u refused on purpose, %u malformed refused, %u wrong\n", n_accepted, n_refused,
                  n_errors, n_wrong);
    assert_true(n_accepted + n_refused + n_errors > 300);
    assert_int_equal(n_wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
