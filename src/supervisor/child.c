/* child: fork and exec of a role. Called by the supervisor at each start of a role. Must hold: the child has descriptors 0-3
 * and no others, an empty environment, and, when we are root, a uid of its own with no capability and no group. Between fork
 * and exec only async-signal-safe calls are made. */
#include "supervisor/child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"

#define HIGHEST_CAPABILITY 63

struct prepared {
    int exec_fd, control_fd;
    bool change_user, is_worker;
    uid_t uid;
    gid_t gid;
    pid_t parent;
    char **argv;
};

void child_identity(enum role role, uid_t *ret_uid, gid_t *ret_gid)
{
    char name[48], room[4096];
    struct passwd entry, *found = NULL;
    (void)snprintf(name, sizeof name, "sallyport-%s", role_name(role));
    if (getpwnam_r(name, &entry, room, sizeof room, &found) == 0 && found && found->pw_uid != 0) {
        *ret_uid = found->pw_uid;
        *ret_gid = found->pw_gid;
        return;
    }
    *ret_uid = CHILD_UID_BASE + (uid_t)role;
    *ret_gid = CHILD_UID_BASE + (gid_t)role;
}

/* --- in the child ------------------------------------------------------------------------------------------------------ */

static bool arrange_descriptors(const struct prepared *p)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    /* The executable's descriptor moves out of the way of 0-3, and goes with the exec. */
    int exec_fd = fcntl(p->exec_fd, F_DUPFD_CLOEXEC, 10), control = fcntl(p->control_fd, F_DUPFD_CLOEXEC, 10);
    if (null < 0 || exec_fd < 0 || control < 0)
        return false;
    if (dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(control, 3) < 0 || dup2(exec_fd, 4) < 0)
        return false;
    return close_range(5, ~0u, 0) == 0 && fcntl(4, F_SETFD, FD_CLOEXEC) == 0;
}

static bool give_up_root(const struct prepared *p)
{
    if (!p->change_user)
        return true;
    for (int c = 0; c <= HIGHEST_CAPABILITY; c++)
        if (prctl(PR_CAPBSET_DROP, c, 0, 0, 0) < 0 && errno != EINVAL)
            return false;
    if (setgroups(0, NULL) < 0 || setresgid(p->gid, p->gid, p->gid) < 0 || setresuid(p->uid, p->uid, p->uid) < 0)
        return false;
    /* Whoever could come back was not gone. */
    return setuid(0) < 0;
}

/* When memory is short a worker, whose runs are replayed elsewhere, goes first. */
static void prefer_as_victim(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        (void)!write(fd, "500", 3);
        close(fd);
    }
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

[[gnu::noreturn]] static void become(const struct prepared *p)
{
    static char *const no_environment[] = {NULL};
    reset_signals();
    if (p->is_worker)
        prefer_as_victim();
    (void)umask(077);
    if (setsid() < 0 || chdir("/") < 0 || !arrange_descriptors(p) || !give_up_root(p))
        _exit(CHILD_EXIT_NO_EXEC);
    /* Set after the uid has changed, which would clear it. A supervisor that died before this line has no one to tell. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || getppid() != p->parent)
        _exit(CHILD_EXIT_NO_EXEC);
    (void)syscall(SYS_execveat, 4, "", p->argv, no_environment, AT_EMPTY_PATH);
    _exit(CHILD_EXIT_NO_EXEC);
}

/* --- in the supervisor ------------------------------------------------------------------------------------------------- */

/* Opened while we may: the folder may be closed to the role's own uid. In a build tree each role is in a folder of its own. */
static int open_executable(const struct child_options *o, const char *name)
{
    char path[4096];
    int fd = -ENOENT;
    for (size_t i = 0; i < 2 && fd < 0; i++) {
        int n = i == 0 ? snprintf(path, sizeof path, "%s/%s", o->libexec_dir, name)
                       : snprintf(path, sizeof path, "%s/../%s/%s", o->libexec_dir, role_name(o->role), name);
        if (n < 0 || (size_t)n >= sizeof path)
            return -ENAMETOOLONG;
        fd = open(path, O_PATH | O_CLOEXEC);
    }
    return fd < 0 ? -errno : fd;
}

int child_start(const struct child_options *o, pid_t *ret_pid, struct diag *reterr)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    char name[48], index[8];
    (void)snprintf(name, sizeof name, "sallyport-%s", role_name(o->role));
    (void)snprintf(index, sizeof index, "%u", o->index);
    _cleanup_close_ int exec_fd = open_executable(o, name);
    if (exec_fd < 0)
        return diag_set(reterr, exec_fd, "%s/%s cannot be opened: %s", o->libexec_dir, name, error_text(exec_fd));
    char level_option[] = "--log", index_option[] = "--index", data_option[] = "--data", level[8];
    (void)snprintf(level, sizeof level, "%s", levels[o->level]);
    _cleanup_free_ char *data = o->role == ROLE_ENGINE && o->data_dir ? strdup(o->data_dir) : NULL;
    if (o->role == ROLE_ENGINE && o->data_dir && !data)
        return diag_set(reterr, -ENOMEM, "%s cannot be started: %s", name, error_text(-ENOMEM));
    char *argv[] = {name, level_option, level, index_option, index, data ? data_option : NULL, data, NULL};
    struct prepared p = {.exec_fd = exec_fd, .control_fd = o->control_fd, .change_user = geteuid() == 0,
                         .is_worker = o->role == ROLE_WORKER, .parent = getpid(), .argv = argv};
    child_identity(o->role, &p.uid, &p.gid);
    pid_t pid = fork();
    if (pid == 0)
        become(&p);
    if (pid < 0)
        return diag_set(reterr, -errno, "%s cannot be started: %s", name, error_text(-errno));
    *ret_pid = pid;
    return 0;
}
