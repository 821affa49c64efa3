/* Expressions by text cases. A case has `expr` (or `template`, with `loose`), `dot`, `vars` (their names are the scope, or
 * `scope` is), `now` in ms; and what comes of it: `is` a value, or a part of the message of whatever refuses it: `refused`
 * (add), `compile` (jq), `fails` (eval); `hint`, `pointer`, and `place` as line:column. All cases of a file that evaluate are one program. */
#include "cases.h"

#include "base/error.h"
#include "flow/expression.h"
#include "flow/expression_lint.h"
#include "flow/program.h"

#define SCOPE_MAX 64

#ifdef __SANITIZE_ADDRESS__
/* libjq 1.6 loses a few bytes in its parser when a text has a syntax error; that is bounded and only known with whole stacks. */
const char *__lsan_default_suppressions(void);
const char *__asan_default_options(void);

const char *__lsan_default_suppressions(void)
{
    return "leak:jq_parse";
}

const char *__asan_default_options(void)
{
    return "fast_unwind_on_malloc=0";
}
#endif

static size_t scope_of(jv c, jv *ret_names, const char *ret[SCOPE_MAX + 1])
{
    jv names = case_get(c, "scope"), vars = case_get(c, "vars");
    if (!jv_is_valid(names))
        names = jv_get_kind(vars) == JV_KIND_OBJECT ? jv_keys(jv_copy(vars)) : jv_array();
    jv_free(vars);
    size_t n = 0;
    jv_array_foreach (names, i, name) {
        assert_true(n < SCOPE_MAX);
        ret[n++] = jv_string_value(name);
        jv_free(name);
    }
    ret[n] = NULL;
    *ret_names = names;
    return n;
}

static int add_case(struct flow_program *p, jv c, struct diag *diag)
{
    const char *scope[SCOPE_MAX + 1];
    jv names, template = case_get(c, "template"), loose = case_get(c, "loose");
    scope_of(c, &names, scope);
    int r;
    if (jv_is_valid(template))
        r = flow_program_add_template(p, jv_copy(template), jv_get_kind(loose) == JV_KIND_TRUE, scope, diag);
    else
        r = flow_program_add(p, case_slice(c, "expr"), scope, diag);
    jv_free(template);
    jv_free(names);
    return r;
}

static void expect_diag(jv c, const struct diag *diag)
{
    char place[64];
    snprintf(place, sizeof place, "%u:%u", diag->line, diag->column);
    case_expect(c, "hint", diag->hint);
    case_expect(c, "pointer", diag->pointer);
    case_expect(c, "place", place);
}

static void check_compile(jv c)
{
    struct flow_program *p;
    struct diag diag = {0};
    int failed = -2;
    assert_int_equal(flow_program_new(&p), 0);
    int i = add_case(p, c, &diag);
    if (i < 0)
        case_wrong(c, "refused before jq saw it: %s", diag.text);
    else if (flow_program_compile(p, &failed, &diag) == 0)
        case_wrong(c, "compiles");
    else if (failed != i)
        case_wrong(c, "the guilty index is %d, not %d: %s", failed, i, diag.text);
    else
        case_expect(c, "compile", diag.text);
    expect_diag(c, &diag);
    flow_program_free(p);
}

static void check_eval(struct flow_program *p, int index, jv c)
{
    jv dot = case_get(c, "dot"), vars = case_get(c, "vars"), now = case_get(c, "now"), value;
    struct diag diag = {0};
    int64_t now_ms = jv_get_kind(now) == JV_KIND_NUMBER ? (int64_t)jv_number_value(now) : 0;
    if (!jv_is_valid(dot))
        dot = jv_null();
    if (!jv_is_valid(vars))
        vars = jv_object();
    int r = flow_program_eval(p, index, dot, vars, now_ms, &value, &diag);
    const char *fails = case_text(c, "fails");
    if (r < 0 && !fails)
        case_wrong(c, "fails: %s", diag.text);
    else if (r == 0 && fails)
        case_wrong(c, "does not fail");
    else if (r < 0)
        case_expect(c, "fails", diag.text);
    if (r == 0 && !fails)
        case_expect_value(c, value);
    else if (r == 0)
        jv_free(value);
}

/* The cases that are meant to evaluate, as one program. */
static void check_program(jv cases)
{
    struct flow_program *p;
    struct diag diag = {0};
    int failed, indices[1024], n = jv_array_length(jv_copy(cases));
    assert_true(n <= 1024);
    assert_int_equal(flow_program_new(&p), 0);
    for (int i = 0; i < n; i++) {
        jv c = jv_array_get(jv_copy(cases), i);
        bool is_refused = case_text(c, "refused") || case_text(c, "compile");
        indices[i] = is_refused ? -1 : add_case(p, c, &diag);
        if (!is_refused && indices[i] < 0)
            case_wrong(c, "refused: %s", diag.text);
        jv_free(c);
    }
    if (flow_program_compile(p, &failed, &diag) < 0)
        fail_msg("entry %d does not compile: %s (%s %u:%u)", failed, diag.text, diag.pointer, diag.line, diag.column);
    for (int i = 0; i < n; i++) {
        jv c = jv_array_get(jv_copy(cases), i);
        if (indices[i] >= 0)
            check_eval(p, indices[i], c);
        jv_free(c);
    }
    flow_program_free(p);
}

static void check_refused(jv c)
{
    struct flow_program *p;
    struct diag diag = {0};
    assert_int_equal(flow_program_new(&p), 0);
    if (add_case(p, c, &diag) >= 0)
        case_wrong(c, "is not refused");
    else
        case_expect(c, "refused", diag.text);
    expect_diag(c, &diag);
    flow_program_free(p);
}

static void run_file(const char *path)
{
    cases_wrong = 0;
    jv cases = cases_load(path);
    jv_array_foreach (cases, i, c) {
        if (case_text(c, "refused"))
            check_refused(c);
        else if (case_text(c, "compile"))
            check_compile(c);
        jv_free(c);
    }
    check_program(cases);
    print_message("%s: %d cases\n", path, jv_array_length(jv_copy(cases)));
    jv_free(cases);
    assert_int_equal(cases_wrong, 0);
}

static void test_language(void **state)
{
    run_file("tests/unit/flow_base/expressions.json");
}

static void test_templates(void **state)
{
    run_file("tests/unit/flow_base/templates.json");
}

static void test_abuse(void **state)
{
    run_file("tests/abuse/expression/expression.json");
}

static void test_second_evaluation(void **state)
{
    run_file("tests/abuse/expression/second_evaluation.json");
}

/* However many expressions there are, each index gives its own. */
static void test_many(void **state)
{
    struct flow_program *p;
    struct diag diag;
    int failed;
    assert_int_equal(flow_program_new(&p), 0);
    for (int i = 0; i < 150; i++) {
        char text[64];
        int len = snprintf(text, sizeof text, "%d + $x # ) ;", i);
        assert_int_equal(flow_program_add(p, slice_of(text, (size_t)len), (const char *const[]){"x", NULL}, &diag), i);
    }
    assert_int_equal(flow_program_compile(p, &failed, &diag), 0);
    for (int i = 0; i < 150; i++) {
        jv value;
        jv vars = jv_object_set(jv_object(), jv_string("x"), jv_number(1000));
        assert_int_equal(flow_program_eval(p, i, jv_null(), vars, 0, &value, &diag), 0);
        assert_int_equal((int)jv_number_value(value), 1000 + i);
        jv_free(value);
    }
    flow_program_free(p);
}

/* The second of several expressions is broken: it is named. */
static void test_guilty(void **state)
{
    struct flow_program *p;
    struct diag diag;
    int failed;
    assert_int_equal(flow_program_new(&p), 0);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("1\n+ 1"), NULL, &diag), 0);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL(".a |\n\n nothing_like_it(3)"), NULL, &diag), 1);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("3"), NULL, &diag), 2);
    assert_int_equal(flow_program_compile(p, &failed, &diag), -SP_ESYNTAX);
    assert_int_equal(failed, 1);
    assert_int_equal(diag.line, 3);
    assert_non_null(strstr(diag.text, "nothing_like_it/1 is not defined"));
    flow_program_free(p);
}

/* A value that is nested too deeply is an error, at whatever depth the process could still print it. */
static void test_deep_result(void **state)
{
    struct flow_program *p;
    struct diag diag;
    int failed;
    jv value;
    assert_int_equal(flow_program_new(&p), 0);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("reduce range(.) as $i (null; [.])"), NULL, &diag), 0);
    assert_int_equal(flow_program_compile(p, &failed, &diag), 0);
    assert_int_equal(flow_program_eval(p, 0, jv_number(LIMIT_JSON_DEPTH), jv_object(), 0, &value, &diag), 0);
    jv_free(value);
    assert_int_equal(flow_program_eval(p, 0, jv_number(LIMIT_JSON_DEPTH + 1), jv_object(), 0, &value, &diag), -SP_EBUDGET);
    assert_int_equal(flow_program_eval(p, 0, jv_number(5000), jv_object(), 0, &value, &diag), -SP_EBUDGET);
    flow_program_free(p);
}

/* What would exhaust jq's parser is an error of that expression; the process lives on. */
static void test_long_chains(void **state)
{
    static const char *const chains[][2] = {{"-", "1"}, {"1|", "1"}, {"1//", "1"}, {"try ", "1"}, {".a,", ".a"}, {".a", "?"}};
    for (size_t i = 0; i < sizeof chains / sizeof *chains; i++) {
        struct flow_program *p;
        struct diag diag = {0};
        int failed;
        struct buffer text = BUFFER_MAX(LIMIT_EXPRESSION);
        while (text.len + strlen(chains[i][0]) + strlen(chains[i][1]) <= LIMIT_EXPRESSION)
            buffer_append_text(&text, chains[i][0]);
        buffer_append_text(&text, chains[i][1]);
        assert_int_equal(flow_program_new(&p), 0);
        assert_int_equal(flow_program_add(p, buffer_slice(&text), NULL, &diag), 0);
        int r = flow_program_compile(p, &failed, &diag);
        assert_true(r == 0 || diag.text[0]);
        flow_program_free(p);
        buffer_free(&text);
    }
}

/* 60 levels of pairs are 2^60 nodes in a few hundred bytes of memory. */
static void test_wide_result(void **state)
{
    struct flow_program *p;
    struct diag diag;
    int failed;
    jv value;
    assert_int_equal(flow_program_new(&p), 0);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("reduce range(.) as $i (1; [., .])"), NULL, &diag), 0);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("(\"x\" * 1000000) as $x | [range(.) | $x]"), NULL, &diag), 1);
    assert_int_equal(flow_program_add(p, SLICE_LITERAL("error([reduce range(60) as $i (1; [., .])])"), NULL, &diag), 2);
    assert_int_equal(flow_program_compile(p, &failed, &diag), 0);
    assert_int_equal(flow_program_eval(p, 0, jv_number(10), jv_object(), 0, &value, &diag), 0);
    jv_free(value);
    assert_int_equal(flow_program_eval(p, 0, jv_number(60), jv_object(), 0, &value, &diag), -SP_EBUDGET);
    assert_int_equal(flow_program_eval(p, 1, jv_number(10), jv_object(), 0, &value, &diag), 0);
    jv_free(value);
    assert_int_equal(flow_program_eval(p, 1, jv_number(20), jv_object(), 0, &value, &diag), -SP_EBUDGET);
    assert_int_equal(flow_program_eval(p, 2, jv_null(), jv_object(), 0, &value, &diag), -SP_EINVALID);
    assert_non_null(strstr(diag.text, "too big to show"));
    flow_program_free(p);
}

/* Should a name ever slip through the lint, the call is an error all the same. The slip is made here by changing a text that
 * was checked before. */
static void test_prelude(void **state)
{
    static const struct {
        const char *name;
        int arity;
    } forbidden[] = {
#define D(name, arity, hint) {name, arity},
        FLOW_FORBIDDEN_FUNCTIONS(D)
#undef D
    };
    struct flow_program *p;
    struct diag diag;
    int failed;
    jv value;
    assert_int_equal(flow_program_new(&p), 0);
    for (int i = 0; i < (int)(sizeof forbidden / sizeof *forbidden); i++) {
        assert_int_equal(flow_program_add(p, SLICE_LITERAL("1"), NULL, &diag), i);
        free(p->parts[i].text);
        assert_true(asprintf(&p->parts[i].text, "%s%s", forbidden[i].name, forbidden[i].arity ? "(1)" : "") > 0);
    }
    int last = flow_program_add(p, SLICE_LITERAL("1"), NULL, &diag);
    free(p->parts[last].text);
    p->parts[last].text = strdup("$ENV");
    assert_int_equal(flow_program_compile(p, &failed, &diag), 0);
    for (int i = 0; i < last; i++) {
        assert_int_equal(flow_program_eval(p, i, jv_string("x"), jv_object(), 0, &value, &diag), -SP_EINVALID);
        assert_non_null(strstr(diag.text, "is not available in expressions"));
    }
    assert_int_equal(flow_program_eval(p, last, jv_null(), jv_object(), 0, &value, &diag), 0);
    assert_int_equal(jv_object_length(value), 0);
    flow_program_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_language), cmocka_unit_test(test_templates), cmocka_unit_test(test_abuse),
        cmocka_unit_test(test_second_evaluation), cmocka_unit_test(test_many), cmocka_unit_test(test_guilty),
        cmocka_unit_test(test_deep_result), cmocka_unit_test(test_wide_result), cmocka_unit_test(test_long_chains), cmocka_unit_test(test_prelude),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
