/* The processor time that a step of a run may take. jq cannot be interrupted, so the end of the budget is the end of the
 * process (SP_EXIT_BUDGET): the worker's death is the refusal, and the engine faults the run that killed it.
 *
 * One interval timer runs on the thread's processor time from the first use on; each tick compares a counter that begin
 * and end set, so neither costs a system call. The precision is one tick (50 ms). libjq aborts the process when memory ends:
 * the worker catches that by itself. */
#ifndef FLOW_BUDGET_H
#define FLOW_BUDGET_H

/* Starts the timer; call once, before the lock-down. Without it begin and end limit nothing. `is_over`, if not NULL, is called
 * in a signal handler before the process ends. Returns 0 or -errno. */
[[gnu::warn_unused_result]] int flow_budget_init(void (*is_over)(void));

/* From here to flow_budget_end the thread may use `cpu_ms` of processor time. Does not nest. */
void flow_budget_begin(unsigned cpu_ms);
void flow_budget_end(void);

#endif
