/* How long a worker may still be silent while it owes something. Each step that it answers gives back what such a step may take in the long
 * run, up to the whole: one that is late once has time for a definition that has to be compiled, and one that is always late has none. */
#ifndef ENGINE_PATIENCE_H
#define ENGINE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

struct patience {
    int64_t left_ms, at_ms; /* monotonic: when `left_ms` was so */
};

void patience_begin(struct patience *p, int64_t now_ms);

/* To be told at each look, and before `is_owing` changes. When much passed since the last time, it was us who stood still. */
void patience_pass(struct patience *p, int64_t now_ms, bool is_owing);

/* A step came that may have taken so long. */
void patience_restore(struct patience *p, uint32_t worth_ms);

static inline bool patience_is_over(const struct patience *p)
{
    return p->left_ms < 0;
}

#endif
