/* GCRA: what comes at once, what must wait and how long, and that the table stays bounded. */
#include "table.h"

#include "base/error.h"
#include "policy/rate.h"

#define SECOND 1000000

static const uint8_t seed[16] = {1, 2, 3};

static int check(struct rate_table *t, const char *key, int64_t now, int64_t *wait, uint32_t *left)
{
    return rate_check(t, slice_text(key), now, 10, SECOND, 3, wait, left);
}

static void test_burst_then_wait(void **state)
{
    struct rate_table *t;
    int64_t wait;
    uint32_t left;
    assert_int_equal(rate_table_new(8, seed, &t), 0);
    for (uint32_t i = 0; i < 3; i++) {
        assert_int_equal(check(t, "a", 50, &wait, &left), 0);
        assert_int_equal(left, 2 - i);
    }
    assert_int_equal(check(t, "a", 50, &wait, &left), -SP_ERATE);
    assert_int_equal(wait, 100);
    assert_int_equal(check(t, "b", 50, &wait, &left), 0); /* another key is not touched */
    assert_int_equal(check(t, "a", 50 + 99999, &wait, &left), -SP_ERATE);
    assert_int_equal(wait, 1);
    assert_int_equal(check(t, "a", 50 + 100000, &wait, &left), 0);
    assert_int_equal(left, 0);
    assert_int_equal(check(t, "a", 50 + 100000, &wait, &left), -SP_ERATE);
    assert_int_equal(check(t, "a", 100 * SECOND, &wait, &left), 0); /* rest does not add up beyond the burst */
    assert_int_equal(left, 2);
    rate_table_free(t);
}

static void test_sustained_rate(void **state)
{
    struct rate_table *t;
    int64_t wait;
    uint32_t left;
    unsigned allowed = 0;
    assert_int_equal(rate_table_new(8, seed, &t), 0);
    for (int64_t now = 0; now < 10 * SECOND; now += 1000)
        allowed += check(t, "a", now, &wait, &left) == 0;
    assert_in_range(allowed, 100, 103);
    rate_table_free(t);
}

static void test_stalest_makes_room(void **state)
{
    struct rate_table *t;
    int64_t wait;
    uint32_t left;
    char key[16];
    assert_int_equal(rate_table_new(4, seed, &t), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(check(t, "kept", 0, &wait, &left), 0);
    for (int i = 0; i < 1000; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(check(t, key, 0, &wait, &left), 0);
        assert_int_equal(check(t, "kept", 0, &wait, &left), -SP_ERATE); /* in use, so never the stalest */
        assert_true(rate_table_n(t) <= 4);
    }
    assert_int_equal(check(t, "k0", 0, &wait, &left), 0);
    assert_int_equal(left, 2); /* was forgotten */
    rate_table_free(t);
}

/* What weighs more than is left is let through once, and paid for afterwards. */
static void test_weight(void **state)
{
    struct rate_table *t;
    int64_t wait;
    uint32_t left;
    assert_int_equal(rate_table_new(8, seed, &t), 0);
    assert_int_equal(check(t, "a", 0, &wait, &left), 0);
    assert_int_equal(rate_check_weight(t, SLICE_LITERAL("a"), 0, 20, 10, SECOND, 3, &wait, &left), 0);
    assert_int_equal(left, 0);
    assert_int_equal(check(t, "a", 0, &wait, &left), -SP_ERATE);
    assert_int_equal(wait, 1900);
    assert_true(rate_is_exhausted(t, SLICE_LITERAL("a"), 1899999, 10, SECOND, 3, &wait));
    assert_int_equal(check(t, "a", 1900000, &wait, &left), 0);
    rate_table_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_burst_then_wait),
        cmocka_unit_test(test_sustained_rate),
        cmocka_unit_test(test_stalest_makes_room),
        cmocka_unit_test(test_weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
