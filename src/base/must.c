/* must: aborts with one line on standard error. Called from anywhere, also with the heap broken: it allocates nothing. */
#include "base/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *must_role = "sallyport";

void must_set_role(const char *role)
{
    must_role = role;
}

void must_failed(const char *condition, const char *file, int line)
{
    char text[512];
    int n = snprintf(text, sizeof text, "%s: broken invariant: %s (%s:%d)\n", must_role, condition, file, line);
    if (n > 0)
        (void)!write(STDERR_FILENO, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
    abort();
}
