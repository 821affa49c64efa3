/* Replays of ended runs, as evidence: what workers say about them comes here. */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "wire/messages.h"

/* Nothing happens if the step is no replay's. */
void replay_on_step(int worker, uint64_t ticket, const struct msg_worker_step *m);
void replay_on_worker_died(int worker);

#endif
