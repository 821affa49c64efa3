/* Verification of webhook deliveries: one file for each scheme, each a pure function over the shared secret, the headers, the
 * raw body and the time. All comparisons are in constant time; a header that a scheme reads may be there once.
 *
 * Whatever is wrong, the code is -SP_EUNAUTHENTICATED, so that the answer tells a sender nothing; the reason is for the log.
 * The `delivery` string makes a delivery unique for the replay cache. It is made of what the signature covers, because a replayer
 * can change the rest at will; github.c alone adds an unsigned id, and says why. */
#ifndef VAULT_WEBHOOK_H
#define VAULT_WEBHOOK_H

#include "base/buffer.h"
#include "base/diag.h"
#include "wire/roles.h"

struct webhook_delivery {
    struct slice headers; /* pairs (wire/codec.h) */
    struct slice body;
    int64_t now_ms;
    uint32_t tolerance_s; /* how far a signed time may be from now, either way */
};

/* 0 and the delivery string, or a negative code and why. WEBHOOK_NONE is no scheme to verify: -SP_EINVALID. */
[[gnu::warn_unused_result]] int webhook_verify(enum webhook_scheme scheme, struct slice secret,
                                               const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                                               struct diag *reterr);

/* The schemes, for webhook_verify. */
typedef int webhook_scheme_verify(struct slice secret, const struct webhook_delivery *delivery, struct buffer *ret_delivery,
                                  struct diag *reterr);
webhook_scheme_verify webhook_standard, webhook_github, webhook_stripe, webhook_slack, webhook_bearer;

/* For the schemes. The one header of this name: -SP_EUNAUTHENTICATED if it is missing or repeated. */
int webhook_header(const struct webhook_delivery *delivery, const char *name, struct slice *ret, struct diag *reterr);

/* A signed time in seconds since 1970: plain decimal, within the tolerance of now. */
int webhook_time(const struct webhook_delivery *delivery, struct slice text, struct diag *reterr);

/* Whether the 64 hex digits are this MAC, in constant time. */
bool webhook_hex_is(struct slice hex, const uint8_t mac[32]);

/* Appends "SCHEME:" and the hex of SHA-256 over `unique`: a digest, so that no cache or log holds a live signature. */
int webhook_unique(const char *scheme, struct slice unique, struct buffer *ret_delivery);

#define WEBHOOK_SIGNATURES_MAX 16 /* signatures in one header: more than any rotation of keys needs */

#endif
