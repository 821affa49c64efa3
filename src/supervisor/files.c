/* files: opens keys and certificates after checking who could have read or changed them. Called by sallyportd and by the
 * command. Must hold: the check is made on the descriptor that is used, not on the path. */
#include "supervisor/files.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

static int open_checked(const char *path, mode_t refused, const char *hint, int *ret_fd, struct diag *reterr)
{
    struct stat st;
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) < 0)
        return diag_set(reterr, -errno, "%s cannot be opened: %s", path, error_text(-errno));
    if (!S_ISREG(st.st_mode))
        return diag_set(reterr, -SP_EINVALID, "%s is not a plain file", path);
    if (st.st_uid != geteuid() && st.st_uid != 0)
        return diag_set(reterr, -SP_EDENIED, "%s belongs to uid %u, neither to us nor to root", path, st.st_uid);
    if (st.st_mode & refused) {
        (void)diag_set(reterr, -SP_EDENIED, "%s has mode %04o: other users could get at it", path, st.st_mode & 07777);
        diag_hint(reterr, "chmod %s %s", hint, path);
        return -SP_EDENIED;
    }
    *ret_fd = TAKE_FD(fd);
    return 0;
}

int files_open_secret(const char *path, int *ret_fd, struct diag *reterr)
{
    return open_checked(path, 077, "0600", ret_fd, reterr);
}

int files_open_public(const char *path, int *ret_fd, struct diag *reterr)
{
    return open_checked(path, 022, "go-w", ret_fd, reterr);
}
