/* tree: the right edge of the log's Merkle tree.
 *
 *   peaks[i]    root of the perfect subtree of 2^i leaves that ends the left part of the tree; there is one for each bit i that
 *               is set in the size
 *   tiles[l]    hashes of the rightmost tile of level l: roots of subtrees of 256^l leaves, (size >> 8l) mod 256 of them
 *
 * An append combines equal peaks like a binary counter, and each peak of height 8l is one more hash of tile level l. Called by
 * the store's one writer; the tree never reads a row but at its start. */
#include "audit/tree.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"
#include "crypto/merkle.h"

#define HEIGHTS 63

struct rightmost {
    unsigned n;
    bool is_dirty; /* grown since the last flush */
    uint8_t hashes[AUDIT_TILE_LEN];
};

struct edge {
    uint64_t size;
    uint8_t peaks[HEIGHTS][CRYPTO_HASH_LEN];
    struct rightmost tiles[AUDIT_TILE_LEVELS];
};

struct audit_tree {
    struct edge now, before;
    audit_tile_fn *put;
    void *put_user;
};

/* Copies what is in use: most of an edge is empty. */
static void edge_copy(struct edge *to, const struct edge *from)
{
    to->size = from->size;
    for (unsigned i = 0; i < HEIGHTS; i++)
        if (from->size >> i & 1)
            memcpy(to->peaks[i], from->peaks[i], CRYPTO_HASH_LEN);
    for (unsigned l = 0; l < AUDIT_TILE_LEVELS; l++) {
        to->tiles[l].n = from->tiles[l].n;
        to->tiles[l].is_dirty = from->tiles[l].is_dirty;
        memcpy(to->tiles[l].hashes, from->tiles[l].hashes, (size_t)from->tiles[l].n * CRYPTO_HASH_LEN);
    }
}

void audit_tree_snapshot(struct audit_tree *tree)
{
    edge_copy(&tree->before, &tree->now);
}

void audit_tree_restore(struct audit_tree *tree)
{
    edge_copy(&tree->now, &tree->before);
}

uint64_t audit_tree_size(const struct audit_tree *tree)
{
    return tree->now.size;
}

void audit_tree_free(struct audit_tree *tree)
{
    free(tree);
}

/* One more hash of a tile level. `size` is the tree's before the append, which tells the tile's place. */
static int push(struct audit_tree *tree, unsigned level, const uint8_t hash[CRYPTO_HASH_LEN])
{
    struct rightmost *tile = &tree->now.tiles[level];
    memcpy(tile->hashes + (size_t)tile->n * CRYPTO_HASH_LEN, hash, CRYPTO_HASH_LEN);
    tile->is_dirty = true;
    if (++tile->n < AUDIT_TILE_WIDTH)
        return 0;
    tile->n = 0;
    tile->is_dirty = false;
    return tree->put(tree->put_user, level, tree->now.size >> 8 * (level + 1), slice_of(tile->hashes, AUDIT_TILE_LEN));
}

static int audit_tree_append_hash(struct audit_tree *tree, const uint8_t leaf_hash[CRYPTO_HASH_LEN])
{
    struct edge *e = &tree->now;
    uint8_t node[CRYPTO_HASH_LEN];
    memcpy(node, leaf_hash, sizeof node);
    int r = push(tree, 0, node);
    unsigned i = 0;
    for (; r == 0 && e->size >> i & 1; i++) {
        merkle_node_hash(e->peaks[i], node, node);
        if ((i + 1) % 8 == 0)
            r = push(tree, (i + 1) / 8, node);
    }
    if (r < 0)
        return r;
    must(i < HEIGHTS);
    memcpy(e->peaks[i], node, sizeof node);
    e->size++;
    return 0;
}

int audit_tree_append(struct audit_tree *tree, struct slice leaf)
{
    uint8_t hash[CRYPTO_HASH_LEN];
    merkle_leaf_hash(leaf, hash);
    return audit_tree_append_hash(tree, hash);
}

int audit_tree_flush(struct audit_tree *tree)
{
    for (unsigned l = 1; l < AUDIT_TILE_LEVELS; l++) {
        struct rightmost *tile = &tree->now.tiles[l];
        if (!tile->is_dirty)
            continue;
        int r = tree->put(tree->put_user, l, tree->now.size >> 8 * l >> 8,
                          slice_of(tile->hashes, (size_t)tile->n * CRYPTO_HASH_LEN));
        if (r < 0)
            return r;
        tile->is_dirty = false;
    }
    return 0;
}

void audit_tree_root(const struct audit_tree *tree, uint8_t ret[CRYPTO_HASH_LEN])
{
    const struct edge *e = &tree->now;
    bool has_root = false;
    if (e->size == 0)
        merkle_empty_root(ret);
    for (unsigned i = 0; i < HEIGHTS; i++) {
        if (!(e->size >> i & 1))
            continue;
        if (has_root)
            merkle_node_hash(e->peaks[i], ret, ret);
        else
            memcpy(ret, e->peaks[i], CRYPTO_HASH_LEN);
        has_root = true;
    }
}

static int restore_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct rightmost *tile = user;
    if (tile->n == AUDIT_TILE_WIDTH - 1)
        return -SP_ETAMPERED;
    merkle_leaf_hash(leaf, tile->hashes + (size_t)tile->n++ * CRYPTO_HASH_LEN);
    return 0;
}

/* Reads the rightmost tile of a level. */
static int restore_tile(struct edge *e, unsigned level, const struct audit_log *log)
{
    struct rightmost *tile = &e->tiles[level];
    unsigned n = (unsigned)(e->size >> 8 * level) & 255;
    int r = 0;
    if (n == 0)
        return 0;
    if (level == 0)
        r = log->leaves(log->user, e->size - n, e->size, restore_leaf, tile);
    else
        r = log->tile(log->user, level, e->size >> 8 * level >> 8, n, tile->hashes);
    if (r == 0 && level == 0 && tile->n != n)
        r = -SP_ETAMPERED;
    tile->n = n;
    return r == -SP_ENOTFOUND ? -SP_ETAMPERED : r;
}

/* The peak of height i is the root of 2^(i mod 8) hashes of the rightmost tile of level i / 8: those below the bits of the
 * tile's fill that stand higher. */
static void restore_peak(struct edge *e, unsigned i)
{
    const struct rightmost *tile = &e->tiles[i / 8];
    unsigned width = 1u << i % 8, start = tile->n & ~(2 * width - 1);
    uint8_t level[128][CRYPTO_HASH_LEN];
    memcpy(level, tile->hashes + (size_t)start * CRYPTO_HASH_LEN, (size_t)width * CRYPTO_HASH_LEN);
    for (; width > 1; width /= 2)
        for (unsigned k = 0; k < width / 2; k++)
            merkle_node_hash(level[2 * k], level[2 * k + 1], level[k]);
    memcpy(e->peaks[i], level[0], CRYPTO_HASH_LEN);
}

int audit_tree_new(const struct audit_log *log, uint64_t size, audit_tile_fn *put, void *put_user, struct audit_tree **ret)
{
    must(put && (log || size == 0));
    if (size >> (HEIGHTS - 1))
        return -SP_ELIMIT;
    struct audit_tree *tree = calloc(1, sizeof *tree);
    if (!tree)
        return -ENOMEM;
    *tree = (struct audit_tree){.now.size = size, .put = put, .put_user = put_user};
    for (unsigned l = 0; l < AUDIT_TILE_LEVELS; l++) {
        int r = restore_tile(&tree->now, l, log);
        if (r < 0) {
            audit_tree_free(tree);
            return r;
        }
    }
    for (unsigned i = 0; i < HEIGHTS; i++)
        if (size >> i & 1)
            restore_peak(&tree->now, i);
    audit_tree_snapshot(tree);
    *ret = tree;
    return 0;
}
