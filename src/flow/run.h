/* Inside a run: strands, each a stack of frames; a frame is one activation of a task. No recursion: a task
 * that has children puts its child's frame on top and is told when that ends. A strand waits when its top
 * frame waits for an effect or for branches, each of which is a strand of its own.
 *
 * Functions that can go wrong by the workflow's fault return false and leave the error in `problem`; the loop
 * of run.c then raises it at the top frame. An error that nothing may catch (a limit) ends the run through
 * run_fault. */
#ifndef FLOW_RUN_H
#define FLOW_RUN_H

#include "base/id.h"
#include "flow/definition.h"
#include "flow/error_type.h"
#include "flow/random.h"

enum frame_phase {
    FRAME_ENTER,  /* put on, nothing done yet */
    FRAME_LIST,   /* runs the tasks of `list`, or one child */
    FRAME_EFFECT, /* waits for an effect */
    FRAME_FORK,   /* waits for branches */
    FRAME_DONE,   /* `output` is there: transform it and go */
};

struct frame {
    struct frame *below;
    const struct task *task;
    enum frame_phase phase;
    const struct task_list *list;
    uint16_t position; /* of the next task in `list` */
    bool is_catching;  /* a `try` that runs its handler */
    struct then then;
    jv raw, input, output; /* `output` is the raw output when the task is done */
    jv data;               /* the input of the next child */
    jv vars;               /* variables of `for` and `catch` in scope */
    jv items;              /* for: the collection; fork: the outputs; call: the request */
    int64_t started_ms;
    int64_t deadline_ms, attempt_deadline_ms; /* -1: none, or its timer runs */
    uint32_t iteration; /* of a `for`; attempts of a `try`; branches that a fork waits for */
};

struct strand {
    struct frame *top;
    unsigned n_frames;
    struct strand *parent; /* NULL for the main strand; its top frame is the fork */
    uint16_t branch;
    bool is_dead;
};

enum purpose { PURPOSE_RESULT, PURPOSE_DELAY, PURPOSE_TIMEOUT, PURPOSE_ATTEMPT };
struct open_effect {
    uint32_t number;
    uint8_t kind;
    enum purpose purpose;
    struct strand *strand;
    struct frame *frame;
};

struct flow_run {
    struct flow_definition *d;
    struct run_id id;
    int64_t started_ms, now_ms;
    uint8_t nonce[16];
    struct flow_random random;
    enum step_status status; /* STEP_WAITING while it goes on */
    int error;               /* -ENOMEM; sticks */
    jv problem;              /* the error that is about to be raised */
    jv context, output, fault;
    jv secrets, descriptor, runtime;       /* values of variables, built when first needed */
    struct strand *strands[LIMIT_STRANDS]; /* a parent before its children; [0] is the main one */
    unsigned n_strands;
    struct open_effect open[LIMIT_OPEN_EFFECTS];
    unsigned n_open;
    uint32_t n_effects, n_steps;
    bool is_drained; /* what the buffers hold has been handed out */
    struct buffer effects, trace, output_text, context_text, fault_text;
};

/* --- run.c -------------------------------------------------------------------------------------------- */

void run_trace(struct flow_run *run, const struct task *t, enum trace_status status);
/* The main strand's workflow is done; `output` is consumed. */
void run_complete(struct flow_run *run, jv output);
/* Ends the run with an error (consumed) that nothing catches. */
void run_fault(struct flow_run *run, jv error);
void run_limit(struct flow_run *run, const struct frame *f, const char *detail);

/* --- run_task.c --------------------------------------------------------------------------------------- */

bool task_enter(struct flow_run *run, struct strand *s, struct frame *f);
bool task_next(struct flow_run *run, struct strand *s, struct frame *f);
bool task_finish(struct flow_run *run, struct strand *s, struct frame *f);
/* Puts a frame on; `raw` and `vars` are consumed. NULL when the run ended by a limit. */
struct frame *frame_push(struct flow_run *run, struct strand *s, const struct task *t, jv raw, jv vars);
/* Takes the top frame off; what waits for it is cancelled. */
void frame_pop(struct flow_run *run, struct strand *s);
/* Sets the raw output (consumed): the task is done. */
void frame_done(struct frame *f, jv output);
void frame_begin_list(struct frame *f, const struct task_list *list, jv data);
bool frame_end_list(struct flow_run *run, struct frame *f, bool is_exit);

/* --- run_kinds.c -------------------------------------------------------------------------------------- */

bool kind_enter(struct flow_run *run, struct strand *s, struct frame *f);
bool for_next(struct flow_run *run, struct frame *f);
void fork_branch_done(struct flow_run *run, struct strand *branch, jv output);

/* --- run_fault.c -------------------------------------------------------------------------------------- */

/* Raises `problem` at the top frame of the strand. */
void run_raise(struct flow_run *run, struct strand *s);
/* Takes frames off, from the top down to `until` (not included), as `status` says. */
void strand_unwind(struct flow_run *run, struct strand *s, const struct frame *until,
                   enum trace_status status);
/* Ends all strands that descend from this one's fork. */
void strand_cancel_branches(struct flow_run *run, const struct strand *s);
/* Begins the tasks of a `try` anew. */
bool try_again(struct flow_run *run, struct frame *f);

/* An error object; `detail` may be NULL. Always false, with `problem` set. */
[[gnu::format(printf, 5, 6)]] bool problem(struct flow_run *run, const struct frame *f, enum flow_error type,
                                           int status, const char *format, ...);
bool problem_titled(struct flow_run *run, const struct frame *f, enum flow_error type, int status,
                    const char *title, const char *detail);

/* --- run_vars.c --------------------------------------------------------------------------------------- */

/* Evaluates with `dot` (consumed); `output` (borrowed) is `$output`. An absent expression gives `dot` back.
 */
bool run_eval(struct flow_run *run, const struct frame *f, const struct expr *e, jv dot, jv output, jv *ret);
/* A condition: anything but false and null holds. */
bool run_condition(struct flow_run *run, const struct frame *f, const struct expr *e, jv dot, bool *ret);
bool run_timing(struct flow_run *run, const struct frame *f, const struct timing *t, int64_t *ret_ms);
bool run_validate(struct flow_run *run, const struct frame *f, const struct schema *s, jv v,
                  const char *what);

/* --- run_effects.c ------------------------------------------------------------------------------------ */

/* Sends an effect and notes who waits for it. False when the run ended by a limit. */
bool effect_open(struct flow_run *run, struct strand *s, struct frame *f, enum effect_kind kind,
                 enum purpose purpose, struct buffer *record);
bool effect_timer(struct flow_run *run, struct strand *s, struct frame *f, enum purpose purpose,
                  int64_t delay_ms);
bool effect_event(struct flow_run *run, struct frame *f, jv event /* consumed */);
/* Cancels what a frame waits for, or everything when it is NULL. */
void effects_cancel(struct flow_run *run, const struct frame *f);
void effect_cancel_at(struct flow_run *run, unsigned i); /* the i-th open one */
/* Starts the timers of timeouts that began in this step: a task that ended within it needs none. */
void effects_arm(struct flow_run *run);

/* --- http_request.c, http_result.c -------------------------------------------------------------------- */

bool http_start(struct flow_run *run, struct strand *s, struct frame *f);
bool http_finish(struct flow_run *run, struct frame *f, const struct msg_worker_result *result);

#endif
