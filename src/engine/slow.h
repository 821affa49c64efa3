/* Reads of the database that may take long, on a thread of their own with a connection that cannot write. */
#ifndef ENGINE_SLOW_H
#define ENGINE_SLOW_H

#include "store/store.h"

/* `work` runs on the slow thread, then `done` on the loop; `user` is theirs, and only one of them has it at a time. */
typedef void slow_work(struct store_reader *reader, void *user);
typedef void slow_done(void *user);

[[gnu::warn_unused_result]] int slow_start(struct store *store, struct diag *reterr);
void slow_stop(void);

/* -SP_EOVERLOAD when too much is waiting; then neither is called. */
[[gnu::warn_unused_result]] int slow_submit(slow_work *work, slow_done *done, void *user);

#endif
