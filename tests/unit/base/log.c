/* Log lines: what came from outside cannot forge a line or a pair. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/log.h"

static char last[LIMIT_LOG_LINE + 1];
static size_t last_len;
static unsigned n_lines;

static void take_line(enum log_level level, const char *line, size_t len, void *user)
{
    (void)level;
    (void)user;
    assert_true(len <= LIMIT_LOG_LINE);
    last_len = len;
    memcpy(last, line, len);
    last[len] = 0;
    n_lines++;
}

static const struct {
    const char *value, *written;
} values[] = {
    {"plain", "plain"},
    {"", "\"\""},
    {NULL, "\"\""},
    {"two words", "\"two words\""},
    {"a=b", "\"a=b\""},
    {"a\"b", "\"a\\\"b\""},
    {"a\\b", "\"a\\\\b\""},
    {"a\nlevel=info event=forged", "\"a\\x0alevel=info event=forged\""},
    {"\x1b[31m", "\"\\x1b[31m\""},
    {"\xc3\xa9", "\"\\xc3\\xa9\""},
    {"\x7f", "\"\\x7f\""},
};

static void each_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        char expected[200];
        log_event(LOG_LEVEL_WARN, "test", "key", values[i].value, "n", LOG_I64(-5), NULL);
        (void)snprintf(expected, sizeof expected, "level=warn event=test key=%s n=-5", values[i].written);
        assert_string_equal(last, expected);
    }
}

static void no_byte_breaks_the_line(void **state)
{
    (void)state;
    for (int c = 1; c < 256; c++) {
        char value[] = {'a', (char)c, 'b', 0};
        log_event(LOG_LEVEL_INFO, "test", "key", value, NULL);
        for (size_t i = 0; i < last_len; i++)
            assert_true(last[i] >= 0x20 && last[i] < 0x7F);
    }
}

static void long_values_are_cut(void **state)
{
    (void)state;
    static char value[3 * LIMIT_LOG_LINE];
    memset(value, '\n', sizeof value - 1);
    unsigned before = n_lines;
    log_event(LOG_LEVEL_ERROR, "test", "key", value, "after", "x", NULL);
    assert_int_equal(n_lines, before + 1);
    assert_true(last_len > 0 && last_len <= LIMIT_LOG_LINE);
}

static void levels(void **state)
{
    (void)state;
    unsigned before = n_lines;
    log_event(LOG_LEVEL_DEBUG, "test", NULL);
    assert_int_equal(n_lines, before);
    log_set_level(LOG_LEVEL_DEBUG);
    log_event(LOG_LEVEL_DEBUG, "test", "n", LOG_U64(UINT64_MAX), NULL);
    assert_string_equal(last, "level=debug event=test n=18446744073709551615");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_value),
        cmocka_unit_test(no_byte_breaks_the_line),
        cmocka_unit_test(long_values_are_cut),
        cmocka_unit_test(levels),
    };
    log_set_sink(take_line, NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
