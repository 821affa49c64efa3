/* Fuzzes compiling and validating: the input is a schema's JSON up to the first newline, then an instance's. */
#include <string.h>

#include "base/error.h"
#include "base/must.h"
#include "base/slice.h"
#include "schema/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of the leak sanitizer, where there is one. */
[[gnu::weak]] void __lsan_disable(void);
[[gnu::weak]] void __lsan_enable(void);

/* libjq's parser leaks a little on some malformed texts, which is not what we look for here. */
static bool is_json(const uint8_t *p, size_t len)
{
    if (__lsan_disable)
        __lsan_disable();
    jv v = jv_parse_sized((const char *)p, (int)len);
    bool good = jv_is_valid(v);
    jv_free(v);
    if (__lsan_enable)
        __lsan_enable();
    return good;
}

/* What compiles as a schema of the default dialect, the metaschema accepts. */
static void hold_against_metaschema(jv document)
{
    static struct schema *metaschema;
    if (!metaschema)
        must(schema_compile(jv_parse("{\"$ref\":\"https://json-schema.org/draft/2020-12/schema\"}"), NULL, &metaschema,
                            NULL) == 0);
    must(schema_validate(metaschema, document, NULL) != -SP_EINVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct schema_errors errors;
    const uint8_t *line = size ? memchr(data, '\n', size) : NULL;
    size_t len = line ? (size_t)(line - data) : size;
    if (size > 1 << 20 || !is_json(data, len) || (line && !is_json(line + 1, size - len - 1)))
        return 0;
    jv document = jv_parse_sized((const char *)data, (int)len);
    jv instance = line ? jv_parse_sized((const char *)line + 1, (int)(size - len - 1)) : jv_null();
    struct schema_options options = {.assert_formats = true};
    struct schema *s = NULL;
    struct diag diag = {0};
    int r = schema_compile(jv_copy(document), &options, &s, &diag);
    must(r <= 0);
    must(r == 0 || (diag.code == r && diag.text[0]));
    if (r == 0) {
        /* Escapes could hide a word from memmem. */
        if (!memchr(data, '\\', len) && !memmem(data, len, "$schema", 7) && !memmem(data, len, "$recursive", 10))
            hold_against_metaschema(document);
        int quick = schema_validate(s, instance, NULL), full = schema_validate(s, instance, &errors);
        must(quick == full);
        must(quick <= 0);
    }
    jv_free(document);
    jv_free(instance);
    schema_free(s);
    return 0;
}
