/* Thin typed wrappers over GnuTLS (AES-256-GCM, HKDF, HMAC) and libsodium (SHA-256, Ed25519, sealed boxes, Argon2id).
 * Keys are plain 32-byte arrays here; who keeps one for longer than a call keeps it in a `struct secret` (crypto/secret.h).
 * All functions that can fail return 0 or a negative code of base/error.h. `crypto_init` comes first. */
#ifndef CRYPTO_CRYPTO_H
#define CRYPTO_CRYPTO_H

#include "base/buffer.h"

#define CRYPTO_KEY_LEN       32
#define CRYPTO_HASH_LEN      32
#define CRYPTO_SIGNATURE_LEN 64
#define CRYPTO_NONCE_LEN     12
#define CRYPTO_TAG_LEN       16
#define CRYPTO_SEALEDBOX_EXTRA 48 /* bytes that a sealed box is longer than what it holds */

/* Initialises both libraries; call once, before a role locks down. */
[[gnu::warn_unused_result]] int crypto_init(void);

/* SHA-256 (FIPS 180-4) of the parts one after the other. */
void crypto_sha256(struct slice data, uint8_t ret[CRYPTO_HASH_LEN]);
void crypto_sha256_parts(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN]);

/* HMAC-SHA-256 (RFC 2104) of the parts one after the other; any key length. */
void crypto_hmac_sha256(struct slice key, const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN]);

/* HKDF-SHA-256 (RFC 5869) with an empty salt allowed; `len` at most 255 * 32. */
void crypto_hkdf_sha256(const uint8_t key[CRYPTO_KEY_LEN], struct slice salt, struct slice info, uint8_t *ret, size_t len);

/* AES-256-GCM (NIST SP 800-38D). Seal appends ciphertext and tag; open appends the plaintext, or nothing and -SP_ETAMPERED. */
[[gnu::warn_unused_result]] int crypto_aead_seal(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN],
                                                 struct slice ad, struct slice plain, struct buffer *ret);
[[gnu::warn_unused_result]] int crypto_aead_open(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN],
                                                 struct slice ad, struct slice sealed, struct buffer *ret);

/* The same under a key that is made ready once, for many blobs. `end` wipes it; begun with {0}. */
struct crypto_aead {
    void *cipher;
};
[[gnu::warn_unused_result]] int crypto_aead_begin(struct crypto_aead *aead, const uint8_t key[CRYPTO_KEY_LEN]);
[[gnu::warn_unused_result]] int crypto_aead_seal_next(struct crypto_aead *aead, const uint8_t nonce[CRYPTO_NONCE_LEN],
                                                      struct slice ad, struct slice plain, struct buffer *ret);
void crypto_aead_end(struct crypto_aead *aead);

/* Ed25519 (RFC 8032) from a 32-byte seed. Verify is strict: 0 or -SP_ETAMPERED. */
void crypto_sign_public(const uint8_t seed[32], uint8_t ret_public[32]);
void crypto_sign_message(const uint8_t seed[32], struct slice message, uint8_t ret[CRYPTO_SIGNATURE_LEN]);
[[gnu::warn_unused_result]] int crypto_sign_verify(const uint8_t public_key[32], struct slice message,
                                                   const uint8_t signature[CRYPTO_SIGNATURE_LEN]);

/* X25519 sealed boxes (libsodium's crypto_box_seal): anyone seals to a public key, the holder of the seed opens. Open gives
 * -SP_ETAMPERED for a box that is not to this key. The names differ from libsodium's, which would be interposed. */
void crypto_sealedbox_public(const uint8_t seed[32], uint8_t ret_public[32]);
[[gnu::warn_unused_result]] int crypto_sealedbox_seal(const uint8_t public_key[32], struct slice plain, struct buffer *ret);
[[gnu::warn_unused_result]] int crypto_sealedbox_open(const uint8_t seed[32], struct slice sealed, struct buffer *ret);

/* Argon2id (RFC 9106) with libsodium's moderate cost. */
[[gnu::warn_unused_result]] int crypto_argon2id(struct slice passphrase, const uint8_t salt[16], uint8_t ret[CRYPTO_KEY_LEN]);

/* Equality in constant time for equal lengths. */
bool crypto_equal(struct slice a, struct slice b);

/* Overwrites memory in a way that the compiler keeps. */
void crypto_wipe(void *p, size_t len);

#endif
