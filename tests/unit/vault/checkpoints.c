/* The signer signs one append-only history and nothing else. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/error.h"
#include "crypto/merkle.h"
#include "vault/checkpoint.h"

#define LEAVES 70

static struct vault_keys *keys;
static uint8_t leaves[LEAVES][32];

/* MTH and the consistency proof as RFC 6962, 2.1 and 2.1.2, define them. */
static void root_of(size_t from, size_t n, uint8_t ret[32])
{
    if (n == 0) {
        merkle_empty_root(ret);
        return;
    }
    if (n == 1) {
        memcpy(ret, leaves[from], 32);
        return;
    }
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    uint8_t left[32], right[32];
    root_of(from, k, left);
    root_of(from + k, n - k, right);
    merkle_node_hash(left, right, ret);
}

static void subproof(size_t m, size_t from, size_t n, bool complete, struct buffer *ret)
{
    uint8_t hash[32];
    if (m == n) {
        root_of(from, n, hash);
        if (!complete)
            buffer_append(ret, hash, 32);
        return;
    }
    size_t k = 1;
    while (2 * k < n)
        k *= 2;
    if (m <= k) {
        subproof(m, from, k, complete, ret);
        root_of(from + k, n - k, hash);
    } else {
        subproof(m - k, from + k, n - k, false, ret);
        root_of(from, k, hash);
    }
    buffer_append(ret, hash, 32);
}

static struct checkpoint head(uint64_t size)
{
    struct checkpoint c = {.size = size};
    root_of(0, size, c.root);
    return c;
}

static int sign(struct checkpoint_signer *s, uint64_t from, const struct checkpoint *next, struct slice last, struct buffer *note)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(MERKLE_PROOF_MAX);
    struct diag why = {0};
    if (from && next->size > from)
        subproof(from, 0, next->size, true, &proof);
    buffer_clear(note);
    int r = checkpoint_sign(s, keys, next, buffer_slice(&proof), last, note, &why);
    assert_true((r < 0) == (why.text[0] != 0));
    return r;
}

static void test_every_step(void **state)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    for (uint64_t step = 1; step < 9; step++) {
        struct checkpoint_signer s = {0};
        uint64_t last = 0;
        for (uint64_t size = 0; size < LEAVES; size += step) {
            struct checkpoint next = head(size), got;
            assert_int_equal(sign(&s, last, &next, (struct slice){NULL, 0}, &note), 0);
            assert_int_equal(note_open_checkpoint(buffer_slice(&note), slice_text(keys->origin), keys->audit_public, &got), 0);
            assert_int_equal(got.size, size);
            last = size;
        }
    }
}

static void test_refuses_forks(void **state)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    struct checkpoint_signer s = {0};
    struct slice none = {NULL, 0};
    struct checkpoint at20 = head(20), at10 = head(10), at30 = head(30), fork = head(20);
    assert_int_equal(sign(&s, 0, &at20, none, &note), 0);
    assert_int_equal(sign(&s, 0, &at20, none, &note), 0); /* the same again */
    assert_int_equal(sign(&s, 10, &at20, none, &note), 0);
    assert_int_equal(sign(&s, 0, &at10, none, &note), -SP_ECONFLICT);
    fork.root[0] ^= 1;
    assert_int_equal(sign(&s, 0, &fork, none, &note), -SP_ECONFLICT);
    at30.root[0] ^= 1;
    assert_int_equal(sign(&s, 20, &at30, none, &note), -SP_ETAMPERED);
    at30.root[0] ^= 1;
    assert_int_equal(sign(&s, 0, &at30, none, &note), -SP_ETAMPERED);  /* no proof */
    assert_int_equal(sign(&s, 19, &at30, none, &note), -SP_ETAMPERED); /* proof from another size */
    struct checkpoint last;
    buffer_clear(&note);
    assert_int_equal(checkpoint_last(&s, keys, &note), 0);
    assert_int_equal(note_open_checkpoint(buffer_slice(&note), slice_text(keys->origin), keys->audit_public, &last), 0);
    assert_int_equal(last.size, 20);
    assert_int_equal(sign(&s, 20, &at30, none, &note), 0);
}

static void test_restart(void **state)
{
    _cleanup_buffer_ struct buffer last = BUFFER_MAX(4096), note = BUFFER_MAX(4096);
    struct checkpoint_signer before = {0}, after = {0};
    struct checkpoint at20 = head(20), at33 = head(33);
    assert_int_equal(sign(&before, 0, &at20, (struct slice){NULL, 0}, &last), 0);
    assert_int_equal(sign(&after, 0, &at33, buffer_slice(&last), &note), -SP_ETAMPERED); /* without its proof */
    last.p[30] ^= 1;
    assert_int_equal(sign(&after, 20, &at33, buffer_slice(&last), &note), -SP_ETAMPERED);
    last.p[30] ^= 1;
    assert_false(after.is_set);
    assert_int_equal(sign(&after, 20, &at33, buffer_slice(&last), &note), 0);
    /* From then on the vault's own memory counts, whatever the engine brings. */
    struct checkpoint at25 = head(25);
    assert_int_equal(sign(&after, 20, &at25, buffer_slice(&last), &note), -SP_ECONFLICT);
}

static void test_empty_log(void **state)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(4096);
    struct checkpoint_signer s = {0};
    struct checkpoint wrong = {.size = 0};
    assert_int_equal(sign(&s, 0, &wrong, (struct slice){NULL, 0}, &note), -SP_ECONFLICT); /* a root that is not the empty one */
    assert_int_equal(checkpoint_last(&s, keys, &note), 0);
    assert_int_equal(note.len, 0);
    struct checkpoint empty = head(0), first = head(1);
    assert_int_equal(sign(&s, 0, &empty, (struct slice){NULL, 0}, &note), 0);
    buffer_clear(&note);
    assert_int_equal(checkpoint_sign(&s, keys, &first, slice_of(leaves[1], 32), (struct slice){NULL, 0}, &note, NULL), -SP_ETAMPERED);
    assert_int_equal(sign(&s, 0, &first, (struct slice){NULL, 0}, &note), 0);
}

static int setup(void **state)
{
    int r = crypto_init();
    _cleanup_secret_ struct secret *root = secret_new(32);
    for (size_t i = 0; i < LEAVES; i++)
        merkle_leaf_hash(slice_of(&i, sizeof i), leaves[i]);
    return r < 0 ? r : vault_keys_derive(root, &keys);
}

static int teardown(void **state)
{
    vault_keys_free(keys);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_step), cmocka_unit_test(test_refuses_forks),
                                       cmocka_unit_test(test_restart), cmocka_unit_test(test_empty_log)};
    return cmocka_run_group_tests_name("vault/checkpoints", tests, setup, teardown);
}
