/* A wrapped credential: the bytes as they come, and the bytes as the content of a well-sealed blob. */
#include <stdlib.h>

#include "base/error.h"
#include "vault/credential.h"
#include "wire/codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vault_keys *keys;

static void start(void)
{
    struct secret *root = crypto_init() < 0 ? NULL : secret_new(32);
    if (!root || vault_keys_derive(root, &keys) < 0)
        abort();
    secret_free(root);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!keys)
        start();
    struct credential_label label = {SLICE_LITERAL("default"), SLICE_LITERAL("token"), 1};
    struct credential *c = NULL;
    if (credential_unwrap(keys, &label, slice_of(data, size), &c, NULL) == 0)
        abort(); /* a forgery */
    _cleanup_buffer_ struct buffer ad = BUFFER_MAX(512), blob = BUFFER_MAX(2 * LIMIT_CREDENTIAL);
    wire_put_bytes(&ad, label.ns, LIMIT_NAME);
    wire_put_bytes(&ad, label.name, LIMIT_NAME);
    wire_put_u64(&ad, label.version);
    if (blob_seal(keys, BLOB_CREDENTIAL, buffer_slice(&ad), slice_of(data, size), &blob) < 0)
        return 0;
    int r = credential_unwrap(keys, &label, buffer_slice(&blob), &c, NULL);
    if (r == -SP_ETAMPERED || r == -SP_EKEY)
        abort();
    credential_free(c);
    return 0;
}
