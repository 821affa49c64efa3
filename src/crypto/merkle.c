/* merkle: the two verification algorithms as RFC 9162 writes them down (`fn` and `sn` are its names), and the hashes. Holds:
 * a proof is accepted only if every byte of it was used. */
#include "crypto/merkle.h"

#include <gnutls/crypto.h>

#include "base/error.h"

/* A GnuTLS context that is kept for the thread: with the processor's SHA instructions a hash of a leaf or a node takes a fourth
 * of what libsodium takes, which is most of what verifying a log costs. What it leaves in memory is the log's, so public. */
static bool hash_kept(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    static _Thread_local gnutls_hash_hd_t kept;
    if (!kept && gnutls_hash_init(&kept, GNUTLS_DIG_SHA256) < 0) {
        kept = NULL;
        return false;
    }
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = parts[i].len == 0 || gnutls_hash(kept, parts[i].p, parts[i].len) >= 0;
    gnutls_hash_output(kept, ret); /* and begins anew */
    return ok;
}

static void hash(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    if (!hash_kept(parts, n, ret))
        crypto_sha256_parts(parts, n, ret);
}

void merkle_leaf_hash(struct slice data, uint8_t ret[CRYPTO_HASH_LEN])
{
    struct slice parts[] = {SLICE_LITERAL("\x00"), data};
    hash(parts, 2, ret);
}

void merkle_node_hash(const uint8_t left[CRYPTO_HASH_LEN], const uint8_t right[CRYPTO_HASH_LEN], uint8_t ret[CRYPTO_HASH_LEN])
{
    /* Joined: to hand three parts over takes longer than to copy them. */
    uint8_t joined[1 + 2 * CRYPTO_HASH_LEN] = {1};
    memcpy(joined + 1, left, CRYPTO_HASH_LEN);
    memcpy(joined + 1 + CRYPTO_HASH_LEN, right, CRYPTO_HASH_LEN);
    struct slice whole = slice_of(joined, sizeof joined);
    hash(&whole, 1, ret);
}

void merkle_empty_root(uint8_t ret[CRYPTO_HASH_LEN])
{
    crypto_sha256((struct slice){NULL, 0}, ret);
}

static bool proof_next(struct slice *proof, const uint8_t **ret)
{
    if (proof->len < CRYPTO_HASH_LEN)
        return false;
    *ret = proof->p;
    *proof = slice_of(proof->p + CRYPTO_HASH_LEN, proof->len - CRYPTO_HASH_LEN);
    return true;
}

static bool is_hash(const uint8_t *a, const uint8_t *b)
{
    return memcmp(a, b, CRYPTO_HASH_LEN) == 0; /* public values */
}

int merkle_verify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[CRYPTO_HASH_LEN], struct slice proof,
                            const uint8_t root[CRYPTO_HASH_LEN])
{
    if (index >= size || proof.len % CRYPTO_HASH_LEN)
        return -SP_ETAMPERED;
    uint64_t fn = index, sn = size - 1;
    uint8_t r[CRYPTO_HASH_LEN];
    const uint8_t *p;
    memcpy(r, leaf, sizeof r);
    while (proof_next(&proof, &p)) {
        if (sn == 0)
            return -SP_ETAMPERED;
        if ((fn & 1) || fn == sn) {
            merkle_node_hash(p, r, r);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node_hash(r, p, r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && is_hash(r, root) ? 0 : -SP_ETAMPERED;
}

int merkle_verify_consistency(uint64_t old_size, const uint8_t old_root[CRYPTO_HASH_LEN], uint64_t size,
                              const uint8_t root[CRYPTO_HASH_LEN], struct slice proof)
{
    if (old_size == 0 || old_size > size || proof.len % CRYPTO_HASH_LEN)
        return -SP_ETAMPERED;
    if (old_size == size)
        return proof.len == 0 && is_hash(old_root, root) ? 0 : -SP_ETAMPERED;
    uint64_t fn = old_size - 1, sn = size - 1;
    while (fn & 1) {
        fn >>= 1;
        sn >>= 1;
    }
    const uint8_t *p = old_root; /* a complete old tree is a node of the new one, so the proof leaves it out */
    if (fn != 0 && !proof_next(&proof, &p))
        return -SP_ETAMPERED;
    uint8_t fr[CRYPTO_HASH_LEN], sr[CRYPTO_HASH_LEN];
    memcpy(fr, p, sizeof fr);
    memcpy(sr, p, sizeof sr);
    while (proof_next(&proof, &p)) {
        if (sn == 0)
            return -SP_ETAMPERED;
        if ((fn & 1) || fn == sn) {
            merkle_node_hash(p, fr, fr);
            merkle_node_hash(p, sr, sr);
            while (!(fn & 1) && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            merkle_node_hash(sr, p, sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && is_hash(fr, old_root) && is_hash(sr, root) ? 0 : -SP_ETAMPERED;
}
