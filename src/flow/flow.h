/* The Open Workflow DSL 1.0, pure: text in, findings or a compiled definition out; a run is stepped from effect to effect.
 * No file, no clock, no log, no network, no secret. Values are libjq's `jv`; only the worker links this.
 *
 *   flow_definition_compile   YAML or JSON text → checked, compiled definition (all expressions in one jq program)
 *   flow_run_new              definition + WORKER_START → a run that has done nothing yet
 *   flow_run_step             interprets until every strand waits for an effect, or the run ended
 *   flow_run_deliver          hands the result of one effect to the run; then step again
 *
 * Deterministic [I4]: the same definition, WORKER_START and WORKER_RESULTs give the same steps, byte for byte. Time is the
 * step's `at_ms`; random numbers and ids come from the seed. */
#ifndef FLOW_FLOW_H
#define FLOW_FLOW_H

#include "base/diag.h"
#include "wire/messages.h"

struct flow_definition;
struct flow_run;

/* Compiles `text`. Always fills `findings` (a JSON array) and, if the document could be read, `manifest` (a JSON object);
 * both formats are docs/formats/findings.md. 0 and a definition when nothing is worse than a warning; else -SP_ESYNTAX or
 * -SP_EINVALID, or -ENOMEM. The definition is reference-counted and copies what it needs from `text`. */
[[gnu::warn_unused_result]] int flow_definition_compile(struct slice text, struct buffer *findings, struct buffer *manifest,
                                                        struct flow_definition **ret);
struct flow_definition *flow_definition_ref(struct flow_definition *d);
void flow_definition_unref(struct flow_definition *d);

/* A run that has not begun. -SP_ESYNTAX when the input is not JSON. Takes a reference to `d`; copies from `start`. */
[[gnu::warn_unused_result]] int flow_run_new(struct flow_definition *d, const struct msg_worker_start *start,
                                             struct flow_run **ret, struct diag *reterr);
void flow_run_free(struct flow_run *run);

/* What one step did; the slices are borrowed until the next call on the run. Fields as in WORKER_STEP. */
struct flow_step {
    enum step_status status;
    struct slice effects, trace, output, context, error;
};

/* Interprets until nothing can go on without a result. An error of the workflow is a STEP_FAULTED step, not a negative
 * code; negative is only -ENOMEM. */
[[gnu::warn_unused_result]] int flow_run_step(struct flow_run *run, struct flow_step *ret);

/* Hands over the result of effect `result->effect`. -SP_EINVALID when no such effect is open (then the peer lies). */
[[gnu::warn_unused_result]] int flow_run_deliver(struct flow_run *run, const struct msg_worker_result *result);

/* Appends the problem object of a fault before the first task (its input could not be read): type, title, status, detail. */
void flow_fault_json(struct buffer *b, const struct diag *diag);

#endif
