/* examples: every example of the specification compiles, or is refused only for what is not supported yet;
 * and no finding is of a rule that an author of a correct example should not see. Skipped when ../shared (or
 * $SALLYPORT_SHARED) is not there. */
#include <dirent.h>
#include <jv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "transcript.h"

/* The first error that is not about support; empty when there is none. The MCP example has a token in it. */
static void unexpected(struct slice findings, char *ret, size_t len)
{
    jv all = jv_parse_sized((const char *)findings.p, (int)findings.len);
    ret[0] = 0;
    jv_array_foreach(all, i, f)
    {
        jv level = jv_object_get(jv_copy(f), jv_string("level")), rule = jv_object_get(f, jv_string("rule"));
        if (strcmp(jv_string_value(level), "error") == 0 &&
            strncmp(jv_string_value(rule), "unsupported-", 12) != 0 &&
            strcmp(jv_string_value(rule), "hardcoded-secret") != 0)
            (void)snprintf(ret, len, "%s", jv_string_value(rule));
        jv_free(level);
        jv_free(rule);
    }
    jv_free(all);
}

static unsigned check_file(const char *path)
{
    struct buffer text = BUFFER_MAX(LIMIT_DEFINITION), findings = BUFFER_MAX(2 * LIMIT_DEFINITION),
                  manifest = BUFFER_MAX(2 * LIMIT_DEFINITION);
    struct flow_definition *d = NULL;
    char rule[64];
    assert_true(read_file(path, &text));
    int r = flow_definition_compile(buffer_slice(&text), &findings, &manifest, &d);
    bool is_consistent = (r == 0) == (d != NULL);
    unexpected(buffer_slice(&findings), rule, sizeof rule);
    if (rule[0])
        print_error("%s: %s\n", path, rule);
    flow_definition_unref(d);
    buffer_free(&text);
    buffer_free(&findings);
    buffer_free(&manifest);
    return rule[0] || !is_consistent;
}

static void test_examples(void **state)
{
    const char *shared = getenv("SALLYPORT_SHARED");
    char folder[512], path[1024];
    unsigned n = 0, failed = 0;
    (void)snprintf(folder, sizeof folder, "%s/spec/examples", shared ? shared : SHARED_DIR);
    DIR *dir = opendir(folder);
    if (!dir) {
        print_message("skipped: %s is not there\n", folder);
        skip();
    }
    for (struct dirent *e; (e = readdir(dir));)
        if (strstr(e->d_name, ".yaml")) {
            (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
            failed += check_file(path);
            n++;
        }
    closedir(dir);
    print_message("%u examples\n", n);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
