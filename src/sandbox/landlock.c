/* landlock: the files (files.h) and ports of a role, by Landlock's system calls (the kernel's documentation:
 * userspace-api/landlock). Called by sandbox_enter. Must hold: a kernel without Landlock is refused [I8]; a kernel that has
 * less of it than we ask for gets all that it knows. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/files.h"
#include "sandbox/parts.h"

/* Our own copy: the header of an older distribution lacks what a newer kernel offers. */
struct ruleset_attr {
    uint64_t handled_access_fs;
    uint64_t handled_access_net; /* from ABI 4 */
    uint64_t scoped;             /* from ABI 6 */
};

struct path_attr {
    uint64_t allowed_access;
    int32_t parent_fd;
} __attribute__((packed));

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1

#define FS_EXECUTE     (1ull << 0)
#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_READ_DIR    (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG    (1ull << 8)
#define FS_REFER       (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ull << 15) /* ABI 5 */
#define FS_ALL_ABI1    ((1ull << 13) - 1)

#define NET_BIND_TCP     (1ull << 0) /* ABI 4 */
#define NET_CONNECT_TCP  (1ull << 1)
#define SCOPE_UNIX       (1ull << 0) /* ABI 6: abstract sockets outside */
#define SCOPE_SIGNAL     (1ull << 1) /* ABI 6: signals to processes outside */

#define CHANGE_ACCESS (FS_WRITE_FILE | FS_READ_FILE | FS_READ_DIR | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)

static uint64_t known_fs(int abi)
{
    return FS_ALL_ABI1 | (abi >= 2 ? FS_REFER : 0) | (abi >= 3 ? FS_TRUNCATE : 0) | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

/* Connecting is what egress is for: addresses are its own business, checked at each connection. */
static uint64_t denied_net(enum role role)
{
    return role == ROLE_EGRESS ? NET_BIND_TCP : NET_BIND_TCP | NET_CONNECT_TCP;
}

static int make_ruleset(enum role role, int abi)
{
    struct ruleset_attr attr = {.handled_access_fs = known_fs(abi)};
    size_t size = sizeof attr.handled_access_fs;
    if (abi >= 4) {
        attr.handled_access_net = denied_net(role);
        size += sizeof attr.handled_access_net;
    }
    if (abi >= 6) {
        attr.scoped = SCOPE_UNIX | SCOPE_SIGNAL;
        size += sizeof attr.scoped;
    }
    long fd = syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    return fd < 0 ? -errno : (int)fd;
}

static int allow(int ruleset, const char *path, uint64_t access)
{
    struct stat st;
    _cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISDIR(st.st_mode))
        access &= FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE;
    const struct path_attr attr = {.allowed_access = access, .parent_fd = fd};
    return syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &attr, 0) < 0 ? -errno : 0;
}

static int allow_paths(int ruleset, enum role role, int abi, const char *data_dir, struct diag *reterr)
{
    for (size_t i = 0; i < sizeof reachable / sizeof reachable[0]; i++) {
        bool is_data = reachable[i].path == DATA_FOLDER;
        const char *path = is_data ? data_dir : reachable[i].path;
        if (reachable[i].role != role || !path)
            continue;
        uint64_t access = reachable[i].access == FILES_CHANGE ? CHANGE_ACCESS : FS_READ_FILE;
        int r = allow(ruleset, path, access & known_fs(abi));
        if (r < 0 && is_data)
            return diag_set(reterr, r, "the data folder %s cannot be opened: %s", path, error_text(r));
        if (r < 0 && r != -ENOENT && r != -EACCES)
            return diag_set(reterr, r, "Landlock refuses %s: %s", path, error_text(r));
    }
    return 0;
}

int landlock_enter(enum role role, const char *data_dir, struct diag *reterr)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);
    if (abi < 1) {
        (void)diag_set(reterr, -SP_EUNAVAILABLE, "this kernel has no Landlock");
        diag_hint(reterr, "Linux 5.13 or later is needed, with landlock in its list of security modules (lsm=)");
        return -SP_EUNAVAILABLE;
    }
    _cleanup_close_ int ruleset = make_ruleset(role, (int)abi);
    if (ruleset < 0)
        return diag_set(reterr, ruleset, "Landlock cannot be set up: %s", error_text(ruleset));
    int r = allow_paths(ruleset, role, (int)abi, data_dir, reterr);
    if (r < 0)
        return r;
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return diag_set(reterr, -errno, "Landlock cannot be entered: %s", error_text(-errno));
    return 0;
}
