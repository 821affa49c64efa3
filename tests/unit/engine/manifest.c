/* Manifests as a hostile worker would write them: refused, or brought within bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/manifest.h"

static int read_one(const char *text, struct workflow *w)
{
    char ns[64];
    *w = (struct workflow){0};
    return manifest_read(slice_text(text), w, ns);
}

#define HEAD "\"namespace\":\"n\",\"name\":\"w\",\"version\":\"1.0.0\""

static void missing_values_grant_nothing(void **state)
{
    (void)state;
    struct workflow w;
    assert_int_equal(read_one("{" HEAD "}", &w), 0);
    assert_true(slice_is(w.grants, "[]"));
    assert_int_equal(w.secrets.len, 0);
    assert_false(w.has_webhook);
    assert_true(w.rate_limit > 0 && w.rate_burst > 0 && w.rate_period_ms > 0 && w.concurrency > 0);
    manifest_release(&w);
}

static void numbers_are_brought_within_bounds(void **state)
{
    (void)state;
    static const char *const numbers[] = {"1e300", "-1e300", "9223372036854775807", "-9223372036854775808", "0", "-0.0", "0.5",
                                          "1e18", "\"7\"", "null", "[]"};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(4096);
        struct workflow w;
        const char *n = numbers[i];
        assert_int_equal(buffer_printf(&b,
                                       "{" HEAD ",\"sallyport\":{\"concurrency\":%s,\"retentionMs\":%s,\"rate\":{\"limit\":%s,"
                                       "\"periodMs\":%s,\"burst\":%s},\"webhook\":{\"scheme\":\"none\",\"toleranceMs\":%s}}}",
                                       n, n, n, n, n, n),
                         0);
        assert_int_equal(read_one(buffer_text(&b), &w), 0);
        assert_true(w.rate_limit >= 1 && w.rate_limit <= 1000000);
        assert_true(w.rate_burst >= 1 && w.rate_burst <= 1000000);
        assert_true(w.rate_period_ms >= 1 && w.rate_period_ms <= 86400000);
        assert_true(w.concurrency >= 1 && w.concurrency <= LIMIT_RUNS_WAITING);
        assert_true(w.retention_ms >= 0 && w.retention_ms <= LIMIT_DURATION_MS * 10);
        assert_true(w.tolerance_s >= 1 && w.tolerance_s <= 86400);
        manifest_release(&w);
    }
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "", "[]", "null", "{", "{}", "{" HEAD "} ,", "{" HEAD ",\"name\":\"other\"}",
        "{\"namespace\":\"../n\",\"name\":\"w\",\"version\":\"1\"}",
        "{\"namespace\":\"n\",\"name\":\"w\\u0000x\",\"version\":\"1\"}",
        "{\"namespace\":\"n\",\"name\":7,\"version\":\"1\"}",
        "{" HEAD ",\"secrets\":[\"a/b\"]}",
        "{" HEAD ",\"secrets\":[7]}",
        "{" HEAD ",\"sallyport\":{\"origins\":[\"*\"]}}",
        "{" HEAD ",\"sallyport\":{\"origins\":7}}",
        "{" HEAD ",\"sallyport\":{\"webhook\":{\"scheme\":\"trust-me\"}}}",
        "{" HEAD ",\"sallyport\":{\"webhook\":{\"scheme\":\"github\"}}}",
        "{" HEAD ",\"sallyport\":{\"webhook\":{\"scheme\":\"github\",\"key\":\"../k\"}}}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct workflow w;
        int r = read_one(texts[i], &w);
        if (r >= 0)
            fail_msg("accepted: %s", texts[i]);
        assert_null(w.manifest.p);
        assert_null(w.grants.p);
        assert_null(w.secrets.p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_values_grant_nothing),
        cmocka_unit_test(numbers_are_brought_within_bounds),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
