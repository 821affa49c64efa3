/* One process of a role: forked, stripped of everything that it does not need, given its own uid when we are root, and
 * executed. */
#ifndef SUPERVISOR_CHILD_H
#define SUPERVISOR_CHILD_H

#include <sys/types.h>

#include "base/diag.h"
#include "base/log.h"
#include "wire/roles.h"

#define CHILD_EXIT_NO_EXEC 127 /* the executable could not be started */

struct child_options {
    enum role role;
    uint16_t index;
    const char *libexec_dir; /* holds sallyport-ROLE */
    const char *data_dir;    /* for the engine, or NULL */
    enum log_level level;
    int control_fd;          /* becomes descriptor 3 */
};

/* Starts the process. 0 and its pid, or a negative code and why. */
[[gnu::warn_unused_result]] int child_start(const struct child_options *options, pid_t *ret_pid, struct diag *reterr);

/* The uid and gid that the role has when the supervisor is root: those of the user sallyport-ROLE if there is one, else
 * CHILD_UID_BASE + role. */
#define CHILD_UID_BASE 64200
void child_identity(enum role role, uid_t *ret_uid, gid_t *ret_gid);

/* Refuses a `dir` that others can read or that has no database; gives it, and the plain files in it, to the engine's uid when we
 * are root. */
[[gnu::warn_unused_result]] int child_prepare_data_dir(const char *dir, struct diag *reterr);

#endif
