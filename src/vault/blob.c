/* blob: version (1) · kind (1) · key id (8) · salt (16) · AES-256-GCM ciphertext and tag. The key of each blob is
 * HKDF(wrapping key of the kind, salt, "sallyport 1 blob"): it seals once, so the nonce is zero and cannot repeat. The
 * associated data are the header and what the caller gives. */
#include "vault/blob.h"

#include <errno.h>

#include "base/error.h"
#include "base/id.h"
#include "base/limits.h"
#include "base/must.h"
#include "wire/codec.h"

#define VERSION  1
#define SALT_LEN 16
#define AD_MAX   1024

static const uint8_t nonce_zero[CRYPTO_NONCE_LEN];

static void blob_key(const struct vault_keys *keys, enum blob_kind kind, const uint8_t salt[SALT_LEN],
                     uint8_t ret[CRYPTO_KEY_LEN])
{
    const uint8_t *wrapping = kind == BLOB_CREDENTIAL ? keys->credential_wrapping : keys->namespace_wrapping;
    crypto_hkdf_sha256(wrapping, slice_of(salt, SALT_LEN), SLICE_LITERAL("sallyport 1 blob"), ret, CRYPTO_KEY_LEN);
}

int blob_seal(const struct vault_keys *keys, enum blob_kind kind, struct slice ad, struct slice plain, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer whole_ad = BUFFER_MAX(AD_MAX);
    uint8_t salt[SALT_LEN], key[CRYPTO_KEY_LEN];
    size_t start = ret->len;
    random_bytes(salt, sizeof salt);
    buffer_append_byte(&whole_ad, VERSION);
    buffer_append_byte(&whole_ad, (uint8_t)kind);
    buffer_append(&whole_ad, keys->id, sizeof keys->id);
    buffer_append(&whole_ad, salt, sizeof salt);
    int r = buffer_append_slice(ret, buffer_slice(&whole_ad));
    if (r == 0)
        r = buffer_append_slice(&whole_ad, ad);
    if (r == 0) {
        blob_key(keys, kind, salt, key);
        r = crypto_aead_seal(key, nonce_zero, buffer_slice(&whole_ad), plain, ret);
        crypto_wipe(key, sizeof key);
    }
    if (r < 0 && ret->len > start)
        buffer_truncate(ret, start);
    return r;
}

int blob_open(const struct vault_keys *keys, enum blob_kind kind, struct slice ad, struct slice blob, struct buffer *ret)
{
    if (blob.len < BLOB_EXTRA)
        return -SP_ETAMPERED;
    if (blob.p[0] != VERSION)
        return -SP_EFORMAT;
    if (blob.p[1] != kind)
        return -SP_ETAMPERED;
    if (memcmp(blob.p + 2, keys->id, sizeof keys->id) != 0)
        return -SP_EKEY;
    _cleanup_buffer_ struct buffer whole_ad = BUFFER_MAX(AD_MAX);
    buffer_append(&whole_ad, blob.p, BLOB_HEADER_LEN);
    int r = buffer_append_slice(&whole_ad, ad);
    if (r < 0)
        return r;
    uint8_t key[CRYPTO_KEY_LEN];
    blob_key(keys, kind, blob.p + BLOB_HEADER_LEN - SALT_LEN, key);
    r = crypto_aead_open(key, nonce_zero, buffer_slice(&whole_ad),
                         slice_of(blob.p + BLOB_HEADER_LEN, blob.len - BLOB_HEADER_LEN), ret);
    crypto_wipe(key, sizeof key);
    return r;
}

int namespace_key_create(const struct vault_keys *keys, struct slice ns, struct buffer *ret_wrapped,
                         uint8_t ret_key[CRYPTO_KEY_LEN])
{
    if (!name_is_dsl(ns))
        return -SP_EINVALID;
    uint8_t key[CRYPTO_KEY_LEN];
    random_bytes(key, sizeof key);
    int r = blob_seal(keys, BLOB_NAMESPACE_KEY, ns, slice_of(key, sizeof key), ret_wrapped);
    if (r == 0)
        memcpy(ret_key, key, sizeof key);
    crypto_wipe(key, sizeof key);
    return r;
}

int namespace_key_open(const struct vault_keys *keys, struct slice ns, struct slice wrapped, uint8_t ret_key[CRYPTO_KEY_LEN])
{
    if (!name_is_dsl(ns))
        return -SP_EINVALID;
    if (wrapped.len != BLOB_EXTRA + CRYPTO_KEY_LEN)
        return -SP_ETAMPERED;
    _cleanup_buffer_ struct buffer key = {.max = CRYPTO_KEY_LEN, .secret = true};
    int r = blob_open(keys, BLOB_NAMESPACE_KEY, ns, wrapped, &key);
    if (r < 0)
        return r;
    must(key.len == CRYPTO_KEY_LEN);
    memcpy(ret_key, key.p, CRYPTO_KEY_LEN);
    return 0;
}
