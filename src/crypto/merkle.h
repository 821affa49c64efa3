/* The Merkle tree of RFC 6962 (and 9162, section 2.1) over SHA-256: hashes and proofs, pure. A proof is its 32-byte hashes
 * one after the other, as RFC 9162, 2.1.3.1 and 2.1.4.1, order them. Shared by the vault (which signs only what continues)
 * and the audit log (which makes and checks). */
#ifndef CRYPTO_MERKLE_H
#define CRYPTO_MERKLE_H

#include "crypto/crypto.h"

#define MERKLE_PROOF_MAX (64 * CRYPTO_HASH_LEN) /* the longest consistency proof, of 2^63 leaves */

/* Hash of a leaf's data (prefix 0x00), of two subtrees (prefix 0x01), and the root of the empty tree. */
void merkle_leaf_hash(struct slice data, uint8_t ret[CRYPTO_HASH_LEN]);
void merkle_node_hash(const uint8_t left[CRYPTO_HASH_LEN], const uint8_t right[CRYPTO_HASH_LEN], uint8_t ret[CRYPTO_HASH_LEN]);
void merkle_empty_root(uint8_t ret[CRYPTO_HASH_LEN]);

/* Whether the leaf at `index` is in the tree of `size` leaves under `root` (RFC 9162, 2.1.3.2): 0 or -SP_ETAMPERED. */
[[gnu::warn_unused_result]] int merkle_verify_inclusion(uint64_t index, uint64_t size, const uint8_t leaf[CRYPTO_HASH_LEN],
                                                        struct slice proof, const uint8_t root[CRYPTO_HASH_LEN]);

/* Whether the tree of `size` continues that of `old_size` (RFC 9162, 2.1.4.2): 0 or -SP_ETAMPERED. Both sizes are at least
 * 1: every tree continues the empty one, which needs no proof and is the caller's case. Equal sizes need equal roots and an
 * empty proof. */
[[gnu::warn_unused_result]] int merkle_verify_consistency(uint64_t old_size, const uint8_t old_root[CRYPTO_HASH_LEN],
                                                          uint64_t size, const uint8_t root[CRYPTO_HASH_LEN],
                                                          struct slice proof);

#endif
