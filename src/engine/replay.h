/* Replays of ended runs, as evidence: what workers say about them comes here. */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "wire/messages.h"

/* True if the step was a replay's, and is dealt with. */
bool replay_on_step(int worker, const struct msg_worker_step *m);
void replay_on_worker_died(int worker);

#endif
