/* Runs, from their start to their end. Who starts one gives what is known of its cause; what happens then is runs.c's and
 * run_*.c's (table, sleep, workers), step.c's (what a step says becomes durable), effects.c's (what leaves) and load.c's (the
 * journal). */
#ifndef ENGINE_RUNS_H
#define ENGINE_RUNS_H

#include "engine/workflows.h"

struct run;

struct run_cause {
    enum run_trigger trigger;
    struct slice actor, auth;     /* for the audit log */
    const uint8_t *peer;          /* 16 bytes, or NULL */
    const uint8_t *delivery;      /* 16 bytes: the hash of a webhook delivery, or NULL */
    struct slice idempotency;     /* at most 32 bytes, or empty */
};

/* How a run ended, or that it is on its way. Slices are borrowed for the call. */
struct run_outcome {
    struct run_id id;
    enum run_state state;
    struct slice output, error, context; /* JSON */
};

/* Called once on the loop: when the run has durably ended; or, with RUN_PENDING, when it is durably accepted and `wants_end`
 * was false; or with code < 0 and NULL, when nothing of it is there; or with code < 0 and an outcome without an end, when the
 * disk failed: the run is there and goes on after the next start, or perhaps it is. */
typedef void run_ended(int code, const struct run_outcome *outcome, void *user);

/* Starts a run of `w` on `input` (JSON text; the worker checks it). 0, or why not: -SP_EOVERLOAD, -SP_ERATE (concurrency). */
[[gnu::warn_unused_result]] int run_start(struct workflow *w, struct slice input, const struct run_cause *cause, bool wants_end,
                                          run_ended *ended, void *user, struct run_id *ret_id);

/* Cancels a run that has not ended; `ended` is told when that is durable. -SP_ENOTFOUND, -SP_ECONFLICT. */
[[gnu::warn_unused_result]] int run_cancel(struct run_id id, struct slice by, run_ended *ended, void *user);
/* All runs of a workflow, whatever its version. */
void runs_cancel_workflow(const struct workflow *w, struct slice by);

/* Takes up the runs that had not ended when the server stopped. */
[[gnu::warn_unused_result]] int runs_recover(struct store_reader *reader);

size_t runs_active(void);

/* The state of a run that has not ended; 0 if it is not here. */
enum run_state run_state_now(struct run_id id);

#endif
