/* The engine's thread that copies the write-ahead log into the database, so that commits need not wait for it (store.h). */
#ifndef ENGINE_COPIER_H
#define ENGINE_COPIER_H

#include "store/store.h"

[[gnu::warn_unused_result]] int copier_start(struct store *store, struct diag *reterr);
/* After the committer has ended, before the store is closed. */
void copier_stop(void);

/* On the committer, between two batches: sees to it that what it is time to copy is copied. Waits only while the log is full. */
void copier_turn(void);

#endif
