/* The engine's workers: which are alive, what each has been given, and what to do when one dies. */
#ifndef ENGINE_WORKERS_H
#define ENGINE_WORKERS_H

#include "base/id.h"
#include "wire/channel.h"

#define NO_WORKER (-1)

[[gnu::warn_unused_result]] int workers_connect(uint16_t index, int fd);
/* The page that worker `index` shares with us; takes `fd`. */
[[gnu::warn_unused_result]] int workers_give_page(uint16_t index, int fd);
void workers_set_count(unsigned n); /* how many the supervisor starts */

/* The worker with the least to do; NO_WORKER when none is alive or all are full. */
int workers_choose(void);
bool workers_any(void);

/* Gives a run to a worker: the definition first if the worker does not have it. `m->digest` names the definition. */
[[gnu::warn_unused_result]] int workers_start(int worker, const struct msg_worker_start *m);
[[gnu::warn_unused_result]] int workers_result(int worker, const struct msg_worker_result *m);
/* As workers_result, with the bytes that the journal kept. */
[[gnu::warn_unused_result]] int workers_result_bytes(int worker, struct slice payload);
void workers_drop(int worker, struct run_id id);
/* The run ended in the worker by itself. */
void workers_ended(int worker);

/* To runs.c: a step, a worker's death. `culprit` is the run that it was working on, or 0. */
void runs_on_step(int worker, const struct msg_worker_step *m);
void runs_on_worker_died(int worker, struct run_id culprit);
void runs_on_worker_born(void); /* runs that wait for a worker may go on */

/* From workflows.c: the text of a definition; empty when it is unknown. */
struct slice workflows_definition_text(const uint8_t digest[32]);

#endif
