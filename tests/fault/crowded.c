/* crowded: the committer's queue of an engine that only the tests run (ld's --wrap puts it in the place of committer_has_room): it is
 * full while the file `crowded` beside the executable begins with anything but four zeros. The file is mapped before main, since a
 * role that has locked itself down opens nothing more. Nothing in src/ knows of this. */
#include <stdint.h>
#include <sys/mman.h>

#include "beside.h"
#include "engine/committer.h"

bool __real_committer_has_room(void);
bool __wrap_committer_has_room(void);

static const volatile uint32_t *is_full;

[[gnu::constructor]] static void map_order(void)
{
    is_full = beside_map("crowded", sizeof *is_full, PROT_READ);
}

bool __wrap_committer_has_room(void)
{
    return *is_full == 0 && __real_committer_has_room();
}
