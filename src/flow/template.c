/* template: the skeleton of a template. Objects and arrays become jq's constructors, strings JSON literals (whose backslashes
 * are doubled, so no `\(` in one is an interpolation), expressions open places.
 *
 * What must hold [I9]: only a string of the template that is taken as an expression is ever code; keys never are.
 * Called by program.c alone. */
#include "flow/template.h"

#include <errno.h>

#include "base/error.h"
#include "flow/expression.h"

struct writer {
    struct buffer *out;
    struct buffer pointer;
    flow_template_part *part;
    void *user;
    struct diag *reterr;
    bool loose;
    unsigned depth;
};

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool flow_text_is_expression(struct slice text, struct slice *ret_inner)
{
    while (text.len && is_space(text.p[text.len - 1]))
        text.len--;
    while (text.len && is_space(text.p[0]))
        text = slice_of(text.p + 1, text.len - 1);
    if (text.len < 4 || !slice_starts(text, "${") || text.p[text.len - 1] != '}')
        return false;
    if (ret_inner)
        *ret_inner = slice_of(text.p + 2, text.len - 3);
    return true;
}

int flow_template_write_constant(struct buffer *out, jv value)
{
    jv text = jv_dump_string(value, 0);
    /* In parentheses, because jq 1.6 does not take a negative number everywhere. */
    buffer_append_byte(out, '(');
    buffer_append(out, jv_string_value(text), (size_t)jv_string_length_bytes(jv_copy(text)));
    int r = buffer_append_byte(out, ')');
    jv_free(text);
    return r;
}

static struct slice string_slice(jv value)
{
    return slice_of(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value)));
}

static int write_string(struct writer *w, jv value)
{
    struct slice text = string_slice(value), inner = text;
    bool wrapped = flow_text_is_expression(text, &inner);
    if (wrapped || w->loose) {
        const char *pointer = buffer_text(&w->pointer);
        if (!pointer)
            return diag_set(w->reterr, -SP_ELIMIT, "the names on the way to an expression are too long");
        int r = w->part(inner, wrapped, pointer, w->out->len, w->user);
        if (r != 0)
            return r < 0 ? r : 0;
    }
    return flow_template_write_constant(w->out, jv_copy(value));
}

static int write_value(struct writer *w, jv value);

/* Goes one step down: `~` and `/` of a key are escaped (RFC 6901). */
static int write_member(struct writer *w, struct slice key, jv value)
{
    size_t len = w->pointer.len;
    buffer_append_byte(&w->pointer, '/');
    for (size_t i = 0; i < key.len; i++) {
        if (key.p[i] == '~' || key.p[i] == '/')
            buffer_append_text(&w->pointer, key.p[i] == '~' ? "~0" : "~1");
        else
            buffer_append_byte(&w->pointer, key.p[i]);
    }
    int r = write_value(w, value);
    w->pointer.error = 0;
    buffer_truncate(&w->pointer, len);
    return r;
}

static int write_object(struct writer *w, jv object)
{
    int r = buffer_append_byte(w->out, '{');
    bool is_first = true;
    for (int i = jv_object_iter(object); r == 0 && jv_object_iter_valid(object, i); i = jv_object_iter_next(object, i)) {
        jv key = jv_object_iter_key(object, i), value = jv_object_iter_value(object, i);
        if (!is_first)
            buffer_append_byte(w->out, ',');
        is_first = false;
        flow_template_write_constant(w->out, jv_copy(key));
        r = buffer_append_byte(w->out, ':');
        if (r == 0)
            r = write_member(w, string_slice(key), value);
        jv_free(key);
        jv_free(value);
    }
    return r < 0 ? r : buffer_append_byte(w->out, '}');
}

static bool may_be_code(const struct writer *w, jv value)
{
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_STRING)
        return w->loose || flow_text_is_expression(string_slice(value), NULL);
    return kind == JV_KIND_OBJECT || kind == JV_KIND_ARRAY;
}

static int write_array(struct writer *w, jv array)
{
    int r = buffer_append_byte(w->out, '['), n = jv_array_length(jv_copy(array));
    for (int i = 0; r == 0 && i < n; i++) {
        char number[16];
        int len = snprintf(number, sizeof number, "%d", i);
        jv value = jv_array_get(jv_copy(array), i);
        /* An expression may give several values or none, an item of an array is one. */
        buffer_append_text(w->out, i ? "," : "");
        buffer_append_text(w->out, may_be_code(w, value) ? FLOW_TEMPLATE_ONE "(" : "(");
        r = write_member(w, slice_of(number, (size_t)len), value);
        if (r == 0)
            r = buffer_append_byte(w->out, ')');
        jv_free(value);
    }
    return r < 0 ? r : buffer_append_byte(w->out, ']');
}

/* Recursion is bounded by FLOW_TEMPLATE_DEPTH. */
static int write_value(struct writer *w, jv value)
{
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_STRING)
        return write_string(w, value);
    if (kind != JV_KIND_OBJECT && kind != JV_KIND_ARRAY)
        return flow_template_write_constant(w->out, jv_copy(value));
    if (w->depth == FLOW_TEMPLATE_DEPTH)
        return diag_set(w->reterr, -SP_ELIMIT, "the value is nested more than %d levels deep", FLOW_TEMPLATE_DEPTH);
    w->depth++;
    int r = kind == JV_KIND_OBJECT ? write_object(w, value) : write_array(w, value);
    w->depth--;
    return r;
}

int flow_template_write(jv value, bool loose, struct buffer *skeleton, flow_template_part *part, void *user, struct diag *reterr)
{
    struct writer w = {.out = skeleton, .pointer = BUFFER_MAX(LIMIT_TEXT), .part = part, .user = user, .reterr = reterr, .loose = loose};
    int r = write_value(&w, value);
    buffer_free(&w.pointer);
    if (r < 0 && r == skeleton->error)
        return diag_set(reterr, r, "the value is too long to be a template");
    return r;
}
