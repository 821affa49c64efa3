/* standard: Standard Webhooks 1.0 (github.com/standard-webhooks). webhook-signature holds `v1,BASE64` one or more times, parted by
 * spaces: HMAC-SHA-256 over "ID.TIMESTAMP.BODY". Other versions (v1a, asymmetric) are passed over.
 *
 * The id is signed and stays the same when the sender tries again, so it makes the delivery unique. An id with a dot is
 * refused: "a.1" + "." + "2" and "a" + "." + "1.2" would be signed alike. */
#include "base/error.h"
#include "base/limits.h"
#include "crypto/crypto.h"
#include "vault/value.h"
#include "vault/webhook/webhook.h"

/* The key's bytes: base64 behind `whsec_`, else the text itself. */
static int key_bytes(struct slice secret, struct buffer *ret, struct diag *reterr)
{
    size_t prefix = sizeof VALUE_WHSEC - 1;
    if (!slice_starts(secret, VALUE_WHSEC))
        return buffer_append_slice(ret, secret);
    int r = buffer_append_base64_decoded(ret, slice_of(secret.p + prefix, secret.len - prefix));
    if (r == -ENOMEM)
        return diag_set(reterr, r, "there is no memory to look at the key");
    if (r < 0 || ret->len == 0)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "the webhook-key of this route begins with whsec_ but is not base64");
    return 0;
}

/* 1 if one fits. Looks at every signature, so that the time taken does not tell which one. */
static int one_is(struct slice header, const uint8_t mac[CRYPTO_HASH_LEN])
{
    _cleanup_buffer_ struct buffer bytes = BUFFER_MAX(CRYPTO_HASH_LEN);
    struct slice entry;
    bool found = false;
    int r = buffer_reserve(&bytes, CRYPTO_HASH_LEN); /* it does not grow any more */
    if (r < 0)
        return r;
    for (int n = 0; n < WEBHOOK_SIGNATURES_MAX && slice_split(&header, ' ', &entry); n++) {
        if (!slice_starts(entry, "v1,"))
            continue;
        buffer_clear(&bytes);
        if (buffer_append_base64_decoded(&bytes, slice_of(entry.p + 3, entry.len - 3)) == 0)
            found |= crypto_equal(buffer_slice(&bytes), slice_of(mac, CRYPTO_HASH_LEN));
    }
    return found;
}

int webhook_standard(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                     struct diag *reterr)
{
    struct slice id, at, signature;
    _cleanup_buffer_ struct buffer key = {.max = LIMIT_CREDENTIAL, .secret = true};
    int r = webhook_header(delivery, "webhook-id", &id, reterr);
    if (r == 0)
        r = webhook_header(delivery, "webhook-timestamp", &at, reterr);
    if (r == 0)
        r = webhook_header(delivery, webhook_scheme_header(WEBHOOK_STANDARD), &signature, reterr);
    if (r == 0)
        r = key_bytes(secret, &key, reterr);
    if (r < 0)
        return r;
    if (id.len == 0 || memchr(id.p, '.', id.len))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "webhook-id is empty or has a dot");
    uint8_t mac[CRYPTO_HASH_LEN];
    struct slice parts[] = {id, SLICE_LITERAL("."), at, SLICE_LITERAL("."), delivery->body};
    crypto_hmac_sha256(buffer_slice(&key), parts, 5, mac);
    r = one_is(signature, mac);
    if (r < 0)
        return diag_set(reterr, r, "there is no memory to look at the signature");
    if (r == 0)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "no v1 signature in webhook-signature fits");
    r = webhook_time(delivery, at, reterr);
    return r < 0 ? r : webhook_unique("standard", id, ret_delivery);
}
