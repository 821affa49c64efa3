/* The inside of a run, shared by runs.c and run_*.c, step.c, effects.c and load.c only.
 *
 *            run_start                  step                        step                end
 *   ─────▶ RUN_PENDING ────────▶ RUN_RUNNING ◀────────▶ RUN_WAITING ────▶ RUN_COMPLETED · RUN_FAULTED · RUN_CANCELLED
 *
 * One step at a time: from sending START or RESULT to the worker until what the step said is durable, the run is busy and
 * results queue up. Where the run is in that cycle is its `phase`. */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <ev.h>

#include "base/arena.h"
#include "engine/commit.h"
#include "engine/runs.h"

/* P(NAME): what the run is waiting for. */
#define RUN_PHASES(P)                                                                                            \
    P(PHASE_IDLE)       /* nothing: results, if any, may be delivered */                                         \
    P(PHASE_WORKER)     /* a worker to be alive */                                                               \
    P(PHASE_STEP)       /* the worker's step */                                                                  \
    P(PHASE_COMMIT)     /* the step to be durable */                                                             \
    P(PHASE_LOAD)       /* the journal to be read */                                                             \
    P(PHASE_REPLAY)     /* the worker to have replayed the journal */                                            \
    P(PHASE_END)        /* its end to be durable */
enum run_phase {
#define P(NAME) NAME,
    RUN_PHASES(P)
#undef P
};

/* A result that waits to be delivered: a WORKER_RESULT without run and time, and what its leaf says. */
struct result {
    struct result *next;
    struct msg_worker_result message; /* slices into `memory` */
    bool has_leaf;
    struct audit_event leaf; /* slices into `memory` */
    struct arena *memory;
    size_t len; /* of the answer, which counts for LIMIT_RESULTS_TOTAL */
};

struct effect {
    struct effect *next;
    struct run *run;
    uint32_t number;
    enum effect_kind kind;
    int64_t due_ms;  /* of a timer: monotonic */
    bool is_by_wall; /* it began in an earlier life, so its due time follows the wall clock */
    ev_timer timer; /* until it is due; of a call: until it is sent again */
    uint64_t egress_tag; /* 0: not with egress now */
    int64_t begun_ms;    /* monotonic: when it was given to egress last */
    unsigned repeats;
    uint8_t *record;     /* of a call: owned, the encoded msg_effect_call */
    size_t record_len;
};

/* A timer of a run that sleeps on disk. */
struct kept_timer {
    int64_t due_ms; /* monotonic */
    uint32_t number;
    bool is_by_wall;
};

struct run {
    struct run *next_in_bucket;
    struct run *next_waiting; /* for a worker */
    struct run_id id;
    struct workflow *workflow;
    enum run_state state;
    enum run_phase phase;
    int worker;          /* that holds it, or NO_WORKER */
    uint64_t ticket;     /* of the step that the worker owes for it */
    bool is_durable;     /* its row is in the database */
    bool is_cancelled, has_leaf_started;
    uint32_t results;    /* delivered so far: the step's place in the journal */
    uint32_t journal_seq;
    size_t journal_len, events_len; /* bytes, before they are sealed */
    unsigned rescues;    /* workers that died with it in hand since its last step */
    bool is_refused;     /* the store refused a step of it: it is ending with a fault that has nothing of that step */
    uint32_t last_effect; /* the highest number of an effect, event or cancellation */
    int64_t started_ms, last_ms; /* of the last step: time never steps back within a run */
    struct seal_key key; /* of its payloads */
    uint8_t nonce[16], seed[32];
    struct slice input;  /* owned, until the run is durable */
    struct effect *effects;
    uint32_t n_effects;
    struct result *queue, **queue_last;
    struct result *current; /* delivered, its step not yet durable */
    ev_timer wake;          /* of a run whose effects are in the journal only */
    struct kept_timer *kept; /* owned: when those effects are due, which the journal tells by the wall clock alone */
    uint32_t n_kept;
    bool is_wake_by_wall;    /* what it waits for began in an earlier life */
    struct slice expected;  /* owned, in PHASE_REPLAY: the intents of the journal's last step, one after the other */
    /* cause */
    enum run_trigger trigger;
    char actor[LIMIT_NAME], auth[32], peer[64];
    uint8_t delivery[16];
    bool has_delivery;
    uint8_t idempotency[32];
    size_t idempotency_len;
    /* who waits */
    bool wants_end;
    run_ended *ended;
    void *user;
    run_ended *cancelled;
    void *cancelled_user;
    char cancelled_by[LIMIT_NAME];
    /* the end */
    struct slice output, error, context; /* owned */
};

/* run_table.c */
struct run *run_find(struct run_id id);
/* All runs in turn. In between any may be freed and others added, and other walks made; one that was freed is not given any more. A
 * walk is followed to its end, NULL. */
struct run_walk {
    struct run *next;
    struct run_walk *outer;
};
void run_walk_begin(struct run_walk *walk);
struct run *run_walk_next(struct run_walk *walk);
struct run *run_add(struct run_id id, struct workflow *w); /* a new one, pending; NULL without memory */
void run_free(struct run *run);
/* Keeps a copy of the input until its first step is durable; -SP_EOVERLOAD when all runs together keep too much. */
[[gnu::warn_unused_result]] int run_keep_input(struct run *run, struct slice input);
void run_drop_input(struct run *run);
void run_set_state(struct run *run, enum run_state state);

/* run_sleep.c */
size_t runs_asleep(void);
/* Drops it from worker and memory until its first timer is due, if there is memory to remember when. */
void run_sleep(struct run *run, int64_t left_ms);
/* Loads it after so long. `is_by_wall`: what it waits for is known by the wall clock alone. */
void run_wake_after(struct run *run, int64_t delay_ms, bool is_by_wall);
/* Ends the timer of a run that sleeps on disk, if it has one. */
void run_wake_stop(struct run *run);
/* Tries again in a second: too much is being read now. */
void run_retry_later(struct run *run);
/* The wall clock as of the last look at it: a step of it is seen by all at once, in effects_follow_clock. */
int64_t run_wall_ms(void);
void run_clock_start(void);

/* run_workers.c */
/* Gives a run that has not begun to a worker, or lines it up until there is one. */
void run_to_worker(struct run *run);
void run_wait_for_worker(struct run *run);
void run_wait_stop(struct run *run); /* takes it out of the line */
/* A place became free where all workers were full. */
void runs_serve_waiting(void);

/* runs.c */
void run_set_time(struct run *run); /* the time of its next leaf and row: now, or later if the clock stepped back */
/* Puts the result whose step did not come before those that wait. */
void run_take_back(struct run *run);
/* Goes on with whatever comes next: load, deliver, wait. Call it after anything changed while the run was idle. */
void run_continue(struct run *run);
void run_fault(struct run *run, const char *type, int status, const char *title, const char *detail);
/* The run has durably ended, or nothing of it is there (code < 0): tells who waits, and frees it. */
void run_finish(struct run *run, int code);

/* step.c */
/* In PHASE_STEP; -SP_EPROTOCOL when the step is malformed: then the run has faulted, and the worker is not to be believed. */
[[gnu::warn_unused_result]] int step_take(struct run *run, const struct msg_worker_step *m);
void step_fault(struct run *run, struct slice error);             /* ends the run without the worker */
void step_cancel(struct run *run);
void step_accept(struct run *run); /* makes the run durable before its first step */

/* effects.c */
[[gnu::warn_unused_result]] int effect_add(struct run *run, enum effect_kind kind, uint32_t number, struct slice record,
                                           struct effect **ret);
/* An effect that the journal has, and that was intended at this wall time: a timer goes on with what is left of its wait. */
void effect_resume(struct effect *effect, int64_t at_ms);
struct effect *effect_find(struct run *run, uint32_t number);
void effects_begin(struct run *run, bool is_repetition); /* all that are not under way; the run is idle, and goes on if it can */
void effect_repeat(struct effect *effect); /* after a crash: perhaps it was performed */
void effect_remove(struct effect *effect); /* ended or cancelled */
void effects_free(struct run *run); /* and the timers that were kept of them */
/* Frees them, but for the times at which they are due; false without memory, and nothing is freed. */
[[gnu::warn_unused_result]] bool effects_keep_timers(struct run *run);
/* The wall clock stepped: what waits by it is due so much sooner. */
void effects_follow_clock(struct run *run, int64_t step_ms);
void effects_forget_timers(struct run *run);
void effect_leaf(const struct run *run, const struct msg_effect_call *call, uint32_t number, enum audit_action action,
                 struct audit_event *ret);
void result_push(struct run *run, struct result *result);
void result_free(struct result *result);
int64_t effects_left_ms(const struct run *run); /* until the earliest timer is due; -1: there is none, or a call is open */
int64_t effects_due(const struct run *run);     /* the same as a wall time, for the run's row; 0: none */

/* load.c */
void load_begin(struct run *run); /* PHASE_LOAD: reads the journal, then replays it in a worker */
void replay_check(struct run *run, const struct msg_worker_step *m); /* in PHASE_REPLAY */

#endif
