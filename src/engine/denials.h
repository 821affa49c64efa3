/* Leaves of what was refused: sign-ins, permissions, rates, unsigned deliveries. Who is refused need not be anybody, so that a
 * flood must not grow the log: of each kind the first are written whole, then one now and then; the others are counted in one
 * leaf for each ten seconds. */
#ifndef ENGINE_DENIALS_H
#define ENGINE_DENIALS_H

#include "audit/leaf.h"
#include "engine/request.h"

/* `ns` and `workflow` may be empty; `detail` is for a person. */
void denial_add(const struct request *r, enum audit_action action, const char *ns, const char *workflow, struct slice detail);

#endif
