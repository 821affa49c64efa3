/* Parsed grants, kept by their bytes: a workflow sends the same ones with every call. */
#ifndef EGRESS_GRANT_CACHE_H
#define EGRESS_GRANT_CACHE_H

#include "policy/grant.h"

struct grant_cache;
struct grant_entry;

[[gnu::warn_unused_result]] int grant_cache_new(struct grant_cache **ret);
void grant_cache_free(struct grant_cache *c); /* every entry must have been released */

/* The grants of these bytes, held until they are released. A call holds one at most, so LIMIT_EGRESS_OPEN are never held by others. */
[[gnu::warn_unused_result]] int grant_cache_hold(struct grant_cache *c, struct slice json, struct grant_entry **ret,
                                                 struct diag *reterr);
void grant_cache_release(struct grant_entry *e);
const struct policy_grants *grant_entry_grants(const struct grant_entry *e);

#endif
