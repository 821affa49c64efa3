/* host: which texts name a host, and the one spelling of each.
 *
 * What must hold: a text that is accepted means the same host to libcurl, to the system's resolver and to the WHATWG's URL
 * parser. So the spellings on which parsers differ are refused: inet_aton's octal, hexadecimal and short forms of IPv4,
 * percent signs, zone ids, trailing dots, non-ASCII. Pure; called by origin.c and uri.c. */
#include "policy/host.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/error.h"

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f');
}

static bool is_ldh(uint8_t c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-';
}

/* The WHATWG's "ends in a number" for one label in lower case: such a host is an IPv4 address to some reader or other. */
static bool label_is_number(struct slice label)
{
    size_t from = slice_starts(label, "0x") ? 2 : 0;
    for (size_t i = from; i < label.len; i++)
        if (from ? !is_hex(label.p[i]) : !is_digit(label.p[i]))
            return false;
    return label.len > 0;
}

/* A label in punycode must at least be one: "xn--" with something after it that does not end in the delimiter alone. */
static int label_check(struct slice label, struct diag *reterr)
{
    if (label.len == 0)
        return diag_set(reterr, -SP_EINVALID, "the host has an empty label: write it without a leading, double or trailing dot");
    if (label.len > 63)
        return diag_set(reterr, -SP_EINVALID, "a label of the host is longer than 63 characters");
    for (size_t i = 0; i < label.len; i++)
        if (!is_ldh(label.p[i]))
            return diag_set(reterr, -SP_EINVALID, "the host holds a character that is not a letter, digit, hyphen or dot");
    if (label.p[0] == '-' || label.p[label.len - 1] == '-')
        return diag_set(reterr, -SP_EINVALID, "a label of the host begins or ends with a hyphen");
    if (slice_starts(label, "xn--") && label.len < 6)
        return diag_set(reterr, -SP_EINVALID, "a label of the host is not punycode");
    return 0;
}

static int name_check(struct slice host, struct slice *ret_last, struct diag *reterr)
{
    struct slice rest = host;
    struct slice label;
    struct slice last = {NULL, 0};
    while (slice_split(&rest, '.', &label)) {
        int r = label_check(label, reterr);
        if (r < 0)
            return r;
        last = label;
    }
    *ret_last = last;
    return 0;
}

/* inet_pton is strict about dotted quads in glibc: four decimal numbers without leading zeros. */
static int ipv4_check(const char *host, struct diag *reterr)
{
    struct in_addr address;
    char canonical[INET_ADDRSTRLEN];
    if (inet_pton(AF_INET, host, &address) != 1 || !inet_ntop(AF_INET, &address, canonical, sizeof canonical) ||
        !slice_is(slice_text(host), canonical))
        return diag_set(reterr, -SP_EINVALID, "the host is a number: write an IPv4 address as four decimal numbers");
    return 0;
}

static int ipv6_parse(const char *text, char ret_host[POLICY_HOST_SIZE], struct diag *reterr)
{
    struct in6_addr address;
    char canonical[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, text, &address) != 1 || !inet_ntop(AF_INET6, &address, canonical, sizeof canonical))
        return diag_set(reterr, -SP_EINVALID, "the text in brackets is not an IPv6 address without a zone");
    /* ::ffff:a.b.c.d and ::a.b.c.d have two canonical spellings, and a plain one that says what is meant. */
    if (strchr(canonical, '.'))
        return diag_set(reterr, -SP_EINVALID, "the IPv6 address holds an IPv4 address: write the IPv4 address");
    snprintf(ret_host, POLICY_HOST_SIZE, "[%s]", canonical);
    return 0;
}

static int lower_copy(struct slice text, char ret[POLICY_HOST_SIZE], struct diag *reterr)
{
    if (text.len == 0)
        return diag_set(reterr, -SP_EINVALID, "the host is missing");
    if (text.len > 253)
        return diag_set(reterr, -SP_EINVALID, "the host is longer than 253 characters");
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.p[i];
        if (c >= 0x80)
            return diag_set(reterr, -SP_EINVALID, "the host is not ASCII: write it in punycode (xn--…)");
        if (c == '%')
            return diag_set(reterr, -SP_EINVALID, "the host holds a percent sign");
        if (c <= ' ' || c == 0x7f)
            return diag_set(reterr, -SP_EINVALID, "the host holds a space or control character");
        ret[i] = (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
    ret[text.len] = 0;
    return 0;
}

int policy_host_parse(struct slice text, char ret_host[POLICY_HOST_SIZE], bool *ret_is_address, struct diag *reterr)
{
    char host[POLICY_HOST_SIZE];
    int r = lower_copy(text, host, reterr);
    if (r < 0)
        return r;
    if (host[0] == '[') {
        if (host[text.len - 1] != ']')
            return diag_set(reterr, -SP_EINVALID, "the bracket of the IPv6 address is not closed");
        host[text.len - 1] = 0;
        r = ipv6_parse(host + 1, ret_host, reterr);
        if (r == 0)
            *ret_is_address = true;
        return r;
    }
    struct slice last;
    r = name_check(slice_of(host, text.len), &last, reterr);
    if (r < 0)
        return r;
    bool is_number = label_is_number(last);
    if (is_number && (r = ipv4_check(host, reterr)) < 0)
        return r;
    memcpy(ret_host, host, text.len + 1);
    *ret_is_address = is_number;
    return 0;
}

int policy_port_parse(struct slice text, uint16_t *ret_port, struct diag *reterr)
{
    uint64_t port;
    if (slice_parse_u64(text, &port) < 0 || port < 1 || port > 65535)
        return diag_set(reterr, -SP_EINVALID, "the port is not a number from 1 to 65535");
    *ret_port = (uint16_t)port;
    return 0;
}
