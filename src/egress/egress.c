/* egress: the table of open calls, and what reaches all of them. Called by serve.c; must never trust a tag: each is looked
 * up and checked against what is open. */
#include "egress/egress.h"

#include <errno.h>

#include "base/error.h"
#include "egress/call.h"

int egress_new(struct ev_loop *loop, const struct egress_peers *peers, void *user, struct egress **ret)
{
    struct egress *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->loop = loop;
    e->peers = peers;
    e->user = user;
    int r = net_new(loop, transfer_on_done, &e->net);
    if (r == 0)
        r = grant_cache_new(&e->grants);
    if (r == 0)
        r = egress_config_parse((struct slice){NULL, 0}, &e->config, NULL);
    if (r < 0) {
        egress_free(e);
        return r;
    }
    *ret = e;
    return 0;
}

void egress_free(struct egress *e)
{
    if (!e)
        return;
    egress_engine_lost(e);
    net_free(e->net);
    grant_cache_free(e->grants);
    egress_config_unref(e->config);
    free(e);
}

int egress_configure(struct egress *e, struct slice json, struct diag *reterr)
{
    struct egress_config *config;
    int r = egress_config_parse(json, &config, reterr);
    if (r < 0)
        return r;
    egress_config_unref(e->config);
    e->config = config;
    return 0;
}

int egress_set_authorities(struct egress *e, struct slice pem)
{
    return net_set_authorities(e->net, pem);
}

static struct call *find(const struct egress *e, uint64_t tag)
{
    for (size_t i = 0; e->n && i < LIMIT_EGRESS_OPEN; i++)
        if (e->calls[i] && e->calls[i]->message.tag == tag)
            return e->calls[i];
    return NULL;
}

/* Answers a call that is not begun. */
static void answer_unbegun(struct egress *e, uint64_t tag, int code, const char *reason)
{
    struct msg_egress_result result = {.tag = tag, .code = code, .reason = slice_text(reason)};
    e->peers->answer(&result, e->user);
}

static int place_take(struct egress *e, struct call **ret)
{
    if (e->n == LIMIT_EGRESS_OPEN)
        return -SP_EOVERLOAD;
    struct call *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    unsigned place = 0;
    while (e->calls[place])
        place++;
    c->egress = e;
    c->place = place;
    c->config = egress_config_ref(e->config);
    c->payload = BUFFER_MAX(LIMIT_FRAME);
    e->calls[place] = c;
    e->n++;
    *ret = c;
    return 0;
}

int egress_call(struct egress *e, struct slice payload)
{
    struct msg_egress_call probe;
    int r = wire_decode_egress_call(payload, &probe);
    if (r < 0)
        return r;
    if (find(e, probe.tag))
        return -SP_EPROTOCOL;
    struct call *c;
    r = place_take(e, &c);
    if (r < 0) {
        answer_unbegun(e, probe.tag, r, r == -SP_EOVERLOAD ? "too many calls are under way" : error_text(r));
        return 0;
    }
    r = buffer_append_slice(&c->payload, payload);
    if (r == 0)
        r = wire_decode_egress_call(buffer_slice(&c->payload), &c->message);
    /* The record inside comes from the worker: that it is nonsense is the run's fault, not the engine's. */
    if (r == 0)
        r = wire_decode_effect_call(c->message.call, &c->effect);
    if (r < 0) {
        call_free(c);
        answer_unbegun(e, probe.tag, r, r == -ENOMEM ? error_text(r) : "the call cannot be read");
        return 0;
    }
    call_begin(c);
    return 0;
}

void egress_cancel(struct egress *e, uint64_t tag)
{
    struct call *c = find(e, tag);
    if (c)
        call_fail(c, -ECANCELED, "the call was cancelled");
}

void egress_value(struct egress *e, const struct msg_vault_value *value)
{
    size_t place = (size_t)(value->tag >> 48);
    struct call *c = place < LIMIT_EGRESS_OPEN ? e->calls[place] : NULL;
    if (c && c->serial == (uint32_t)value->tag)
        call_value(c, (size_t)(value->tag >> 32 & 0xffff), value);
}

void egress_vault_lost(struct egress *e)
{
    for (size_t i = 0; i < LIMIT_EGRESS_OPEN; i++)
        if (e->calls[i] && e->calls[i]->n_pending)
            call_fail_vault(e->calls[i], "it is not available");
}

void egress_engine_lost(struct egress *e)
{
    for (size_t i = 0; i < LIMIT_EGRESS_OPEN; i++)
        call_free(e->calls[i]);
}

size_t egress_n_open(const struct egress *e)
{
    return e->n;
}
