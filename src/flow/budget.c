/* budget: ends the process when a step of a run takes more processor time than it may.
 *
 * What must hold: begin and end cost no system call; the handler uses only what is safe in a signal handler; a process whose
 * budget is over never goes on. The timer counts the thread's processor time, so a worker that waits is never woken by it.
 * Called by the worker around each step and each compile. */
#include "flow/budget.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>
#include <unistd.h>

#include "base/error.h"
#include "base/must.h"

#define TICK_MS 50

static atomic_uint ticks_left; /* 0: nothing is limited now; 1: over at the next tick */
static bool has_timer;
static void (*tell)(void);

/* AddressSanitizer would look for the stack's bounds before _exit, which the lock-down of a worker does not let it find. */
[[gnu::no_sanitize_address]] static void on_tick(int signal)
{
    unsigned left = atomic_load_explicit(&ticks_left, memory_order_relaxed);
    if (left == 0)
        return;
    if (left == 1) {
        if (tell)
            tell();
        _exit(SP_EXIT_BUDGET);
    }
    /* The handler interrupts the only thread that writes, so this is no race. */
    atomic_store_explicit(&ticks_left, left - 1, memory_order_relaxed);
}

int flow_budget_init(void (*is_over)(void))
{
    must(!has_timer);
    tell = is_over;
    /* On the stack of its own that the thread has for signals, if it has one: libjq's recursion may have used up this one. */
    struct sigaction action = {.sa_handler = on_tick, .sa_flags = SA_RESTART | SA_ONSTACK};
    if (sigaction(SIGVTALRM, &action, NULL) < 0)
        return -errno;
    timer_t timer;
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
    if (timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) < 0)
        return -errno;
    struct timespec tick = {.tv_nsec = TICK_MS * 1000000};
    if (timer_settime(timer, 0, &(struct itimerspec){tick, tick}, NULL) < 0)
        return -errno;
    has_timer = true;
    return 0;
}

void flow_budget_begin(unsigned cpu_ms)
{
    /* One tick more, because the first may come at once. */
    atomic_store_explicit(&ticks_left, cpu_ms / TICK_MS + 2, memory_order_relaxed);
}

void flow_budget_end(void)
{
    atomic_store_explicit(&ticks_left, 0, memory_order_relaxed);
}
