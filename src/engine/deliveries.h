/* The webhook deliveries that were accepted, so that a repeated one is refused. Kept for as long as a signature is valid;
 * bounded, the oldest going first; the database has them too, so a restart forgets none. */
#ifndef ENGINE_DELIVERIES_H
#define ENGINE_DELIVERIES_H

#include "base/limits.h"
#include "store/store.h"

#define DELIVERY_HASH_LEN 16
/* From the earliest time at which a signed one is good to the latest, which is as much after it as the first was before. */
#define DELIVERY_KEEP_MS  (2 * LIMIT_TOLERANCE_MS)

[[gnu::warn_unused_result]] int deliveries_load(struct store_reader *reader, int64_t now_ms);

/* Remembers it as one that is being taken up; -SP_EREPLAYED if it was accepted before, -SP_ECONFLICT while it is not known
 * whether it will be. */
[[gnu::warn_unused_result]] int delivery_add(const uint8_t hash[DELIVERY_HASH_LEN]);
/* Its run is durable: a repetition may be told so. */
void delivery_accept(const uint8_t hash[DELIVERY_HASH_LEN]);
/* Forgets one that came to nothing, so that its sender may try again. */
void delivery_forget(const uint8_t hash[DELIVERY_HASH_LEN]);

#endif
