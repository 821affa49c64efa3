/* What one hop of a call asks: which credentials it needs, and the request with their values in place. */
#ifndef EGRESS_REQUEST_H
#define EGRESS_REQUEST_H

#include <curl/curl.h>

#include "egress/handle.h"
#include "policy/uri.h"
#include "wire/messages.h"

/* The call as the worker wrote it, and whose secrets it may name. All borrowed. */
struct request_source {
    const struct msg_effect_call *call;
    const struct handle_pattern *pattern;
    const struct slice *secrets; /* names in the order of the handles, pattern->n_secrets of them */
    struct slice idempotency_key;
};

/* One hop: the first is the call itself, the others follow redirects. */
struct hop {
    struct buffer uri;    /* of the first hop as the worker wrote it, handles and all */
    struct policy_uri at; /* `uri` parsed; borrows from it */
    char method[33];
    bool has_body;
    bool is_redirected; /* `uri` came from a server: data, in which nothing is a handle [I9] */
    bool is_foreign; /* another origin than the call's: no credential, handle or header of the call's own goes there [I2] */
};

/* A credential that the vault is asked for. */
struct want {
    unsigned slot; /* of a handle; HANDLE_AUTHORIZATION also for the call's authentication */
    struct slice name;
    uint8_t place; /* enum credential_place */
    uint8_t form;  /* enum credential_form */
    bool is_pending;
    char header[LIMIT_NAME + 1];
    struct buffer value;
};

struct wants {
    struct want *list;
    size_t n;
};

void wants_free(struct wants *w); /* wipes the values */

/* What goes to libcurl. */
struct request {
    struct buffer uri;
    struct buffer body;
    struct buffer username, password; /* for Digest */
    struct curl_slist *headers;
    bool is_repeatable; /* a safe or idempotent method, or it carries an Idempotency-Key */
};

void request_free(struct request *r); /* wipes */

/* Lists the credentials that this hop needs. -SP_EINVALID or -SP_EDENIED with a constant `ret_reason`, or -ENOMEM. */
[[gnu::warn_unused_result]] int request_wants(const struct request_source *s, const struct hop *hop, struct wants *ret,
                                              const char **ret_reason);

/* Builds the request; every want must have its value. Errors as request_wants. */
[[gnu::warn_unused_result]] int request_build(const struct request_source *s, const struct hop *hop, const struct wants *wants,
                                              struct request *ret, const char **ret_reason);

/* Whether the body holds handles: such a body does not follow to another origin. */
bool request_body_has_handles(const struct request_source *s);

#endif
