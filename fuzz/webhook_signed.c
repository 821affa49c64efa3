/* Deliveries as an honest sender signs them, and what an attacker makes of one: byte 0 chooses the scheme,
 * byte 1 what is altered where; then a line with the id, one with the time, and the body. Must hold: what is
 * well signed, in time and in form is accepted, with a delivery string where the scheme has one; the same
 * delivery altered in body, time, signed id, signature or secret is not. */
#include <stdio.h>
#include <stdlib.h>

#include "base/must.h"
#include "crypto/crypto.h"
#include "vault/webhook/webhook.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SECRET      SLICE_LITERAL("a secret that two know")
#define NOW_S       1700000000
#define TOLERANCE_S 300

struct delivery {
    enum webhook_scheme scheme;
    struct slice id, at, body;
};

/* What the scheme's page says is signed; `ret` is the signature's header. */
static void sign(const struct delivery *d, struct buffer *ret)
{
    uint8_t mac[CRYPTO_HASH_LEN];
    struct slice dot = SLICE_LITERAL(".");
    struct slice standard[] = {d->id, dot, d->at, dot, d->body}, github[] = {d->body},
                 stripe[] = {d->at, dot, d->body},
                 slack[] = {SLICE_LITERAL("v0:"), d->at, SLICE_LITERAL(":"), d->body};
    switch (d->scheme) {
    case WEBHOOK_STANDARD:
        crypto_hmac_sha256(SECRET, standard, 5, mac);
        (void)buffer_append_text(ret, "v1a,x v1,");
        (void)buffer_append_base64(ret, slice_of(mac, sizeof mac));
        return;
    case WEBHOOK_GITHUB:
        crypto_hmac_sha256(SECRET, github, 1, mac);
        (void)buffer_append_text(ret, "sha256=");
        break;
    case WEBHOOK_STRIPE:
        crypto_hmac_sha256(SECRET, stripe, 3, mac);
        (void)buffer_printf(ret, "t=%.*s,v0=00,v1=", SLICE_ARGS(d->at));
        break;
    case WEBHOOK_SLACK:
        crypto_hmac_sha256(SECRET, slack, 4, mac);
        (void)buffer_append_text(ret, "v0=");
        break;
    case WEBHOOK_BEARER:
    case WEBHOOK_NONE:
    default:
        (void)buffer_append_text(ret, "bearer ");
        (void)buffer_append_slice(ret, SECRET);
        return;
    }
    (void)buffer_append_hex(ret, slice_of(mac, sizeof mac));
}

static int verify(const struct delivery *d, struct slice signature, struct slice secret,
                  struct buffer *ret_delivery)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(1u << 20);
    struct diag why = {0};
    wire_pairs_put(&headers, slice_text(webhook_scheme_header(d->scheme)), signature);
    wire_pairs_put(&headers, SLICE_LITERAL("webhook-id"), d->id);
    wire_pairs_put(&headers, SLICE_LITERAL("x-github-delivery"), d->id);
    wire_pairs_put(&headers, SLICE_LITERAL("webhook-timestamp"), d->at);
    wire_pairs_put(&headers, SLICE_LITERAL("x-slack-request-timestamp"), d->at);
    must(buffer_error(&headers) == 0);
    const struct webhook_delivery delivery = {buffer_slice(&headers), d->body, NOW_S * 1000ll, TOLERANCE_S};
    int r = webhook_verify(d->scheme, secret, &delivery, ret_delivery, &why);
    must(r == 0 || (r < 0 && why.text[0] && ret_delivery->len == 0));
    return r;
}

static bool has_time(enum webhook_scheme scheme)
{
    return scheme == WEBHOOK_STANDARD || scheme == WEBHOOK_STRIPE || scheme == WEBHOOK_SLACK;
}

static bool is_good(const struct delivery *d)
{
    uint64_t at;
    if (has_time(d->scheme) &&
        (slice_parse_u64(d->at, &at) < 0 || at > NOW_S + TOLERANCE_S || at < NOW_S - TOLERANCE_S))
        return false;
    return d->scheme != WEBHOOK_STANDARD || (d->id.len && !memchr(d->id.p, '.', d->id.len));
}

/* Another delivery under the same signature; false when the scheme signs nothing of what was altered. */
static bool alter(struct delivery *d, uint8_t how, uint8_t *copy)
{
    struct slice *part = how % 3 == 0 ? &d->body : how % 3 == 1 ? &d->at : &d->id;
    bool is_signed =
        d->scheme != WEBHOOK_BEARER &&
        (part == &d->body || (part == &d->at && has_time(d->scheme) && d->scheme != WEBHOOK_STRIPE) ||
         (part == &d->id && d->scheme == WEBHOOK_STANDARD));
    if (!part->len || !is_signed)
        return false;
    memcpy(copy, part->p, part->len);
    copy[how / 3 % part->len] ^= 1;
    *part = slice_of(copy, part->len);
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4 || size > 1u << 15)
        return 0;
    must(crypto_init() == 0);
    struct slice rest = slice_of(data + 2, size - 2);
    struct delivery d = {.scheme = (enum webhook_scheme)(1 + data[0] % WEBHOOK_BEARER)};
    if (!slice_split(&rest, '\n', &d.id) || !slice_split(&rest, '\n', &d.at) ||
        memchr(d.at.p, ',', d.at.len) || d.id.len > 64)
        return 0;
    d.body = rest;
    _cleanup_buffer_ struct buffer signature = BUFFER_MAX(1u << 20), unique = BUFFER_MAX(LIMIT_NAME),
                                   again = BUFFER_MAX(LIMIT_NAME);
    sign(&d, &signature);
    must((verify(&d, buffer_slice(&signature), SECRET, &unique) == 0) == is_good(&d));
    must(!is_good(&d) || d.scheme == WEBHOOK_BEARER || unique.len);
    must(verify(&d, buffer_slice(&signature), SLICE_LITERAL("a secret that one knows"), &again) < 0);

    _cleanup_free_ uint8_t *copy = malloc(size);
    struct delivery other = d;
    must(copy);
    if (alter(&other, data[1], copy))
        must(verify(&other, buffer_slice(&signature), SECRET, &again) < 0);
    signature.p[signature.len - 1 - data[1] % 8] ^= 1;
    must(verify(&d, buffer_slice(&signature), SECRET, &again) < 0);
    return 0;
}
