/* Credentials on their way in: sealed here, so that only the vault can open them. */
#ifndef CLI_SECRET_BOX_H
#define CLI_SECRET_BOX_H

#include "base/buffer.h"
#include "base/diag.h"

struct secret_box {
    struct slice ns, name;
    const char *kind;            /* of CREDENTIAL_KINDS */
    const char *const *origins;  /* where it may go */
    unsigned n_origins;
    const char *const *methods, *const *places;
    unsigned n_methods, n_places;
    const char *header; /* api-key; may be NULL */
};

/* Appends the body of PUT /api/v1/secrets/…: kind, policy and `value` sealed with them to `box_public` (base64, from
 * GET /api/v1/identity). */
[[gnu::warn_unused_result]] int secret_box_body(const struct secret_box *box, struct slice box_public, struct slice value,
                                                struct buffer *ret, struct diag *reterr);

#endif
