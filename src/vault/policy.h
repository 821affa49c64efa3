/* A credential's own policy: where its value may go, whatever the engine says (docs/formats/credential.md). Pure. */
#ifndef VAULT_POLICY_H
#define VAULT_POLICY_H

#include "base/diag.h"
#include "base/limits.h"
#include "policy/origin.h"
#include "wire/roles.h"

#define POLICY_HEADER_MAX 64

struct credential_policy {
    struct policy_origin *origins;     /* owned */
    size_t n_origins;
    uint32_t methods;                  /* bit of each enum http_method */
    uint32_t places;                   /* bit of each enum credential_place */
    char header[POLICY_HEADER_MAX + 1]; /* of an api-key; "" for none */
};

/* Reads the JSON for a credential of this kind: -SP_EINVALID or -SP_ESYNTAX and why. Release it with _clear. */
[[gnu::warn_unused_result]] int credential_policy_parse(struct slice json, enum credential_kind kind,
                                                        struct credential_policy *ret, struct diag *reterr);

void credential_policy_clear(struct credential_policy *policy);

/* What egress is about to do with a value. The texts are borrowed. */
struct credential_ask {
    struct slice scheme, host; /* of the origin that is about to be sent to */
    uint16_t port;
    struct slice method;
    uint8_t place; /* enum credential_place */
    uint8_t form;  /* enum credential_form */
};

/* 0, or -SP_EDENIED and why. */
[[gnu::warn_unused_result]] int credential_policy_may(const struct credential_policy *policy, const struct credential_ask *ask,
                                                      struct diag *reterr);

#endif
