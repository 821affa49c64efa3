/* What src/schema alone costs: one case of bench/schema.mjs, which says what a case is, on values as libjq
 * holds them.
 *
 *   bench-schema CASE.json SECONDS   validations a second, of values and of text, as one line of JSON; before
 * it measures, every variant must get the answer that the case has for it (else exit status 1) */
#include <stdio.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/must.h"
#include "flow/document.h"
#include "schema/schema.h"
#include "schema/value.h"

static jv read_case(const char *path)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(64u << 20);
    struct diag diag = {};
    jv value;
    FILE *file = fopen(path, "rb");
    must(file);
    uint8_t block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, file)) > 0;)
        must(buffer_append(&text, block, n) == 0);
    must(fclose(file) == 0 && flow_json_parse(buffer_slice(&text), &value, &diag) == 0);
    return value;
}

static struct schema *compiled(jv one)
{
    struct schema_resource resources[8];
    struct schema_options options = {.resources = resources, .assert_formats = true};
    struct schema *schema = NULL;
    struct diag diag = {};
    jv others = value_get(one, "resources");
    for (int i = jv_object_iter(others); jv_object_iter_valid(others, i);
         i = jv_object_iter_next(others, i)) {
        must(options.n_resources < sizeof resources / sizeof *resources);
        jv uri = jv_object_iter_key(others, i), document = jv_object_iter_value(others, i);
        resources[options.n_resources++] = (struct schema_resource){jv_string_value(uri), document};
        jv_free(uri);
        jv_free(document); /* `one` holds both */
    }
    if (schema_compile(value_get(one, "schema"), &options, &schema, &diag) < 0) {
        (void)fprintf(stderr, "bench-schema: %s: %s\n", diag.pointer, diag.text);
        exit(1);
    }
    jv_free(others);
    return schema;
}

static void check_variants(const struct schema *schema, jv one, const char *path)
{
    jv variants = value_get(one, "variants");
    size_t wrong = 0;
    for (size_t i = 0; i < value_count(variants); i++) {
        struct schema_errors errors;
        jv variant = jv_array_get(jv_copy(variants), (int)i), document = value_get(variant, "document");
        bool is_valid = jv_get_kind(value_get(variant, "valid")) == JV_KIND_TRUE;
        int r = schema_validate(schema, document, &errors);
        if (r != (is_valid ? 0 : -SP_EINVALID)) {
            (void)fprintf(stderr, "bench-schema: %s: variant %zu is %s, but %d %s %s\n", path, i,
                          is_valid ? "valid" : "invalid", r, r ? errors.items[0].instance : "",
                          r ? errors.items[0].text : "");
            wrong++;
        }
        jv_free(document);
        jv_free(variant);
    }
    jv_free(variants);
    if (wrong)
        exit(1);
}

static double values_per_s(const struct schema *schema, jv documents, int64_t us)
{
    size_t count = value_count(documents), n = 0;
    int64_t start = clock_monotonic_us(), now = start;
    for (; now < start + us; now = clock_monotonic_us(), n += count)
        for (size_t i = 0; i < count; i++) {
            jv document = jv_array_get(jv_copy(documents), (int)i);
            must(schema_validate(schema, document, NULL) == 0);
            jv_free(document);
        }
    return (double)n * 1e6 / (double)(now - start);
}

static double texts_per_s(const struct schema *schema, jv documents, int64_t us)
{
    size_t count = value_count(documents), n = 0;
    struct diag diag = {};
    jv texts = jv_array();
    for (size_t i = 0; i < count; i++)
        texts = jv_array_append(texts, jv_dump_string(jv_array_get(jv_copy(documents), (int)i), 0));
    int64_t start = clock_monotonic_us(), now = start;
    for (; now < start + us; now = clock_monotonic_us(), n += count)
        for (size_t i = 0; i < count; i++) {
            jv text = jv_array_get(jv_copy(texts), (int)i), document;
            must(flow_json_parse(value_text(text), &document, &diag) == 0 &&
                 schema_validate(schema, document, NULL) == 0);
            jv_free(document);
            jv_free(text);
        }
    jv_free(texts);
    return (double)n * 1e6 / (double)(now - start);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fprintf(stderr, "usage: bench-schema CASE.json SECONDS\n");
        return 2;
    }
    int64_t us = (int64_t)(strtod(argv[2], NULL) * 1e6);
    jv one = read_case(argv[1]), documents = value_get(one, "documents");
    struct schema *schema = compiled(one);
    check_variants(schema, one, argv[1]);
    double values = values_per_s(schema, documents, us), texts = texts_per_s(schema, documents, us);
    printf("{\"per_s\":%.1f,\"parsed_per_s\":%.1f}\n", values, texts);
    schema_free(schema);
    jv_free(documents);
    jv_free(one);
    return 0;
}
