/* hash: SHA-256 and HMAC-SHA-256 over parts, so that no caller has to join them first. Streaming libsodium allocates
 * nothing and cannot fail, and is the quicker one for the short inputs of leaves and keys; a large body goes to GnuTLS,
 * which uses the processor's SHA instructions. */
#include <gnutls/crypto.h>
#include <sodium.h>

#include "crypto/crypto.h"

#define LARGE 4096 /* from here on the cost of a GnuTLS context is less than what it saves */

static size_t total(const struct slice *parts, size_t n)
{
    size_t len = 0;
    for (size_t i = 0; i < n; i++)
        len += parts[i].len;
    return len;
}

/* False when GnuTLS cannot (no memory): the caller then takes the way that cannot fail. */
static bool sha256_large(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    gnutls_hash_hd_t h;
    if (gnutls_hash_init(&h, GNUTLS_DIG_SHA256) < 0)
        return false;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = parts[i].len == 0 || gnutls_hash(h, parts[i].p, parts[i].len) >= 0;
    gnutls_hash_deinit(h, ok ? ret : NULL);
    return ok;
}

static bool hmac_large(struct slice key, const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    gnutls_hmac_hd_t h;
    if (gnutls_hmac_init(&h, GNUTLS_MAC_SHA256, key.p, key.len) < 0)
        return false;
    bool ok = true;
    for (size_t i = 0; i < n && ok; i++)
        ok = parts[i].len == 0 || gnutls_hmac(h, parts[i].p, parts[i].len) >= 0;
    gnutls_hmac_deinit(h, ok ? ret : NULL);
    return ok;
}

void crypto_sha256(struct slice data, uint8_t ret[CRYPTO_HASH_LEN])
{
    crypto_sha256_parts(&data, 1, ret);
}

void crypto_sha256_parts(const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    if (total(parts, n) >= LARGE && sha256_large(parts, n, ret))
        return;
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < n; i++)
        if (parts[i].len) /* libsodium's declarations want no NULL */
            crypto_hash_sha256_update(&state, parts[i].p, parts[i].len);
    crypto_hash_sha256_final(&state, ret);
}

void crypto_hmac_sha256(struct slice key, const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    if (key.len > 0 && total(parts, n) >= LARGE && hmac_large(key, parts, n, ret))
        return;
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, key.len ? key.p : (const uint8_t *)"", key.len);
    for (size_t i = 0; i < n; i++)
        if (parts[i].len)
            crypto_auth_hmacsha256_update(&state, parts[i].p, parts[i].len);
    crypto_auth_hmacsha256_final(&state, ret);
    sodium_memzero(&state, sizeof state);
}
