/* kdf: keys from keys (HKDF) and keys from passphrases (Argon2id). Callers keep `info` distinct for each purpose. */
#include <errno.h>
#include <gnutls/crypto.h>
#include <sodium.h>

#include "base/must.h"
#include "crypto/crypto.h"

void crypto_hkdf_sha256(const uint8_t key[CRYPTO_KEY_LEN], struct slice salt, struct slice info, uint8_t *ret, size_t len)
{
    must(len > 0 && len <= 255 * CRYPTO_HASH_LEN);
    uint8_t prk[CRYPTO_HASH_LEN];
    crypto_hmac_sha256(salt, &(struct slice){key, CRYPTO_KEY_LEN}, 1, prk); /* extract is HMAC with the salt as its key */
    gnutls_datum_t k = {prk, sizeof prk};
    gnutls_datum_t i = {(unsigned char *)(uintptr_t)info.p, (unsigned)info.len};
    int r = gnutls_hkdf_expand(GNUTLS_MAC_SHA256, &k, &i, ret, len);
    sodium_memzero(prk, sizeof prk);
    must(r >= 0); /* fails for a bad length or an unknown hash alone, and the length is checked above */
}

int crypto_argon2id(struct slice passphrase, const uint8_t salt[16], uint8_t ret[CRYPTO_KEY_LEN])
{
    _Static_assert(crypto_pwhash_SALTBYTES == 16);
    int r = crypto_pwhash(ret, CRYPTO_KEY_LEN, (const char *)passphrase.p, passphrase.len, salt,
                          crypto_pwhash_OPSLIMIT_MODERATE, crypto_pwhash_MEMLIMIT_MODERATE, crypto_pwhash_ALG_ARGON2ID13);
    return r == 0 ? 0 : -ENOMEM;
}
