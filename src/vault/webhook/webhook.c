/* webhook: the choice of the scheme, and what the schemes share. Called by serve.c for VAULT_VERIFY. */
#include "vault/webhook/webhook.h"

#include "base/error.h"
#include "crypto/crypto.h"
#include "wire/codec.h"

static webhook_scheme_verify *const schemes[] = {
    [WEBHOOK_STANDARD] = webhook_standard, [WEBHOOK_GITHUB] = webhook_github, [WEBHOOK_STRIPE] = webhook_stripe,
    [WEBHOOK_SLACK] = webhook_slack,       [WEBHOOK_BEARER] = webhook_bearer,
};

int webhook_verify(enum webhook_scheme scheme, struct slice secret, const struct webhook_delivery *delivery,
                   struct buffer *ret_delivery, struct diag *reterr)
{
    if ((size_t)scheme >= sizeof schemes / sizeof *schemes || !schemes[scheme])
        return diag_set(reterr, -SP_EINVALID, "there is no such webhook scheme");
    return schemes[scheme](secret, delivery, ret_delivery, reterr);
}

int webhook_header(const struct webhook_delivery *delivery, const char *name, struct slice *ret, struct diag *reterr)
{
    struct slice rest = delivery->headers, header, value, found = {NULL, 0};
    size_t n = 0;
    int r;
    while ((r = wire_pairs_next(&rest, &header, &value)) > 0) {
        if (slice_equal_nocase(header, slice_text(name))) {
            found = value;
            n++;
        }
    }
    if (r < 0)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "the list of headers is malformed");
    if (n != 1)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "the header %s is %s", name, n ? "there more than once" : "missing");
    *ret = found;
    return 0;
}

int webhook_time(const struct webhook_delivery *delivery, struct slice text, struct diag *reterr)
{
    uint64_t at, now = delivery->now_ms > 0 ? (uint64_t)delivery->now_ms / 1000 : 0;
    if (slice_parse_u64(text, &at) < 0)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "the signed time is not a plain number of seconds");
    uint64_t off = at > now ? at - now : now - at;
    if (off > delivery->tolerance_s)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "the signature is good, but its time is %llu s in the %s",
                        (unsigned long long)off, at > now ? "future" : "past");
    return 0;
}

bool webhook_hex_is(struct slice hex, const uint8_t mac[32])
{
    uint8_t bytes[32];
    return hex.len == 64 && slice_parse_hex(hex, bytes) == 0 && crypto_equal(slice_of(bytes, 32), slice_of(mac, 32));
}

int webhook_unique(const char *scheme, struct slice unique, struct buffer *ret_delivery)
{
    uint8_t hash[CRYPTO_HASH_LEN];
    crypto_sha256(unique, hash);
    buffer_append_text(ret_delivery, scheme);
    buffer_append_byte(ret_delivery, ':');
    return buffer_append_hex(ret_delivery, slice_of(hash, sizeof hash));
}
