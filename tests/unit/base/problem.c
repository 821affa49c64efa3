/* What a client is told of a code: one of the list, with its type, title and status; of an errno no more than
 * that. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/problem.h"

static void is_told(int code, const char *text)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1024);
    problem_write(&b, code, "why \"not\"");
    assert_string_equal(buffer_text(&b), text);
}

static void a_code_is_told_with_its_title(void **state)
{
    (void)state;
    is_told(-SP_ENOTFOUND,
            "{\"type\":\"urn:sallyport:error:not-found\",\"title\":\"there is no such thing\",\"status\":404,"
            "\"detail\":\"why \\\"not\\\"\"}");
}

static void an_errno_is_internal(void **state)
{
    (void)state;
    const char *text = "{\"type\":\"urn:sallyport:error:internal\",\"title\":\"something failed inside the "
                       "server\",\"status\":500,"
                       "\"detail\":\"why \\\"not\\\"\"}";
    is_told(-EIO, text);
    is_told(-ENOENT, text);
    is_told(-99999, text);
    assert_int_equal(problem_status(-EPIPE), 500);
}

static void want_of_memory_is_overload(void **state)
{
    (void)state;
    assert_int_equal(problem_code(-ENOMEM), -SP_EOVERLOAD);
    assert_int_equal(problem_status(-ENOMEM), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_code_is_told_with_its_title),
        cmocka_unit_test(an_errno_is_internal),
        cmocka_unit_test(want_of_memory_is_overload),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
