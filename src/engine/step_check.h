/* Whether what a worker says of a step can be true, as far as the bytes show: pure, and before anything is done with them. */
#ifndef ENGINE_STEP_CHECK_H
#define ENGINE_STEP_CHECK_H

#include "wire/messages.h"

/* 0, or -SP_EINVALID and the like. `last_effect` is the highest number of an effect so far; `ret_last` the highest after this step. */
[[gnu::warn_unused_result]] int step_check(const struct msg_worker_step *m, uint32_t last_effect, uint32_t *ret_last);

#endif
