/* Faults under JSON Schema: the N-th allocation fails while schemas that use every keyword and every format are compiled and
 * instances validated, what PCRE2 asks for included; libjq's own is not ours to fail. Nothing is called invalid, and nothing
 * valid, because there was no memory. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "faults.h"
#include "schema/arena.h"
#include "schema/format.h"
#include "schema/metaschema.h"
#include "schema/regex.h"
#include "schema/schema.h"
#include "schema/value.h"

/* A schema's arena asks for memory seldom, so each piece of it counts as an allocation; and PCRE2 has no way to ask us. */
void *__real_schema_arena_take(struct schema_arena *a, size_t len);
void *__wrap_schema_arena_take(struct schema_arena *a, size_t len);
struct slice __real_schema_arena_copy(struct schema_arena *a, struct slice s);
struct slice __wrap_schema_arena_copy(struct schema_arena *a, struct slice s);
pcre2_code *__real_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE len, uint32_t options, int *error, PCRE2_SIZE *at,
                                   pcre2_compile_context *c);
pcre2_code *__wrap_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE len, uint32_t options, int *error, PCRE2_SIZE *at,
                                   pcre2_compile_context *c);
pcre2_match_data *__real_pcre2_match_data_create_8(uint32_t n, pcre2_general_context *c);
pcre2_match_data *__wrap_pcre2_match_data_create_8(uint32_t n, pcre2_general_context *c);
pcre2_match_context *__real_pcre2_match_context_create_8(pcre2_general_context *c);
pcre2_match_context *__wrap_pcre2_match_context_create_8(pcre2_general_context *c);
int __real_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, PCRE2_SIZE len, PCRE2_SIZE from, uint32_t options,
                         pcre2_match_data *data, pcre2_match_context *c);
int __wrap_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, PCRE2_SIZE len, PCRE2_SIZE from, uint32_t options,
                         pcre2_match_data *data, pcre2_match_context *c);

void *__wrap_schema_arena_take(struct schema_arena *a, size_t len)
{
    return fault_now() ? NULL : __real_schema_arena_take(a, len);
}

struct slice __wrap_schema_arena_copy(struct schema_arena *a, struct slice s)
{
    return fault_now() ? (struct slice){NULL, 0} : __real_schema_arena_copy(a, s);
}

pcre2_code *__wrap_pcre2_compile_8(PCRE2_SPTR pattern, PCRE2_SIZE len, uint32_t options, int *error, PCRE2_SIZE *at,
                                   pcre2_compile_context *c)
{
    if (!fault_now())
        return __real_pcre2_compile_8(pattern, len, options, error, at, c);
    *error = PCRE2_ERROR_HEAP_FAILED;
    return NULL;
}

pcre2_match_data *__wrap_pcre2_match_data_create_8(uint32_t n, pcre2_general_context *c)
{
    return fault_now() ? NULL : __real_pcre2_match_data_create_8(n, c);
}

pcre2_match_context *__wrap_pcre2_match_context_create_8(pcre2_general_context *c)
{
    return fault_now() ? NULL : __real_pcre2_match_context_create_8(c);
}

int __wrap_pcre2_match_8(const pcre2_code *code, PCRE2_SPTR text, PCRE2_SIZE len, PCRE2_SIZE from, uint32_t options,
                         pcre2_match_data *data, pcre2_match_context *c)
{
    return fault_now() ? PCRE2_ERROR_NOMEMORY : __real_pcre2_match_8(code, text, len, from, options, data, c);
}

/* --- cases ----------------------------------------------------------------------------------------------------------- */

static struct schema_errors errors;

static jv json(const char *text)
{
    jv v = jv_parse(text);
    if (!jv_is_valid(v))
        fail_msg("not JSON: %s", text);
    return v;
}

/* Compiles and validates in both ways; gives 0 or what had no memory, and holds every other answer against `want`. */
static int compile_and_validate(const char *schema, const char *instance, int want)
{
    struct schema_options options = {.assert_formats = true};
    struct schema *s = NULL;
    struct diag diag = {0};
    jv document = json(schema), value = json(instance);
    int r = schema_compile(document, &options, &s, &diag);
    if (r < 0)
        assert_true(diag.code == r && diag.text[0]);
    for (int i = 0; r == 0 && i < 2; i++) {
        r = schema_validate(s, value, i ? &errors : NULL);
        if (r != -ENOMEM && r != want)
            fail_msg("%s on %s: %d instead of %d", schema, instance, r, want);
        if (i && r == -SP_EINVALID) /* a verdict has its reason */
            assert_string_not_equal(errors.items[0].text, "is not as the schema describes");
        r = r == -ENOMEM ? r : 0;
    }
    schema_free(s);
    jv_free(value);
    return r;
}

/* Calls `each` for the lines of the file: a schema, "yes" or "no", an instance, separated by tabs; "#" begins a comment. */
static void each_case(void (*each)(char *schema, int want, char *instance, void *user), void *user)
{
    FILE *f = fopen(CASES, "r");
    char *line = NULL;
    size_t size = 0;
    assert_non_null(f);
    while (getline(&line, &size, f) > 0) {
        line[strcspn(line, "\n")] = 0;
        char *answer = strchr(line, '\t'), *instance = answer ? strchr(answer + 1, '\t') : NULL;
        if (!line[0] || line[0] == '#')
            continue;
        assert_non_null(instance);
        *answer++ = *instance++ = 0;
        each(line, strcmp(answer, "yes") == 0 ? 0 : -SP_EINVALID, instance, user);
    }
    free(line);
    fclose(f);
}

static void fail_each_allocation(char *schema, int want, char *instance, void *user)
{
    struct fault_loop f = FAULT_LOOP(schema, .dense = 3000);
    while (fault_next(&f))
        fault_judge(&f, compile_and_validate(schema, instance, want));
}

static void memory_may_end_anywhere(void **state)
{
    each_case(fail_each_allocation, NULL);
}

static void note_schema(char *schema, int want, char *instance, void *user)
{
    (void)buffer_append_text(user, schema);
}

static void assert_used(struct buffer *schemas, const char *what)
{
    if (!strstr(buffer_text(schemas), what))
        fail_msg("no case uses %s", what);
}

/* The metaschemas know all keywords. */
static void each_keyword_has_a_case(void **state)
{
    static const char *const documents[] = {"core",      "applicator",        "unevaluated", "validation",
                                            "meta-data", "format-annotation", "content"};
    _cleanup_buffer_ struct buffer schemas = BUFFER_MAX(1u << 20);
    unsigned n = 0;
    each_case(note_schema, &schemas);
    for (size_t i = 0; i < sizeof documents / sizeof *documents; i++) {
        char uri[120];
        (void)snprintf(uri, sizeof uri, SCHEMA_DIALECT_ROOT "meta/%s", documents[i]);
        jv metaschema = json(metaschema_text(slice_text(uri))), properties = value_get(metaschema, "properties");
        jv_object_foreach(properties, key, value)
        {
            char keyword[64];
            (void)snprintf(keyword, sizeof keyword, "\"%s\":", jv_string_value(key));
            assert_used(&schemas, keyword);
            jv_free(key);
            jv_free(value);
            n++;
        }
        jv_free(properties);
        jv_free(metaschema);
    }
    assert_in_range(n, 50, 70);
}

static void each_format_has_a_case(void **state)
{
    static const char *const formats[] = {"date-time",
                                          "date",
                                          "time",
                                          "duration",
                                          "email",
                                          "idn-email",
                                          "hostname",
                                          "idn-hostname",
                                          "ipv4",
                                          "ipv6",
                                          "uri",
                                          "uri-reference",
                                          "iri",
                                          "iri-reference",
                                          "uri-template",
                                          "json-pointer",
                                          "relative-json-pointer",
                                          "regex",
                                          "uuid"};
    _cleanup_buffer_ struct buffer schemas = BUFFER_MAX(1u << 20);
    each_case(note_schema, &schemas);
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        char member[64];
        (void)snprintf(member, sizeof member, "\"format\":\"%s\"", formats[i]);
        assert_used(&schemas, member);
        assert_non_null(format_find(slice_text(formats[i])));
    }
}

/* More items and properties than there is room for without asking for memory. */
static void large_instances(void **state)
{
    _cleanup_buffer_ struct buffer array = BUFFER_MAX(1u << 20), object = BUFFER_MAX(1u << 20);
    for (int i = 0; i < 300; i++) {
        (void)buffer_printf(&array, "%c%d", i ? ',' : '[', i);
        (void)buffer_printf(&object, "%c\"k%d\":[[%d],\"k%d\"]", i ? ',' : '{', i, i, i);
    }
    (void)buffer_append_byte(&array, ']');
    (void)buffer_append_byte(&object, '}');
    static const struct {
        const char *schema;
        bool is_object;
        int code;
    } large[] = {
        {"{\"uniqueItems\":true,\"contains\":{\"const\":299},\"unevaluatedItems\":{\"type\":\"integer\"}}", false, 0},
        {"{\"allOf\":[{\"anyOf\":[{\"contains\":{\"const\":3}},false]}],\"unevaluatedItems\":{\"minimum\":1}}", false,
         -SP_EINVALID},
        {"{\"oneOf\":[{\"if\":{\"required\":[\"k0\"]},\"then\":{\"patternProperties\":{\"^k(1|2)$\":true}}}],"
         "\"unevaluatedProperties\":{\"prefixItems\":[{\"uniqueItems\":true}],\"minItems\":2}}",
         true, 0},
        {"{\"unevaluatedProperties\":{\"not\":{\"const\":[[7],\"k7\"]}}}", true, -SP_EINVALID},
        {"{\"additionalProperties\":{\"enum\":[[[7],\"k7\"]]},\"minProperties\":300}", true, -SP_EINVALID},
    };
    for (size_t i = 0; i < sizeof large / sizeof *large; i++) {
        struct fault_loop f = FAULT_LOOP(large[i].schema);
        const char *instance = buffer_text(large[i].is_object ? &object : &array);
        while (fault_next(&f))
            fault_judge(&f, compile_and_validate(large[i].schema, instance, large[i].code));
    }
}

int main(void)
{
    faults_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_may_end_anywhere),
        cmocka_unit_test(each_keyword_has_a_case),
        cmocka_unit_test(each_format_has_a_case),
        cmocka_unit_test(large_instances),
    };
    return cmocka_run_group_tests_name("fault/schema", tests, NULL, NULL);
}
