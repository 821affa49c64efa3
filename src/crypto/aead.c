/* aead: AES-256-GCM. Holds: nothing of a plaintext is appended before its tag is checked. The nonce is the caller's
 * business: a key that seals one blob only may use any. */
#include <errno.h>
#include <gnutls/crypto.h>

#include "base/error.h"
#include "crypto/crypto.h"

int crypto_aead_begin(struct crypto_aead *aead, const uint8_t key[CRYPTO_KEY_LEN])
{
    const gnutls_datum_t k = {(unsigned char *)(uintptr_t)key, CRYPTO_KEY_LEN};
    gnutls_aead_cipher_hd_t cipher;
    if (gnutls_aead_cipher_init(&cipher, GNUTLS_CIPHER_AES_256_GCM, &k) < 0)
        return -ENOMEM;
    aead->cipher = cipher;
    return 0;
}

void crypto_aead_end(struct crypto_aead *aead)
{
    if (aead->cipher)
        gnutls_aead_cipher_deinit(aead->cipher);
    aead->cipher = NULL;
}

int crypto_aead_seal_next(struct crypto_aead *aead, const uint8_t nonce[CRYPTO_NONCE_LEN], struct slice ad, struct slice plain,
                          struct buffer *ret)
{
    size_t start = ret->len, len = plain.len + CRYPTO_TAG_LEN;
    uint8_t *to;
    int r = buffer_extend(ret, len, &to);
    if (r < 0)
        return r;
    r = gnutls_aead_cipher_encrypt(aead->cipher, nonce, CRYPTO_NONCE_LEN, ad.p, ad.len, CRYPTO_TAG_LEN, plain.p, plain.len, to,
                                   &len);
    if (r == 0 && len == plain.len + CRYPTO_TAG_LEN)
        return 0;
    buffer_truncate(ret, start);
    return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -SP_EUNAVAILABLE;
}

int crypto_aead_seal(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN], struct slice ad,
                     struct slice plain, struct buffer *ret)
{
    _cleanup_(crypto_aead_end) struct crypto_aead aead = {0};
    int r = crypto_aead_begin(&aead, key);
    return r < 0 ? r : crypto_aead_seal_next(&aead, nonce, ad, plain, ret);
}

int crypto_aead_open(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN], struct slice ad,
                     struct slice sealed, struct buffer *ret)
{
    if (sealed.len < CRYPTO_TAG_LEN)
        return -SP_ETAMPERED;
    size_t start = ret->len, len = sealed.len - CRYPTO_TAG_LEN, got = len;
    _cleanup_(crypto_aead_end) struct crypto_aead aead = {0};
    uint8_t *to;
    int r = crypto_aead_begin(&aead, key);
    r = r < 0 ? r : buffer_extend(ret, len, &to);
    if (r < 0)
        return r;
    r = gnutls_aead_cipher_decrypt(aead.cipher, nonce, CRYPTO_NONCE_LEN, ad.p, ad.len, CRYPTO_TAG_LEN, sealed.p, sealed.len, to,
                                   &got);
    if (r == 0 && got == len)
        return 0;
    crypto_wipe(to, len); /* GnuTLS decrypts before it compares */
    buffer_truncate(ret, start);
    return r == GNUTLS_E_MEMORY_ERROR ? -ENOMEM : -SP_ETAMPERED;
}
