/* address: parsing, CIDR arithmetic and the walk through what proxies report. Called by the configuration, the accept policy
 * and for each request behind a proxy. Must hold: a network is compared bit by bit, never as text; what a client wrote into
 * a forwarding header counts only as far as trusted proxies vouch for it. */
#include "gateway/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/error.h"

static const uint8_t MAPPED[12] = {[10] = 0xff, [11] = 0xff};

static bool is_mapped(const struct address *a)
{
    return memcmp(a->bytes, MAPPED, sizeof MAPPED) == 0;
}

int address_parse(struct slice s, struct address *ret)
{
    char text[INET6_ADDRSTRLEN];
    if (s.len == 0 || s.len >= sizeof text || memchr(s.p, 0, s.len))
        return -SP_ESYNTAX;
    memcpy(text, s.p, s.len);
    text[s.len] = 0;
    struct address a = {{0}};
    if (inet_pton(AF_INET, text, a.bytes + 12) == 1)
        memcpy(a.bytes, MAPPED, sizeof MAPPED);
    else if (inet_pton(AF_INET6, text, a.bytes) != 1)
        return -SP_ESYNTAX;
    *ret = a;
    return 0;
}

int network_parse(struct slice s, struct network *ret)
{
    struct slice rest = s, text;
    if (!slice_split(&rest, '/', &text))
        return -SP_ESYNTAX;
    struct network n = {.prefix = 128};
    if (address_parse(text, &n.base) < 0)
        return -SP_ESYNTAX;
    if (text.len < s.len) {
        /* An IPv4 prefix counts from the end of the mapping, however few bits the text gives it. */
        bool is_v4 = !memchr(text.p, ':', text.len);
        uint64_t bits;
        if (slice_parse_u64(rest, &bits) < 0 || bits > (is_v4 ? 32u : 128u))
            return -SP_ESYNTAX;
        n.prefix = (uint8_t)(is_v4 ? bits + 96 : bits);
    }
    for (unsigned i = n.prefix; i < 128; i++)
        if (n.base.bytes[i / 8] & (0x80u >> i % 8))
            return -SP_ESYNTAX;
    *ret = n;
    return 0;
}

bool network_has(const struct network *n, const struct address *a)
{
    /* "::/0" and other short IPv6 prefixes mean IPv6: they must not take in IPv4 by way of the mapping. */
    if (is_mapped(a) != is_mapped(&n->base))
        return false;
    size_t whole = n->prefix / 8u, bits = n->prefix % 8u;
    if (memcmp(n->base.bytes, a->bytes, whole) != 0)
        return false;
    return bits == 0 || (n->base.bytes[whole] ^ a->bytes[whole]) >> (8 - bits) == 0;
}

bool networks_have(const struct network *networks, size_t n, const struct address *a)
{
    for (size_t i = 0; i < n; i++)
        if (network_has(&networks[i], a))
            return true;
    return false;
}

struct address address_of(const struct sockaddr_storage *s)
{
    struct address a = {{0}};
    if (s->ss_family == AF_INET) {
        memcpy(a.bytes, MAPPED, sizeof MAPPED);
        memcpy(a.bytes + 12, &((const struct sockaddr_in *)(const void *)s)->sin_addr, 4);
    } else if (s->ss_family == AF_INET6) {
        memcpy(a.bytes, &((const struct sockaddr_in6 *)(const void *)s)->sin6_addr, 16);
    }
    return a;
}

bool address_is_loopback(const struct address *a)
{
    static const struct address loopback = {{[15] = 1}};
    if (is_mapped(a))
        return a->bytes[12] == 127;
    return memcmp(a, &loopback, sizeof *a) == 0;
}

struct address address_group(const struct address *a)
{
    struct address group = *a;
    if (!is_mapped(a))
        memset(group.bytes + 8, 0, 8);
    return group;
}

/* --- forwarding headers --------------------------------------------------------------------------------------------- */

static struct slice trim(struct slice s)
{
    while (s.len && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = slice_of(s.p + 1, s.len - 1);
    while (s.len && (s.p[s.len - 1] == ' ' || s.p[s.len - 1] == '\t'))
        s.len--;
    return s;
}

/* A node as proxies write it: 192.0.2.1, 192.0.2.1:80, 2001:db8::1, [2001:db8::1], [2001:db8::1]:80. */
static int node_parse(struct slice s, struct address *ret)
{
    s = trim(s);
    if (s.len && s.p[0] == '[') {
        const uint8_t *end = memchr(s.p, ']', s.len);
        if (!end || (end + 1 < s.p + s.len && end[1] != ':'))
            return -SP_ESYNTAX;
        return address_parse(slice_of(s.p + 1, (size_t)(end - s.p) - 1), ret);
    }
    const uint8_t *colon = s.len ? memchr(s.p, ':', s.len) : NULL;
    if (colon && !memchr(colon + 1, ':', (size_t)(s.p + s.len - colon) - 1))
        s.len = (size_t)(colon - s.p);
    return address_parse(s, ret);
}

/* The `for` parameter of one element of RFC 7239. */
static int element_parse(struct slice element, struct address *ret)
{
    struct slice pair;
    while (slice_split(&element, ';', &pair)) {
        pair = trim(pair);
        if (pair.len < 4 || !slice_equal_nocase(slice_of(pair.p, 4), SLICE_LITERAL("for=")))
            continue;
        struct slice value = slice_of(pair.p + 4, pair.len - 4);
        if (value.len >= 2 && value.p[0] == '"' && value.p[value.len - 1] == '"')
            value = slice_of(value.p + 1, value.len - 2);
        return node_parse(value, ret);
    }
    return -SP_ESYNTAX;
}

int forwarded_walk(enum forwarded_kind kind, struct slice value, const struct network *trusted, size_t n_trusted,
                   struct address *client)
{
    /* A comma or semicolon inside quotes would need a real parser; addresses have none, so such an entry is refused as
     * no address, which is the safe side. */
    while (networks_have(trusted, n_trusted, client)) {
        if (value.len == 0)
            return 0;
        size_t start = value.len;
        while (start > 0 && value.p[start - 1] != ',')
            start--;
        struct slice entry = slice_of(value.p + start, value.len - start);
        struct address reported;
        int r = kind == FORWARDED_X_FOR ? node_parse(entry, &reported) : element_parse(entry, &reported);
        if (r < 0)
            return r;
        *client = reported;
        value.len = start ? start - 1 : 0;
    }
    return 1;
}
