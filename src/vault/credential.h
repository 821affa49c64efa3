/* A credential: sealed by its owner, wrapped for the engine to keep, unwrapped into guarded memory, released to egress for
 * what its own policy allows (docs/formats/credential.md). No function here gives a value to the engine. */
#ifndef VAULT_CREDENTIAL_H
#define VAULT_CREDENTIAL_H

#include "vault/blob.h"
#include "vault/policy.h"

/* Which credential: borrowed texts. */
struct credential_label {
    struct slice ns, name;
    uint64_t version;
};

struct credential {
    enum credential_kind kind;
    struct credential_policy policy;
    /* User name of basic (`username_len` bytes), then token, key or password. One guarded allocation for both: each takes
     * four of the 65,530 mappings that Linux gives a process, and LIMIT_CREDENTIALS must fit. */
    struct secret *value;
    size_t username_len;
};

void credential_free(struct credential *c);
DEFINE_CLEANUP(struct credential *, credential_free)
#define _cleanup_credential_ _cleanup_(credential_freep)

/* Opens the sealed box, checks value and policy for the kind, and appends the wrapped credential. */
[[gnu::warn_unused_result]] int credential_wrap(const struct vault_keys *keys, const struct credential_label *label,
                                                enum credential_kind kind, struct slice policy, struct slice box,
                                                struct buffer *ret, struct diag *reterr);

/* Unwraps what credential_wrap made for this very label; the codes are those of blob_open. */
[[gnu::warn_unused_result]] int credential_unwrap(const struct vault_keys *keys, const struct credential_label *label,
                                                  struct slice wrapped, struct credential **ret, struct diag *reterr);

/* For egress: asks the credential's policy and appends the value in the form asked for to `ret_value`, a secret buffer.
 * `ret_header` (borrowed from the credential, "" but for CREDENTIAL_FORM_HEADER) names the header. -SP_EDENIED and why. */
[[gnu::warn_unused_result]] int credential_use(const struct credential *c, const struct credential_ask *ask,
                                               struct slice *ret_header, struct buffer *ret_value, struct diag *reterr);

#endif
