/* address: classes of IP addresses from one table. Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries
 * (RFC 6890 and its updates), RFC 4291, 4214 (ISATAP), 6052 and 8215 (NAT64), 3056 (6to4), 4380 (Teredo), 2765 (SIIT), and
 * the metadata services' own documentation. What must hold: the first line of the table that matches decides, so a longer
 * prefix stands before the shorter that holds it; IPv6 outside 2000::/3 and the table is reserved [I7]. Pure. */
#include "policy/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

struct prefix {
    uint8_t bits[16];
    uint8_t len;
    enum policy_address_class class;
};

static const struct prefix v4_prefixes[] = {
    {{169, 254, 169, 254}, 32, ADDRESS_METADATA}, /* AWS, Azure, Google, OpenStack, Oracle and others */
    {{169, 254, 169, 253}, 32, ADDRESS_METADATA}, /* AWS resolver */
    {{169, 254, 170, 2}, 32, ADDRESS_METADATA},   /* AWS ECS task credentials */
    {{169, 254, 170, 23}, 32, ADDRESS_METADATA},  /* AWS EKS pod identity */
    {{100, 100, 100, 200}, 32, ADDRESS_METADATA}, /* Alibaba */
    {{168, 63, 129, 16}, 32, ADDRESS_METADATA},   /* Azure wire server */
    {{192, 0, 0, 192}, 32, ADDRESS_METADATA},     /* Oracle */
    {{255, 255, 255, 255}, 32, ADDRESS_BROADCAST},
    {{0}, 8, ADDRESS_UNSPECIFIED}, /* "this network"; Linux connects 0.0.0.0 to itself */
    {{10}, 8, ADDRESS_PRIVATE},
    {{100, 64}, 10, ADDRESS_CGNAT},
    {{127}, 8, ADDRESS_LOOPBACK},
    {{169, 254}, 16, ADDRESS_LINK_LOCAL},
    {{172, 16}, 12, ADDRESS_PRIVATE},
    {{192, 0, 0}, 24, ADDRESS_RESERVED},
    {{192, 0, 2}, 24, ADDRESS_DOCUMENTATION},
    {{192, 88, 99}, 24, ADDRESS_TRANSITION}, /* 6to4 relay */
    {{192, 168}, 16, ADDRESS_PRIVATE},
    {{198, 18}, 15, ADDRESS_RESERVED}, /* benchmarking */
    {{198, 51, 100}, 24, ADDRESS_DOCUMENTATION},
    {{203, 0, 113}, 24, ADDRESS_DOCUMENTATION},
    {{224}, 4, ADDRESS_MULTICAST},
    {{240}, 4, ADDRESS_RESERVED},
};

static const struct prefix v6_prefixes[] = {
    {{0}, 128, ADDRESS_UNSPECIFIED},
    {{[15] = 1}, 128, ADDRESS_LOOPBACK},
    {{0}, 96, ADDRESS_TRANSITION},                                        /* IPv4-compatible */
    {{[8] = 0xff, 0xff}, 96, ADDRESS_TRANSITION},                         /* SIIT, ::ffff:0:a.b.c.d */
    {{0x00, 0x64, 0xff, 0x9b}, 96, ADDRESS_TRANSITION},                   /* NAT64 */
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01}, 48, ADDRESS_TRANSITION},       /* NAT64, local use */
    {{0x20, 0x01, 0x00, 0x00}, 32, ADDRESS_TRANSITION},                   /* Teredo */
    {{0x20, 0x02}, 16, ADDRESS_TRANSITION},                               /* 6to4 */
    {{0x20, 0x01, 0x0d, 0xb8}, 32, ADDRESS_DOCUMENTATION},
    {{0x3f, 0xff, 0x00}, 20, ADDRESS_DOCUMENTATION},
    {{0x20, 0x01}, 23, ADDRESS_RESERVED}, /* IETF protocol assignments */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, ADDRESS_METADATA}, /* AWS */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x00, 0x23}, 128, ADDRESS_METADATA}, /* AWS EKS pod identity */
    {{0xfd, 0x20, 0x00, 0xce, [14] = 0x02, 0x54}, 128, ADDRESS_METADATA}, /* Google */
    {{0xfc}, 7, ADDRESS_PRIVATE},
    {{0xfe, 0x80}, 10, ADDRESS_LINK_LOCAL},
    {{0xfe, 0xc0}, 10, ADDRESS_PRIVATE}, /* site-local, deprecated but routed by some */
    {{0xff}, 8, ADDRESS_MULTICAST},
};

static bool prefix_matches(const struct prefix *prefix, const uint8_t *bits)
{
    size_t whole = prefix->len / 8;
    unsigned left = prefix->len % 8;
    if (memcmp(prefix->bits, bits, whole) != 0)
        return false;
    return left == 0 || ((prefix->bits[whole] ^ bits[whole]) >> (8 - left)) == 0;
}

static enum policy_address_class classify(const struct prefix *table, size_t n, const uint8_t *bits,
                                          enum policy_address_class otherwise)
{
    for (size_t i = 0; i < n; i++)
        if (prefix_matches(&table[i], bits))
            return table[i].class;
    return otherwise;
}

static enum policy_address_class class_v4(const uint8_t bits[4])
{
    return classify(v4_prefixes, sizeof v4_prefixes / sizeof *v4_prefixes, bits, ADDRESS_PUBLIC);
}

/* The interface identifier of ISATAP, ::0:5efe:a.b.c.d or ::200:5efe:a.b.c.d, may follow any prefix. */
static bool is_isatap(const uint8_t bits[16])
{
    return (bits[8] == 0x00 || bits[8] == 0x02) && bits[9] == 0 && bits[10] == 0x5e && bits[11] == 0xfe;
}

static enum policy_address_class class_v6(const uint8_t bits[16])
{
    if (is_isatap(bits))
        return ADDRESS_TRANSITION;
    bool is_global_unicast = (bits[0] & 0xe0) == 0x20;
    return classify(v6_prefixes, sizeof v6_prefixes / sizeof *v6_prefixes, bits,
                    is_global_unicast ? ADDRESS_PUBLIC : ADDRESS_RESERVED);
}

/* The four bytes of an IPv4 address, plain or IPv4-mapped; NULL for true IPv6 and other families. */
static const uint8_t *v4_bits(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return (const uint8_t *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
    if (address->sa_family != AF_INET6)
        return NULL;
    const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
    return IN6_IS_ADDR_V4MAPPED(v6) ? v6->s6_addr + 12 : NULL;
}

enum policy_address_class policy_address_class(const struct sockaddr *address)
{
    const uint8_t *v4 = v4_bits(address);
    if (v4)
        return class_v4(v4);
    if (address->sa_family == AF_INET6)
        return class_v6(((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr);
    return ADDRESS_RESERVED;
}

const char *policy_address_class_text(enum policy_address_class class)
{
    static const char *const texts[] = {
#define A(NAME, text, may_be_granted) [NAME] = text,
        POLICY_ADDRESS_CLASSES(A)
#undef A
    };
    return (size_t)class < sizeof texts / sizeof *texts ? texts[class] : "an unknown address";
}

bool policy_address_may_be_granted(enum policy_address_class class)
{
    static const bool may[] = {
#define A(NAME, text, may_be_granted) [NAME] = may_be_granted,
        POLICY_ADDRESS_CLASSES(A)
#undef A
    };
    return (size_t)class < sizeof may / sizeof *may && may[class];
}

void policy_address_host(const struct sockaddr *address, char ret[POLICY_ADDRESS_TEXT])
{
    char text[INET6_ADDRSTRLEN] = "?";
    const uint8_t *v4 = v4_bits(address);
    if (v4) {
        inet_ntop(AF_INET, v4, ret, POLICY_ADDRESS_TEXT);
        return;
    }
    if (address->sa_family == AF_INET6)
        inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr, text, sizeof text);
    snprintf(ret, POLICY_ADDRESS_TEXT, "[%s]", text);
}
