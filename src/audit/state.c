/* state: digests of rows for their leaves. The number before each field's bytes keeps two rows from having one digest. */
#include "audit/state.h"

static void le64(uint64_t n, uint8_t ret[8])
{
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(n >> 8 * i);
}

/* SHA-256 of "sallyport/NAME/1", then each part with its length in 8 bytes, little-endian, before it. */
static void digest(const char *name, const struct slice *parts, size_t n, uint8_t ret[CRYPTO_HASH_LEN])
{
    uint8_t lengths[8][8];
    struct slice all[17] = {slice_text(name)};
    for (size_t i = 0; i < n; i++) {
        le64(parts[i].len, lengths[i]);
        all[1 + 2 * i] = slice_of(lengths[i], 8);
        all[2 + 2 * i] = parts[i];
    }
    crypto_sha256_parts(all, 1 + 2 * n, ret);
}

void audit_digest_credential(struct slice ns, struct slice name, uint64_t version, unsigned kind, struct slice policy,
                             struct slice wrapped, uint8_t ret[CRYPTO_HASH_LEN])
{
    uint8_t version_bytes[8], kind_bytes[8];
    le64(version, version_bytes);
    le64(kind, kind_bytes);
    const struct slice parts[] = {ns, name, slice_of(version_bytes, 8), slice_of(kind_bytes, 8), policy, wrapped};
    digest("sallyport/credential/1", parts, 6, ret);
}

void audit_digest_principal(struct slice name, struct slice role, int64_t expires_ms,
                            const uint8_t token_hash[CRYPTO_HASH_LEN], uint8_t ret[CRYPTO_HASH_LEN])
{
    uint8_t expires[8];
    le64((uint64_t)expires_ms, expires);
    const struct slice parts[] = {name, role, slice_of(expires, 8), slice_of(token_hash, CRYPTO_HASH_LEN)};
    digest("sallyport/principal/1", parts, 4, ret);
}
