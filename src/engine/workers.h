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

/* Gives a run to a worker: the definition first if the worker does not have it. `m->digest` names the definition. The step that
 * the worker owes for it comes with the ticket; with `m->replayed`, after the last of so many workers_replayed, which must
 * follow at once. */
[[gnu::warn_unused_result]] int workers_start(int worker, const struct msg_worker_start *m, uint64_t *ret_ticket);
[[gnu::warn_unused_result]] int workers_result(int worker, const struct msg_worker_result *m, uint64_t *ret_ticket);
/* A result of the run's journal, in the bytes that it kept. The ticket is given for the last. */
[[gnu::warn_unused_result]] int workers_replayed(int worker, struct run_id id, struct slice payload, bool is_last,
                                                 uint64_t *ret_ticket);
void workers_drop(int worker, struct run_id id);
/* The run ended in the worker by itself. */
void workers_ended(int worker);

/* To runs.c. A step that the worker owed; negative: it is none for this run, which is the worker's fault. A worker's death:
 * `at_work` is the run that it had in hand, or 0; `cause` a text for why that run ended it, if it says so. A worker that is
 * ended because it does not answer for this run. */
[[gnu::warn_unused_result]] int runs_on_step(int worker, uint64_t ticket, const struct msg_worker_step *m);
void runs_on_worker_died(int worker, struct run_id at_work, const char *cause);
void runs_on_worker_silent(struct run_id id);
void runs_on_worker_born(void); /* runs that wait for a worker may go on */

/* From workflows.c: the text of a definition; empty when it is unknown. */
struct slice workflows_definition_text(const uint8_t digest[32]);

#endif
