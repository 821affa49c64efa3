/* uri: reads the URI of a call. What must hold: libcurl, given the same text, connects to the host and asks for the path
 * that are judged here. So nothing is repaired: a text that a lenient parser would rewrite (white space, backslashes, dot
 * segments, "http:/host") is refused with the reason. Pure; called by egress for each hop. */
#include "policy/uri.h"

#include "base/error.h"

static bool is_alnum(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_hex(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* pchar and '/' (RFC 3986, section 3.3); in a query also '?' and the brackets that many APIs expect there unencoded. */
static bool may_stand(uint8_t c, bool in_query)
{
    if (is_alnum(c) || (c && strchr("-._~!$&'()*+,;=:@/", c)))
        return true;
    return in_query && c && strchr("?[]", c);
}

static int characters_check(struct slice s, bool in_query, struct diag *reterr)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        if (c == '%') {
            if (i + 2 >= s.len || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
                return diag_set(reterr, -SP_EINVALID, "the URI has a percent sign without two hexadecimal digits");
            if (s.p[i + 1] == '0' && s.p[i + 2] == '0')
                return diag_set(reterr, -SP_EINVALID, "the URI holds an encoded NUL");
            i += 2;
        } else if (!may_stand(c, in_query)) {
            return diag_set(reterr, -SP_EINVALID, "the URI holds a character (code %u) that must be percent-encoded", c);
        }
    }
    return 0;
}

/* The length of one dot at the front, "." or "%2e" in either case; 0 if there is none. */
static size_t dot_len(struct slice s)
{
    if (s.len && s.p[0] == '.')
        return 1;
    if (s.len >= 3 && s.p[0] == '%' && s.p[1] == '2' && (s.p[2] == 'e' || s.p[2] == 'E'))
        return 3;
    return 0;
}

static bool is_dot_segment(struct slice s)
{
    for (int dots = 0; dots < 3; dots++) {
        if (s.len == 0)
            return dots > 0;
        size_t n = dot_len(s);
        if (n == 0)
            return false;
        s = slice_of(s.p + n, s.len - n);
    }
    return false;
}

int policy_path_check(struct slice path, struct diag *reterr)
{
    struct slice rest = path;
    struct slice segment;
    while (slice_split(&rest, '/', &segment)) {
        /* Path parameters do not hide the dots from servers that cut them off: "/..;x/". */
        const uint8_t *semicolon = segment.len ? memchr(segment.p, ';', segment.len) : NULL;
        if (semicolon)
            segment.len = (size_t)(semicolon - segment.p);
        if (is_dot_segment(segment))
            return diag_set(reterr, -SP_EINVALID, "the path has a segment '.' or '..'");
    }
    return 0;
}

int policy_uri_parse(struct slice uri, struct policy_uri *ret, struct diag *reterr)
{
    if (uri.len > LIMIT_URI)
        return diag_set(reterr, -SP_ELIMIT, "the URI is longer than %u bytes", LIMIT_URI);
    struct policy_uri parsed = {0};
    struct slice rest;
    int r = policy_origin_parse_front(uri, &parsed.origin, &rest, reterr);
    if (r < 0)
        return r;
    if (rest.len && memchr(rest.p, '#', rest.len))
        return diag_set(reterr, -SP_EINVALID, "the URI has a fragment, which is never sent");
    const uint8_t *mark = rest.len ? memchr(rest.p, '?', rest.len) : NULL;
    parsed.path = mark ? slice_of(rest.p, (size_t)(mark - rest.p)) : rest;
    if (mark)
        parsed.query = slice_of(mark + 1, rest.len - parsed.path.len - 1);
    if ((r = characters_check(parsed.path, false, reterr)) < 0 || (r = characters_check(parsed.query, true, reterr)) < 0 ||
        (r = policy_path_check(parsed.path, reterr)) < 0)
        return r;
    *ret = parsed;
    return 0;
}
