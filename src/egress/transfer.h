/* One HTTP exchange: one request to one origin, at most one response. No redirects, no credentials of its own. */
#ifndef EGRESS_TRANSFER_H
#define EGRESS_TRANSFER_H

#include <sys/socket.h>

#include "base/buffer.h"
#include "base/limits.h"
#include "egress/net.h"

struct transfer;

/* Everything is borrowed for as long as the transfer lives, `connect_to` included. */
struct transfer_request {
    const char *uri;
    const char *method;
    struct curl_slist *headers;    /* "name: value" lines */
    struct curl_slist *connect_to; /* CURLOPT_CONNECT_TO; may be NULL */
    struct slice body;
    bool has_body;
    bool is_fresh;        /* on a connection of its own, because a repetition would not be safe */
    const char *username; /* with `password`: answer a Digest challenge; else NULL */
    const char *password;
    int64_t timeout_ms;
};

struct transfer_reply {
    int code;       /* 0: `status`, `headers` and `body` are there */
    bool was_sent;  /* a byte of the request may have reached the peer */
    uint16_t status;
    struct slice headers; /* pairs, names in lower case, hop-by-hop headers left out */
    struct slice body;    /* decoded */
    char address[64];     /* numeric, "" if there was no connection */
    uint64_t bytes_out, bytes_in;
    char reason[512];
};

struct transfer_handlers {
    /* Whether a connection may be made to, or the request sent on one that leads to, this address. Asked for the very
     * address that is connected to, and again before each request, also on a connection that is used again. A refusal
     * fills `reason`. */
    bool (*may_connect)(const struct sockaddr *address, char *reason, size_t size, void *user);
    /* The end; `reply` is borrowed for the call. The handler may free the transfer. */
    void (*done)(struct transfer *t, const struct transfer_reply *reply, void *user);
};

[[gnu::warn_unused_result]] int transfer_start(struct net *net, const struct transfer_request *request,
                                               const struct transfer_handlers *handlers, void *user, struct transfer **ret);

/* Breaks it off if it has not ended; `done` is not called. Wipes what it received. */
void transfer_free(struct transfer *t);

/* What is true of a transfer under way that is about to be broken off. */
void transfer_peek(const struct transfer *t, struct transfer_reply *ret);

/* The net_done of the net that transfers are started on. */
void transfer_on_done(CURL *easy, CURLcode result, void *private);

#endif
