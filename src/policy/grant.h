/* Grants: which origins, methods and paths a workflow or a credential may reach. Without a grant there is nothing [I7].
 *
 * As JSON, an array of which each member is an origin's text or an object:
 *   ["https://api.example.com",
 *    {"origin": "https://api.example.org:8443", "methods": ["GET", "POST"], "paths": ["/v1", "/v2/items"]}]
 * `methods` and `paths` left out mean all of them; an empty array is refused, because it would grant nothing. */
#ifndef POLICY_GRANT_H
#define POLICY_GRANT_H

#include <sys/socket.h>

#include "base/cleanup.h"
#include "policy/origin.h"

struct policy_grants;

/* Reads at most LIMIT_ORIGINS grants. Unknown or repeated members are refused. -SP_ESYNTAX, -SP_EINVALID, -SP_ELIMIT or
 * -ENOMEM with the place (JSON Pointer) and reason in `reterr` (may be NULL). */
[[gnu::warn_unused_result]] int policy_grants_parse(struct slice json, struct policy_grants **ret, struct diag *reterr);
void policy_grants_free(struct policy_grants *g);
DEFINE_CLEANUP(struct policy_grants *, policy_grants_free)

/* 0, or -SP_EDENIED and a constant reason. A path prefix matches whole segments: "/v1" allows "/v1" and "/v1/x" but not
 * "/v10". Where a path decides, one that a server may read differently (dot segments, an encoded slash or backslash,
 * double slashes) is refused. An empty `path` is "/". */
[[gnu::warn_unused_result]] int policy_grants_allow(const struct policy_grants *g, const struct policy_origin *origin,
                                                    struct slice method, struct slice path, const char **ret_reason);

/* Whether a call to `origin` that has been allowed may connect to `address`. Public addresses: always. Others: only when a
 * grant with the same scheme and port, which allows method and path, has exactly this address as its host, or `localhost`
 * for a loopback address; and classes that no grant opens: never. */
bool policy_grants_allow_address(const struct policy_grants *g, const struct policy_origin *origin, struct slice method,
                                 struct slice path, const struct sockaddr *address);

#endif
