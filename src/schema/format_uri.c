/* format_uri: URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570), checked against their grammars. */
#include "schema/format.h"
#include "schema/format_text.h"

enum { URI = 0, IRI = 1, PRIVATE = 2 };

/* What an ASCII character is in the grammars, so that one look decides for most. */
enum {
    PLAIN = 1, /* unreserved, or a sub-delimiter */
    COLON = 2,
    AT = 4,
    SLASH = 8,
    QUESTION = 16,
    LITERAL = 32, /* stands for itself in a template (RFC 6570, section 2.1) */
};

static const uint8_t classes[256] = {
    ['A' ... 'Z'] = PLAIN | LITERAL,
    ['a' ... 'z'] = PLAIN | LITERAL,
    ['0' ... '9'] = PLAIN | LITERAL,
    ['-'] = PLAIN | LITERAL,
    ['.'] = PLAIN | LITERAL,
    ['_'] = PLAIN | LITERAL,
    ['~'] = PLAIN | LITERAL,
    ['!'] = PLAIN | LITERAL,
    ['$'] = PLAIN | LITERAL,
    ['&'] = PLAIN | LITERAL,
    ['\''] = PLAIN | LITERAL,
    ['('] = PLAIN | LITERAL,
    [')'] = PLAIN | LITERAL,
    ['*'] = PLAIN | LITERAL,
    ['+'] = PLAIN | LITERAL,
    [','] = PLAIN | LITERAL,
    [';'] = PLAIN | LITERAL,
    ['='] = PLAIN | LITERAL,
    [':'] = COLON | LITERAL,
    ['@'] = AT | LITERAL,
    ['/'] = SLASH | LITERAL,
    ['?'] = QUESTION | LITERAL,
    ['#'] = LITERAL,
    ['['] = LITERAL,
    [']'] = LITERAL,
};

/* RFC 3987's ucschar, and in a query iprivate. */
static bool is_international(uint32_t c, unsigned kind)
{
    if (!(kind & IRI) || c < 0xA0)
        return false;
    if ((c >= 0xE000 && c <= 0xF8FF) || c >= 0xF0000)
        return kind & PRIVATE && (c & 0xFFFE) != 0xFFFE;
    if (c >= 0xE0000 && c < 0xE1000)
        return false;
    return !(c >= 0xFDD0 && c <= 0xFDEF) && !(c >= 0xFFF0 && c <= 0xFFFF) && (c & 0xFFFE) != 0xFFFE;
}

static bool is_escape(struct slice s, size_t i)
{
    return i + 2 < s.len && text_is_hex(s.p[i + 1]) && text_is_hex(s.p[i + 2]);
}

/* Where, from `at` on, the unreserved characters, sub-delimiters, escapes and those of the classes `more` end. */
static size_t span(struct slice s, size_t at, unsigned more, unsigned kind)
{
    for (;;) {
        while (at < s.len && classes[s.p[at]] & (PLAIN | more))
            at++;
        if (at == s.len)
            return at;
        struct slice rest = slice_of(s.p + at, s.len - at);
        if (s.p[at] == '%' && is_escape(s, at))
            at += 3;
        else if (s.p[at] >= 0x80 && is_international(text_next(&rest), kind))
            at = s.len - rest.len;
        else
            return at;
    }
}

static bool is_made_of(struct slice s, unsigned more, unsigned kind)
{
    return span(s, 0, more, kind) == s.len;
}

/* The length of the scheme, or 0. */
static size_t scheme(struct slice s)
{
    size_t i = 0;
    while (i < s.len && (text_is_letter(s.p[i]) || (i && (text_is_digit(s.p[i]) || text_is_among(s.p[i], "+-.")))))
        i++;
    return i < s.len && s.p[i] == ':' ? i : 0;
}

/* Between the brackets: an IPv6 address, or "v", a version in hexadecimal, ".", an address. */
static bool is_literal(struct slice s)
{
    if (!s.len || (s.p[0] | 0x20) != 'v')
        return format_ipv6(s);
    size_t i = 1;
    while (i < s.len && text_is_hex(s.p[i]))
        i++;
    return i > 1 && i + 1 < s.len && s.p[i] == '.' && !memchr(s.p, '%', s.len) &&
           is_made_of(slice_of(s.p + i + 1, s.len - i - 1), COLON, URI);
}

static bool is_authority(struct slice s, unsigned kind)
{
    const uint8_t *at = s.len ? memchr(s.p, '@', s.len) : NULL;
    if (at) {
        size_t len = (size_t)(at - s.p);
        if (!is_made_of(slice_of(s.p, len), COLON, kind))
            return false;
        s = slice_of(at + 1, s.len - len - 1);
    }
    size_t end = s.len; /* of the host */
    while (end > 0 && text_is_digit(s.p[end - 1]))
        end--;
    if (end > 0 && s.p[end - 1] == ':')
        end--;
    else
        end = s.len;
    struct slice host = slice_of(s.p, end);
    if (host.len > 1 && host.p[0] == '[' && host.p[host.len - 1] == ']')
        return is_literal(slice_of(host.p + 1, host.len - 2));
    return is_made_of(host, 0, kind);
}

/* The authority, from behind its "//" on; `*at` is where it ends. */
static bool take_authority(struct slice s, size_t *at, unsigned kind)
{
    size_t start = *at;
    while (*at < s.len && s.p[*at] != '/' && s.p[*at] != '?' && s.p[*at] != '#')
        ++*at;
    return is_authority(slice_of(s.p + start, *at - start), kind);
}

static bool is_reference(struct slice s, unsigned kind, bool absolute)
{
    size_t len = scheme(s), at = len ? len + 1 : 0;
    if (absolute && !len)
        return false;
    bool has_authority = s.len - at >= 2 && s.p[at] == '/' && s.p[at + 1] == '/';
    if (has_authority && (at += 2, !take_authority(s, &at, kind)))
        return false;
    /* Without a scheme, a colon in the first segment would make one (section 4.2). */
    if (!len && !has_authority)
        at = span(s, at, AT, kind);
    else
        at = span(s, at, COLON | AT | SLASH, kind);
    if (at < s.len && s.p[at] == '/')
        at = span(s, at, COLON | AT | SLASH, kind);
    if (at < s.len && s.p[at] == '?')
        at = span(s, at + 1, COLON | AT | SLASH | QUESTION, kind ? kind | PRIVATE : kind);
    if (at < s.len && s.p[at] == '#')
        at = span(s, at + 1, COLON | AT | SLASH | QUESTION, kind);
    return at == s.len;
}

int format_uri(struct slice text)
{
    return is_reference(text, URI, true);
}

int format_uri_reference(struct slice text)
{
    return is_reference(text, URI, false);
}

int format_iri(struct slice text)
{
    return is_reference(text, IRI, true);
}

int format_iri_reference(struct slice text)
{
    return is_reference(text, IRI, false);
}

/* A variable's name: letters, digits, "_" and escapes, with single dots within. */
static size_t variable_name(struct slice s)
{
    size_t i = 0;
    bool after_dot = true;
    for (; i < s.len; i++) {
        if (s.p[i] == '.' && !after_dot) {
            after_dot = true;
            continue;
        }
        if (s.p[i] == '%' && is_escape(s, i))
            i += 2;
        else if (!text_is_letter(s.p[i]) && !text_is_digit(s.p[i]) && s.p[i] != '_')
            break;
        after_dot = false;
    }
    return after_dot ? 0 : i;
}

static bool is_variable(struct slice s)
{
    unsigned max;
    size_t name = variable_name(s);
    struct slice rest = slice_of(s.p + name, s.len - name);
    if (name == 0)
        return false;
    if (rest.len == 0 || slice_is(rest, "*"))
        return true;
    return rest.len <= 5 && rest.p[0] == ':' && text_digits(rest, 1, rest.len - 1, &max) && max > 0 && rest.p[1] != '0';
}

/* What stands between the braces: an operator, and variables. */
static bool is_expression(struct slice s)
{
    if (s.len && text_is_among(s.p[0], "+#./;?&=,!@|"))
        s = slice_of(s.p + 1, s.len - 1);
    if (!s.len || s.p[s.len - 1] == ',')
        return false;
    for (struct slice variable; slice_split(&s, ',', &variable);)
        if (!is_variable(variable))
            return false;
    return true;
}

int format_uri_template(struct slice text)
{
    size_t at = 0;
    for (;;) {
        while (at < text.len && classes[text.p[at]] & LITERAL)
            at++;
        if (at == text.len)
            return true;
        struct slice rest = slice_of(text.p + at, text.len - at);
        if (rest.p[0] == '{') {
            const uint8_t *end = memchr(rest.p, '}', rest.len);
            if (!end || !is_expression(slice_of(rest.p + 1, (size_t)(end - rest.p) - 1)))
                return false;
            at = (size_t)(end + 1 - text.p);
        } else if (rest.p[0] == '%' && is_escape(text, at)) {
            at += 3;
        } else if (rest.p[0] >= 0x80 && is_international(text_next(&rest), IRI | PRIVATE)) {
            at = text.len - rest.len;
        } else {
            return false;
        }
    }
}
