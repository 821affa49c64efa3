/* definition: any bytes as a definition. Must hold: findings that are JSON, a manifest that is JSON, and no
 * crash. */
#include "base/error.h"
#include "flow/flow.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buffer findings = BUFFER_MAX(2 * LIMIT_DEFINITION), manifest = BUFFER_MAX(2 * LIMIT_DEFINITION);
    struct flow_definition *d = NULL;
    int r = flow_definition_compile(slice_of(data, size), &findings, &manifest, &d);
    if ((r == 0) != (d != NULL) || findings.len < 2 || findings.p[findings.len - 1] != ']')
        __builtin_trap();
    flow_definition_unref(d);
    buffer_free(&findings);
    buffer_free(&manifest);
    return 0;
}
