/* Sealed payloads open in their own place only, and every flipped bit is seen [ABUSE: tamper]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "store/seal.h"

static const uint8_t namespace_key[32] = "the data key of a namespace ....";
static const struct run_id run = {123456789};

static void opens(void **state)
{
    struct seal_key key;
    seal_key_derive(namespace_key, run, &key);
    static const char *const texts[] = {"", "x", "{\"a\":1}"};
    for (size_t i = 0; i < 3; i++) {
        _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(4096), plain = BUFFER_MAX(4096);
        assert_int_equal(seal_blob(&key, SEAL_RUN_INPUT, 0, slice_text(texts[i]), &sealed), 0);
        assert_int_equal(sealed.len, strlen(texts[i]) + SEAL_OVERHEAD);
        assert_int_equal(seal_open(&key, SEAL_RUN_INPUT, 0, buffer_slice(&sealed), &plain), 0);
        assert_string_equal(buffer_text(&plain), texts[i]);
    }
    seal_key_wipe(&key);
}

static void flips_are_seen(void **state)
{
    struct seal_key key;
    seal_key_derive(namespace_key, run, &key);
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(4096), plain = BUFFER_MAX(4096);
    assert_int_equal(seal_blob(&key, SEAL_JOURNAL, 7, SLICE_LITERAL("some result"), &sealed), 0);
    for (size_t bit = 0; bit < 8 * sealed.len; bit++) {
        sealed.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int r = seal_open(&key, SEAL_JOURNAL, 7, buffer_slice(&sealed), &plain);
        if (r != -SP_ETAMPERED && !(bit < 8 && r == -SP_EFORMAT))
            fail_msg("bit %zu: %d", bit, r);
        sealed.p[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++)
        assert_int_equal(seal_open(&key, SEAL_JOURNAL, 7, slice_of(sealed.p, len), &plain), -SP_ETAMPERED);
    assert_int_equal(plain.len, 0);
}

static void moved_blobs_do_not_open(void **state)
{
    struct seal_key key, other_run, other_namespace;
    uint8_t other_key[32] = {1};
    seal_key_derive(namespace_key, run, &key);
    seal_key_derive(namespace_key, (struct run_id){run.n + 1}, &other_run);
    seal_key_derive(other_key, run, &other_namespace);
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(4096), plain = BUFFER_MAX(4096);
    assert_int_equal(seal_blob(&key, SEAL_JOURNAL, 7, SLICE_LITERAL("some result"), &sealed), 0);
    struct slice s = buffer_slice(&sealed);
    assert_int_equal(seal_open(&other_run, SEAL_JOURNAL, 7, s, &plain), -SP_ETAMPERED);
    assert_int_equal(seal_open(&other_namespace, SEAL_JOURNAL, 7, s, &plain), -SP_ETAMPERED);
    assert_int_equal(seal_open(&key, SEAL_JOURNAL, 8, s, &plain), -SP_ETAMPERED);
    assert_int_equal(seal_open(&key, SEAL_RUN_OUTPUT, 7, s, &plain), -SP_ETAMPERED);
    /* The run is in the associated data too, not only in the key. */
    key.run.n++;
    assert_int_equal(seal_open(&key, SEAL_JOURNAL, 7, s, &plain), -SP_ETAMPERED);
}

static void no_nonce_repeats(void **state)
{
    struct seal_key key;
    seal_key_derive(namespace_key, run, &key);
    _cleanup_buffer_ struct buffer a = BUFFER_MAX(4096), b = BUFFER_MAX(4096);
    assert_int_equal(seal_blob(&key, SEAL_RUN_OUTPUT, 0, SLICE_LITERAL("same"), &a), 0);
    assert_int_equal(seal_blob(&key, SEAL_RUN_OUTPUT, 0, SLICE_LITERAL("same"), &b), 0);
    assert_memory_not_equal(a.p + 1, b.p + 1, 8);
    assert_memory_not_equal(a.p + 9, b.p + 9, a.len - 9);
}

static void random_is_the_runs_own(void **state)
{
    struct seal_key key, other;
    uint8_t nonce[16], seed[32], nonce2[16], seed2[32];
    seal_key_derive(namespace_key, run, &key);
    seal_key_derive(namespace_key, (struct run_id){run.n + 1}, &other);
    seal_run_random(&key, nonce, seed);
    seal_run_random(&key, nonce2, seed2);
    assert_memory_equal(nonce, nonce2, 16);
    assert_memory_equal(seed, seed2, 32);
    seal_run_random(&other, nonce2, seed2);
    assert_memory_not_equal(nonce, nonce2, 16);
    assert_memory_not_equal(seed, seed2, 32);
}

int main(void)
{
    if (crypto_init() < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens),            cmocka_unit_test(flips_are_seen),         cmocka_unit_test(moved_blobs_do_not_open),
        cmocka_unit_test(no_nonce_repeats), cmocka_unit_test(random_is_the_runs_own),
    };
    return cmocka_run_group_tests_name("unit/store/seal", tests, NULL, NULL);
}
