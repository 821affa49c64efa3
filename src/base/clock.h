/* Time. Wall time is milliseconds since 1970-01-01T00:00:00Z and may step in either direction; monotonic time only orders
 * and measures. `flow/` may include neither: a run's time comes from its journal [I4]. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

#include "base/slice.h"

int64_t clock_wall_ms(void);
int64_t clock_monotonic_ms(void);
int64_t clock_monotonic_us(void);

#define CLOCK_RFC3339_LEN 24 /* "2026-01-02T03:04:05.678Z", without NUL */

/* Writes the time in UTC as RFC 3339 with milliseconds, NUL-terminated. Years outside 0000-9999 are clamped. */
void clock_rfc3339(int64_t wall_ms, char ret[CLOCK_RFC3339_LEN + 1]);

/* Parses RFC 3339 (any offset, any fraction) into milliseconds; -SP_ESYNTAX. */
[[gnu::warn_unused_result]] int clock_parse_rfc3339(struct slice s, int64_t *ret_wall_ms);

#endif
