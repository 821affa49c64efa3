/* What kind of address a connection is about to be made to. The judgement is on the resolved address and never on its
 * spelling. */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include <sys/socket.h>

#include "base/slice.h"

/* A(NAME, text, may_be_granted): only a grant that names the address reaches a class that is not public, and some are
 * reached by none. */
#define POLICY_ADDRESS_CLASSES(A)                                                                                \
    A(ADDRESS_PUBLIC, "a public address", 1)                                                                     \
    A(ADDRESS_LOOPBACK, "a loopback address", 1)                                                                 \
    A(ADDRESS_PRIVATE, "a private address", 1)                                                                   \
    A(ADDRESS_CGNAT, "a carrier-grade NAT address", 1)                                                           \
    A(ADDRESS_LINK_LOCAL, "a link-local address", 1)                                                             \
    A(ADDRESS_METADATA, "a cloud metadata address", 1)                                                           \
    A(ADDRESS_DOCUMENTATION, "a documentation address", 0)                                                       \
    A(ADDRESS_MULTICAST, "a multicast address", 0)                                                               \
    A(ADDRESS_BROADCAST, "the broadcast address", 0)                                                             \
    A(ADDRESS_UNSPECIFIED, "an unspecified address", 0)                                                          \
    A(ADDRESS_TRANSITION, "an IPv6 transition address, which hides an IPv4 address", 0)                          \
    A(ADDRESS_RESERVED, "a reserved address", 0)

enum policy_address_class {
#define A(NAME, text, may_be_granted) NAME,
    POLICY_ADDRESS_CLASSES(A)
#undef A
};

/* The class of an IPv4 or IPv6 address; IPv4-mapped IPv6 is judged as the IPv4 address. Any other family is reserved. */
enum policy_address_class policy_address_class(const struct sockaddr *address);

/* "a loopback address", for messages. */
const char *policy_address_class_text(enum policy_address_class class);

/* Whether a grant that names the address may open it. */
bool policy_address_may_be_granted(enum policy_address_class class);

#define POLICY_ADDRESS_TEXT 64

/* The address without its port, as `struct policy_origin` writes a host ("127.0.0.1", "[::1]"), IPv4-mapped unwrapped. */
void policy_address_host(const struct sockaddr *address, char ret[POLICY_ADDRESS_TEXT]);

#endif
