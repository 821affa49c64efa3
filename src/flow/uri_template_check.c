/* uri_template_check: cuts an absolute http(s) URI into its parts (RFC 3986) and refuses what two readers could take for
 * different hosts: userinfo, backslashes, control bytes, spaces, bytes beyond ASCII, odd ports. Whether the host may be called is
 * egress's and policy's decision. Called by the interpreter before a call becomes an effect. */
#include "base/error.h"
#include "flow/uri_template.h"

static int fail(struct diag *reterr, int code, const char *what)
{
    diag_set(reterr, code, "%s", what);
    return code;
}

static int check_bytes(struct slice uri, struct diag *reterr)
{
    if (uri.len > LIMIT_URI)
        return fail(reterr, -SP_ELIMIT, "the URI is too long");
    for (size_t i = 0; i < uri.len; i++) {
        uint8_t c = uri.p[i];
        if (c <= ' ' || c >= 0x7F)
            return fail(reterr, -SP_EINVALID, "the URI holds a space, a control character or one beyond ASCII; percent-encode it");
        if (strchr("\\\"<>^`{|}", c))
            return fail(reterr, -SP_EINVALID, "the URI holds a character that must be percent-encoded");
    }
    return 0;
}

static size_t find_any(struct slice s, const char *stops)
{
    size_t n = 0;
    while (n < s.len && !strchr(stops, s.p[n]))
        n++;
    return n;
}

static struct slice after(struct slice s, size_t n)
{
    return slice_of(s.p + n, s.len - n);
}

static int read_port(struct slice digits, uint16_t *ret, struct diag *reterr)
{
    uint64_t n;
    if (slice_parse_u64(digits, &n) < 0 || n < 1 || n > 65535)
        return fail(reterr, -SP_EINVALID, "the URI's port is not 1 to 65535");
    *ret = (uint16_t)n;
    return 0;
}

static bool is_host_byte(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

static bool is_address_byte(uint8_t c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'f') || c == ':' || c == '.';
}

/* host [":" port]; an IPv6 address stands in brackets. */
static int read_authority(struct slice authority, struct flow_uri *u, struct diag *reterr)
{
    bool (*is_ok)(uint8_t) = is_host_byte;
    if (memchr(authority.p, '@', authority.len))
        return fail(reterr, -SP_EINVALID, "a URI must not hold a user name or password");
    struct slice rest;
    if (authority.len && authority.p[0] == '[') {
        size_t end = find_any(authority, "]");
        if (end == authority.len)
            return fail(reterr, -SP_EINVALID, "the URI's address has no closing bracket");
        u->host = slice_of(authority.p + 1, end - 1);
        rest = after(authority, end + 1);
        is_ok = is_address_byte;
    } else {
        u->host = slice_of(authority.p, find_any(authority, ":"));
        rest = after(authority, u->host.len);
    }
    for (size_t i = 0; i < u->host.len; i++)
        if (!is_ok(u->host.p[i]))
            return fail(reterr, -SP_EINVALID, "the URI's host holds a character that no host has");
    if (u->host.len == 0 || u->host.len > 253)
        return fail(reterr, -SP_EINVALID, "the URI has no host, or one that is too long");
    if (rest.len == 0)
        return 0;
    return rest.p[0] == ':' ? read_port(after(rest, 1), &u->port, reterr) : fail(reterr, -SP_EINVALID, "the URI's host is malformed");
}

int flow_uri_check(struct slice uri, struct flow_uri *ret, struct diag *reterr)
{
    struct flow_uri u = {0};
    int r = check_bytes(uri, reterr);
    if (r < 0)
        return r;
    uri = slice_of(uri.p, find_any(uri, "#"));
    u.whole = uri;
    u.scheme = slice_of(uri.p, find_any(uri, ":"));
    if (!slice_equal_nocase(u.scheme, SLICE_LITERAL("http")) && !slice_equal_nocase(u.scheme, SLICE_LITERAL("https")))
        return fail(reterr, -SP_EINVALID, "the URI must be absolute and begin with https:// or http://");
    u.port = u.scheme.len == 5 ? 443 : 80;
    struct slice rest = after(uri, u.scheme.len);
    if (!slice_starts(rest, "://"))
        return fail(reterr, -SP_EINVALID, "the URI must be absolute and begin with https:// or http://");
    rest = after(rest, 3);
    struct slice authority = slice_of(rest.p, find_any(rest, "/?"));
    r = read_authority(authority, &u, reterr);
    if (r < 0)
        return r;
    rest = after(rest, authority.len);
    u.path = slice_of(rest.p, find_any(rest, "?"));
    if (u.path.len < rest.len)
        u.query = after(rest, u.path.len + 1);
    *ret = u;
    return 0;
}
