/* A leaf from a database that somebody edited: what the decoder takes is exactly what the encoder writes, and canonical in the
 * eyes of the general canonicaliser too. */
#include "audit/jcs.h"
#include "audit/leaf.h"
#include "base/limits.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer memory = BUFFER_MAX(4 * LIMIT_LEAF), again = BUFFER_MAX(4 * LIMIT_LEAF), jcs = BUFFER_MAX(4 * LIMIT_LEAF);
    struct slice leaf = slice_of(data, size);
    struct audit_event e;
    if (audit_leaf_decode(leaf, &e, &memory) == 0) {
        must(audit_leaf_encode(&e, &again) == 0);
        must(slice_equal(buffer_slice(&again), leaf));
        must(jcs_canonicalise(leaf, &jcs) == 0);
        must(slice_equal(buffer_slice(&jcs), leaf));
    }
    buffer_free(&memory);
    buffer_free(&again);
    buffer_free(&jcs);
    return 0;
}
