/* Texts with handles: what is put in place of a handle stands where the handle stood, and none is left. The nonce is
 * "0123456789abcdef". */
#include "base/must.h"
#include "egress/handle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct handle_pattern p;
    struct slice text = slice_of(data, size);
    struct slice values[HANDLE_SLOTS];
    bool used[HANDLE_SLOTS] = {0};
    handle_pattern_init(&p, (const uint8_t *)"0123456789abcdef", 12);
    for (size_t i = 0; i < HANDLE_SLOTS; i++)
        values[i] = SLICE_LITERAL("v\"\n");
    int n = handle_collect(&p, text, used);
    for (enum handle_escape escape = HANDLE_RAW; escape <= HANDLE_MASK; escape++) {
        struct buffer out = BUFFER_MAX(1u << 20);
        int r = handle_substitute(&p, text, escape, values, &out);
        must((r < 0) == (n < 0));
        if (r == 0) {
            static const size_t lengths[] = {[HANDLE_RAW] = 3, [HANDLE_PERCENT] = 7, [HANDLE_JSON] = 5, [HANDLE_MASK] = 3};
            must(out.len >= (size_t)n * lengths[escape] && out.len <= size);
            must(!out.len || !memmem(out.p, out.len, p.prefix, p.len));
            must(n > 0 || (out.len == size && (size == 0 || memcmp(out.p, data, size) == 0)));
        }
        buffer_free(&out);
    }
    return 0;
}
