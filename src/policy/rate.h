/* A rate limiter: GCRA (the generic cell rate algorithm, ITU-T I.371), one time stamp for each key. Holds at most a fixed
 * number of keys; the one that was used the longest ago makes room [I6]. Pure: the time comes from the caller. */
#ifndef POLICY_RATE_H
#define POLICY_RATE_H

#include "base/slice.h"

struct rate_table;

/* `max_keys` at most LIMIT_RATE_KEYS; `seed` is random, so that nobody can choose keys that collide. */
[[gnu::warn_unused_result]] int rate_table_new(size_t max_keys, const uint8_t seed[16], struct rate_table **ret);
void rate_table_free(struct rate_table *t);

/* One more event of `key`: 0 and how many more may follow at once, or -SP_ERATE and the milliseconds until one may. `limit`
 * events in each `period_us`, of which `burst` (at least 1) may come at once. `now_us` is monotonic. */
[[gnu::warn_unused_result]] int rate_check(struct rate_table *t, struct slice key, int64_t now_us, uint32_t limit,
                                           int64_t period_us, uint32_t burst, int64_t *ret_retry_after_ms,
                                           uint32_t *ret_remaining);

/* As rate_check, of an event that weighs as much as `weight` of them. It is let through where one is, and may overdraw. */
[[gnu::warn_unused_result]] int rate_check_weight(struct rate_table *t, struct slice key, int64_t now_us, uint32_t weight,
                                                  uint32_t limit, int64_t period_us, uint32_t burst,
                                                  int64_t *ret_retry_after_ms, uint32_t *ret_remaining);

/* Whether an event of `key` would be refused now; looks and changes nothing. */
bool rate_is_exhausted(const struct rate_table *t, struct slice key, int64_t now_us, uint32_t limit, int64_t period_us,
                       uint32_t burst, int64_t *ret_retry_after_ms);

size_t rate_table_n(const struct rate_table *t);

#endif
