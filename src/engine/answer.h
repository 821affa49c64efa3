/* How the end of a run is told over HTTP. */
#ifndef ENGINE_ANSWER_H
#define ENGINE_ANSWER_H

#include "engine/request.h"
#include "engine/runs.h"

/* 202 with the run's URL. */
void answer_accepted(struct request *r, struct run_id id);
/* To who delivered a webhook: the output; of a fault only what the sender may know. */
void answer_webhook(struct request *r, const struct run_outcome *outcome);
/* To a principal: the run as an object, with output or error. */
void answer_run(struct request *r, const struct run_outcome *outcome);
/* The disk failed under the run: it is there, or perhaps it is. */
void answer_unknown(struct request *r, int code);

/* The hash of the request's Idempotency-Key, bound to workflow and principal; false without one. */
bool idempotency_of(const struct request *r, const struct workflow *w, uint8_t ret[32]);

#endif
