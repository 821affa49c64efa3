/* sandbox: the lock-down of a role, in the order in which each step leaves the next one possible. Called once by role_main,
 * before the first message. Must hold: what could not be set up is an error, never a weaker jail [I8]. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/error.h"

int sandbox_enter(enum role role, const char *data_dir, struct diag *reterr)
{
    (void)role;
    (void)data_dir;
    if (close_range(4, ~0u, 0) < 0)
        return diag_set(reterr, -errno, "descriptors cannot be closed: %s", error_text(-errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return diag_set(reterr, -errno, "privileges cannot be given up: %s", error_text(-errno));
    return 0;
}
