/* Sealed blobs: what the vault gives the engine to keep (docs/formats/sealed-blob.md). Each is bound to the root key, to its
 * kind and to the place that its associated data names, so that it opens nowhere else. */
#ifndef VAULT_BLOB_H
#define VAULT_BLOB_H

#include "vault/keys.h"

enum blob_kind {
    BLOB_NAMESPACE_KEY = 1,
    BLOB_CREDENTIAL = 2,
};

#define BLOB_HEADER_LEN 26                                  /* version, kind, key id, salt */
#define BLOB_EXTRA      (BLOB_HEADER_LEN + CRYPTO_TAG_LEN)  /* bytes that a blob is longer than its content */

/* Appends the blob. */
[[gnu::warn_unused_result]] int blob_seal(const struct vault_keys *keys, enum blob_kind kind, struct slice ad,
                                          struct slice plain, struct buffer *ret);

/* Appends the content to `ret`, a secret buffer. -SP_EFORMAT: of another version; -SP_EKEY: sealed under another root key;
 * -SP_ETAMPERED: altered, or not from this place. */
[[gnu::warn_unused_result]] int blob_open(const struct vault_keys *keys, enum blob_kind kind, struct slice ad,
                                          struct slice blob, struct buffer *ret);

/* A namespace's data key, bound to the namespace's name: a new one, or the one that `wrapped` holds. */
[[gnu::warn_unused_result]] int namespace_key_create(const struct vault_keys *keys, struct slice ns, struct buffer *ret_wrapped,
                                                     uint8_t ret_key[CRYPTO_KEY_LEN]);
[[gnu::warn_unused_result]] int namespace_key_open(const struct vault_keys *keys, struct slice ns, struct slice wrapped,
                                                   uint8_t ret_key[CRYPTO_KEY_LEN]);

#endif
