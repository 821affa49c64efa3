/* deadline: see deadline.h. Called by workers.c, which looks every two seconds. */
#include "engine/deadline.h"

#include "base/limits.h"

#define MOST_AT_ONCE_MS 4000 /* two looks of workers.c */

void deadline_begin(struct deadline *d, int64_t now_ms)
{
    *d = (struct deadline){.left_ms = LIMIT_WORKER_SILENCE_MS, .at_ms = now_ms};
}

void deadline_pass(struct deadline *d, int64_t now_ms, bool is_owing)
{
    int64_t passed = now_ms - d->at_ms;
    d->at_ms = now_ms;
    if (is_owing)
        d->left_ms -= passed < MOST_AT_ONCE_MS ? passed : MOST_AT_ONCE_MS;
}

void deadline_restore(struct deadline *d, uint32_t worth_ms)
{
    d->left_ms += worth_ms;
    if (d->left_ms > LIMIT_WORKER_SILENCE_MS)
        d->left_ms = LIMIT_WORKER_SILENCE_MS;
}
