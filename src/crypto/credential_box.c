/* credential_box: seals and opens credentials with their purpose. Called by the command and by the vault. */
#include "crypto/credential_box.h"

#include "base/error.h"
#include "base/limits.h"

#define DOMAIN "sallyport/credential-box/1"

static void purpose_hash(const struct credential_purpose *purpose, uint8_t ret[CRYPTO_HASH_LEN])
{
    const struct slice fields[] = {purpose->ns, purpose->name, purpose->kind, purpose->policy};
    uint8_t lengths[4][4];
    struct slice parts[9] = {slice_of(DOMAIN, sizeof DOMAIN)};
    for (size_t i = 0; i < 4; i++) {
        for (size_t b = 0; b < 4; b++)
            lengths[i][b] = (uint8_t)(fields[i].len >> 8 * b);
        parts[1 + 2 * i] = slice_of(lengths[i], 4);
        parts[2 + 2 * i] = fields[i];
    }
    crypto_sha256_parts(parts, 9, ret);
}

int credential_box_seal(const uint8_t public_key[32], const struct credential_purpose *purpose, struct slice value,
                        struct buffer *ret)
{
    _cleanup_buffer_ struct buffer plain = {.max = LIMIT_CREDENTIAL + CRYPTO_HASH_LEN, .secret = true};
    uint8_t hash[CRYPTO_HASH_LEN];
    purpose_hash(purpose, hash);
    (void)buffer_append(&plain, hash, sizeof hash);
    int r = buffer_append_slice(&plain, value);
    return r < 0 ? r : crypto_sealedbox_seal(public_key, buffer_slice(&plain), ret);
}

int credential_box_open(const uint8_t seed[32], const struct credential_purpose *purpose, struct slice box, struct buffer *ret)
{
    _cleanup_buffer_ struct buffer plain = {.max = LIMIT_CREDENTIAL + CRYPTO_HASH_LEN, .secret = true};
    uint8_t hash[CRYPTO_HASH_LEN];
    int r = crypto_sealedbox_open(seed, box, &plain);
    if (r < 0)
        return r;
    purpose_hash(purpose, hash);
    if (plain.len < sizeof hash || !crypto_equal(slice_of(plain.p, sizeof hash), slice_of(hash, sizeof hash)))
        return -SP_EINVALID;
    return buffer_append(ret, plain.p + sizeof hash, plain.len - sizeof hash);
}
