/* sign: Ed25519. libsodium's verification refuses non-canonical scalars and points of small order. */
#include <sodium.h>

#include "base/error.h"
#include "crypto/crypto.h"

void crypto_sign_public(const uint8_t seed[32], uint8_t ret_public[32])
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES];
    crypto_sign_seed_keypair(ret_public, secret_key, seed);
    sodium_memzero(secret_key, sizeof secret_key);
}

void crypto_sign_message(const uint8_t seed[32], struct slice message, uint8_t ret[CRYPTO_SIGNATURE_LEN])
{
    uint8_t secret_key[crypto_sign_SECRETKEYBYTES], public_key[crypto_sign_PUBLICKEYBYTES];
    crypto_sign_seed_keypair(public_key, secret_key, seed);
    crypto_sign_detached(ret, NULL, message.p, message.len, secret_key);
    sodium_memzero(secret_key, sizeof secret_key);
}

int crypto_sign_verify(const uint8_t public_key[32], struct slice message, const uint8_t signature[CRYPTO_SIGNATURE_LEN])
{
    return crypto_sign_verify_detached(signature, message.p, message.len, public_key) == 0 ? 0 : -SP_ETAMPERED;
}
