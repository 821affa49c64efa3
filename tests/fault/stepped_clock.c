/* stepped_clock: the wall clock of an engine that only the tests run (ld's --wrap puts it in the place of clock_wall_ms): the
 * true one, and the milliseconds that the file `clock` beside the executable holds, eight bytes in the machine's order. A test
 * that writes the file steps the clock while the engine runs. The file is mapped before main, since a role that has locked
 * itself down opens nothing more. Nothing in src/ knows of this. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

static const volatile int64_t *step_ms;

[[gnu::constructor]] static void map_step(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof "clock");
    must(len > 0);
    path[len] = 0;
    char *slash = strrchr(path, '/');
    must(slash);
    memcpy(slash + 1, "clock", sizeof "clock");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    must(fd >= 0);
    void *page = mmap(NULL, sizeof *step_ms, PROT_READ, MAP_SHARED, fd, 0);
    must(page != MAP_FAILED);
    close(fd);
    step_ms = page;
}

int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + *step_ms;
}
