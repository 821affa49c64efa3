/* Leaves of what was refused: sign-ins, permissions, rates, unsigned deliveries. Who is refused need not be anybody, so that a
 * flood must not grow the log: of each kind a few a second are written whole, the others are counted in one leaf. */
#ifndef ENGINE_DENIALS_H
#define ENGINE_DENIALS_H

#include "audit/leaf.h"
#include "engine/request.h"

/* `ns` and `workflow` may be empty; `detail` is for a person. */
void denial_add(const struct request *r, enum audit_action action, const char *ns, const char *workflow, struct slice detail);

#endif
