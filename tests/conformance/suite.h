/* Where the public suites are: $SALLYPORT_SHARED, else ../shared beside the source tree. */
#ifndef TESTS_CONFORMANCE_SUITE_H
#define TESTS_CONFORMANCE_SUITE_H

#include <stdio.h>
#include <stdlib.h>

static inline void suite_path(char *ret, size_t size, const char *below)
{
    const char *shared = getenv("SALLYPORT_SHARED");
    (void)snprintf(ret, size, "%s/%s", shared ? shared : SHARED_DEFAULT, below);
}

#endif
