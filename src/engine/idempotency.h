/* A second request with the same Idempotency-Key is answered with what the first one's run gave. */
#ifndef ENGINE_IDEMPOTENCY_H
#define ENGINE_IDEMPOTENCY_H

#include "engine/runs.h"

/* Looks up the run that the key began: `answered` gets its outcome, or its state if it has not ended; -SP_ENOTFOUND if the
 * key began none. 0, or a negative code and then `answered` is not called. */
[[gnu::warn_unused_result]] int idempotency_first(const uint8_t key[32], run_ended *answered, void *user);

#endif
