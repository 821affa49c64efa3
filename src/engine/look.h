/* An administrator's look at what is kept leaves a leaf. */
#ifndef ENGINE_LOOK_H
#define ENGINE_LOOK_H

#include "audit/leaf.h"
#include "engine/request.h"

/* Records who looks, before he is answered: `run` may be 0, `detail` empty. When that is not possible nothing is shown: false, and
 * the request is answered. */
[[gnu::warn_unused_result]] bool look_record(struct request *r, enum audit_action action, struct run_id run, struct slice detail);

#endif
