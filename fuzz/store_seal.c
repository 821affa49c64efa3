/* Sealed payloads in a database that somebody edited: byte 0 says how. Must hold: bytes of his own never
 * open; a blob opens in its own column, sequence number and run alone; one that was altered anywhere, cut or
 * lengthened does not; and what was sealed comes back. */
#include "base/error.h"
#include "base/must.h"
#include "store/seal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int open_as(const struct seal_key *key, unsigned column, uint32_t seq, struct slice sealed,
                   struct buffer *ret)
{
    buffer_clear(ret);
    return seal_open(key, (enum seal_column)column, seq, sealed, ret);
}

static bool is_refusal(int r)
{
    return r == -SP_ETAMPERED || r == -SP_EFORMAT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t namespace_key[CRYPTO_KEY_LEN] = "the data key of some namespace";
    if (size < 4 || size > 1u << 16)
        return 0;
    must(crypto_init() == 0);
    unsigned column = 1 + data[0] % SEAL_RUN_TRACE;
    uint32_t seq = data[1];
    struct slice plain = slice_of(data + 4, size - 4);
    _cleanup_seal_key_ struct seal_key key, other;
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(1u << 18), out = BUFFER_MAX(1u << 18);
    seal_key_derive(namespace_key, (struct run_id){7}, &key);
    seal_key_derive(namespace_key, (struct run_id){8}, &other);
    must(is_refusal(open_as(&key, column, seq, plain, &out)) && out.len == 0);

    must(seal_blob(&key, (enum seal_column)column, seq, plain, &sealed) == 0 &&
         sealed.len == plain.len + SEAL_OVERHEAD);
    must(open_as(&key, column, seq, buffer_slice(&sealed), &out) == 0 &&
         slice_equal(buffer_slice(&out), plain));
    must(is_refusal(open_as(&other, column, seq, buffer_slice(&sealed), &out)));
    must(is_refusal(open_as(&key, column, seq + 1, buffer_slice(&sealed), &out)));
    must(is_refusal(open_as(&key, column % SEAL_RUN_TRACE + 1, seq, buffer_slice(&sealed), &out)));

    size_t at = (size_t)(data[2] | data[3] << 8) % sealed.len;
    must(is_refusal(open_as(&key, column, seq, slice_of(sealed.p, at), &out)));
    sealed.p[at] ^= data[2] ? data[2] : 1;
    must(is_refusal(open_as(&key, column, seq, buffer_slice(&sealed), &out)) && out.len == 0);
    return 0;
}
