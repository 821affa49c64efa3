/* cases: runs every case of the text files in cases/ twice and compares what it did with what the file says,
 * and the two runs with each other [I4]. A file has cases that begin with `=== NAME`; a case has a definition
 * and sections that begin with `--- SECTION`: input, script (transcript.h), and what is expected: findings
 * (level, rule, pointer; notes are left out), output, error, context, effects, trace. A section that is
 * absent is not compared. FLOW_CASES=NAME runs one. */
#include <dirent.h>
#include <jv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "transcript.h"

enum section { DEFINITION, INPUT, SCRIPT, FINDINGS, OUTPUT, ERROR, CONTEXT, EFFECTS, TRACE, SECTIONS };
static const char *const section_names[SECTIONS] = {"definition", "input",   "script",  "findings", "output",
                                                    "error",      "context", "effects", "trace"};

struct test_case {
    char name[128];
    struct buffer sections[SECTIONS];
    bool has[SECTIONS];
};

static unsigned n_run, n_failed;

static struct slice trim(struct slice s)
{
    while (s.len && strchr(" \n", s.p[s.len - 1]))
        s.len--;
    return s;
}

/* "level rule pointer" for each finding that is more than a note. */
static void summarize(struct slice findings, struct buffer *out)
{
    jv all = jv_parse_sized((const char *)findings.p, (int)findings.len);
    jv_array_foreach(all, i, f)
    {
        jv level = jv_object_get(jv_copy(f), jv_string("level")),
           rule = jv_object_get(jv_copy(f), jv_string("rule"));
        jv pointer = jv_object_get(f, jv_string("pointer"));
        if (strcmp(jv_string_value(level), "note") != 0)
            (void)buffer_printf(out, "%s %s %s\n", jv_string_value(level), jv_string_value(rule),
                                jv_string_value(pointer));
        jv_free(level);
        jv_free(rule);
        jv_free(pointer);
    }
    jv_free(all);
}

static void compare(const struct test_case *c, enum section section, struct slice got)
{
    struct slice want = trim(buffer_slice(&c->sections[section]));
    got = trim(got);
    if (!c->has[section] || slice_equal(want, got))
        return;
    n_failed++;
    print_error("%s: %s differs\n  wanted: %.*s\n  got:    %.*s\n", c->name, section_names[section],
                SLICE_ARGS(want), SLICE_ARGS(got));
}

static void check_same(const struct test_case *c, struct slice a, struct slice b)
{
    if (slice_equal(a, b))
        return;
    n_failed++;
    print_error("%s: the second run differs from the first\n", c->name);
}

static void run_case(const struct test_case *c)
{
    struct transcript a, b;
    struct slice definition = buffer_slice(&c->sections[DEFINITION]),
                 input = trim(buffer_slice(&c->sections[INPUT]));
    const char *only = getenv("FLOW_CASES");
    if (only && strcmp(only, c->name) != 0)
        return;
    n_run++;
    transcript_run(definition, input, buffer_slice(&c->sections[SCRIPT]), &a);
    transcript_run(definition, input, buffer_slice(&c->sections[SCRIPT]), &b);
    struct buffer findings = BUFFER_MAX(LIMIT_BODY);
    summarize(buffer_slice(&a.findings), &findings);
    if (a.code < 0 && !c->has[FINDINGS]) {
        n_failed++;
        print_error("%s: code %d\n%.*s", c->name, a.code, SLICE_ARGS(buffer_slice(&findings)));
    }
    compare(c, FINDINGS, buffer_slice(&findings));
    compare(c, OUTPUT, buffer_slice(&a.output));
    compare(c, ERROR, buffer_slice(&a.error));
    compare(c, CONTEXT, buffer_slice(&a.context));
    compare(c, EFFECTS, buffer_slice(&a.effects));
    compare(c, TRACE, buffer_slice(&a.trace));
    check_same(c, buffer_slice(&a.effects), buffer_slice(&b.effects));
    check_same(c, buffer_slice(&a.trace), buffer_slice(&b.trace));
    check_same(c, buffer_slice(&a.output), buffer_slice(&b.output));
    check_same(c, buffer_slice(&a.error), buffer_slice(&b.error));
    check_same(c, buffer_slice(&a.findings), buffer_slice(&b.findings));
    buffer_free(&findings);
    transcript_free(&a);
    transcript_free(&b);
}

static void clear_case(struct test_case *c)
{
    for (int i = 0; i < SECTIONS; i++) {
        buffer_free(&c->sections[i]);
        c->sections[i] = BUFFER_MAX(LIMIT_BODY);
        c->has[i] = false;
    }
}

static void run_file(const char *path)
{
    struct test_case c = {.name = ""};
    char line[8192];
    int section = DEFINITION;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    clear_case(&c);
    while (fgets(line, sizeof line, file)) {
        if (strncmp(line, "=== ", 4) == 0) {
            if (c.name[0])
                run_case(&c);
            clear_case(&c);
            (void)snprintf(c.name, sizeof c.name, "%.*s", (int)strcspn(line + 4, "\n"), line + 4);
            section = DEFINITION;
        } else if (strncmp(line, "--- ", 4) == 0) {
            line[strcspn(line, "\n")] = 0;
            for (section = 0; section < SECTIONS && strcmp(line + 4, section_names[section]) != 0;)
                section++;
            assert_int_not_equal(section, SECTIONS);
            c.has[section] = true;
        } else {
            (void)buffer_append_text(&c.sections[section], line);
        }
    }
    fclose(file);
    if (c.name[0])
        run_case(&c);
    clear_case(&c);
}

static void test_cases(void **state)
{
    DIR *dir = opendir(CASES_DIR);
    assert_non_null(dir);
    for (struct dirent *e; (e = readdir(dir));)
        if (strstr(e->d_name, ".txt")) {
            char path[1024];
            (void)snprintf(path, sizeof path, "%s/%s", CASES_DIR, e->d_name);
            run_file(path);
        }
    closedir(dir);
    print_message("%u cases\n", n_run);
    assert_int_not_equal(n_run, 0);
    assert_int_equal(n_failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
