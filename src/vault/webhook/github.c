/* github: X-Hub-Signature-256: sha256=HEX, an HMAC-SHA-256 over the raw body
 * (docs.github.com, "Validating webhook deliveries").
 *
 * The signature covers nothing but the body: no time, and not X-GitHub-Delivery. So a captured delivery stays valid for ever, and
 * a replayer may give it a new id; the body alone must make it unique. A redelivery that the owner asks GitHub for is the same
 * body and is refused like any repetition. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"

#define PREFIX "sha256="

int webhook_github(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                   struct diag *reterr)
{
    struct slice header;
    int r = webhook_header(delivery, "X-Hub-Signature-256", &header, reterr);
    if (r < 0)
        return r;
    uint8_t mac[CRYPTO_HASH_LEN];
    size_t prefix = sizeof PREFIX - 1;
    crypto_hmac_sha256(secret, &delivery->body, 1, mac);
    if (!slice_starts(header, PREFIX) || !webhook_hex_is(slice_of(header.p + prefix, header.len - prefix), mac))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "X-Hub-Signature-256 is not the body's");
    return webhook_unique("github", slice_of(mac, sizeof mac), ret_delivery);
}
