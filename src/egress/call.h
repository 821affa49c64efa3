/* One call, from the engine's message to the answer (call.c), and the credentials of its hops (call_credentials.c). Used by egress.c
 * alone. */
#ifndef EGRESS_CALL_H
#define EGRESS_CALL_H

#include <ev.h>

#include "egress/config.h"
#include "egress/egress.h"
#include "egress/grant_cache.h"
#include "egress/request.h"
#include "egress/scrub.h"
#include "egress/transfer.h"

/* What the calls share. */
struct egress {
    struct ev_loop *loop;
    const struct egress_peers *peers;
    void *user;
    struct net *net;
    struct egress_config *config;
    struct grant_cache *grants;
    uint32_t serial;
    size_t n;
    struct call *calls[LIMIT_EGRESS_OPEN]; /* NULL is a free place */
};

struct call {
    struct egress *egress;
    unsigned place;  /* in egress->calls */
    uint32_t serial; /* of this hop's questions to the vault */
    struct buffer payload; /* owns what the messages below borrow */
    struct msg_egress_call message;
    struct msg_effect_call effect;
    struct slice secrets[LIMIT_SECRETS];
    struct handle_pattern pattern;
    struct grant_entry *grants;
    struct egress_config *config;
    struct request_source source;

    struct policy_origin home; /* the origin of the call itself */
    struct hop hop;
    unsigned n_redirects;
    struct wants wants;
    size_t n_pending;
    struct request request;
    struct transfer *transfer;
    struct scrub *scrub;

    ev_timer deadline;
    int64_t began_ms, ends_ms; /* monotonic */
    bool was_sent, was_vault_away;
    bool used[HANDLE_SLOTS];
    char address[64];
    uint64_t bytes_out, bytes_in;
};

/* Begins a call whose messages have been decoded and whose place has been taken. From here it answers by itself. */
void call_begin(struct call *c);

/* The vault's answer to one of this call's questions. */
void call_value(struct call *c, size_t index, const struct msg_vault_value *value);

/* Ends the call with an answer that tells why; frees it. */
[[gnu::format(printf, 3, 4)]] void call_fail(struct call *c, int code, const char *format, ...);

/* The same, because the vault could not be asked, which passes. */
void call_fail_vault(struct call *c, const char *why);

/* Frees it without an answer. */
void call_free(struct call *c);

/* Between the two files: the hop is allowed, and its credentials are asked for; all are there, and it is sent. Either may end the
 * call. */
void call_ask(struct call *c);
void call_send(struct call *c);

/* A question's tag names the place, the want and the hop it belongs to. */
#define CALL_TAG(place, index, serial) ((uint64_t)(place) << 48 | (uint64_t)(index) << 32 | (serial))

#endif
