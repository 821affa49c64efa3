/* A value and an answer, up to and from the first NUL. The value is found wherever it stands, plain or encoded; an answer without
 * it comes through unchanged. */
#include "base/must.h"
#include "egress/handle.h"
#include "egress/scrub.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void is_found(const struct scrub *s, struct slice before, struct slice form, struct slice after)
{
    struct buffer text = BUFFER_MAX(1u << 22);
    (void)buffer_append_slice(&text, before);
    (void)buffer_append_slice(&text, form);
    must(buffer_append_slice(&text, after) == 0);
    must(scrub_finds(s, buffer_slice(&text)));
    buffer_free(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice text = slice_of(data, size);
    struct slice value = {NULL, 0};
    struct scrub *s = NULL;
    struct buffer out = BUFFER_MAX(1u << 22), form = BUFFER_MAX(1u << 22);
    if (size > 4096 || !slice_split(&text, 0, &value))
        return 0;
    must(scrub_new(&s) == 0);
    must(scrub_add(s, value) == 0 && scrub_add_header(s, value) == 0);
    int r = scrub_apply(s, text, &out);
    must(r == scrub_finds(s, text));
    must(r == 1 || slice_equal(buffer_slice(&out), text));
    if (value.len) {
        is_found(s, text, value, text);
        escape_percent(&form, value, false);
        is_found(s, text, buffer_slice(&form), text);
        buffer_clear(&form);
        escape_json(&form, value);
        is_found(s, text, buffer_slice(&form), text);
    }
    scrub_free(s);
    buffer_free(&out);
    buffer_free(&form);
    return 0;
}
