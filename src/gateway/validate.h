/* What a request may look like: pure checks over borrowed bytes, stricter than RFC 9110 and 9112 where two readers could
 * disagree. What they let through means the same to every proxy in front of us. */
#ifndef GATEWAY_VALIDATE_H
#define GATEWAY_VALIDATE_H

#include "base/slice.h"

/* A request target taken apart; borrowed. */
struct target {
    struct slice authority; /* of the absolute form; empty for the origin form */
    struct slice path;      /* raw: percent-encoded as it came */
    struct slice query;     /* raw, without "?" */
};

/* 0; -SP_EINVALID for anything but the origin form or the absolute form (RFC 9112, 3.2.1 and 3.2.2), and for paths or
 * queries that path_is_plain and query_is_plain refuse; -SP_ELIMIT when one is too long. */
[[gnu::warn_unused_result]] int target_parse(struct slice uri, struct target *ret);

/* Begins with "/"; the characters of RFC 3986 only; no encoded "/", "\\" or control byte, no empty, "." or ".." segment,
 * encoded or not (an empty last segment is fine). */
bool path_is_plain(struct slice path);
bool query_is_plain(struct slice query);

bool is_token(struct slice name);       /* RFC 9110, 5.6.2 */
bool is_field_value(struct slice value); /* no control byte but tab */
bool is_host(struct slice host);        /* name, IPv4 or [IPv6], and a port or none; RFC 9110, 7.2 */
bool is_digits(struct slice s);

/* The same host and port, without regard to case. */
bool host_equal(struct slice a, struct slice b);

#endif
