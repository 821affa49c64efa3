/* patience: see patience.h. Called by workers.c, which looks every two seconds. */
#include "engine/patience.h"

#include "base/limits.h"

#define MOST_AT_ONCE_MS 4000 /* two looks of workers.c */

void patience_begin(struct patience *p, int64_t now_ms)
{
    *p = (struct patience){.left_ms = LIMIT_WORKER_SILENCE_MS, .at_ms = now_ms};
}

void patience_pass(struct patience *p, int64_t now_ms, bool is_owing)
{
    int64_t passed = now_ms - p->at_ms;
    p->at_ms = now_ms;
    if (is_owing)
        p->left_ms -= passed < MOST_AT_ONCE_MS ? passed : MOST_AT_ONCE_MS;
}

void patience_restore(struct patience *p, uint32_t worth_ms)
{
    p->left_ms += worth_ms;
    if (p->left_ms > LIMIT_WORKER_SILENCE_MS)
        p->left_ms = LIMIT_WORKER_SILENCE_MS;
}
