/* death: notes why the worker ends. A stack that is exhausted has no room for a handler, so that has a stack of its own. What
 * must hold: the handler makes no system call and does not come back to what failed; who was there before (the default, or a
 * sanitizer) goes on as if there were no handler. */
#include "worker/death.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static struct worker_page *page;

static void note(enum worker_cause cause)
{
    if (page)
        page->cause = cause;
}

void death_set_page(struct worker_page *shared)
{
    page = shared;
}

void death_by_time(void)
{
    note(WORKER_CAUSE_TIME);
}

void death_by_error(void)
{
    note(WORKER_CAUSE_ERROR);
}

/* Without memory libjq aborts; a nesting that is too deep to be freed ends the stack. */
static const int fatal[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
#define N_FATAL (sizeof fatal / sizeof fatal[0])
static struct sigaction before[N_FATAL];

static void on_fatal(int signal, siginfo_t *info, void *context)
{
    note(WORKER_CAUSE_SIGNAL);
    for (size_t i = 0; i < N_FATAL; i++)
        if (fatal[i] == signal && before[i].sa_flags & SA_SIGINFO)
            before[i].sa_sigaction(signal, info, context);
    /* SA_RESETHAND: the instruction fails again, or abort raises its signal again, and nobody catches it. */
}

int death_init(void)
{
    static char stack[65536];
    struct sigaction action = {.sa_sigaction = on_fatal, .sa_flags = (int)(SA_SIGINFO | SA_ONSTACK | SA_RESETHAND | SA_NODEFER)};
    if (sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL) < 0)
        return -errno;
    for (size_t i = 0; i < N_FATAL; i++)
        if (sigaction(fatal[i], &action, &before[i]) < 0)
            return -errno;
    return 0;
}
