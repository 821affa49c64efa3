/* progress: the line of progress.h. Looks at the clock seldom, so that each step costs nothing. */
#include "cli/progress.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"

#define STEPS    4096 /* between two looks at the clock */
#define FIRST_MS 300
#define EVERY_MS 100

static bool is_shown;

void progress_step(const char *things, uint64_t done, uint64_t of)
{
    static int64_t next_us;
    if (done % STEPS || !isatty(STDERR_FILENO))
        return;
    int64_t now = clock_monotonic_us();
    if (!next_us)
        next_us = now + FIRST_MS * 1000;
    if (now < next_us)
        return;
    next_us = now + EVERY_MS * 1000;
    is_shown = true;
    if (of)
        (void)fprintf(stderr, "\r\x1b[K%s: %u%%", things, (unsigned)(100 * (done < of ? done : of) / of));
    else
        (void)fprintf(stderr, "\r\x1b[K%s: %llu", things, (unsigned long long)done);
}

void progress_erase(void)
{
    if (is_shown)
        (void)fputs("\r\x1b[K", stderr);
    is_shown = false;
}
