/* Regular expressions, formats, numbers and references, each by itself: what a text is and means. Most cases are lines of text
 * files; the conformance suite has what is usual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "cases.h"
#include "schema/decimal.h"
#include "schema/format.h"
#include "schema/regex.h"
#include "schema/regex_quick.h"
#include "schema/uri.h"

static void pattern_case(char **field)
{
    char why[REGEX_WHY] = "";
    pcre2_code *code = NULL;
    pcre2_match_context *context = regex_context_new(LIMIT_REGEX_MATCH);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    jv pattern = json(field[0]);
    int r = regex_compile(slice_text(jv_string_value(pattern)), &code, why);
    const char *got = "bad";
    if (r == 0) {
        jv subject = field[2] ? json(field[2]) : jv_string("");
        int found = regex_match(code, slice_text(jv_string_value(subject)), data, context);
        got = found < 0 ? "budget" : found ? "yes" : "no";
        jv_free(subject);
    }
    if (strcmp(got, field[1]) != 0)
        fail_msg("%s %s: %s instead of %s (%s)", field[0], field[2] ? field[2] : "", got, field[1], why);
    jv_free(pattern);
    pcre2_code_free(code);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
}

static void patterns(void **state)
{
    each_case("patterns.txt", pattern_case);
}

static void format_case(char **field)
{
    format_check *check = format_find(slice_text(field[0]));
    jv text = json(field[2]);
    assert_non_null(check);
    int found = check(slice_of(jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text))));
    if (found != !strcmp(field[1], "yes"))
        fail_msg("%s %s: %d instead of %s", field[0], field[2], found, field[1]);
    jv_free(text);
}

static void formats(void **state)
{
    each_case("formats.txt", format_case);
}

/* Counts the texts of up to four of these pieces on which the plain part of the pattern decides, and holds it against PCRE2. */
static unsigned decided(const char *text)
{
    static const char *const pieces[] = {"", "a", "b", "x-", "0", "}", "\n", " ", "\xc3\xa9"};
    enum { N = sizeof pieces / sizeof *pieces };
    char why[REGEX_WHY] = "";
    unsigned n = 0;
    pcre2_code *code = NULL;
    struct regex_quick quick;
    pcre2_match_context *context = regex_context_new(LIMIT_REGEX_MATCH);
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (regex_compile(slice_text(text), &code, why) < 0)
        fail_msg("%s: %s", text, why);
    regex_quick_read(slice_text(text), &quick);
    for (unsigned i = 0; i < N * N * N * N; i++) {
        char subject[16];
        (void)snprintf(subject, sizeof subject, "%s%s%s%s", pieces[i % N], pieces[i / N % N], pieces[i / N / N % N], pieces[i / N / N / N]);
        enum regex_quick_answer answer = regex_quick_match(&quick, slice_text(subject));
        n += answer != REGEX_ASK;
        if (answer != REGEX_ASK && (answer == REGEX_YES) != regex_match(code, slice_text(subject), data, context))
            fail_msg("%s on \"%s\": the plain part says %s", text, subject, answer == REGEX_YES ? "yes" : "no");
    }
    pcre2_code_free(code);
    pcre2_match_data_free(data);
    pcre2_match_context_free(context);
    return n;
}

static void quick_case(char **field)
{
    jv pattern = json(field[0]);
    unsigned n = decided(jv_string_value(pattern)), at_least = (unsigned)strtoul(field[1], NULL, 10);
    if (n < at_least)
        fail_msg("%s decides %u of 6561", field[0], n);
    jv_free(pattern);
}

static void quick_patterns(void **state)
{
    each_case("quick.txt", quick_case);
}

static void numbers_divide_as_written(void **state)
{
    static const struct {
        double number, divisor;
        bool multiple;
    } cases[] = {{0.0075, 0.0001, true}, {0.00751, 0.0001, false}, {1e308, 0.123456789, false}, {1e308, 0.5, true},
                 {19.99, 0.01, true}, {19.995, 0.01, false}, {0.3, 0.1, true}, {-0.3, 0.1, true}, {0, 0.1, true},
                 {4.35, 0.05, true}, {1e22, 1e21, true}, {9007199254740993.0, 2, true}, {5e-324, 5e-324, true},
                 {1e-300, 1e300, false}, {123456789012.34, 0.01, true}, {123456789012.345, 0.01, false},
                 {1.1e30, 1e29, true}, {7, 2, false}, {1, 0.3, false}, {0.9, 0.3, true},
                 {-123456789012.3456, 0.0001, true}, {-123456789012.3456, 0.001, false}, {1.0 / 0.0, 2, false},
                 {-1.0 / 0.0, 0.1, false}, {1e-13, 1e-13, true}, {1.5e-13, 1e-13, false}, {0.1 + 0.2, 0.1, false},
                 {1e300, 9007199254740994.0, false}, {3, 9007199254740994.0, false}, {2.5, 5, false}, {123456789.125, 1e-12, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (number_is_multiple(cases[i].number, cases[i].divisor, decimal_of(cases[i].divisor)) != cases[i].multiple)
            fail_msg("%.17g of %.17g", cases[i].number, cases[i].divisor);
    assert_int_equal(decimal_of(0).digits, 0);
    assert_true(number_is_integer(1.0) && number_is_integer(-1e300) && !number_is_integer(0.5) &&
                !number_is_integer(1.0 / 0.0));
}

/* RFC 3986, section 5.4, and bases of other forms. */
static void assert_resolves(const char *base, const char *reference, const char *want)
{
    _cleanup_buffer_ struct buffer out = BUFFER_MAX(1000);
    assert_int_equal(uri_resolve(slice_text(base), slice_text(reference), &out), 0);
    assert_string_equal(buffer_text(&out), want);
}

static void references_resolve(void **state)
{
    static const char *const cases[][2] = {
        {"g:h", "g:h"}, {"g", "http://a/b/c/g"}, {"./g", "http://a/b/c/g"}, {"g/", "http://a/b/c/g/"},
        {"/g", "http://a/g"}, {"//g", "http://g"}, {"?y", "http://a/b/c/d;p?y"}, {"g?y", "http://a/b/c/g?y"},
        {"#s", "http://a/b/c/d;p?q"}, {";x", "http://a/b/c/;x"}, {"", "http://a/b/c/d;p?q"}, {".", "http://a/b/c/"},
        {"./", "http://a/b/c/"}, {"..", "http://a/b/"}, {"../", "http://a/b/"}, {"../g", "http://a/b/g"},
        {"../..", "http://a/"}, {"../../g", "http://a/g"}, {"../../../g", "http://a/g"}, {"/./g", "http://a/g"},
        {"/../g", "http://a/g"}, {"g.", "http://a/b/c/g."}, {"..g", "http://a/b/c/..g"},
        {"./../g", "http://a/b/g"}, {"./g/.", "http://a/b/c/g/"}, {"g/./h", "http://a/b/c/g/h"},
        {"g/../h", "http://a/b/c/h"}, {"g;x=1/../y", "http://a/b/c/y"}, {"g?y/../x", "http://a/b/c/g?y/../x"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_resolves("http://a/b/c/d;p?q", cases[i][0], cases[i][1]);
    assert_resolves("http://a", "g", "http://a/g");
    assert_resolves("http://a?q", "", "http://a?q");
    assert_resolves("urn:b", "g", "urn:g");
    assert_resolves("urn:b:c", "#s", "urn:b:c");
    assert_resolves("file:///b/c", "g", "file:///b/g");
    assert_resolves("a:b/c", "../../g", "a:g");
    struct buffer out = BUFFER_MAX(20);
    assert_int_equal(uri_resolve(slice_text("http://a/"), slice_text("0123456789012345678901"), &out), -SP_ELIMIT);
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(patterns),
        cmocka_unit_test(formats),
        cmocka_unit_test(quick_patterns),
        cmocka_unit_test(numbers_divide_as_written),
        cmocka_unit_test(references_resolve),
    };
    return cmocka_run_group_tests_name("unit/schema/texts", tests, NULL, NULL);
}
