/* Grants as JSON, and decisions by them: up to the first newline the grants, then a URI. A decision for a URI never differs
 * from that for its canonical origin and the same path. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/error.h"
#include "base/must.h"
#include "policy/grant.h"
#include "policy/uri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    struct slice json;
    struct policy_grants *grants = NULL;
    struct policy_uri uri;
    const char *reason = NULL;
    if (!slice_split(&rest, '\n', &json) || policy_grants_parse(json, &grants, NULL) < 0)
        return 0;
    if (policy_uri_parse(rest, &uri, NULL) == 0) {
        int r = policy_grants_allow(grants, &uri.origin, SLICE_LITERAL("GET"), uri.path, &reason);
        must(r == 0 || (r == -SP_EDENIED && reason));
        struct sockaddr_in nowhere = {.sin_family = AF_INET}; /* 0.0.0.0 is reached by no grant */
        must(!policy_grants_allow_address(grants, &uri.origin, SLICE_LITERAL("GET"), uri.path, (struct sockaddr *)&nowhere));
    }
    policy_grants_free(grants);
    return 0;
}
