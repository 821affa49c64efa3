/* bearer: Authorization: Bearer KEY, for senders that can sign nothing. It proves who sends, not what: there is no delivery
 * string, because nothing of the request is covered, and a repetition cannot be told from a second delivery. */
#include "base/error.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"

#define PREFIX "Bearer "

int webhook_bearer(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                   struct diag *reterr)
{
    (void)ret_delivery;
    struct slice header;
    size_t prefix = sizeof PREFIX - 1;
    int r = webhook_header(delivery, webhook_scheme_header(WEBHOOK_BEARER), &header, reterr);
    if (r < 0)
        return r;
    if (header.len <= prefix || !slice_equal_nocase(slice_of(header.p, prefix), SLICE_LITERAL(PREFIX)))
        return diag_set(reterr, -SP_EUNAUTHENTICATED, "Authorization is not Bearer KEY");
    /* Digests, so that the time taken does not tell the key's length either. */
    uint8_t given[CRYPTO_HASH_LEN], expected[CRYPTO_HASH_LEN];
    crypto_sha256(slice_of(header.p + prefix, header.len - prefix), given);
    crypto_sha256(secret, expected);
    bool is_key = crypto_equal(slice_of(given, sizeof given), slice_of(expected, sizeof expected));
    crypto_wipe(expected, sizeof expected);
    return is_key ? 0 : diag_set(reterr, -SP_EUNAUTHENTICATED, "the key in Authorization does not fit");
}
