/* child_coverage: see child_coverage.h. The fuzzer's counters, one for each edge, stand in a section between these two symbols. A file
 * with instrumented code that names them too would have the compiler rename its own, and register nothing: none here is. */
#include "child_coverage.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include "base/must.h"

#if defined(__clang__)
#define PLAIN __attribute__((no_sanitize("coverage")))
#else
#define PLAIN
#endif

extern uint8_t __start___sancov_cntrs[] __attribute__((weak));
extern uint8_t __stop___sancov_cntrs[] __attribute__((weak));
static uint8_t *shared;

PLAIN static size_t n_counters(void)
{
    return (size_t)(__stop___sancov_cntrs - __start___sancov_cntrs);
}

PLAIN void child_coverage_begin(void)
{
    if (!n_counters())
        return;
    shared = mmap(NULL, n_counters(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED);
}

PLAIN void child_coverage_give(void)
{
    if (shared)
        memcpy(shared, __start___sancov_cntrs, n_counters());
}

PLAIN void child_coverage_take(void)
{
    for (size_t i = 0; shared && i < n_counters(); i++)
        if (shared[i] > __start___sancov_cntrs[i])
            __start___sancov_cntrs[i] = shared[i];
}
