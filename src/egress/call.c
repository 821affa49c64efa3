/* call: the life of one call. Each hop goes the same way:
 *
 *   judge (URI, grants) → ask the vault for what this hop needs → build → send → answer, or judge the next hop
 *
 * What must hold: nothing is asked of the vault before the grants allow the hop, nothing is sent before every credential is
 * there [I7]; a credential, a handle and the call's own headers go to the call's own origin and to no other [I2]; every
 * answer passes through the scrubber. The second step is call_credentials.c. Called by egress.c on the loop's thread alone. */
#include "egress/call.h"

#include <errno.h>
#include <stdarg.h>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/crypto.h"
#include "egress/redirect.h"
#include "policy/address.h"

#define DEFAULT_TIMEOUT_MS 30000

static void hop_judge(struct call *c);

/* --- the end -------------------------------------------------------------------------------------------------------------- */

void call_free(struct call *c)
{
    if (!c)
        return;
    ev_timer_stop(c->egress->loop, &c->deadline);
    transfer_free(c->transfer);
    request_free(&c->request);
    wants_free(&c->wants);
    scrub_free(c->scrub);
    buffer_free(&c->hop.uri);
    buffer_free(&c->payload);
    grant_cache_release(c->grants);
    egress_config_unref(c->config);
    c->egress->calls[c->place] = NULL;
    c->egress->n--;
    free(c);
}

static void names_append(const struct call *c, struct buffer *out)
{
    for (unsigned slot = 0; slot < HANDLE_SLOTS; slot++) {
        if (!c->used[slot])
            continue;
        if (out->len)
            (void)buffer_append_byte(out, ',');
        (void)buffer_append_slice(out, slot == HANDLE_AUTHORIZATION ? c->effect.auth_use : c->secrets[slot]);
    }
}

/* The URI as it may be seen: the call's own with "***" for each handle, a redirect's without any value. */
static int uri_append(const struct call *c, struct buffer *out)
{
    struct slice uri = buffer_slice(&c->hop.uri);
    if (c->n_redirects == 0)
        return handle_substitute(&c->pattern, uri, HANDLE_MASK, NULL, out);
    int r = scrub_apply(c->scrub, uri, out);
    return r < 0 ? r : 0;
}

static void answer(struct call *c, struct msg_egress_result *result)
{
    _cleanup_buffer_ struct buffer names = BUFFER_MAX(LIMIT_TEXT);
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(LIMIT_URI);
    names_append(c, &names);
    if (uri_append(c, &uri) == 0)
        result->uri = buffer_slice(&uri);
    result->tag = c->message.tag;
    result->was_sent = c->was_sent;
    result->was_vault_away = c->was_vault_away;
    result->credentials = buffer_slice(&names);
    result->address = slice_text(c->address);
    crypto_sha256(c->effect.body, result->request_digest);
    crypto_sha256(result->body, result->response_digest);
    result->bytes_out = c->bytes_out;
    result->bytes_in = c->bytes_in;
    result->duration_ms = (uint32_t)(clock_monotonic_ms() - c->began_ms);
    c->egress->peers->answer(result, c->egress->user);
    call_free(c);
}

static void reply_note(struct call *c, const struct transfer_reply *reply)
{
    c->was_sent |= reply->was_sent;
    c->bytes_out += reply->bytes_out;
    c->bytes_in += reply->bytes_in;
    if (reply->address[0])
        memcpy(c->address, reply->address, sizeof c->address);
}

void call_fail(struct call *c, int code, const char *format, ...)
{
    char text[LIMIT_TEXT / 2] = "";
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (c->transfer) { /* broken off by us */
        struct transfer_reply reply;
        transfer_peek(c->transfer, &reply);
        reply_note(c, &reply);
    }
    struct slice reason = slice_text(text);
    _cleanup_buffer_ struct buffer scrubbed = BUFFER_MAX(LIMIT_TEXT);
    if (c->scrub)
        reason = scrub_apply(c->scrub, reason, &scrubbed) < 0 ? slice_text(error_text(code)) : buffer_slice(&scrubbed);
    if (!slice_is_utf8(reason))
        reason = slice_text(error_text(code));
    answer(c, &(struct msg_egress_result){.code = code, .reason = reason});
}

void call_fail_vault(struct call *c, const char *why)
{
    c->was_vault_away = true;
    call_fail(c, -SP_EUNAVAILABLE, "the vault cannot be asked: %s", why);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct call *c = timer->data;
    call_fail(c, -SP_ETIMEOUT, "%s",
              c->transfer ? "the server did not answer in time" : "the time was over before anything was sent");
}

/* --- judge ---------------------------------------------------------------------------------------------------------------- */

static bool may_connect(const struct sockaddr *address, char *reason, size_t size, void *user)
{
    struct call *c = user;
    const struct policy_uri *at = &c->hop.at;
    if (egress_config_leads(c->config, &at->origin, address) ||
        policy_grants_allow_address(grant_entry_grants(c->grants), &at->origin, slice_text(c->hop.method), at->path, address))
        return true;
    char host[POLICY_ADDRESS_TEXT];
    policy_address_host(address, host);
    snprintf(reason, size, "%s leads to %s, %s: it must be granted by that address", at->origin.host, host,
             policy_address_class_text(policy_address_class(address)));
    return false;
}

static void hop_judge(struct call *c)
{
    struct diag diag = {0};
    struct hop *hop = &c->hop;
    int r = policy_uri_parse(buffer_slice(&hop->uri), &hop->at, &diag);
    if (r < 0) {
        call_fail(c, -SP_EDENIED, "the URI is refused: %s", diag.text);
        return;
    }
    if (c->n_redirects == 0)
        c->home = hop->at.origin;
    hop->is_foreign = !policy_origin_equal(&hop->at.origin, &c->home);
    char origin[POLICY_ORIGIN_TEXT];
    policy_origin_text(&hop->at.origin, origin);
    const char *reason = "";
    r = policy_grants_allow(grant_entry_grants(c->grants), &hop->at.origin, slice_text(hop->method), hop->at.path, &reason);
    if (r < 0) {
        call_fail(c, r, "%s %s is refused: %s; grant the workflow {\"origin\": \"%s\"} with this method and path", hop->method,
                  origin, reason, origin);
        return;
    }
    if (hop->at.origin.scheme[4] == 0 && !egress_config_allows_http(c->config)) {
        call_fail(c, -SP_EDENIED, "%s is refused: plain HTTP is switched off in the configuration", origin);
        return;
    }
    call_ask(c);
}

/* --- send ----------------------------------------------------------------------------------------------------------------- */

static int redirect_follow(struct call *c, const struct transfer_reply *reply, char *reason, size_t size);

static void answer_reply(struct call *c, const struct transfer_reply *reply)
{
    _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_HEADERS);
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_BODY);
    struct slice rest = reply->headers;
    struct slice name, value;
    int r;
    while ((r = wire_pairs_next(&rest, &name, &value)) > 0) {
        _cleanup_buffer_ struct buffer clean_name = BUFFER_MAX(LIMIT_HEADERS);
        _cleanup_buffer_ struct buffer clean_value = BUFFER_MAX(LIMIT_HEADERS);
        if ((r = scrub_apply(c->scrub, name, &clean_name)) < 0 || (r = scrub_apply(c->scrub, value, &clean_value)) < 0)
            break;
        wire_pairs_put(&headers, buffer_slice(&clean_name), buffer_slice(&clean_value));
    }
    if (r >= 0)
        r = scrub_apply(c->scrub, reply->body, &body);
    if (r < 0 || (r = buffer_error(&headers)) < 0) {
        call_fail(c, r, "the response could not be cleaned of credentials");
        return;
    }
    answer(c, &(struct msg_egress_result){.status = reply->status, .headers = buffer_slice(&headers),
                                          .body = buffer_slice(&body)});
}

static void on_transfer_done(struct transfer *t, const struct transfer_reply *reply, void *user)
{
    struct call *c = user;
    c->transfer = NULL; /* it has ended: only its memory is left, and `reply` borrows from it */
    reply_note(c, reply);
    char reason[256] = "";
    int r = reply->code;
    if (r < 0)
        call_fail(c, r, "%s: %s", c->hop.at.origin.host, reply->reason);
    else if (c->effect.follow_redirects && redirect_is(reply->status) &&
             (r = redirect_follow(c, reply, reason, sizeof reason)) != 0) {
        if (r < 0)
            call_fail(c, r, "a redirect is refused: %s", reason);
        else
            hop_judge(c);
    } else
        answer_reply(c, reply);
    transfer_free(t);
}

void call_send(struct call *c)
{
    static const struct transfer_handlers handlers = {may_connect, on_transfer_done};
    const char *reason = "";
    request_free(&c->request);
    int r = request_build(&c->source, &c->hop, &c->wants, &c->request, &reason);
    if (r < 0) {
        call_fail(c, r, "%s", *reason ? reason : error_text(r));
        return;
    }
    bool is_digest = c->request.username.p;
    struct transfer_request request = {
        .uri = (const char *)c->request.uri.p,
        .method = c->hop.method,
        .headers = c->request.headers,
        .connect_to = egress_config_connect_to(c->config),
        .body = buffer_slice(&c->request.body),
        .has_body = c->hop.has_body,
        .is_fresh = !c->request.is_repeatable,
        .username = is_digest ? (const char *)c->request.username.p : NULL,
        .password = is_digest ? (const char *)c->request.password.p : NULL,
        .timeout_ms = c->ends_ms - clock_monotonic_ms() + 1000, /* our own timer is the one that ends it */
    };
    r = transfer_start(c->egress->net, &request, &handlers, c, &c->transfer);
    if (r < 0)
        call_fail(c, r, "the request could not be begun: %s", error_text(r));
}

/* --- redirects ------------------------------------------------------------------------------------------------------------ */

static int redirect_refuse(char *reason, size_t size, int code, const char *text)
{
    snprintf(reason, size, "%.200s", text);
    return code;
}

/* 1: the hop is now the next one. 0: there is nowhere to go, the response is the answer. Negative: refused. */
static int redirect_follow(struct call *c, const struct transfer_reply *reply, char *reason, size_t size)
{
    struct slice location;
    if (!wire_pairs_find(reply->headers, "location", &location))
        return 0;
    if (c->n_redirects >= LIMIT_REDIRECTS)
        return redirect_refuse(reason, size, -SP_ELIMIT, "there are too many");
    _cleanup_buffer_ struct buffer next = BUFFER_MAX(LIMIT_URI + 1);
    struct policy_uri at;
    struct diag diag = {0};
    next.secret = true;
    int r = redirect_resolve((const char *)c->request.uri.p, location, &next);
    if (r == -ENOMEM)
        return redirect_refuse(reason, size, r, "there is no memory to look at its Location");
    if (r < 0)
        return redirect_refuse(reason, size, -SP_EDENIED, "its Location is not a URI");
    if (policy_uri_parse(buffer_slice(&next), &at, &diag) < 0)
        return redirect_refuse(reason, size, -SP_EDENIED, diag.text);
    if (at.origin.scheme[4] == 0 && c->hop.at.origin.scheme[4] == 's')
        return redirect_refuse(reason, size, -SP_EDENIED, "it leads from https to http");
    bool becomes_get = redirect_becomes_get(reply->status, c->hop.method);
    if (!policy_origin_equal(&at.origin, &c->home)) {
        /* A server that repeats a credential in its Location must not hand it to another. */
        if (scrub_finds(c->scrub, buffer_slice(&next)))
            return redirect_refuse(reason, size, -SP_EDENIED, "it would carry a credential to another origin");
        if (c->hop.has_body && !becomes_get && request_body_has_handles(&c->source))
            return redirect_refuse(reason, size, -SP_EDENIED, "it would carry a body with a secret to another origin");
    }
    buffer_free(&c->hop.uri);
    c->hop.uri = next;
    next = (struct buffer){0};
    c->hop.is_redirected = true;
    c->n_redirects++;
    if (becomes_get) {
        snprintf(c->hop.method, sizeof c->hop.method, "GET");
        c->hop.has_body = false;
    }
    return 1;
}

/* --- the beginning -------------------------------------------------------------------------------------------------------- */

static int secrets_parse(struct call *c)
{
    struct slice rest = c->message.secrets;
    struct slice name, ignored;
    unsigned n = 0;
    int r;
    while ((r = wire_pairs_next(&rest, &name, &ignored)) > 0 && n < LIMIT_SECRETS)
        c->secrets[n++] = name;
    handle_pattern_init(&c->pattern, c->message.nonce, n); /* the answer that tells of too many masks handles, too */
    return r > 0 ? -SP_ELIMIT : r;
}

static int first_hop(struct call *c)
{
    const struct msg_effect_call *effect = &c->effect;
    if (http_method_parse(effect->method) < 0)
        return -SP_EINVALID;
    snprintf(c->hop.method, sizeof c->hop.method, "%.*s", SLICE_ARGS(effect->method));
    bool expects_body = slice_is(effect->method, "POST") || slice_is(effect->method, "PUT") || slice_is(effect->method, "PATCH");
    bool is_head = slice_is(effect->method, "HEAD");
    c->hop.has_body = !is_head && (expects_body || effect->body.len > 0);
    c->hop.uri = BUFFER_MAX(LIMIT_URI + 1);
    c->source = (struct request_source){.call = &c->effect, .pattern = &c->pattern, .secrets = c->secrets,
                                        .idempotency_key = c->message.idempotency_key};
    return buffer_append_slice(&c->hop.uri, effect->uri);
}

void call_begin(struct call *c)
{
    int64_t timeout_ms = c->effect.timeout_ms ? c->effect.timeout_ms : DEFAULT_TIMEOUT_MS;
    if (timeout_ms > LIMIT_EGRESS_TIMEOUT_MS)
        timeout_ms = LIMIT_EGRESS_TIMEOUT_MS;
    c->began_ms = clock_monotonic_ms();
    c->ends_ms = c->began_ms + timeout_ms;
    ev_timer_init(&c->deadline, on_deadline, (double)timeout_ms / 1000, 0);
    c->deadline.data = c;
    ev_now_update(c->egress->loop); /* a late round must not shorten the time */
    ev_timer_start(c->egress->loop, &c->deadline);

    struct diag diag = {0};
    int r = secrets_parse(c);
    if (r == 0)
        r = first_hop(c);
    if (r == 0)
        r = scrub_new(&c->scrub);
    if (r < 0) {
        call_fail(c, r, "the call is malformed: %s", error_text(r));
        return;
    }
    r = grant_cache_hold(c->egress->grants, c->message.grants, &c->grants, &diag);
    if (r < 0) {
        call_fail(c, r == -ENOMEM ? r : -SP_EDENIED, "the grants cannot be read: %s", diag.text[0] ? diag.text : error_text(r));
        return;
    }
    hop_judge(c);
}
