/* An origin (RFC 6454): scheme, host and port, the unit in which grants are given and credentials released. */
#ifndef POLICY_ORIGIN_H
#define POLICY_ORIGIN_H

#include "policy/host.h"

struct policy_origin {
    char scheme[8];              /* "https" or "http" */
    char host[POLICY_HOST_SIZE]; /* lower case; IPv6 in brackets */
    uint16_t port;               /* never 0: 443 or 80 when the text has none */
    bool is_address;             /* the host is an address and not a name */
};

/* scheme + "://" + host + ":" + port + NUL */
#define POLICY_ORIGIN_TEXT 280

/* Parses `https://host[:port]` and nothing else: no userinfo, path, query, fragment, wildcard or unusual spelling.
 * -SP_EINVALID, with the reason in `reterr` (may be NULL). */
[[gnu::warn_unused_result]] int policy_origin_parse(struct slice text, struct policy_origin *ret, struct diag *reterr);

/* Parses the `scheme://host[:port]` at the front of `text`, up to '/', '?', '#' or the end; `ret_rest` is what follows. */
[[gnu::warn_unused_result]] int policy_origin_parse_front(struct slice text, struct policy_origin *ret, struct slice *ret_rest,
                                                          struct diag *reterr);

bool policy_origin_equal(const struct policy_origin *a, const struct policy_origin *b);

/* The origin as text, without the port when it is the scheme's own. */
void policy_origin_text(const struct policy_origin *origin, char ret[POLICY_ORIGIN_TEXT]);

#endif
