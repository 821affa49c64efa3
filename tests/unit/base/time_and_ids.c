/* Time as text and back, ids that order by time, and names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/id.h"

static const struct {
    const char *text;
    int64_t ms;
    const char *written;
} times[] = {
    {"1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00.000Z"},
    {"2026-01-02T03:04:05.678Z", 1767323045678, "2026-01-02T03:04:05.678Z"},
    {"2026-01-02T04:04:05.678+01:00", 1767323045678, "2026-01-02T03:04:05.678Z"},
    {"2026-01-01T22:34:05.678999-04:30", 1767323045678, "2026-01-02T03:04:05.678Z"},
    {"2024-02-29T23:59:59Z", 1709251199000, "2024-02-29T23:59:59.000Z"},
    {"1969-12-31T23:59:59.999Z", -1, "1969-12-31T23:59:59.999Z"},
    {"9999-12-31T23:59:59.999Z", 253402300799999, "9999-12-31T23:59:59.999Z"},
};

static void times_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        int64_t ms = 42;
        char text[CLOCK_RFC3339_LEN + 1];
        int r = clock_parse_rfc3339(slice_text(times[i].text), &ms);
        if (r != 0 || ms != times[i].ms)
            fail_msg("%s: %d, %lld", times[i].text, r, (long long)ms);
        clock_rfc3339(ms, text);
        assert_string_equal(text, times[i].written);
    }
}

static void bad_times(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "2026-01-02",
                                      "2026-01-02T03:04:05",
                                      "2026-13-02T03:04:05Z",
                                      "2026-00-02T03:04:05Z",
                                      "2026-02-29T03:04:05Z",
                                      "2026-01-32T03:04:05Z",
                                      "2026-01-02T24:00:00Z",
                                      "2026-01-02T03:60:05Z",
                                      "2026-01-02T03:04:05.Z",
                                      "2026-01-02T03:04:05+1:00",
                                      "2026-01-02T03:04:05+24:00",
                                      "2026-01-02T03:04:05Z ",
                                      " 2026-01-02T03:04:05Z",
                                      "+026-01-02T03:04:05Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms = 42;
        int r = clock_parse_rfc3339(slice_text(bad[i]), &ms);
        if (r != -SP_ESYNTAX || ms != 42)
            fail_msg("%s: %d", bad[i], r);
    }
}

static void times_are_clamped(void **state)
{
    (void)state;
    char text[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(INT64_MAX, text);
    assert_int_equal(strlen(text), CLOCK_RFC3339_LEN);
    assert_memory_equal(text, "9999-", 5);
    clock_rfc3339(INT64_MIN, text);
    assert_int_equal(strlen(text), CLOCK_RFC3339_LEN);
    assert_memory_equal(text, "0000-", 5);
}

static void clocks_run(void **state)
{
    (void)state;
    int64_t a = clock_monotonic_us(), b = clock_monotonic_us();
    assert_true(b >= a);
    assert_true(clock_wall_ms() > 1577836800000);
    assert_true(clock_monotonic_ms() - a / 1000 < 60000);
}

static void ids_order_and_come_back(void **state)
{
    (void)state;
    struct run_id last = {0};
    int64_t now = clock_wall_ms();
    for (int i = 0; i < 10000; i++) {
        char text[RUN_ID_LEN + 1], before[RUN_ID_LEN + 1];
        /* Also when the clock goes back. */
        struct run_id id = run_id_new(now - i % 3 * 1000, last), back;
        assert_true(id.n > last.n);
        run_id_text(id, text);
        run_id_text(last, before);
        assert_true(strcmp(text, before) > 0);
        assert_int_equal(run_id_parse(slice_text(text), &back), 0);
        assert_true(back.n == id.n);
        last = id;
    }
}

static void bad_ids(void **state)
{
    (void)state;
    char good[RUN_ID_LEN + 1];
    struct run_id id = run_id_new(clock_wall_ms(), (struct run_id){0}), other = {77};
    run_id_text(id, good);
    for (size_t i = 0; i < RUN_ID_LEN; i++)
        for (int c = 0; c < 256; c++) {
            char text[RUN_ID_LEN + 1], again[RUN_ID_LEN + 1];
            memcpy(text, good, sizeof text);
            text[i] = (char)c;
            /* One id has one text. */
            if (run_id_parse(slice_of(text, RUN_ID_LEN), &other) == 0) {
                run_id_text(other, again);
                assert_memory_equal(again, text, RUN_ID_LEN);
            }
        }
    static const char *const bad[] = {"", "r", "r0", "R0000000000001", "r000000000000000", "rzzzzzzzzzzzzz", "../../../../../"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(run_id_parse(slice_text(bad[i]), &other) < 0);
}

static void names(void **state)
{
    (void)state;
    static const char *const dsl[] = {"a", "a-b", "A1", "0", "github-push"};
    static const char *const not_dsl[] = {"", "-a", "a-", "a.b", "a_b", "a/b", "a b", "../a", "\xc3\xa9", "a\n",
                                          "0123456789012345678901234567890123456789012345678901234567890123"};
    static const char *const credential[] = {"a", "a_b", "a.b-c", "0"};
    static const char *const not_credential[] = {"", ".a", "-a", "_a", "a/b", "a b", "a\n", "$(id)"};
    for (size_t i = 0; i < sizeof dsl / sizeof dsl[0]; i++)
        assert_true(name_is_dsl(slice_text(dsl[i])));
    for (size_t i = 0; i < sizeof not_dsl / sizeof not_dsl[0]; i++)
        if (name_is_dsl(slice_text(not_dsl[i])))
            fail_msg("%s", not_dsl[i]);
    for (size_t i = 0; i < sizeof credential / sizeof credential[0]; i++)
        assert_true(name_is_credential(slice_text(credential[i])));
    for (size_t i = 0; i < sizeof not_credential / sizeof not_credential[0]; i++)
        if (name_is_credential(slice_text(not_credential[i])))
            fail_msg("%s", not_credential[i]);
    assert_false(name_is_credential(slice_of("a\0b", 3)));
    assert_false(name_is_dsl(slice_of("a\0b", 3)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_come_back), cmocka_unit_test(bad_times),               cmocka_unit_test(times_are_clamped),
        cmocka_unit_test(clocks_run),      cmocka_unit_test(ids_order_and_come_back), cmocka_unit_test(bad_ids),
        cmocka_unit_test(names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
