/* How long a worker may still be silent while it owes something. Each step that it answers gives back what such a step may take in the long
 * run, up to the whole: one that is late once has time for a definition that has to be compiled, and one that is always late has none. */
#ifndef ENGINE_DEADLINE_H
#define ENGINE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
    int64_t left_ms, at_ms; /* monotonic: when `left_ms` was so */
};

void deadline_begin(struct deadline *d, int64_t now_ms);

/* To be told at each look, and before `is_owing` changes. When much passed since the last time, it was us who stood still. */
void deadline_pass(struct deadline *d, int64_t now_ms, bool is_owing);

/* A step came that may have taken so long. */
void deadline_restore(struct deadline *d, uint32_t worth_ms);

static inline bool deadline_is_over(const struct deadline *d)
{
    return d->left_ms < 0;
}

#endif
