/* run_sleep: runs that are not in a worker's hands, only in their journal, until a time has come: those that wait for timers far
 * away, and those that cannot be read now. And what a step of the wall clock means for them. Called by the other files of
 * runs. */
#include "base/clock.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/run.h"
#include "role/role.h"

static size_t n_asleep;

size_t runs_asleep(void)
{
    return n_asleep;
}

void run_wake_stop(struct run *run)
{
    if (!ev_is_active(&run->wake))
        return;
    ev_timer_stop(role_loop(), &run->wake);
    n_asleep--;
}

static void on_wake(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct run *run = timer->data;
    n_asleep--;
    load_begin(run);
}

void run_wake_after(struct run *run, int64_t delay_ms, bool is_by_wall)
{
    must(!ev_is_active(&run->wake));
    n_asleep++;
    run->is_wake_by_wall = is_by_wall;
    ev_timer_init(&run->wake, on_wake, delay_ms > 0 ? (double)delay_ms / 1000. : 0., 0.);
    run->wake.data = run;
    ev_timer_start(role_loop(), &run->wake);
}

void run_sleep(struct run *run, int64_t left_ms)
{
    if (!effects_keep_timers(run))
        return; /* it waits in memory */
    workers_drop(run->worker, run->id);
    run->worker = NO_WORKER;
    run_wake_after(run, left_ms, false);
}

void run_retry_later(struct run *run)
{
    run_wake_after(run, 1000, false);
}

/* --- steps of the wall clock --------------------------------------------------------------------------------------- */

/* A wait that began in this life is measured by the monotonic clock. One of an earlier life has the wall clock alone, which may
 * have been wrong at our start and be set right later. */
#define WATCH_CLOCK_S 1.
#define LEAST_STEP_MS 500

static ev_timer clock_watch;
static int64_t wall_offset_ms; /* wall minus monotonic time at the last look */

int64_t run_wall_ms(void)
{
    return clock_monotonic_ms() + wall_offset_ms;
}

static void follow_clock(struct run *run, int64_t step_ms)
{
    effects_follow_clock(run, step_ms);
    if (!ev_is_active(&run->wake) || (!run->is_wake_by_wall && run->n_kept == 0))
        return;
    int64_t left = run->n_kept ? effects_left_ms(run) : (int64_t)(ev_timer_remaining(role_loop(), &run->wake) * 1000.) - step_ms;
    run_wake_stop(run);
    run_wake_after(run, left, run->is_wake_by_wall);
}

static void on_clock_watch(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    int64_t offset = clock_wall_ms() - clock_monotonic_ms(), step = offset - wall_offset_ms;
    if (step > -LEAST_STEP_MS && step < LEAST_STEP_MS)
        return;
    wall_offset_ms = offset;
    char text[24];
    (void)snprintf(text, sizeof text, "%lld", (long long)step);
    log_event(LOG_LEVEL_WARN, "engine.clock-stepped", "ms", text, NULL);
    struct run_walk walk;
    run_walk_begin(&walk);
    for (struct run *run; (run = run_walk_next(&walk));)
        follow_clock(run, step);
}

void run_clock_start(void)
{
    wall_offset_ms = clock_wall_ms() - clock_monotonic_ms();
    ev_timer_init(&clock_watch, on_clock_watch, WATCH_CLOCK_S, WATCH_CLOCK_S);
    ev_timer_start(role_loop(), &clock_watch);
}
