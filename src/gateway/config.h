/* The gateway's part of the configuration. */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include "base/diag.h"
#include "base/limits.h"
#include "gateway/address.h"

struct gateway_config {
    bool is_tls;
    bool is_behind_proxy;
    struct network trusted[LIMIT_TRUSTED_PROXIES];
    size_t n_trusted;
    size_t max_body;
    unsigned connections, connections_per_address;
    unsigned request_timeout_ms;
    unsigned refusals_per_s, connections_per_s;
};

/* {"tls": bool, "behindProxy": bool, "trustedProxies": ["10.0.0.0/8"], "maxBody": n, "connections": n,
 *  "connectionsPerAddress": n, "requestTimeoutMs": n, "refusalsPerSecond": n,
 *  "connectionsPerSecond": n}; all may be absent. An unknown key, a number outside 1..its limit and
 * trusted proxies without behindProxy are refused. */
[[gnu::warn_unused_result]] int gateway_config_parse(struct slice json, struct gateway_config *ret, struct diag *reterr);

#endif
