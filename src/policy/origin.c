/* origin: reads and compares origins. Pure; called wherever a grant, a credential's list or a URI is read. Comparison is by
 * the canonical parts and never by text or suffix: "https://api.example.com.evil.org" has nothing in common with a grant
 * for "https://api.example.com". */
#include "policy/origin.h"

#include "base/error.h"

static int scheme_parse(struct slice *rest, struct policy_origin *origin, struct diag *reterr)
{
    static const struct {
        const char *name;
        uint16_t port;
    } schemes[] = {{"https", 443}, {"http", 80}};

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
        size_t n = strlen(schemes[i].name);
        if (rest->len < n + 3 || !slice_equal_nocase(slice_of(rest->p, n), slice_text(schemes[i].name)) ||
            memcmp(rest->p + n, "://", 3) != 0)
            continue;
        memcpy(origin->scheme, schemes[i].name, n + 1);
        origin->port = schemes[i].port;
        *rest = slice_of(rest->p + n + 3, rest->len - n - 3);
        return 0;
    }
    return diag_set(reterr, -SP_EINVALID, "an address begins with https:// or http://");
}

/* Where the host ends: at its port's colon, which in brackets is none. */
static size_t host_len(struct slice authority)
{
    if (authority.len && authority.p[0] == '[') {
        const uint8_t *close = memchr(authority.p, ']', authority.len);
        return close ? (size_t)(close - authority.p) + 1 : authority.len;
    }
    const uint8_t *colon = authority.len ? memchr(authority.p, ':', authority.len) : NULL;
    return colon ? (size_t)(colon - authority.p) : authority.len;
}

static int authority_parse(struct slice authority, struct policy_origin *origin, struct diag *reterr)
{
    if (authority.len && memchr(authority.p, '@', authority.len))
        return diag_set(reterr, -SP_EINVALID, "a user or password before the host is not allowed");
    if (authority.len && memchr(authority.p, '\\', authority.len))
        return diag_set(reterr, -SP_EINVALID, "a backslash is not allowed");
    size_t n = host_len(authority);
    int r = policy_host_parse(slice_of(authority.p, n), origin->host, &origin->is_address, reterr);
    if (r < 0 || n == authority.len)
        return r;
    if (authority.p[n] != ':')
        return diag_set(reterr, -SP_EINVALID, "there is text after the bracket of the IPv6 address");
    return policy_port_parse(slice_of(authority.p + n + 1, authority.len - n - 1), &origin->port, reterr);
}

int policy_origin_parse_front(struct slice text, struct policy_origin *ret, struct slice *ret_rest, struct diag *reterr)
{
    struct policy_origin origin = {0};
    struct slice rest = text;
    int r = scheme_parse(&rest, &origin, reterr);
    if (r < 0)
        return r;
    size_t n = 0;
    while (n < rest.len && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
        n++;
    r = authority_parse(slice_of(rest.p, n), &origin, reterr);
    if (r < 0)
        return r;
    *ret = origin;
    *ret_rest = slice_of(rest.p + n, rest.len - n);
    return 0;
}

int policy_origin_parse(struct slice text, struct policy_origin *ret, struct diag *reterr)
{
    struct policy_origin origin;
    struct slice rest;
    int r = policy_origin_parse_front(text, &origin, &rest, reterr);
    if (r < 0)
        return r;
    if (rest.len) {
        (void)diag_set(reterr, -SP_EINVALID, "an origin has no path, query or fragment");
        diag_hint(reterr, "write scheme, host and port alone, without a slash at the end");
        return -SP_EINVALID;
    }
    *ret = origin;
    return 0;
}

bool policy_origin_equal(const struct policy_origin *a, const struct policy_origin *b)
{
    return a->port == b->port && slice_is(slice_text(a->scheme), b->scheme) && slice_is(slice_text(a->host), b->host);
}

void policy_origin_text(const struct policy_origin *origin, char ret[POLICY_ORIGIN_TEXT])
{
    uint16_t usual = slice_is(slice_text(origin->scheme), "https") ? 443 : 80;
    if (origin->port == usual)
        snprintf(ret, POLICY_ORIGIN_TEXT, "%s://%s", origin->scheme, origin->host);
    else
        snprintf(ret, POLICY_ORIGIN_TEXT, "%s://%s:%u", origin->scheme, origin->host, origin->port);
}
