/* unlocked: in place of sandbox_enter, for the roles of `make coverage` alone: a role that has locked itself down cannot write at its
 * end what was run. What they do locked, tests/jail and the system tests show with the real ones. */
#include <sys/stat.h>

#include "base/diag.h"
#include "sandbox/sandbox.h"

int __wrap_sandbox_enter(enum role role, const char *data_dir, struct diag *reterr);

int __wrap_sandbox_enter(enum role role, const char *data_dir, struct diag *reterr)
{
    (void)role, (void)data_dir, (void)reterr;
    (void)umask(0); /* roles of several uids add to the same files of counts */
    return 0;
}
