/* stepped_clock: the wall clock of an engine that only the tests run (ld's --wrap puts it in the place of clock_wall_ms): the
 * true one, and the milliseconds that the file `clock` beside the executable holds, eight bytes in the machine's order. A test
 * that writes the file steps the clock while the engine runs. The file is mapped before main, since a role that has locked
 * itself down opens nothing more. Nothing in src/ knows of this. */
#include <stdint.h>
#include <sys/mman.h>

#include "base/clock.h"
#include "beside.h"

int64_t __real_clock_wall_ms(void);
int64_t __wrap_clock_wall_ms(void);

static const volatile int64_t *step_ms;

[[gnu::constructor]] static void map_step(void)
{
    step_ms = beside_map("clock", sizeof *step_ms, PROT_READ);
}

int64_t __wrap_clock_wall_ms(void)
{
    return __real_clock_wall_ms() + *step_ms;
}
