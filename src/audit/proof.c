/* proof: inclusion and consistency proofs (RFC 6962, 2.1.1 and 2.1.2) from stored tiles and leaves. Pure but for the reads;
 * what it reads may be wrong, and then the proof does not verify: who relies on one verifies it (crypto/merkle.h). */
#include <errno.h>

#include "audit/tree.h"
#include "base/error.h"
#include "crypto/merkle.h"

struct reader {
    const struct audit_log *log;
    uint64_t size;
    unsigned n; /* leaves that were hashed into `hashes` */
    uint8_t hashes[AUDIT_TILE_LEN];
};

struct path {
    unsigned n;
    uint8_t hashes[AUDIT_PROOF_MAX][CRYPTO_HASH_LEN];
};

static int hash_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct reader *r = user;
    if (r->n == AUDIT_TILE_WIDTH)
        return -SP_ETAMPERED;
    merkle_leaf_hash(leaf, r->hashes + (size_t)r->n++ * CRYPTO_HASH_LEN);
    return 0;
}

/* `n` hashes of a level from `start` on, all in one tile, at the front of r->hashes. */
static int read_hashes(struct reader *r, unsigned level, uint64_t start, unsigned n)
{
    uint64_t tile = start / AUDIT_TILE_WIDTH;
    unsigned offset = (unsigned)(start % AUDIT_TILE_WIDTH);
    if (level == 0 && (tile + 1) * AUDIT_TILE_WIDTH > r->size) {
        r->n = 0;
        int e = r->log->leaves(r->log->user, start, start + n, hash_leaf, r);
        return e < 0 ? e : r->n == n ? 0 : -SP_ETAMPERED;
    }
    int e = r->log->tile(r->log->user, level, tile, offset + n, r->hashes);
    if (e == 0 && offset > 0)
        memmove(r->hashes, r->hashes + (size_t)offset * CRYPTO_HASH_LEN, (size_t)n * CRYPTO_HASH_LEN);
    return e == -SP_ENOTFOUND ? -SP_ETAMPERED : e;
}

/* The root of the perfect subtree number `index` of height `height`. */
static int node(struct reader *r, unsigned height, uint64_t index, uint8_t ret[CRYPTO_HASH_LEN])
{
    unsigned width = 1u << height % 8;
    int e = read_hashes(r, height / 8, index << height % 8, width);
    if (e < 0)
        return e;
    for (; width > 1; width /= 2)
        for (size_t k = 0; k < width / 2; k++)
            merkle_node_hash(r->hashes + 2 * k * CRYPTO_HASH_LEN, r->hashes + (2 * k + 1) * CRYPTO_HASH_LEN,
                             r->hashes + k * CRYPTO_HASH_LEN);
    memcpy(ret, r->hashes, CRYPTO_HASH_LEN);
    return 0;
}

/* The hash of the leaves from <= index < to; `from` is a multiple of the power of two that is not below their number. */
static int range(struct reader *r, uint64_t from, uint64_t to, uint8_t ret[CRYPTO_HASH_LEN])
{
    struct path peaks = {};
    for (unsigned h = 63; h-- > 0;) {
        if (!((to - from) >> h & 1))
            continue;
        int e = node(r, h, from >> h, peaks.hashes[peaks.n++]);
        if (e < 0)
            return e;
        from += 1ull << h;
    }
    memcpy(ret, peaks.hashes[--peaks.n], CRYPTO_HASH_LEN);
    while (peaks.n > 0)
        merkle_node_hash(peaks.hashes[--peaks.n], ret, ret);
    return 0;
}

/* The largest power of two below n (n > 1). */
static uint64_t split(uint64_t n)
{
    return 1ull << (63 - __builtin_clzll(n - 1));
}

static int reader_new(const struct audit_log *log, uint64_t size, struct reader **ret)
{
    struct reader *r = malloc(sizeof *r);
    if (!r)
        return -ENOMEM;
    r->log = log;
    r->size = size;
    *ret = r;
    return 0;
}

/* Paths are collected from the root down; proofs are written from the leaf up. */
static int put_path(const struct path *path, struct buffer *ret)
{
    for (unsigned i = path->n; i > 0; i--)
        (void)buffer_append(ret, path->hashes[i - 1], CRYPTO_HASH_LEN);
    return buffer_error(ret);
}

int audit_proof_inclusion(const struct audit_log *log, uint64_t size, uint64_t index, struct buffer *ret)
{
    if (index >= size || size >> 62)
        return -SP_EINVALID;
    _cleanup_free_ struct reader *r = NULL;
    int e = reader_new(log, size, &r);
    struct path path = {};
    uint64_t from = 0, to = size;
    while (e == 0 && to - from > 1) {
        uint64_t middle = from + split(to - from);
        if (index < middle) {
            e = range(r, middle, to, path.hashes[path.n++]);
            to = middle;
        } else {
            e = range(r, from, middle, path.hashes[path.n++]);
            from = middle;
        }
    }
    return e < 0 ? e : put_path(&path, ret);
}

int audit_proof_consistency(const struct audit_log *log, uint64_t size, uint64_t old_size, struct buffer *ret)
{
    if (old_size > size || size >> 62)
        return -SP_EINVALID;
    if (old_size == 0 || old_size == size)
        return 0;
    _cleanup_free_ struct reader *r = NULL;
    int e = reader_new(log, size, &r);
    struct path path = {};
    uint64_t from = 0, to = size;
    while (e == 0 && to != old_size) {
        uint64_t middle = from + split(to - from);
        if (old_size <= middle) {
            e = range(r, middle, to, path.hashes[path.n++]);
            to = middle;
        } else {
            e = range(r, from, middle, path.hashes[path.n++]);
            from = middle;
        }
    }
    /* The old tree's own root is known to the verifier, unless what is left is only its right part. */
    if (e == 0 && from > 0)
        e = range(r, from, to, path.hashes[path.n++]);
    return e < 0 ? e : put_path(&path, ret);
}

int audit_proof_root(const struct audit_log *log, uint64_t size, uint8_t ret[CRYPTO_HASH_LEN])
{
    if (size >> 62)
        return -SP_EINVALID;
    if (size == 0) {
        merkle_empty_root(ret);
        return 0;
    }
    _cleanup_free_ struct reader *r = NULL;
    int e = reader_new(log, size, &r);
    return e < 0 ? e : range(r, 0, size, ret);
}
