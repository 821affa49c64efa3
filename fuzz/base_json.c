/* JSON as gateway, engine, vault, egress and command read and write it. Must hold: what is read is UTF-8, has
 * no NUL outside of an escape and no key twice; written and read again it is equal; any bytes that our writer
 * puts into a string, a key or a problem come out as JSON with the same text; and a log line of it is one
 * line. */
#include <stdlib.h>

#include "base/error.h"
#include "base/json_check.h"
#include "base/json_reader.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/must.h"
#include "base/problem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* JSON that jansson does not take: what its values cannot hold, or what two readers could take differently. */
static bool is_beyond_jansson(struct slice text, const json_error_t *error)
{
    static const enum json_error_code codes[] = {json_error_numeric_overflow, json_error_duplicate_key,
                                                 json_error_null_character, json_error_null_byte_in_key};
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (json_error_code(error) == codes[i])
            return true;
    /* Halves of surrogates. */
    return json_error_code(error) == json_error_invalid_syntax && memmem(text.p, text.len, "\\u", 2);
}

static unsigned depth_of(json_t *value)
{
    unsigned deepest = 0;
    const char *key;
    json_t *item;
    size_t i;
    json_object_foreach(value, key, item)
    {
        unsigned depth = depth_of(item);
        deepest = depth > deepest ? depth : deepest;
    }
    json_array_foreach(value, i, item)
    {
        unsigned depth = depth_of(item);
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + (json_is_object(value) || json_is_array(value));
}

static void read_it(struct slice text)
{
    json_error_t error;
    json_t *value = json_read(text, JSON_DECODE_ANY, &error);
    if (!value) {
        must(json_read_failure(&error) == -SP_ESYNTAX);
        must(!json_is_value(text) || is_beyond_jansson(text, &error));
        return;
    }
    must(json_is_value(text) || depth_of(value) > LIMIT_JSON_PASSED_DEPTH);
    must(slice_is_utf8(text) && !memchr(text.p, 0, text.len));
    char *again = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS);
    json_t *second = json_read(slice_text(again), JSON_DECODE_ANY, NULL);
    must(again && second && json_equal(value, second));
    free(again);
    json_decref(second);
    json_decref(value);
}

static struct slice member(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    must(json_is_string(value));
    return slice_of(json_string_value(value), json_string_length(value));
}

static void write_it(struct slice text)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1u << 20);
    struct json_writer w = JSON_WRITER(&b);
    json_object_begin(&w);
    json_key_string(&w, "text", text);
    json_object_end(&w);
    must(buffer_error(&b) == 0);
    json_t *root = json_read(buffer_slice(&b), JSON_ALLOW_NUL, NULL);
    must(root && (!slice_is_utf8(text) || slice_equal(member(root, "text"), text)));
    json_decref(root);
}

static void explain(const char *text)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1u << 20);
    problem_write(&b, -SP_EINVALID, text);
    json_t *root = json_read(buffer_slice(&b), 0, NULL);
    must(root && json_object_size(root) == 4 && slice_starts(member(root, "type"), PROBLEM_TYPE));
    json_decref(root);
}

static void on_line(enum log_level level, const char *line, size_t len, void *user)
{
    must(len <= LIMIT_LOG_LINE);
    for (size_t i = 0; i < len; i++)
        must((uint8_t)line[i] >= 0x20 && line[i] != 0x7F);
    must(slice_is_utf8(slice_of(line, len)));
    (*(unsigned *)user)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned lines = 0;
    if (size > 1u << 15)
        return 0;
    read_it(slice_of(data, size));
    write_it(slice_of(data, size));
    char *text = malloc(size + 1);
    must(text);
    memcpy(text, data, size);
    text[size] = 0;
    explain(text);
    log_set_sink(on_line, &lines);
    log_event(LOG_LEVEL_WARN, "fuzz.line", "value", text, "after", "x", NULL);
    must(lines == 1);
    free(text);
    return 0;
}
