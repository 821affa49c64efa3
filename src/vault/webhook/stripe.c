/* stripe: Stripe-Signature: t=SECONDS,v1=HEX[,v1=HEX…][,v0=…], HMAC-SHA-256 over "SECONDS.BODY" with the endpoint's secret as
 * it stands, `whsec_` included (docs.stripe.com/webhooks). Unknown keys are passed over, as Stripe asks; `t` stands once.
 * The signed time and body make the delivery unique. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"

struct stripe_header {
    struct slice at;
    struct slice v1[WEBHOOK_SIGNATURES_MAX];
    size_t n_v1;
};

static bool read_header(struct slice text, struct stripe_header *ret)
{
    struct slice entry;
    while (slice_split(&text, ',', &entry)) {
        if (slice_starts(entry, "t=")) {
            if (ret->at.p)
                return false;
            ret->at = slice_of(entry.p + 2, entry.len - 2);
        } else if (slice_starts(entry, "v1=")) {
            if (ret->n_v1 == WEBHOOK_SIGNATURES_MAX)
                return false;
            ret->v1[ret->n_v1++] = slice_of(entry.p + 3, entry.len - 3);
        }
    }
    return ret->at.p && ret->n_v1 > 0;
}

int webhook_stripe(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                   struct diag *reterr)
{
    struct slice text;
    struct stripe_header header = {0};
    int r = webhook_header(delivery, webhook_scheme_header(WEBHOOK_STRIPE), &text, reterr);
    if (r < 0)
        return r;
    if (!read_header(text, &header))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "Stripe-Signature is not t=...,v1=...");
    uint8_t mac[CRYPTO_HASH_LEN];
    struct slice parts[] = {header.at, SLICE_LITERAL("."), delivery->body};
    crypto_hmac_sha256(secret, parts, 3, mac);
    bool found = false;
    for (size_t i = 0; i < header.n_v1; i++)
        found |= webhook_hex_is(header.v1[i], mac);
    if (!found)
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "no v1 signature in Stripe-Signature fits");
    r = webhook_time(delivery, header.at, reterr);
    return r < 0 ? r : webhook_unique("stripe", slice_of(mac, sizeof mac), ret_delivery);
}
