/* Text cases: a JSON file is an array of objects, each one case. */
#ifndef CASES_H
#define CASES_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <setjmp.h>
#include <cmocka.h>

#include "base/buffer.h"
#include "flow/document.h"

/* The content of a file below the source root; the test fails when it cannot be read or is no JSON. */
static inline jv cases_load(const char *path)
{
    char full[4096];
    snprintf(full, sizeof full, "%s/%s", SOURCE_ROOT, path);
    FILE *f = fopen(full, "rb");
    if (!f)
        fail_msg("%s cannot be read", full);
    struct buffer text = BUFFER_MAX(LIMIT_FRAME);
    char block[4096];
    size_t n;
    while ((n = fread(block, 1, sizeof block, f)) > 0)
        buffer_append(&text, block, n);
    fclose(f);
    jv cases;
    struct diag diag = {0};
    if (flow_json_parse(buffer_slice(&text), &cases, &diag) < 0)
        fail_msg("%s:%u:%u: %s", path, diag.line, diag.column, diag.text);
    buffer_free(&text);
    return cases;
}

static inline jv case_get(jv c, const char *key)
{
    return jv_object_get(jv_copy(c), jv_string(key));
}

/* A member as text that lives as long as the case; NULL if it is not there. */
static inline const char *case_text(jv c, const char *key)
{
    jv v = case_get(c, key);
    const char *text = jv_get_kind(v) == JV_KIND_STRING ? jv_string_value(v) : NULL;
    jv_free(v);
    return text;
}

static inline struct slice case_slice(jv c, const char *key)
{
    jv v = case_get(c, key);
    struct slice s = {NULL, 0};
    if (jv_get_kind(v) == JV_KIND_STRING)
        s = slice_of(jv_string_value(v), (size_t)jv_string_length_bytes(jv_copy(v)));
    jv_free(v);
    return s;
}

static unsigned cases_wrong;

/* Says what is wrong with a case; the test fails at its end. */
[[gnu::format(printf, 2, 3)]] static inline void case_wrong(jv c, const char *format, ...)
{
    jv dump = jv_dump_string(jv_copy(c), 0);
    va_list args;
    va_start(args, format);
    printf("  ");
    vprintf(format, args);
    printf("\n    in %.600s\n", jv_string_value(dump));
    va_end(args);
    jv_free(dump);
    cases_wrong++;
}

/* Holds `text` against what the case expects in `key`: a part of it. */
static inline void case_expect(jv c, const char *key, const char *text)
{
    const char *expected = case_text(c, key);
    if (expected && !strstr(text, expected))
        case_wrong(c, "%s: got \"%s\", expected \"%s\"", key, text, expected);
}

static inline void case_expect_value(jv c, jv got /* consumed */)
{
    jv expected = case_get(c, "is");
    if (!jv_equal(jv_copy(expected), jv_copy(got))) {
        jv a = jv_dump_string(jv_copy(got), 0), b = jv_dump_string(jv_copy(expected), JV_PRINT_INVALID);
        case_wrong(c, "got %s, expected %s", jv_string_value(a), jv_string_value(b));
        jv_free(a);
        jv_free(b);
    }
    jv_free(expected);
    jv_free(got);
}

#endif
