/* The log's Merkle tree (RFC 6962, section 2) and its tiles (C2SP tlog-tiles: 256 hashes wide, 8 levels of the tree high).
 *
 * A tree keeps its right edge in memory: one hash for each bit of its size, and the hashes of the rightmost tile of each tile
 * level. Completed tiles go to a callback, so that they are stored in the transaction of the leaves. What has been stored is
 * read back through `struct audit_log`; a proof touches a few tiles, whatever the size.
 *
 * Stored are: all full tiles of level 0, and all tiles of the levels above, the rightmost ones with the hashes that they have
 * (audit_tree_flush). The rightmost tile of level 0 is not stored: it follows from the last (size mod 256) leaves. */
#ifndef AUDIT_TREE_H
#define AUDIT_TREE_H

#include "base/buffer.h"
#include "crypto/crypto.h"

#define AUDIT_TILE_WIDTH  256
#define AUDIT_TILE_LEN    (AUDIT_TILE_WIDTH * CRYPTO_HASH_LEN)
#define AUDIT_TILE_LEVELS 8
#define AUDIT_PROOF_MAX   64 /* hashes of one proof */

/* Called for each leaf; a non-zero result ends the iteration and is returned by it. */
typedef int audit_leaf_fn(void *user, uint64_t index, struct slice leaf);

/* How a stored log is read. All return 0 or a negative code. */
struct audit_log {
    void *user;
    /* Calls `each` for the leaves from <= index < to in order. */
    int (*leaves)(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user);
    /* Reads the first `n` hashes of a tile; -SP_ENOTFOUND when it is absent or shorter. */
    int (*tile)(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret);
};

/* Stores a tile of `n` hashes (replacing a shorter one of that place). */
typedef int audit_tile_fn(void *user, unsigned level, uint64_t index, struct slice hashes);

struct audit_tree;

/* A tree of `size` leaves, restored from at most 255 leaves and one tile for each level; `log` may be NULL for size 0.
 * -SP_ETAMPERED when leaves or tiles are missing. `put` is kept. */
[[gnu::warn_unused_result]] int audit_tree_new(const struct audit_log *log, uint64_t size, audit_tile_fn *put, void *put_user,
                                               struct audit_tree **ret);
void audit_tree_free(struct audit_tree *tree);
static inline void audit_tree_freep(struct audit_tree **tree)
{
    audit_tree_free(*tree);
}

uint64_t audit_tree_size(const struct audit_tree *tree);

/* Adds a leaf; full tiles go to `put`. On an error of `put` the tree is undefined until audit_tree_restore. */
[[gnu::warn_unused_result]] int audit_tree_append(struct audit_tree *tree, struct slice leaf);

/* Gives the unfinished tiles above level 0 that have grown since the last flush to `put`: once before each commit. */
[[gnu::warn_unused_result]] int audit_tree_flush(struct audit_tree *tree);

/* The tree's root hash; for size 0 the hash of nothing (RFC 6962, 2.1). */
void audit_tree_root(const struct audit_tree *tree, uint8_t ret[CRYPTO_HASH_LEN]);

/* Remembers the state (before a batch), and goes back to it (after a failed commit). There is one memory. */
void audit_tree_snapshot(struct audit_tree *tree);
void audit_tree_restore(struct audit_tree *tree);

/* Proofs from the stored log alone, for a log of `size` leaves (it may have grown since): hashes of 32 bytes, one after the
 * other, appended to `ret`. -SP_EINVALID when index or from are not within the size. They may run on any thread that may
 * use `log`. */
[[gnu::warn_unused_result]] int audit_proof_inclusion(const struct audit_log *log, uint64_t size, uint64_t index,
                                                      struct buffer *ret);
[[gnu::warn_unused_result]] int audit_proof_consistency(const struct audit_log *log, uint64_t size, uint64_t from,
                                                        struct buffer *ret);
[[gnu::warn_unused_result]] int audit_proof_root(const struct audit_log *log, uint64_t size, uint8_t ret[CRYPTO_HASH_LEN]);

#endif
