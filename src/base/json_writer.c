/* json_writer: minimal JSON text. Errors stick in the buffer. */
#include "base/json_writer.h"

#include "base/clock.h"
#include "base/json_text.h"

static void value_begins(struct json_writer *w)
{
    if (w->need_comma)
        (void)buffer_append_byte(w->out, ',');
    w->need_comma = true;
}

static void opens(struct json_writer *w, uint8_t bracket)
{
    value_begins(w);
    (void)buffer_append_byte(w->out, bracket);
    w->need_comma = false;
}

static void closes(struct json_writer *w, uint8_t bracket)
{
    (void)buffer_append_byte(w->out, bracket);
    w->need_comma = true;
}

void json_object_begin(struct json_writer *w)
{
    opens(w, '{');
}

void json_object_end(struct json_writer *w)
{
    closes(w, '}');
}

void json_array_begin(struct json_writer *w)
{
    opens(w, '[');
}

void json_array_end(struct json_writer *w)
{
    closes(w, ']');
}

void json_key_slice(struct json_writer *w, struct slice key)
{
    value_begins(w);
    (void)buffer_append_json_text(w->out, key);
    (void)buffer_append_byte(w->out, ':');
    w->need_comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_slice(w, slice_text(key));
}

void json_slice(struct json_writer *w, struct slice s)
{
    if (!s.p) {
        json_put_null(w);
        return;
    }
    value_begins(w);
    (void)buffer_append_json_text(w->out, s);
}

void json_text(struct json_writer *w, const char *text)
{
    json_slice(w, slice_text(text));
}

void json_i64(struct json_writer *w, int64_t n)
{
    value_begins(w);
    (void)buffer_append_i64(w->out, n);
}

void json_u64(struct json_writer *w, uint64_t n)
{
    value_begins(w);
    (void)buffer_append_u64(w->out, n);
}

void json_bool(struct json_writer *w, bool b)
{
    value_begins(w);
    (void)buffer_append_text(w->out, b ? "true" : "false");
}

void json_put_null(struct json_writer *w)
{
    value_begins(w);
    (void)buffer_append_text(w->out, "null");
}

void json_time(struct json_writer *w, int64_t wall_ms)
{
    char text[CLOCK_RFC3339_LEN + 1];
    clock_rfc3339(wall_ms, text);
    json_text(w, text);
}

void json_raw(struct json_writer *w, struct slice json)
{
    if (json.len == 0) {
        json_put_null(w);
        return;
    }
    value_begins(w);
    (void)buffer_append_slice(w->out, json);
}

void json_key_object(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_object_begin(w);
}

void json_key_array(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_array_begin(w);
}

void json_key_text(struct json_writer *w, const char *key, const char *text)
{
    json_key(w, key);
    json_text(w, text);
}

void json_key_string(struct json_writer *w, const char *key, struct slice s)
{
    json_key(w, key);
    json_slice(w, s);
}

void json_key_i64(struct json_writer *w, const char *key, int64_t n)
{
    json_key(w, key);
    json_i64(w, n);
}

void json_key_u64(struct json_writer *w, const char *key, uint64_t n)
{
    json_key(w, key);
    json_u64(w, n);
}

void json_key_bool(struct json_writer *w, const char *key, bool b)
{
    json_key(w, key);
    json_bool(w, b);
}

void json_key_time(struct json_writer *w, const char *key, int64_t wall_ms)
{
    json_key(w, key);
    json_time(w, wall_ms);
}
