/* A delivery is taken once; the memory is a ring, and forgetting leaves no other behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "engine/deliveries.h"

/* The index takes the first four bytes as they are: all of one test may be made to collide. */
static void make(uint32_t home, uint64_t n, uint8_t ret[DELIVERY_HASH_LEN])
{
    memset(ret, 0, DELIVERY_HASH_LEN);
    memcpy(ret, &home, sizeof home);
    memcpy(ret + 8, &n, sizeof n);
}

static void repeated_ones_are_refused(void **state)
{
    (void)state;
    uint8_t hash[DELIVERY_HASH_LEN];
    make(1, 1, hash);
    assert_int_equal(delivery_add(hash), 0);
    assert_int_equal(delivery_add(hash), -SP_ECONFLICT); /* nobody may be told that it was accepted before it was */
    delivery_accept(hash);
    assert_int_equal(delivery_add(hash), -SP_EREPLAYED);
    delivery_forget(hash);
    delivery_forget(hash);
    assert_int_equal(delivery_add(hash), 0);
    assert_int_equal(delivery_add(hash), -SP_ECONFLICT);
}

static void colliding_ones_survive_a_neighbour(void **state)
{
    (void)state;
    uint8_t hash[DELIVERY_HASH_LEN];
    uint32_t home = (1u << 19) - 3; /* the chain goes round the end */
    for (uint64_t n = 0; n < 40; n++) {
        make(home, n, hash);
        assert_int_equal(delivery_add(hash), 0);
    }
    for (uint64_t n = 0; n < 40; n += 3) {
        make(home, n, hash);
        delivery_forget(hash);
    }
    for (uint64_t n = 0; n < 40; n++) {
        make(home, n, hash);
        assert_int_equal(delivery_add(hash), n % 3 ? -SP_ECONFLICT : 0);
    }
}

static void the_oldest_goes_first(void **state)
{
    (void)state;
    uint8_t hash[DELIVERY_HASH_LEN];
    for (uint64_t n = 0; n < 3 * LIMIT_REPLAY_CACHE; n++) {
        make((uint32_t)n * 7, 1000 + n, hash);
        assert_int_equal(delivery_add(hash), 0);
    }
    make((3u * LIMIT_REPLAY_CACHE - 1) * 7, 1000 + 3ull * LIMIT_REPLAY_CACHE - 1, hash);
    assert_int_equal(delivery_add(hash), -SP_ECONFLICT);
    make((2u * LIMIT_REPLAY_CACHE) * 7, 1000 + 2ull * LIMIT_REPLAY_CACHE, hash);
    assert_int_equal(delivery_add(hash), -SP_ECONFLICT);
    make(0, 1000, hash);
    assert_int_equal(delivery_add(hash), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_ones_are_refused),
        cmocka_unit_test(colliding_ones_survive_a_neighbour),
        cmocka_unit_test(the_oldest_goes_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
