/* Retention: runs that ended longer ago than their workflow keeps them are deleted, in bounded batches; leaves never are. */
#ifndef ENGINE_RETENTION_H
#define ENGINE_RETENTION_H

#include <stdint.h>

/* The operator's word for one namespace: its runs are kept for at most so many days, whatever a definition says. -SP_EINVALID
 * for a text that is not NAMESPACE=DAYS, -SP_ELIMIT when there are too many. */
[[gnu::warn_unused_result]] int retention_set(const char *text);
void retention_clear(void);

/* For workflows of which neither definition nor operator says anything; 90 until then. */
void retention_set_default(uint64_t days);
void retention_start(void);

#endif
