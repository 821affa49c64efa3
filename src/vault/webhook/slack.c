/* slack: X-Slack-Signature: v0=HEX, HMAC-SHA-256 over "v0:TIMESTAMP:BODY", with X-Slack-Request-Timestamp
 * (docs.slack.dev, "Verifying requests from Slack"). The signed time and body make the delivery unique. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"

int webhook_slack(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                  struct diag *reterr)
{
    struct slice at, signature;
    int r = webhook_header(delivery, "X-Slack-Request-Timestamp", &at, reterr);
    if (r == 0)
        r = webhook_header(delivery, webhook_scheme_header(WEBHOOK_SLACK), &signature, reterr);
    if (r < 0)
        return r;
    uint8_t mac[CRYPTO_HASH_LEN];
    struct slice parts[] = {SLICE_LITERAL("v0:"), at, SLICE_LITERAL(":"), delivery->body};
    crypto_hmac_sha256(secret, parts, 4, mac);
    if (!slice_starts(signature, "v0=") || !webhook_hex_is(slice_of(signature.p + 3, signature.len - 3), mac))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "X-Slack-Signature does not fit");
    r = webhook_time(delivery, at, reterr);
    return r < 0 ? r : webhook_unique("slack", slice_of(mac, sizeof mac), ret_delivery);
}
