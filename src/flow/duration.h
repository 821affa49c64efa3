/* Durations of the DSL: an object of days, hours, minutes, seconds and milliseconds, or an ISO 8601 text ("PT1H30M",
 * "P2W", "P1DT0.5S"; a year is 365 days, a month 30). */
#ifndef FLOW_DURATION_H
#define FLOW_DURATION_H

#include <jv.h>
#include <stdint.h>

#include "base/diag.h"
#include "base/slice.h"

/* Milliseconds, rounded down; `v` is consumed. -SP_EINVALID (not a duration) or -SP_ELIMIT (beyond LIMIT_DURATION_MS). */
[[gnu::warn_unused_result]] int flow_duration_from_jv(jv v, int64_t *ret_ms, struct diag *reterr);

/* The ISO 8601 form alone. */
[[gnu::warn_unused_result]] int flow_duration_parse(struct slice text, int64_t *ret_ms, struct diag *reterr);

#endif
