/* Retention: runs that ended longer ago than their workflow keeps them are deleted, in bounded batches; leaves never are. */
#ifndef ENGINE_RETENTION_H
#define ENGINE_RETENTION_H

#include <stdint.h>

/* `default_days` for workflows whose definition says nothing. */
void retention_start(uint64_t default_days);

#endif
