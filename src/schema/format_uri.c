/* format_uri: URIs (RFC 3986), IRIs (RFC 3987) and URI templates (RFC 6570), checked against their grammars. */
#include "schema/format.h"
#include "schema/format_text.h"
#include "schema/uri.h"

#define UNRESERVED_MARKS "-._~"
#define SUB_DELIMITERS   "!$&'()*+,;="

enum { URI = 0, IRI = 1, PRIVATE = 2 };

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

/* Unreserved characters, sub-delimiters, escapes, and those of `more`. */
static bool is_made_of(struct slice s, const char *more, unsigned kind)
{
    while (s.len) {
        if (s.p[0] == '%') {
            if (!is_escape(s, 0))
                return false;
            s = slice_of(s.p + 3, s.len - 3);
            continue;
        }
        uint32_t c = text_next(&s);
        if (!text_is_letter(c) && !text_is_digit(c) && !text_is_among(c, UNRESERVED_MARKS SUB_DELIMITERS) &&
            !text_is_among(c, more) && !is_international(c, kind))
            return false;
    }
    return true;
}

static bool is_scheme(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (!text_is_letter(s.p[i]) && (i == 0 || !(text_is_digit(s.p[i]) || text_is_among(s.p[i], "+-."))))
            return false;
    return s.len > 0;
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
           is_made_of(slice_of(s.p + i + 1, s.len - i - 1), ":", URI);
}

static bool is_authority(struct slice s, unsigned kind)
{
    const uint8_t *at = s.len ? memchr(s.p, '@', s.len) : NULL;
    if (at) {
        size_t len = (size_t)(at - s.p);
        if (!is_made_of(slice_of(s.p, len), ":", kind))
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
    return is_made_of(host, "", kind);
}

static bool is_reference(struct slice text, unsigned kind, bool absolute)
{
    struct uri u;
    uri_split(text, &u);
    if (u.scheme.p ? !is_scheme(u.scheme) : absolute)
        return false;
    if (u.authority.p && !is_authority(u.authority, kind))
        return false;
    if (!is_made_of(u.path, ":@/", kind))
        return false;
    /* Without a scheme, a colon in the first segment would make one (section 4.2). */
    const uint8_t *slash = u.path.len ? memchr(u.path.p, '/', u.path.len) : NULL;
    size_t first = slash ? (size_t)(slash - u.path.p) : u.path.len;
    if (!u.scheme.p && !u.authority.p && first && memchr(u.path.p, ':', first))
        return false;
    return is_made_of(u.query, ":@/?", kind ? kind | PRIVATE : kind) && is_made_of(u.fragment, ":@/?", kind);
}

bool format_uri(struct slice text)
{
    return is_reference(text, URI, true);
}

bool format_uri_reference(struct slice text)
{
    return is_reference(text, URI, false);
}

bool format_iri(struct slice text)
{
    return is_reference(text, IRI, true);
}

bool format_iri_reference(struct slice text)
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

bool format_uri_template(struct slice text)
{
    while (text.len) {
        if (text.p[0] == '{') {
            const uint8_t *end = memchr(text.p, '}', text.len);
            if (!end || !is_expression(slice_of(text.p + 1, (size_t)(end - text.p) - 1)))
                return false;
            text = slice_of(end + 1, (size_t)(text.p + text.len - end) - 1);
            continue;
        }
        if (text.p[0] == '%' && !is_escape(text, 0))
            return false;
        uint32_t c = text_next(&text);
        if (c <= 0x20 || c == 0x7F || (c >= 0x80 && !is_international(c, IRI | PRIVATE)) ||
            text_is_among(c, "\"<>\\^`|}"))
            return false;
    }
    return true;
}
