/* What the vault derives from the root key, each with a label of its own (HKDF-SHA-256; docs/formats/root-key.md). The root
 * key itself is not kept. */
#ifndef VAULT_KEYS_H
#define VAULT_KEYS_H

#include "crypto/crypto.h"
#include "crypto/secret.h"

#define VAULT_KEY_ID_LEN 8
#define VAULT_ORIGIN_LEN 32 /* of the text, with its NUL */

struct vault_keys {
    struct secret *secrets;              /* guarded; the pointers below point into it */
    const uint8_t *credential_wrapping;  /* 32 bytes each */
    const uint8_t *namespace_wrapping;
    const uint8_t *audit_seed;           /* Ed25519 */
    const uint8_t *box_seed;             /* X25519 */
    uint8_t id[VAULT_KEY_ID_LEN];        /* names the root key; public */
    uint8_t audit_public[32], box_public[32];
    char origin[VAULT_ORIGIN_LEN];       /* of the audit log, NUL-terminated */
};

/* Derives all from the 32 bytes of a root key; -ENOMEM. */
[[gnu::warn_unused_result]] int vault_keys_derive(const struct secret *root, struct vault_keys **ret);
void vault_keys_free(struct vault_keys *keys);
DEFINE_CLEANUP(struct vault_keys *, vault_keys_free)
#define _cleanup_keys_ _cleanup_(vault_keys_freep)

#endif
