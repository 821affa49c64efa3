/* box: sealed boxes. Whoever has the public key seals; only the vault, which has the seed, opens. */
#include <sodium.h>

#include "base/error.h"
#include "crypto/crypto.h"

_Static_assert(crypto_box_SEALBYTES == CRYPTO_SEALEDBOX_EXTRA);

void crypto_sealedbox_public(const uint8_t seed[32], uint8_t ret_public[32])
{
    uint8_t secret_key[crypto_box_SECRETKEYBYTES];
    crypto_box_seed_keypair(ret_public, secret_key, seed);
    sodium_memzero(secret_key, sizeof secret_key);
}

int crypto_sealedbox_seal(const uint8_t public_key[32], struct slice plain, struct buffer *ret)
{
    size_t start = ret->len;
    uint8_t *to;
    int r = buffer_extend(ret, plain.len + CRYPTO_SEALEDBOX_EXTRA, &to);
    if (r < 0)
        return r;
    if (crypto_box_seal(to, plain.p, plain.len, public_key) != 0) {
        buffer_truncate(ret, start);
        return -SP_EKEY; /* a public key of small order */
    }
    return 0;
}

int crypto_sealedbox_open(const uint8_t seed[32], struct slice sealed, struct buffer *ret)
{
    if (sealed.len < CRYPTO_SEALEDBOX_EXTRA)
        return -SP_ETAMPERED;
    size_t start = ret->len;
    uint8_t *to;
    int r = buffer_extend(ret, sealed.len - CRYPTO_SEALEDBOX_EXTRA, &to);
    if (r < 0)
        return r;
    uint8_t public_key[crypto_box_PUBLICKEYBYTES], secret_key[crypto_box_SECRETKEYBYTES];
    crypto_box_seed_keypair(public_key, secret_key, seed);
    r = crypto_box_seal_open(to, sealed.p, sealed.len, public_key, secret_key) == 0 ? 0 : -SP_ETAMPERED;
    sodium_memzero(secret_key, sizeof secret_key);
    if (r < 0)
        buffer_truncate(ret, start);
    return r;
}
