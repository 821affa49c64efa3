/* lean_memory: the memory of an engine that only the tests run: of its allocations, counted on all threads from the moment on at which
 * the test writes the file `memory` beside the executable, the N-th fails. What counts is what faults.h tells of. The file is
 * mapped before main, since a role that has locked itself down opens nothing more. Nothing in src/ knows of this. */
#include <stdint.h>
#include <sys/mman.h>

#include "base/must.h"
#include "beside.h"
#include "faults.h"

/* The file, as the test writes and reads it. */
struct order {
    _Atomic uint32_t fail_at; /* 0: none. The test sets it last, and the fault clears it. */
    _Atomic uint32_t count, fired;
};

static struct order *order;

bool fault_now(void)
{
    uint32_t fail_at = order ? order->fail_at : 0;
    if (!fail_at || ++order->count != fail_at)
        return false;
    order->fired = 1;
    order->fail_at = 0;
    return true;
}

[[gnu::constructor]] static void take_orders(void)
{
    order = beside_map("memory", sizeof *order, PROT_READ | PROT_WRITE);
    must(faults_init_sqlite());
    faults_init_gnutls();
}
