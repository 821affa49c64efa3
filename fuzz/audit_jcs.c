/* Canonical JSON is a fixed point: what was canonicalised once does not change again. */
#include "audit/jcs.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer once = BUFFER_MAX(8 << 20), twice = BUFFER_MAX(8 << 20);
    if (jcs_canonicalise(slice_of(data, size), &once) == 0) {
        must(jcs_canonicalise(buffer_slice(&once), &twice) == 0);
        must(slice_equal(buffer_slice(&once), buffer_slice(&twice)));
    }
    buffer_free(&once);
    buffer_free(&twice);
    return 0;
}
