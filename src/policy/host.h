/* The host of an authority, as origins and URIs share it. One spelling for each host: what is not the canonical spelling,
 * letter case aside, is refused, so that no two readers can disagree about where a request goes. */
#ifndef POLICY_HOST_H
#define POLICY_HOST_H

#include "base/diag.h"
#include "base/slice.h"

#define POLICY_HOST_SIZE 256

/* Parses a name of LDH labels (RFC 1123), a dotted-quad IPv4 address or a bracketed IPv6 address. `ret_host` gets it
 * NUL-terminated in lower case, IPv6 in brackets and shortened as RFC 5952 says. -SP_EINVALID with the reason. */
[[gnu::warn_unused_result]] int policy_host_parse(struct slice text, char ret_host[POLICY_HOST_SIZE], bool *ret_is_address,
                                                  struct diag *reterr);

/* Parses the port of an authority: 1-65535, plain decimal. */
[[gnu::warn_unused_result]] int policy_port_parse(struct slice text, uint16_t *ret_port, struct diag *reterr);

#endif
