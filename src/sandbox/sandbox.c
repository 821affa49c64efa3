/* sandbox: the lock-down of a role, in the order in which each step leaves the next one possible. Called once by role_main,
 * before the first message. Must hold: what could not be set up is an error, never a weaker jail [I8]. */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/error.h"
#include "sandbox/parts.h"

#define FIRST_CLOSED_FD 4

/* The limits that the kernel holds for us [I6]; 0 leaves one as it is. Core dumps are off for all [I2]. */
static const struct {
    rlim_t n_files, data;
} limits[ROLE_COUNT] = {
    [ROLE_GATEWAY] = {.n_files = LIMIT_CONNECTIONS + 128},
    [ROLE_ENGINE] = {.n_files = 1024},
    /* Argon2id alone takes 256 MiB. */
    [ROLE_VAULT] = {.n_files = 64, .data = 1024u << 20},
    [ROLE_EGRESS] = {.n_files = 4 * LIMIT_EGRESS_OPEN + 128},
    [ROLE_WORKER] = {.n_files = 64, .data = LIMIT_WORKER_MEMORY},
    [ROLE_CHECKER] = {.n_files = 64, .data = LIMIT_WORKER_MEMORY},
};

/* Lowers both limits to `n`; a hard limit that is lower already stays. */
static int lower(__rlimit_resource_t resource, rlim_t n)
{
    struct rlimit now;
    if (getrlimit(resource, &now) < 0)
        return -errno;
    if (now.rlim_max < n)
        n = now.rlim_max;
    return setrlimit(resource, &(struct rlimit){.rlim_cur = n, .rlim_max = n}) < 0 ? -errno : 0;
}

static int lower_limits(enum role role)
{
    int r = lower(RLIMIT_CORE, 0);
    if (r >= 0 && limits[role].n_files)
        r = lower(RLIMIT_NOFILE, limits[role].n_files);
    /* The shadow memory of a sanitizer counts as data, and is terabytes. */
    if (r >= 0 && limits[role].data && !SANDBOX_SANITIZED)
        r = lower(RLIMIT_DATA, limits[role].data);
    return r;
}

int sandbox_enter(enum role role, const char *data_dir, struct diag *reterr)
{
    if ((unsigned)role >= ROLE_COUNT || role == ROLE_SUPERVISOR)
        return diag_set(reterr, -SP_EINVALID, "there is no profile for this role");
    if (close_range(FIRST_CLOSED_FD, ~0u, 0) < 0)
        return diag_set(reterr, -errno, "descriptors cannot be closed: %s", error_text(-errno));
    int r = lower_limits(role);
    if (r < 0)
        return diag_set(reterr, r, "limits cannot be set: %s", error_text(r));
    /* Not dumpable: no core file, no ptrace and no /proc/PID/mem by others of the same uid. */
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
        return diag_set(reterr, -errno, "privileges cannot be given up: %s", error_text(-errno));
    r = landlock_enter(role, role == ROLE_ENGINE ? data_dir : NULL, reterr);
    return r < 0 ? r : filter_enter(role, reterr);
}
