/* seal: payloads under a key of their run. Layout of a blob: u8 version (1), 8 random bytes, ciphertext, 16 bytes of tag.
 * Nonce (12): the random bytes, u8 column, u24 sequence number. Associated data (24): "sallyport/1", u8 column,
 * u64 run, u32 sequence number; little-endian. Called by the engine for each payload that it writes or reads. */
#include "store/seal.h"

#include "base/error.h"
#include "base/must.h"

#define VERSION    1
#define RANDOM_LEN 8
#define AD_LEN     (11 + 1 + 8 + 4)

static void le(uint64_t value, size_t len, uint8_t *to)
{
    for (size_t i = 0; i < len; i++)
        to[i] = (uint8_t)(value >> 8 * i);
}

void seal_key_derive(const uint8_t namespace_key[CRYPTO_KEY_LEN], struct run_id run, struct seal_key *ret)
{
    static const char label[] = "sallyport/payload/1";
    uint8_t info[sizeof label - 1 + 8];
    memcpy(info, label, sizeof label - 1);
    le(run.n, 8, info + sizeof label - 1);
    crypto_hkdf_sha256(namespace_key, (struct slice){}, slice_of(info, sizeof info), ret->bytes, sizeof ret->bytes);
    ret->run = run;
}

void seal_key_wipe(struct seal_key *key)
{
    crypto_wipe(key, sizeof *key);
}

void seal_run_random(const struct seal_key *key, uint8_t ret_nonce[16], uint8_t ret_seed[32])
{
    uint8_t both[48];
    crypto_hkdf_sha256(key->bytes, (struct slice){}, SLICE_LITERAL("sallyport/run-random/1"), both, sizeof both);
    memcpy(ret_nonce, both, 16);
    memcpy(ret_seed, both + 16, 32);
    crypto_wipe(both, sizeof both);
}

static void make_nonce(const uint8_t random[RANDOM_LEN], enum seal_column column, uint32_t seq,
                       uint8_t ret[CRYPTO_NONCE_LEN])
{
    memcpy(ret, random, RANDOM_LEN);
    ret[8] = (uint8_t)column;
    le(seq, 3, ret + 9);
}

static void make_ad(const struct seal_key *key, enum seal_column column, uint32_t seq, uint8_t ret[AD_LEN])
{
    memcpy(ret, "sallyport/1", 11);
    ret[11] = (uint8_t)column;
    le(key->run.n, 8, ret + 12);
    le(seq, 4, ret + 20);
}

int sealer_begin(struct sealer *sealer, const struct seal_key *key)
{
    sealer->key = *key;
    return crypto_aead_begin(&sealer->aead, key->bytes);
}

void sealer_end(struct sealer *sealer)
{
    crypto_aead_end(&sealer->aead);
    seal_key_wipe(&sealer->key);
}

int sealer_blob(struct sealer *sealer, enum seal_column column, uint32_t seq, struct slice plain, struct buffer *ret)
{
    uint8_t head[1 + RANDOM_LEN] = {VERSION}, nonce[CRYPTO_NONCE_LEN], ad[AD_LEN];
    must(seq < 1u << 24); /* of the nonce; LIMIT_EFFECTS and LIMIT_TRACE are far below */
    size_t start = ret->len;
    random_bytes(head + 1, RANDOM_LEN);
    make_nonce(head + 1, column, seq, nonce);
    make_ad(&sealer->key, column, seq, ad);
    int r = buffer_append(ret, head, sizeof head);
    if (r == 0)
        r = crypto_aead_seal_next(&sealer->aead, nonce, slice_of(ad, sizeof ad), plain, ret);
    if (r < 0)
        buffer_truncate(ret, start);
    return r;
}

int seal_blob(const struct seal_key *key, enum seal_column column, uint32_t seq, struct slice plain, struct buffer *ret)
{
    _cleanup_(sealer_end) struct sealer sealer = {0};
    int r = sealer_begin(&sealer, key);
    return r < 0 ? r : sealer_blob(&sealer, column, seq, plain, ret);
}

int seal_open(const struct seal_key *key, enum seal_column column, uint32_t seq, struct slice sealed, struct buffer *ret)
{
    uint8_t nonce[CRYPTO_NONCE_LEN], ad[AD_LEN];
    if (sealed.len < SEAL_OVERHEAD)
        return -SP_ETAMPERED;
    if (sealed.p[0] != VERSION)
        return -SP_EFORMAT;
    make_nonce(sealed.p + 1, column, seq, nonce);
    make_ad(key, column, seq, ad);
    return crypto_aead_open(key->bytes, nonce, slice_of(ad, sizeof ad),
                            slice_of(sealed.p + 1 + RANDOM_LEN, sealed.len - 1 - RANDOM_LEN), ret);
}
