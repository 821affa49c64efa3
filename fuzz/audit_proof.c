/* A proof file from a stranger; and its content as a checkpoint. */
#include "audit/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t seed[32] = "a seed of thirty-two bytes, here";
    struct audit_key key = {};
    struct checkpoint checkpoint;
    struct diag diag;
    crypto_sign_public(seed, key.public_key);
    int r = audit_proof_verify(slice_of(data, size), &key, NULL, NULL, &diag);
    if (r < 0)
        r = audit_checkpoint_open(slice_of(data, size), &key, &checkpoint, &diag);
    return r > 0; /* neither gives a positive code */
}
