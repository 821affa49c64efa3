/* Addresses of clients: IPv4 as IPv4-mapped IPv6 (RFC 4291, 2.5.5.2), so that there is one kind. Pure. */
#ifndef GATEWAY_ADDRESS_H
#define GATEWAY_ADDRESS_H

#include <sys/socket.h>

#include "base/slice.h"

struct address {
    uint8_t bytes[16];
};

struct network {
    struct address base;
    uint8_t prefix; /* bits of the mapped form, 0-128 */
};

/* A literal address without port or brackets; -SP_ESYNTAX. */
[[gnu::warn_unused_result]] int address_parse(struct slice s, struct address *ret);

/* "10.0.0.0/8", "2001:db8::/32" or a single address; -SP_ESYNTAX, also when bits behind the prefix are set. */
[[gnu::warn_unused_result]] int network_parse(struct slice s, struct network *ret);

bool network_has(const struct network *n, const struct address *a);

/* The address of a socket; all zero for a Unix socket. */
struct address address_of(const struct sockaddr_storage *s);

/* 127.0.0.0/8 or ::1. */
bool address_is_loopback(const struct address *a);

/* The key under which a client's connections are counted: IPv4 whole, IPv6 its /64, which is what one customer has. */
struct address address_group(const struct address *a);

enum forwarded_kind {
    FORWARDED_X_FOR, /* X-Forwarded-For: a, b, c */
    FORWARDED_RFC7239, /* Forwarded: for=a;proto=https, for="[b]:1" */
};

/* Walks one header's value from its right end while the address in `*client` is a trusted proxy's: `*client` becomes the
 * address that this proxy reports. 1: an untrusted address was reached; 0: the value is used up (an earlier header of the
 * same name may go on); -SP_ESYNTAX: an entry that is no address, `*client` is the proxy that passed it on. */
[[gnu::warn_unused_result]] int forwarded_walk(enum forwarded_kind kind, struct slice value, const struct network *trusted,
                                               size_t n_trusted, struct address *client);

bool networks_have(const struct network *networks, size_t n, const struct address *a);

#endif
