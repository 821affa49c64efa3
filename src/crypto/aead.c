/* aead: AES-256-GCM. Holds: nothing of a plaintext is appended before its tag is checked. The nonce is the caller's
 * business: a key that seals one blob only may use any. */
#include <errno.h>
#include <gnutls/crypto.h>

#include "base/error.h"
#include "crypto/crypto.h"

static int open_cipher(const uint8_t key[CRYPTO_KEY_LEN], gnutls_aead_cipher_hd_t *ret)
{
    const gnutls_datum_t k = {(unsigned char *)(uintptr_t)key, CRYPTO_KEY_LEN};
    return gnutls_aead_cipher_init(ret, GNUTLS_CIPHER_AES_256_GCM, &k) < 0 ? -ENOMEM : 0;
}

int crypto_aead_seal(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN], struct slice ad,
                     struct slice plain, struct buffer *ret)
{
    size_t start = ret->len, len = plain.len + CRYPTO_TAG_LEN;
    uint8_t *to;
    int r = buffer_extend(ret, len, &to);
    if (r < 0)
        return r;
    gnutls_aead_cipher_hd_t cipher;
    r = open_cipher(key, &cipher);
    if (r == 0) {
        r = gnutls_aead_cipher_encrypt(cipher, nonce, CRYPTO_NONCE_LEN, ad.p, ad.len, CRYPTO_TAG_LEN, plain.p, plain.len, to,
                                       &len);
        gnutls_aead_cipher_deinit(cipher);
        if (r < 0 || len != plain.len + CRYPTO_TAG_LEN)
            r = -SP_EUNAVAILABLE;
    }
    if (r < 0)
        buffer_truncate(ret, start);
    return r;
}

int crypto_aead_open(const uint8_t key[CRYPTO_KEY_LEN], const uint8_t nonce[CRYPTO_NONCE_LEN], struct slice ad,
                     struct slice sealed, struct buffer *ret)
{
    if (sealed.len < CRYPTO_TAG_LEN)
        return -SP_ETAMPERED;
    size_t start = ret->len, len = sealed.len - CRYPTO_TAG_LEN, got = len;
    uint8_t *to;
    int r = buffer_extend(ret, len, &to);
    if (r < 0)
        return r;
    gnutls_aead_cipher_hd_t cipher;
    r = open_cipher(key, &cipher);
    if (r == 0) {
        r = gnutls_aead_cipher_decrypt(cipher, nonce, CRYPTO_NONCE_LEN, ad.p, ad.len, CRYPTO_TAG_LEN, sealed.p, sealed.len, to,
                                       &got);
        gnutls_aead_cipher_deinit(cipher);
        if (r < 0 || got != len)
            r = -SP_ETAMPERED;
    }
    if (r < 0) {
        crypto_wipe(to, len); /* GnuTLS decrypts before it compares */
        buffer_truncate(ret, start);
    }
    return r;
}
