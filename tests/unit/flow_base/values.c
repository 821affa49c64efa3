/* Durations and error types by text cases, and the budget by processes that exceed theirs. */
#include "cases.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>

#include "base/error.h"
#include "flow/budget.h"
#include "flow/duration.h"
#include "flow/error_type.h"
#include "flow/expression.h"

static void test_durations(void **state)
{
    cases_wrong = 0;
    jv cases = cases_load("tests/unit/flow_base/durations.json");
    jv_array_foreach (cases, i, c) {
        int64_t ms;
        struct diag diag = {0};
        if (flow_duration_from_jv(case_get(c, "duration"), &ms, &diag) == 0)
            case_expect_value(c, jv_number((double)ms));
        else if (!case_text(c, "refused"))
            case_wrong(c, "refused: %s", diag.text);
        else
            case_expect(c, "refused", diag.text);
        jv_free(c);
    }
    jv_free(cases);
    assert_int_equal(cases_wrong, 0);
}

static bool same(const char *a, const char *b)
{
    bool result = flow_error_type_equal(slice_text(a), slice_text(b));
    assert_int_equal(result, flow_error_type_equal(slice_text(b), slice_text(a)));
    return result;
}

static void test_error_types(void **state)
{
    const char *timeout = flow_error_type_uri(FLOW_ERROR_TIMEOUT);
    assert_string_equal(timeout, "https://open-workflow-specification.org/spec/1.0.0/errors/timeout");
    assert_int_equal(flow_error_type_status(FLOW_ERROR_TIMEOUT), 408);
    assert_string_equal(flow_error_type_title(FLOW_ERROR_TIMEOUT), "Timeout Error");
    assert_true(same(timeout, "https://serverlessworkflow.io/spec/1.0.0/errors/timeout"));
    assert_true(same(timeout, "http://serverlessworkflow.io/spec/1.10.3/errors/timeout"));
    assert_true(same(timeout, "https://open-workflow-specification.org/dsl/errors/types/timeout"));
    assert_true(same("https://serverlessworkflow.io/dsl/errors/types/timeout", "http://open-workflow-specification.org/spec/1.1.0/errors/timeout"));
    assert_true(same("urn:mine", "urn:mine"));
    static const char *const others[] = {
        "https://serverlessworkflow.io/spec/1.0.0/errors/runtime", "https://serverlessworkflow.io/spec/2.0.0/errors/timeout",
        "https://serverlessworkflow.io/spec/1.0/errors/timeout",   "https://serverlessworkflow.io.evil.example/spec/1.0.0/errors/timeout",
        "https://serverlessworkflow.io/spec/1.0.0/errors/timeout/", "https://serverlessworkflow.io/spec/1..0/errors/timeout",
        "ftp://serverlessworkflow.io/spec/1.0.0/errors/timeout",   "timeout", "", "https://serverlessworkflow.io/spec/1.0.0/errors/",
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_false(same(timeout, others[i]));
    for (int e = 0; e < FLOW_ERROR_COUNT; e++)
        assert_int_equal(flow_error_type_find(slice_text(flow_error_type_uri((enum flow_error)e))), e);
}

/* The exit status of a process that evaluates `text` with a budget of 100 ms; -1 when a signal ended it. */
static int run_with_budget(const char *text)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flow_program *p;
        struct diag diag;
        int failed;
        jv value;
        if (flow_budget_init(NULL) < 0 || flow_program_new(&p) < 0 || flow_program_add(p, slice_text(text), NULL, &diag) < 0 ||
            flow_program_compile(p, &failed, &diag) < 0)
            _exit(1);
        flow_budget_begin(100);
        int r = flow_program_eval(p, 0, jv_null(), jv_object(), 0, &value, &diag);
        flow_budget_end();
        _exit(r == 0 ? 0 : 2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_budget(void **state)
{
    assert_int_equal(run_with_budget("1 + 1"), 0);
    assert_int_equal(run_with_budget("[range(1000)] | add"), 0);
    assert_int_equal(run_with_budget("[limit(0; repeat(1))] | until(false; .)"), SP_EXIT_BUDGET);
    assert_int_equal(run_with_budget("def f: f; f"), SP_EXIT_BUDGET);
    assert_int_equal(run_with_budget("last(range(1e12))"), SP_EXIT_BUDGET);
    assert_int_equal(run_with_budget("[range(100000)] | map(tostring) | join(\",\") | test(\"(,|,,)*x\")"), SP_EXIT_BUDGET);
}

/* Uses up processor time where the stack has 1 KiB left, in which no signal's frame has room. */
static volatile char *lowest;

static void spin_at_the_end_of_the_stack(void)
{
    volatile char here = 0;
    volatile char *all = __builtin_alloca((size_t)(&here - lowest) - 1024);
    for (;;)
        all[0]++;
}

static void test_budget_without_a_stack(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        const size_t page = 4096, size = 64 * page;
        static char of_signals[65536];
        char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        ucontext_t spinning;
        if (stack == MAP_FAILED || mprotect(stack, page, PROT_NONE) < 0 || getcontext(&spinning) < 0 ||
            sigaltstack(&(stack_t){.ss_sp = of_signals, .ss_size = sizeof of_signals}, NULL) < 0 || flow_budget_init(NULL) < 0)
            _exit(1);
        lowest = stack + page;
        spinning.uc_stack = (stack_t){.ss_sp = stack + page, .ss_size = size - page};
        makecontext(&spinning, spin_at_the_end_of_the_stack, 0);
        flow_budget_begin(100);
        (void)setcontext(&spinning);
        _exit(2);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == SP_EXIT_BUDGET);
}

/* Outside of begin and end nothing is limited, however long it takes. */
static void test_no_budget(void **state)
{
    pid_t child = fork();
    if (child == 0) {
        if (flow_budget_init(NULL) < 0)
            _exit(1);
        flow_budget_begin(60);
        flow_budget_end();
        struct timespec used;
        do
            clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
        while (used.tv_sec == 0 && used.tv_nsec < 400000000);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_error_types), cmocka_unit_test(test_budget),
                                       cmocka_unit_test(test_budget_without_a_stack), cmocka_unit_test(test_no_budget)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
