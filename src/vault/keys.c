/* keys: the derivation tree below the root key. Holds: each label stands here once, so no two purposes share a key. Called
 * once, when the root key has come. */
#include "vault/keys.h"

#include <errno.h>

#include "base/must.h"
#include "crypto/note.h"
#include "crypto/root_key.h"

enum { CREDENTIAL_WRAPPING, NAMESPACE_WRAPPING, AUDIT_SEED, BOX_SEED, KEY_COUNT };

static const char *const labels[KEY_COUNT] = {
    [CREDENTIAL_WRAPPING] = "sallyport 1 credential wrapping",
    [NAMESPACE_WRAPPING] = "sallyport 1 namespace wrapping",
    [AUDIT_SEED] = ROOT_KEY_LABEL_AUDIT,
    [BOX_SEED] = "sallyport 1 sealed boxes",
};
#define LABEL_ID "sallyport 1 key id"

static const struct slice no_salt = {NULL, 0};

static int set_public(struct vault_keys *keys)
{
    crypto_sign_public(keys->audit_seed, keys->audit_public);
    crypto_sealedbox_public(keys->box_seed, keys->box_public);
    _cleanup_buffer_ struct buffer origin = BUFFER_MAX(VAULT_ORIGIN_LEN - 1);
    int r = note_append_origin(keys->audit_public, &origin);
    if (r < 0)
        return r;
    memcpy(keys->origin, origin.p, origin.len);
    return 0;
}

int vault_keys_derive(const struct secret *root, struct vault_keys **ret)
{
    struct slice key = secret_slice(root);
    must(key.len == CRYPTO_KEY_LEN);
    _cleanup_keys_ struct vault_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return -ENOMEM;
    keys->secrets = secret_new(KEY_COUNT * CRYPTO_KEY_LEN);
    if (!keys->secrets)
        return -ENOMEM;
    uint8_t *bytes = secret_bytes(keys->secrets);
    for (size_t i = 0; i < KEY_COUNT; i++)
        crypto_hkdf_sha256(key.p, no_salt, slice_text(labels[i]), bytes + i * CRYPTO_KEY_LEN, CRYPTO_KEY_LEN);
    keys->credential_wrapping = bytes + CREDENTIAL_WRAPPING * CRYPTO_KEY_LEN;
    keys->namespace_wrapping = bytes + NAMESPACE_WRAPPING * CRYPTO_KEY_LEN;
    keys->audit_seed = bytes + AUDIT_SEED * CRYPTO_KEY_LEN;
    keys->box_seed = bytes + BOX_SEED * CRYPTO_KEY_LEN;
    crypto_hkdf_sha256(key.p, no_salt, SLICE_LITERAL(LABEL_ID), keys->id, sizeof keys->id);
    int r = set_public(keys);
    if (r < 0)
        return r;
    *ret = TAKE_PTR(keys);
    return 0;
}

void vault_keys_free(struct vault_keys *keys)
{
    if (!keys)
        return;
    secret_free(keys->secrets);
    free(keys);
}
