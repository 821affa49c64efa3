/* uri_template: simple string expansion (RFC 6570, section 3.2.2) and query parameters.
 *
 * What must hold [I9]: a value never adds structure to a URI: all but unreserved characters of it are
 * percent-encoded, and what it contains is not looked at again. Called by the compiler (check) and the
 * interpreter (expand, append). */
#include "flow/uri_template.h"

#include "base/error.h"
#include "flow/lexer.h"

static bool is_unreserved(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

static void append_code(struct buffer *b, uint8_t c)
{
    static const char hex[] = "0123456789ABCDEF";
    const char code[3] = {'%', hex[c >> 4], hex[c & 15]};
    buffer_append(b, code, 3);
}

static int append_encoded(struct buffer *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (is_unreserved(text.p[i]))
            buffer_append_byte(b, text.p[i]);
        else
            append_code(b, text.p[i]);
    return buffer_error(b);
}

/* The text between names stands as it is, but for what is beyond ASCII (RFC 6570, section 3.1). */
static int append_literal(struct buffer *b, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.p[i] < 0x80)
            buffer_append_byte(b, text.p[i]);
        else
            append_code(b, text.p[i]);
    return buffer_error(b);
}

static int fail(struct slice template, size_t at, int code, const char *what, const char *hint,
                struct diag *reterr)
{
    diag_set(reterr, code, "%s", what);
    flow_text_place(template, at, reterr);
    if (hint)
        diag_hint(reterr, "%s", hint);
    return code;
}

/* varname of RFC 6570, section 2.3: letters, digits, `_` and %XX, and dots between them. */
static bool is_name_char(struct slice name, size_t i)
{
    uint8_t c = name.p[i];
    if (c == '%')
        return i + 2 < name.len && is_hex(name.p[i + 1]) && is_hex(name.p[i + 2]);
    if (c == '.')
        return i > 0 && i + 1 < name.len && name.p[i - 1] != '.';
    return c == '_' || (is_unreserved(c) && c != '-' && c != '~');
}

/* Whether the name can stand between braces. */
static int check_name(struct slice template, struct slice name, size_t at, struct diag *reterr)
{
    if (name.len == 0)
        return fail(template, at, -SP_ESYNTAX, "a name must stand between { and }", NULL, reterr);
    if (strchr("+#./;?&=,!@|", name.p[0]) && name.p[0])
        return fail(template, at, -SP_EUNSUPPORTED,
                    "operators of URI templates are not supported, only {name}",
                    "write an expression: ${ \"https://…\" + .path }", reterr);
    for (size_t i = 0; i < name.len; i += name.p[i] == '%' ? 3 : 1) {
        uint8_t c = name.p[i];
        if (c == ',' || c == '*' || c == ':')
            return fail(template, at + i, -SP_EUNSUPPORTED,
                        "lists and modifiers of URI templates are not supported, only {name}", NULL, reterr);
        if (!is_name_char(name, i))
            return fail(template, at + i, -SP_ESYNTAX,
                        "this character cannot stand in a name of a URI template",
                        "a name has letters, digits, _ and single dots; for others write an expression: ${ "
                        "\"https://…\" + .path }",
                        reterr);
    }
    return 0;
}

/* Cuts the next piece off `*rest`: literal text, or a name. 1 for a name, 0 for text; at the end both are
 * empty. */
static int next_piece(struct slice template, struct slice *rest, struct slice *ret, struct diag *reterr)
{
    size_t at = template.len - rest->len, n = 0;
    if (rest->len && rest->p[0] == '{') {
        const uint8_t *end = memchr(rest->p, '}', rest->len);
        if (!end)
            return fail(template, at, -SP_ESYNTAX, "the { has no }", NULL, reterr);
        *ret = slice_of(rest->p + 1, (size_t)(end - rest->p) - 1);
        *rest = slice_of(end + 1, rest->len - ret->len - 2);
        int r = check_name(template, *ret, at + 1, reterr);
        return r < 0 ? r : 1;
    }
    while (n < rest->len && rest->p[n] != '{' && rest->p[n] != '}')
        n++;
    if (n < rest->len && rest->p[n] == '}')
        return fail(template, at + n, -SP_ESYNTAX, "the } has no {", NULL, reterr);
    *ret = slice_of(rest->p, n);
    *rest = slice_of(rest->p + n, rest->len - n);
    return 0;
}

int flow_uri_template_check(struct slice template, struct diag *reterr)
{
    if (template.len > LIMIT_URI)
        return diag_set(reterr, -SP_ELIMIT, "the URI is longer than %d bytes", LIMIT_URI);
    struct slice rest = template, piece;
    while (rest.len) {
        int r = next_piece(template, &rest, &piece, reterr);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Appends a scalar, encoded; -SP_EINVALID for an array or object. */
static int append_value(struct buffer *b, jv value /* consumed */, struct slice name, struct diag *reterr)
{
    jv_kind kind = jv_get_kind(value);
    int r = 0;
    if (kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT) {
        r = diag_set(reterr, -SP_EINVALID,
                     "`%.*s` is %s, but only a string, number, boolean or null can stand in a URI",
                     (int)(name.len > 100 ? 100 : name.len), (const char *)name.p,
                     kind == JV_KIND_ARRAY ? "an array" : "an object");
    } else if (kind != JV_KIND_INVALID && kind != JV_KIND_NULL) {
        if (kind != JV_KIND_STRING)
            value = jv_dump_string(value, 0);
        r = append_encoded(b,
                           slice_of(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value))));
        if (r == -SP_ELIMIT)
            diag_set(reterr, r, "the URI becomes too long");
    }
    jv_free(value);
    return r;
}

int flow_uri_expand(struct slice template, jv variables, struct buffer *ret, struct diag *reterr)
{
    struct slice rest = template, piece;
    while (rest.len) {
        int r = next_piece(template, &rest, &piece, reterr);
        if (r < 0)
            return r;
        if (r == 0) {
            r = append_literal(ret, piece);
        } else if (jv_get_kind(variables) == JV_KIND_OBJECT) {
            jv name = jv_string_sized((const char *)piece.p, (int)piece.len);
            r = append_value(ret, jv_object_get(jv_copy(variables), name), piece, reterr);
        }
        if (r < 0)
            return r == -SP_ELIMIT ? diag_set(reterr, r, "the URI becomes too long") : r;
    }
    return 0;
}

/* The byte that goes before the next parameter: '?' or '&', or 0 when one stands there already. */
static uint8_t query_separator(struct slice uri)
{
    const uint8_t *mark = memchr(uri.p, '?', uri.len);
    if (!mark)
        return '?';
    uint8_t last = uri.p[uri.len - 1];
    return last == '?' || last == '&' ? 0 : '&';
}

/* Adds one query parameter to the URI in `uri`, before its fragment, percent-encoded. */
static int flow_uri_append_query(struct buffer *uri, struct slice name, struct slice value)
{
    _cleanup_buffer_ struct buffer fragment = BUFFER_MAX(uri->max);
    const uint8_t *hash = uri->len ? memchr(uri->p, '#', uri->len) : NULL;
    if (hash) {
        buffer_append(&fragment, hash, uri->len - (size_t)(hash - uri->p));
        if (fragment.error)
            return fragment.error;
        buffer_truncate(uri, (size_t)(hash - uri->p));
    }
    uint8_t separator = uri->len ? query_separator(buffer_slice(uri)) : '?';
    if (separator)
        buffer_append_byte(uri, separator);
    append_encoded(uri, name);
    buffer_append_byte(uri, '=');
    append_encoded(uri, value);
    return buffer_append_slice(uri, buffer_slice(&fragment));
}

static int append_parameter(struct buffer *uri, struct slice name, jv value /* consumed */,
                            struct diag *reterr)
{
    jv_kind kind = jv_get_kind(value);
    if (kind == JV_KIND_ARRAY || kind == JV_KIND_OBJECT) {
        jv_free(value);
        return diag_set(reterr, -SP_EINVALID, "the query parameter `%.*s` holds an array or object",
                        (int)(name.len > 100 ? 100 : name.len), (const char *)name.p);
    }
    int r = 0;
    if (kind != JV_KIND_NULL) {
        if (kind != JV_KIND_STRING)
            value = jv_dump_string(value, 0);
        r = flow_uri_append_query(
            uri, name, slice_of(jv_string_value(value), (size_t)jv_string_length_bytes(jv_copy(value))));
        if (r == -SP_ELIMIT)
            diag_set(reterr, r, "the URI becomes too long");
    }
    jv_free(value);
    return r;
}

static int append_each(struct buffer *uri, struct slice name, jv value /* consumed */, struct diag *reterr)
{
    if (jv_get_kind(value) != JV_KIND_ARRAY)
        return append_parameter(uri, name, value, reterr);
    int r = 0, n = jv_array_length(jv_copy(value));
    for (int i = 0; r == 0 && i < n; i++)
        r = append_parameter(uri, name, jv_array_get(jv_copy(value), i), reterr);
    jv_free(value);
    return r;
}

int flow_uri_append_query_object(struct buffer *uri, jv query, struct diag *reterr)
{
    if (jv_get_kind(query) != JV_KIND_OBJECT)
        return diag_set(reterr, -SP_EINVALID, "the query must be an object");
    /* jv_keys sorts: the order of members must not depend on libjq's tables [I4]. */
    jv keys = jv_keys(jv_copy(query));
    int r = 0, n = jv_array_length(jv_copy(keys));
    for (int i = 0; r == 0 && i < n; i++) {
        jv key = jv_array_get(jv_copy(keys), i);
        struct slice name = slice_of(jv_string_value(key), (size_t)jv_string_length_bytes(jv_copy(key)));
        r = append_each(uri, name, jv_object_get(jv_copy(query), jv_copy(key)), reterr);
        jv_free(key);
    }
    jv_free(keys);
    return r;
}
