/* document_json: strict JSON (RFC 8259) straight into values, in one pass with a stack of its own.
 *
 * libjq's parser is not used: it takes nan and NaN, lone surrogates, malformed UTF-8, leading zeros and repeated keys. What must
 * hold: no recursion; nothing that RFC 8259 does not allow is accepted, nor a key twice in one object; the first error ends it
 * with its place. An object with a key twice has fewer members than keys were read, which costs less to see than to look for each
 * key; where the second one stands is then found by going over that object once more. Nothing is read twice as a whole, since a step's
 * processor time is bounded. Called by the worker's side for inputs, replies and bodies. */
#include <errno.h>
#include <math.h>

#include "base/buffer.h"
#include "base/error.h"
#include "flow/document.h"
#include "flow/lexer.h"

struct frame {
    jv container;
    jv key; /* of the value that comes; invalid in an array */
    int n_keys;
    size_t start; /* in the text */
};

struct reader {
    struct slice text;
    size_t at;
    struct buffer scratch; /* a string with escapes, decoded */
    struct frame *stack;   /* of LIMIT_JSON_DEPTH */
    unsigned depth;
    struct diag *reterr;
};

static int fail(struct reader *r, size_t at, int code, const char *what)
{
    diag_set(r->reterr, code, "%s", what);
    flow_text_place(r->text, at, r->reterr);
    return code;
}

static int peek(const struct reader *r)
{
    return r->at < r->text.len ? r->text.p[r->at] : -1;
}

static void skip_space(struct reader *r)
{
    for (; r->at < r->text.len; r->at++) {
        uint8_t c = r->text.p[r->at];
        if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
            return;
    }
}

/* The bytes of the word that are zero have their highest bit set in the result; those above the first of them perhaps too. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - 0x0101010101010101) & ~word & 0x8080808080808080;
}

/* Skips what a string holds as it is, eight bytes at a time: all but quotes, backslashes and control characters. */
static void skip_plain(struct reader *r)
{
    const uint8_t *p = r->text.p;
    for (uint64_t word; r->text.len - r->at >= sizeof word; r->at += sizeof word) {
        memcpy(&word, p + r->at, sizeof word);
        if (zero_bytes(word ^ 0x2222222222222222) | zero_bytes(word ^ 0x5C5C5C5C5C5C5C5C) | zero_bytes(word & 0xE0E0E0E0E0E0E0E0))
            break;
    }
    while (r->at < r->text.len && p[r->at] >= 0x20 && p[r->at] != '"' && p[r->at] != '\\')
        r->at++;
}

static int take_literal(struct reader *r, const char *word, jv value, jv *ret)
{
    if (!slice_starts(slice_of(r->text.p + r->at, r->text.len - r->at), word))
        return fail(r, r->at, -SP_ESYNTAX, "a value was expected");
    r->at += strlen(word);
    *ret = value;
    return 0;
}

static size_t skip_digits(struct reader *r)
{
    size_t start = r->at;
    while (r->at < r->text.len && r->text.p[r->at] >= '0' && r->text.p[r->at] <= '9')
        r->at++;
    return r->at - start;
}

/* The number's grammar; `ret_is_short` when it is an integer that a double holds exactly. */
static int scan_number(struct reader *r, bool *ret_is_short)
{
    size_t start = r->at;
    if (peek(r) == '-')
        r->at++;
    size_t first = r->at, n = skip_digits(r);
    if (n == 0 || (n > 1 && r->text.p[first] == '0'))
        return fail(r, start, -SP_ESYNTAX, "malformed number");
    *ret_is_short = n <= 15;
    if (peek(r) == '.') {
        r->at++;
        *ret_is_short = false;
        if (skip_digits(r) == 0)
            return fail(r, start, -SP_ESYNTAX, "malformed number");
    }
    if (peek(r) == 'e' || peek(r) == 'E') {
        r->at++;
        *ret_is_short = false;
        if (peek(r) == '+' || peek(r) == '-')
            r->at++;
        if (skip_digits(r) == 0)
            return fail(r, start, -SP_ESYNTAX, "malformed number");
    }
    return 0;
}

static int read_number(struct reader *r, jv *ret)
{
    size_t start = r->at;
    bool is_short;
    int result = scan_number(r, &is_short);
    if (result < 0)
        return result;
    if (is_short) {
        bool negative = r->text.p[start] == '-';
        int64_t n = 0;
        for (size_t i = start + negative; i < r->at; i++)
            n = n * 10 + (r->text.p[i] - '0');
        *ret = jv_number(negative ? -(double)n : (double)n);
        return 0;
    }
    char text[512];
    size_t len = r->at - start;
    if (len >= sizeof text)
        return fail(r, start, -SP_ELIMIT, "the number has too many digits");
    memcpy(text, r->text.p + start, len);
    text[len] = 0;
    double value = strtod(text, NULL);
    if (!isfinite(value))
        return fail(r, start, -SP_EINVALID, "the number is too large");
#ifdef JQ_HAS_LITERALS
    *ret = jv_number_with_literal(text);
#else
    *ret = jv_number(value);
#endif
    return 0;
}

static int read_hex4(struct reader *r, uint32_t *ret)
{
    uint32_t n = 0;
    for (size_t i = 0; i < 4; i++, r->at++) {
        int c = peek(r), digit;
        if (c >= '0' && c <= '9')
            digit = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f')
            digit = (c | 32) - 'a' + 10;
        else
            return fail(r, r->at, -SP_ESYNTAX, "four hexadecimal digits must follow \\u");
        n = n << 4 | (uint32_t)digit;
    }
    *ret = n;
    return 0;
}

static void append_utf8(struct buffer *b, uint32_t c)
{
    if (c < 0x80) {
        buffer_append_byte(b, (uint8_t)c);
        return;
    }
    if (c < 0x800) {
        buffer_append_byte(b, (uint8_t)(0xC0 | c >> 6));
    } else {
        if (c < 0x10000) {
            buffer_append_byte(b, (uint8_t)(0xE0 | c >> 12));
        } else {
            buffer_append_byte(b, (uint8_t)(0xF0 | c >> 18));
            buffer_append_byte(b, (uint8_t)(0x80 | (c >> 12 & 0x3F)));
        }
        buffer_append_byte(b, (uint8_t)(0x80 | (c >> 6 & 0x3F)));
    }
    buffer_append_byte(b, (uint8_t)(0x80 | (c & 0x3F)));
}

/* What follows `\u`, the second half of a pair included. */
static int read_unicode(struct reader *r)
{
    size_t start = r->at - 2;
    uint32_t c, low;
    int result = read_hex4(r, &c);
    if (result < 0)
        return result;
    if (c >= 0xD800 && c < 0xDC00) {
        if (!slice_starts(slice_of(r->text.p + r->at, r->text.len - r->at), "\\u"))
            return fail(r, start, -SP_ESYNTAX, "half of a surrogate pair");
        r->at += 2;
        result = read_hex4(r, &low);
        if (result < 0)
            return result;
        if (low < 0xDC00 || low > 0xDFFF)
            return fail(r, start, -SP_ESYNTAX, "half of a surrogate pair");
        c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
    } else if (c >= 0xDC00 && c <= 0xDFFF) {
        return fail(r, start, -SP_ESYNTAX, "half of a surrogate pair");
    }
    append_utf8(&r->scratch, c);
    return 0;
}

static int read_escape(struct reader *r)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    r->at++;
    int c = peek(r);
    r->at++;
    if (c == 'u')
        return read_unicode(r);
    const char *letter = c > 0 ? strchr(letters, c) : NULL;
    if (!letter)
        return fail(r, r->at - 2, -SP_ESYNTAX, "this escape is not one of JSON's");
    buffer_append_byte(&r->scratch, (uint8_t)values[letter - letters]);
    return 0;
}

static int read_string(struct reader *r, jv *ret)
{
    size_t start = r->at++, from = r->at;
    bool has_escape = false;
    buffer_clear(&r->scratch);
    for (;;) {
        skip_plain(r);
        int c = peek(r);
        if (c < 0)
            return fail(r, start, -SP_ESYNTAX, "the string has no end");
        if (c < 0x20)
            return fail(r, r->at, -SP_ESYNTAX, "control characters in strings must be escaped");
        struct slice run = slice_of(r->text.p + from, r->at - from);
        if (c == '"' && !has_escape) {
            r->at++;
            *ret = jv_string_sized((const char *)run.p, (int)run.len);
            return 0;
        }
        buffer_append_slice(&r->scratch, run);
        if (c == '"')
            break;
        has_escape = true;
        int result = read_escape(r);
        if (result < 0)
            return result;
        from = r->at;
    }
    r->at++;
    if (r->scratch.error)
        return r->scratch.error;
    *ret = jv_string_sized((const char *)r->scratch.p, (int)r->scratch.len);
    return 0;
}

/* `"key":` of the innermost object. */
static int read_key(struct reader *r)
{
    struct frame *f = &r->stack[r->depth - 1];
    skip_space(r);
    if (peek(r) != '"')
        return fail(r, r->at, -SP_ESYNTAX, "a key in quotes was expected");
    int result = read_string(r, &f->key);
    if (result < 0)
        return result;
    f->n_keys++;
    skip_space(r);
    if (peek(r) != ':')
        return fail(r, r->at, -SP_ESYNTAX, "a colon was expected");
    r->at++;
    return 0;
}

static int push(struct reader *r, jv container /* consumed */)
{
    if (r->depth == LIMIT_JSON_DEPTH) {
        jv_free(container);
        return fail(r, r->at, -SP_ELIMIT, "the value is nested too deeply");
    }
    r->stack[r->depth++] = (struct frame){.container = container, .key = jv_invalid(), .start = r->at};
    r->at++;
    return 0;
}

/* A scalar, an empty container, or the opening of another (then 1). */
static int read_value(struct reader *r, jv *ret)
{
    skip_space(r);
    int c = peek(r), result;
    switch (c) {
    case '{':
    case '[':
        result = push(r, c == '{' ? jv_object() : jv_array());
        if (result < 0)
            return result;
        skip_space(r);
        if (peek(r) != (c == '{' ? '}' : ']')) {
            result = c == '{' ? read_key(r) : 0;
            return result < 0 ? result : 1;
        }
        r->at++;
        *ret = r->stack[--r->depth].container;
        return 0;
    case '"':
        return read_string(r, ret);
    case 't':
        return take_literal(r, "true", jv_true(), ret);
    case 'f':
        return take_literal(r, "false", jv_false(), ret);
    case 'n':
        return take_literal(r, "null", jv_null(), ret);
    default:
        if (c == '-' || (c >= '0' && c <= '9'))
            return read_number(r, ret);
        return fail(r, r->at, -SP_ESYNTAX, c < 0 ? "the text ends where a value was expected" : "a value was expected");
    }
}

/* Puts a complete value into the innermost container. 1 when another value follows, 0 when `*value` is now that container, complete. */
static int put_value(struct reader *r, jv *value)
{
    struct frame *f = &r->stack[r->depth - 1];
    bool is_object = jv_get_kind(f->container) == JV_KIND_OBJECT;
    if (is_object)
        f->container = jv_object_set(f->container, f->key, *value);
    else
        f->container = jv_array_append(f->container, *value);
    f->key = *value = jv_invalid();
    skip_space(r);
    int c = peek(r);
    if (c == ',') {
        r->at++;
        int result = is_object ? read_key(r) : 0;
        return result < 0 ? result : 1;
    }
    if (c != (is_object ? '}' : ']'))
        return fail(r, r->at, -SP_ESYNTAX, is_object ? "a comma or } was expected" : "a comma or ] was expected");
    if (is_object && jv_object_length(jv_copy(f->container)) != f->n_keys)
        return -SP_EINVALID;
    r->at++;
    *value = f->container;
    r->depth--;
    return 0;
}

static int read_text(struct reader *r, jv *ret)
{
    jv value = jv_invalid();
    for (;;) {
        int result = read_value(r, &value);
        while (result == 0 && r->depth)
            result = put_value(r, &value);
        if (result < 0)
            return result;
        if (result == 0)
            break;
    }
    skip_space(r);
    if (r->at < r->text.len) {
        jv_free(value);
        return fail(r, r->at, -SP_ESYNTAX, "nothing may follow the value");
    }
    *ret = value;
    return 0;
}

static bool has_key_twice(const struct frame *f)
{
    if (jv_get_kind(f->container) != JV_KIND_OBJECT)
        return false;
    int n = jv_object_length(jv_copy(f->container));
    if (jv_is_valid(f->key) && !jv_object_has(jv_copy(f->container), jv_copy(f->key)))
        n++;
    return n != f->n_keys;
}

/* The first key that the object has already; up to there its text was read before and has no error. */
static size_t find_second(struct reader *r, size_t start)
{
    jv keys = jv_object(), text = jv_invalid();
    unsigned depth = 0;
    bool is_key = false, is_found = false;
    size_t at = start;
    for (r->at = start; !is_found && r->at < r->text.len;) {
        at = r->at;
        int c = peek(r);
        if (c != '"') {
            depth += c == '{' || c == '[';
            depth -= c == '}' || c == ']';
            if (c == '{' || c == ',')
                is_key = depth == 1;
            r->at++;
        } else if (read_string(r, &text) < 0) {
            break; /* no memory */
        } else if (is_key) {
            is_found = jv_object_has(jv_copy(keys), jv_copy(text));
            keys = jv_object_set(keys, text, jv_true());
            is_key = false;
        } else {
            jv_free(text);
        }
    }
    jv_free(keys);
    return at;
}

/* An object's keys stand before those of what it holds, so the outermost one has the first. */
static int fail_first(struct reader *r, int error)
{
    for (unsigned i = 0; i < r->depth; i++)
        if (has_key_twice(&r->stack[i]))
            return fail(r, find_second(r, r->stack[i].start), -SP_EINVALID, "the object has this key already");
    return error;
}

int flow_json_parse(struct slice text, jv *ret, struct diag *reterr)
{
    [[gnu::uninitialized]] struct frame stack[LIMIT_JSON_DEPTH];
    struct reader r = {.text = text, .scratch = BUFFER_MAX(LIMIT_FRAME), .stack = stack, .reterr = reterr};
    if (text.len > LIMIT_FRAME)
        return diag_set(reterr, -SP_ELIMIT, "the JSON text is longer than %u bytes", LIMIT_FRAME);
    if (!slice_is_utf8(text))
        return diag_set(reterr, -SP_ESYNTAX, "the text is not well-formed UTF-8");
    if (slice_starts(text, "\xEF\xBB\xBF"))
        return fail(&r, 0, -SP_ESYNTAX, "a byte-order mark does not belong into JSON");
    int result = read_text(&r, ret);
    if (result < 0)
        result = fail_first(&r, result);
    while (r.depth) {
        jv_free(r.stack[--r.depth].container);
        jv_free(r.stack[r.depth].key);
    }
    buffer_free(&r.scratch);
    return result;
}
