/* Why this worker ends, left in the page that it shares with the engine, where it outlives the process. Each may be called in
 * a signal handler. */
#ifndef WORKER_DEATH_H
#define WORKER_DEATH_H

#include "wire/roles.h"

/* Catches the signals of a crash; call once, before the lock-down. Returns 0 or -errno. */
[[gnu::warn_unused_result]] int death_init(void);
void death_set_page(struct worker_page *page);

void death_by_time(void);
void death_by_error(void);

#endif
