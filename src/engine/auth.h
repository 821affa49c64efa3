/* Who asks: the principals by the hash of their token. Tokens are 256 random bits, so a plain SHA-256 keeps them; what
 * belonged to a principal that is disabled or expired does not sign in any more. */
#ifndef ENGINE_AUTH_H
#define ENGINE_AUTH_H

#include "engine/request.h"
#include "store/store.h"

/* Loads the principals of the store. */
[[gnu::warn_unused_result]] int auth_load(struct store_reader *reader);

/* A principal that lives in memory only: the one of `sallyport run`. */
[[gnu::warn_unused_result]] int auth_add_ephemeral(struct slice name, enum access_role role, struct slice token);

/* Fills `r->who` from the request's bearer token; -SP_EUNAUTHENTICATED. */
[[gnu::warn_unused_result]] int auth_check(struct request *r);

#endif
