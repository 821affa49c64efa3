/* The tree against the definition of RFC 6962, 2.1, word for word; every proof of many sizes against the verifier of crypto/;
 * restarts and rollbacks at every size. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "audit/tree.h"
#include "base/error.h"
#include "crypto/merkle.h"

#define MAX_LEAVES 70000

/* A log in memory: leaf i is its number in decimal. */
struct memory_log {
    uint8_t tiles[3][300][AUDIT_TILE_LEN];
    unsigned n[3][300];
    bool fails;
};

static struct memory_log memory;
static uint8_t leaf_hashes[MAX_LEAVES][32];

static size_t leaf_text(uint64_t i, char ret[24])
{
    return (size_t)snprintf(ret, 24, "%llu", (unsigned long long)i);
}

static int leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    char text[24];
    int r = 0;
    for (; r == 0 && from < to; from++)
        r = each(each_user, from, slice_of(text, leaf_text(from, text)));
    return r;
}

static int tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    if (level >= 3 || index >= 300 || memory.n[level][index] < n)
        return -SP_ENOTFOUND;
    memcpy(ret, memory.tiles[level][index], n * 32ull);
    return 0;
}

static int put(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    if (memory.fails)
        return -SP_ELIMIT;
    assert_true(level < 3 && index < 300);
    memcpy(memory.tiles[level][index], hashes.p, hashes.len);
    memory.n[level][index] = (unsigned)(hashes.len / 32);
    return 0;
}

static const struct audit_log memory_audit_log = {.leaves = leaves, .tile = tile};

/* MTH(D[from:to]) as RFC 6962, 2.1 defines it. */
static void mth(uint64_t from, uint64_t to, uint8_t ret[32])
{
    if (to == from)
        return merkle_empty_root(ret);
    if (to - from == 1) {
        memcpy(ret, leaf_hashes[from], 32);
        return;
    }
    uint64_t k = 1;
    while (2 * k < to - from)
        k *= 2;
    uint8_t left[32], right[32];
    mth(from, from + k, left);
    mth(from + k, to, right);
    merkle_node_hash(left, right, ret);
}

static void grow(struct audit_tree *tree, uint64_t size)
{
    char text[24];
    while (audit_tree_size(tree) < size)
        assert_int_equal(audit_tree_append(tree, slice_of(text, leaf_text(audit_tree_size(tree), text))), 0);
}

static struct audit_tree *new_tree(uint64_t size)
{
    struct audit_tree *tree = NULL;
    assert_int_equal(audit_tree_new(&memory_audit_log, size, put, NULL, &tree), 0);
    return tree;
}

static void assert_root(struct audit_tree *tree)
{
    uint8_t want[32], got[32];
    mth(0, audit_tree_size(tree), want);
    audit_tree_root(tree, got);
    if (memcmp(want, got, 32) != 0)
        fail_msg("wrong root at size %llu", (unsigned long long)audit_tree_size(tree));
}

static const uint64_t sizes[] = {0,   1,   2,   3,   4,   5,   7,    8,    9,     127,   128,   129,   254,  255,  256,
                                 257, 258, 511, 512, 513, 767, 1000, 1024, 65279, 65280, 65535, 65536, 65537, 66000, 69999};
#define SIZES (sizeof sizes / sizeof sizes[0])

static void roots(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = new_tree(0);
    for (size_t i = 0; i < SIZES; i++) {
        grow(tree, sizes[i]);
        assert_root(tree);
    }
    for (uint64_t n = 0; n < 300; n++) {
        audit_tree_free(tree);
        memset(&memory, 0, sizeof memory);
        tree = new_tree(0);
        grow(tree, n);
        assert_root(tree);
    }
    audit_tree_free(tree);
}

/* A tree that was restored at a size goes on like one that was never closed. */
static void restarts(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = new_tree(0);
    for (size_t i = 1; i < SIZES; i++) {
        grow(tree, sizes[i]);
        assert_int_equal(audit_tree_flush(tree), 0);
        audit_tree_free(tree);
        tree = new_tree(sizes[i]);
        assert_root(tree);
    }
    audit_tree_free(tree);
}

static void restart_without_its_tiles_is_refused(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = NULL;
    assert_int_equal(audit_tree_new(&memory_audit_log, 600, put, NULL, &tree), -SP_ETAMPERED);
    assert_null(tree);
}

static void rollback(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = new_tree(0);
    static const uint64_t from[] = {0, 1, 200, 255, 256, 300, 65530};
    for (size_t i = 0; i < sizeof from / sizeof from[0]; i++) {
        grow(tree, from[i]);
        assert_int_equal(audit_tree_flush(tree), 0);
        audit_tree_snapshot(tree);
        grow(tree, from[i] + 600);
        audit_tree_restore(tree);
        assert_int_equal(audit_tree_size(tree), from[i]);
        assert_root(tree);
    }
    audit_tree_snapshot(tree);
    memory.fails = true;
    int r = 0;
    while (r == 0)
        r = audit_tree_append(tree, SLICE_LITERAL("x"));
    memory.fails = false;
    assert_int_equal(r, -SP_ELIMIT);
    audit_tree_restore(tree);
    grow(tree, 65600);
    assert_root(tree);
    audit_tree_free(tree);
}

static void assert_inclusion(uint64_t size, uint64_t index)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(64 * 32);
    uint8_t root[32];
    assert_int_equal(audit_proof_root(&memory_audit_log, size, root), 0);
    assert_int_equal(audit_proof_inclusion(&memory_audit_log, size, index, &proof), 0);
    if (merkle_verify_inclusion(index, size, leaf_hashes[index], buffer_slice(&proof), root) < 0)
        fail_msg("leaf %llu of %llu", (unsigned long long)index, (unsigned long long)size);
}

static void assert_consistency(uint64_t from, uint64_t size)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(64 * 32);
    uint8_t old_root[32], root[32];
    assert_int_equal(audit_proof_root(&memory_audit_log, from, old_root), 0);
    assert_int_equal(audit_proof_root(&memory_audit_log, size, root), 0);
    assert_int_equal(audit_proof_consistency(&memory_audit_log, size, from, &proof), 0);
    if (merkle_verify_consistency(from, old_root, size, root, buffer_slice(&proof)) < 0)
        fail_msg("%llu to %llu", (unsigned long long)from, (unsigned long long)size);
}

static void proofs(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = new_tree(0);
    grow(tree, 69999);
    assert_int_equal(audit_tree_flush(tree), 0);
    audit_tree_free(tree);
    for (uint64_t size = 1; size < 40; size++)
        for (uint64_t i = 0; i < size; i++) {
            assert_inclusion(size, i);
            assert_consistency(i + 1, size);
        }
    for (size_t s = 1; s < SIZES; s++)
        for (size_t i = 1; i < s; i++) {
            assert_inclusion(sizes[s], sizes[i]);
            assert_consistency(sizes[i], sizes[s]);
        }
    struct buffer none = BUFFER_MAX(32);
    assert_int_equal(audit_proof_inclusion(&memory_audit_log, 10, 10, &none), -SP_EINVALID);
    assert_int_equal(audit_proof_consistency(&memory_audit_log, 10, 11, &none), -SP_EINVALID);
    assert_int_equal(audit_proof_consistency(&memory_audit_log, 10, 0, &none), 0);
    assert_int_equal(none.len, 0);
}

/* --- logs that lie --------------------------------------------------------------------------------------------------- */

static int extra; /* leaves more than asked for */

static int lying_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    return leaves(user, from, to + (uint64_t)(int64_t)extra, each, each_user);
}

static int failing_tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    return -SP_EUNAVAILABLE;
}

static void logs_that_lie_are_refused(void **state)
{
    static const int lies[] = {-1, 1, 300};
    const struct audit_log lying = {.leaves = lying_leaves, .tile = tile}, failing = {.leaves = leaves, .tile = failing_tile};
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(64 * 32);
    uint8_t root[32];
    struct audit_tree *tree = new_tree(0);
    grow(tree, 600);
    assert_int_equal(audit_tree_flush(tree), 0);
    audit_tree_free(tree);
    tree = NULL;
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        extra = lies[i];
        assert_int_equal(audit_tree_new(&lying, 600, put, NULL, &tree), -SP_ETAMPERED);
        assert_int_equal(audit_proof_root(&lying, 600, root), -SP_ETAMPERED);
        assert_int_equal(audit_proof_inclusion(&lying, 600, 0, &proof), -SP_ETAMPERED);
        assert_int_equal(audit_proof_consistency(&lying, 600, 512, &proof), -SP_ETAMPERED);
    }
    assert_int_equal(audit_tree_new(&failing, 600, put, NULL, &tree), -SP_EUNAVAILABLE);
    assert_int_equal(audit_proof_root(&failing, 600, root), -SP_EUNAVAILABLE);
    assert_int_equal(proof.len, 0);
    assert_null(tree);
}

static void sizes_are_bounded(void **state)
{
    static const uint64_t too_many = 1ull << 62;
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(64 * 32);
    struct audit_tree *tree = NULL;
    uint8_t root[32], want[32];
    assert_int_equal(audit_tree_new(&memory_audit_log, too_many, put, NULL, &tree), -SP_ELIMIT);
    assert_int_equal(audit_proof_root(&memory_audit_log, too_many, root), -SP_EINVALID);
    assert_int_equal(audit_proof_inclusion(&memory_audit_log, too_many, 0, &proof), -SP_EINVALID);
    assert_int_equal(audit_proof_consistency(&memory_audit_log, too_many, 1, &proof), -SP_EINVALID);
    assert_int_equal(audit_proof_root(&memory_audit_log, 0, root), 0);
    merkle_empty_root(want);
    assert_memory_equal(root, want, 32);
}

static void a_tile_that_is_not_stored_stops_the_flush(void **state)
{
    memset(&memory, 0, sizeof memory);
    struct audit_tree *tree = new_tree(0);
    grow(tree, 300);
    memory.fails = true;
    assert_int_equal(audit_tree_flush(tree), -SP_ELIMIT);
    memory.fails = false;
    assert_int_equal(memory.n[1][0], 0);
    assert_int_equal(audit_tree_flush(tree), 0); /* not forgotten */
    assert_int_equal(memory.n[1][0], 1);
    audit_tree_free(tree);
}

int main(void)
{
    char text[24];
    for (uint64_t i = 0; i < MAX_LEAVES; i++)
        merkle_leaf_hash(slice_of(text, leaf_text(i, text)), leaf_hashes[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(roots),    cmocka_unit_test(restarts), cmocka_unit_test(restart_without_its_tiles_is_refused),
        cmocka_unit_test(rollback), cmocka_unit_test(proofs),   cmocka_unit_test(logs_that_lie_are_refused),
        cmocka_unit_test(sizes_are_bounded), cmocka_unit_test(a_tile_that_is_not_stored_stops_the_flush),
    };
    return cmocka_run_group_tests_name("unit/audit/tree", tests, NULL, NULL);
}
