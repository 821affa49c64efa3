/* value_json: values written by recursion, at most LIMIT_JSON_DEPTH deep: what comes from outside was parsed with that limit, and
 * what an expression made was measured. Called by run.c and http_request.c for all that leaves the worker often. */
#include "flow/value_json.h"

#include <math.h>

#include "base/json_writer.h"
#include "base/limits.h"

#define INTEGERS_BELOW 1e15 /* which libjq writes without an exponent, and a double holds exactly */

static struct slice bytes_of(jv string)
{
    return slice_of(jv_string_value(string), (size_t)jv_string_length_bytes(jv_copy(string)));
}

static void write_by_libjq(struct json_writer *w, jv v)
{
    jv text = jv_dump_string(jv_copy(v), 0);
    json_raw(w, bytes_of(text));
    jv_free(text);
}

/* libjq escapes DEL, which JSON does not ask for; a run that was recorded with its text must replay to the same bytes [I4]. */
static bool is_for_libjq(struct slice s)
{
    return s.len && memchr(s.p, 0x7F, s.len);
}

static void write_string(struct json_writer *w, jv v)
{
    if (is_for_libjq(bytes_of(v)))
        write_by_libjq(w, v);
    else
        json_slice(w, bytes_of(v));
}

static void write_key(struct json_writer *w, jv key)
{
    if (!is_for_libjq(bytes_of(key))) {
        json_key_slice(w, bytes_of(key));
        return;
    }
    write_by_libjq(w, key);
    (void)buffer_append_byte(w->out, ':');
    w->need_comma = false;
}

static bool is_plain_integer(jv v)
{
    double n = jv_number_value(v);
#ifdef JQ_HAS_LITERALS
    if (jv_number_has_literal(v))
        return false;
#endif
    return n == trunc(n) && fabs(n) < INTEGERS_BELOW && !(n == 0 && signbit(n));
}

static void write_value(struct json_writer *w, jv v);

static void write_array(struct json_writer *w, jv v)
{
    int n = jv_array_length(jv_copy(v));
    json_array_begin(w);
    for (int i = 0; i < n; i++) {
        jv item = jv_array_get(jv_copy(v), i);
        write_value(w, item);
        jv_free(item);
    }
    json_array_end(w);
}

static void write_object(struct json_writer *w, jv v)
{
    json_object_begin(w);
    for (int at = jv_object_iter(v); jv_object_iter_valid(v, at); at = jv_object_iter_next(v, at)) {
        jv key = jv_object_iter_key(v, at), item = jv_object_iter_value(v, at);
        write_key(w, key);
        write_value(w, item);
        jv_free(key);
        jv_free(item);
    }
    json_object_end(w);
}

static void write_value(struct json_writer *w, jv v)
{
    switch (jv_get_kind(v)) {
    case JV_KIND_OBJECT:
        write_object(w, v);
        return;
    case JV_KIND_ARRAY:
        write_array(w, v);
        return;
    case JV_KIND_STRING:
        write_string(w, v);
        return;
    case JV_KIND_NUMBER:
        if (is_plain_integer(v))
            json_i64(w, (int64_t)jv_number_value(v));
        else
            write_by_libjq(w, v);
        return;
    case JV_KIND_TRUE:
    case JV_KIND_FALSE:
        json_bool(w, jv_get_kind(v) == JV_KIND_TRUE);
        return;
    case JV_KIND_NULL:
    case JV_KIND_INVALID:
        json_put_null(w);
    }
}

void flow_value_write(struct buffer *b, jv v)
{
    struct json_writer w = JSON_WRITER(b);
    write_value(&w, v);
}
