/* github: X-Hub-Signature-256: sha256=HEX, an HMAC-SHA-256 over the raw body
 * (docs.github.com, "Validating webhook deliveries").
 *
 * The signature covers nothing but the body: no time, and not X-GitHub-Delivery. The same body may be sent twice in earnest, under
 * two ids, so a delivery is known by signature and id together: a repetition is refused. Who captured a delivery on its way
 * can still repeat it under an id that he makes up; against that the scheme has nothing, and TLS must. Schemes that sign a
 * time and an id (standard-webhooks) do not have this gap: docs/threat-model.md. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"

#define PREFIX "sha256="

int webhook_github(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                   struct diag *reterr)
{
    struct slice header;
    int r = webhook_header(delivery, webhook_scheme_header(WEBHOOK_GITHUB), &header, reterr);
    if (r < 0)
        return r;
    uint8_t mac[CRYPTO_HASH_LEN];
    size_t prefix = sizeof PREFIX - 1;
    crypto_hmac_sha256(secret, &delivery->body, 1, mac);
    if (!slice_starts(header, PREFIX) || !webhook_hex_is(slice_of(header.p + prefix, header.len - prefix), mac))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "X-Hub-Signature-256 is not the body's");
    struct slice id = {0};
    struct diag absent;
    if (webhook_header(delivery, "X-GitHub-Delivery", &id, &absent) < 0)
        id = (struct slice){0};
    const struct slice parts[] = {slice_of(mac, sizeof mac), id};
    uint8_t unique[CRYPTO_HASH_LEN];
    crypto_sha256_parts(parts, 2, unique);
    return webhook_unique("github", slice_of(unique, sizeof unique), ret_delivery);
}
