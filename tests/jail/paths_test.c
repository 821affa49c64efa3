/* Every kind of path, in every way of opening, altering and asking after it, in each role's jail: what works
 * has to be what the table in src/sandbox/files.h says, and what the list of places here says, which stands
 * apart from it. As root and as an ordinary user, when the test is run by root; and by Landlock alone, which
 * has to hold where a filter would not.
 *
 * A stand-in for the role enters the jail and makes one attempt after the other, each a single system call.
 * Outside of any jail the same attempts are made first: what fails there too proves nothing, but must not
 * work inside. Only files of the test's own are altered. The stand-in tells over its channel (descriptor 3)
 * when it has altered something, and waits until all is as before; when a call ends it, the next one goes on
 * after that call. Descriptors: 0 a file that may only be read, 1 the folder /. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <grp.h>
#include <limits.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "sandbox/files.h"
#include "sandbox/parts.h"
#include "sandbox/sandbox.h"
#include "verdict.h"

#define N(table)  (sizeof(table) / sizeof(table)[0])
#define C(name)   SCMP_SYS(name)
#define ENGINE    (1u << ROLE_ENGINE)
#define EGRESS    (1u << ROLE_EGRESS)
#define CHANNEL   3
#define N_TARGETS 600
#define ORDINARY  64990 /* a uid that nobody has */
#define OUTSIDE   ROLE_SUPERVISOR
#define PATH_ROOM 512

/* --- what is tried
 * ------------------------------------------------------------------------------------------------------ */

/* %D data folder, %B the folder that holds it and the others, %P the supervisor's place, %S another process
 * of the same user, %N the test's id; * the first file that fits. Masks: whose jail lets read, and alter. */
static const struct place {
    const char *path;
    uint32_t read, change;
    bool is_ours; /* made by the test, reached by every view, and altered */
} places[] = {
    {"%D/sallyport.db", ENGINE, ENGINE, true},
    {"%D/sallyport.db-wal", ENGINE, ENGINE, true},
    {"%D/sallyport.db.lock", ENGINE, ENGINE, true},
    {"%D/new", ENGINE, ENGINE, true},
    {"%D", ENGINE, ENGINE, true},
    {"%D/hard", ENGINE, ENGINE, true}, /* whoever made this link could give the file away otherwise */
    {"%D/link-to-file", 0, 0, true},
    {"%D/link-to-folder/file", 0, 0, true},
    {"%D/link-to-folder/new", 0, 0, true},
    {"%D/../out/file", 0, 0, true},
    {"%B/out/file", 0, 0, true},
    {"%B/out/new", 0, 0, true},
    {"%B/out", 0, 0, true},
    {"%B/data-beside", 0, 0, true},
    {"%B/key/root.key", 0, 0, true},
    {"%B/key/tls.key", 0, 0, true},
    {"%B/bin/sallyport-vault", 0, 0, true},
    {"/dev/shm/sallyport-paths-%N", 0, 0, true},
    {"/dev/shm/sallyport-paths-new-%N", 0, 0, true},
    {"/run/sallyport-paths-%N", 0, 0, true},
    {"/proc/self/fd/0", 0, 0, false},
    {"/dev/fd/0", 0, 0, false},
    {"/proc/self/fd/1", 0, 0, false},
    {"/proc/self/fd", 0, 0, false},
    {"/proc/self/mem", 0, 0, false},
    {"/proc/self/maps", 0, 0, false},
    {"/proc/self/environ", 0, 0, false},
    {"/proc/self/exe", 0, 0, false},
    {"/proc/self/root", 0, 0, false},
    {"/proc/self/oom_score_adj", 0, 0, false},
    {"/proc/%P/mem", 0, 0, false},
    {"/proc/%P/maps", 0, 0, false},
    {"/proc/%P/environ", 0, 0, false},
    {"/proc/%P/exe", 0, 0, false},
    {"/proc/%P/root", 0, 0, false},
    {"/proc/%P/cwd", 0, 0, false},
    {"/proc/%P/fd", 0, 0, false},
    {"/proc/%P/fd/2", 0, 0, false},
    {"/proc/%S/mem", 0, 0, false},
    {"/proc/%S/maps", 0, 0, false},
    {"/proc/%S/environ", 0, 0, false},
    {"/proc/%S/exe", 0, 0, false},
    {"/proc/%S/root", 0, 0, false},
    {"/proc/%S/cwd", 0, 0, false},
    {"/proc/%S/fd", 0, 0, false},
    {"/proc/%S/fd/0", 0, 0, false},
    {"/proc/1/environ", 0, 0, false},
    {"/proc", 0, 0, false},
    {"/proc/meminfo", 0, 0, false},
    {"/proc/sys/kernel/core_pattern", 0, 0, false},
    {"/sys", 0, 0, false},
    {"/sys/kernel/notes", 0, 0, false},
    {"/dev", 0, 0, false},
    {"/dev/null", 0, 0, false},
    {"/dev/mem", 0, 0, false},
    {"/dev/urandom", ENGINE, 0, false},
    {"/dev/shm", 0, 0, false},
    {"/", 0, 0, false},
    {"/tmp", 0, 0, false},
    {"/run", 0, 0, false},
    {"/root", 0, 0, false},
    {"/etc", 0, 0, false},
    {"/etc/passwd", 0, 0, false},
    {"/etc/shadow", 0, 0, false},
    {"/etc/hosts", EGRESS, 0, false},
    {"/etc/resolv.conf", EGRESS, 0, false},
    {"/etc/host.conf", EGRESS, 0, false},
    {"/etc/gai.conf", EGRESS, 0, false},
    {"/etc/nsswitch.conf", EGRESS, 0, false},
    {"/etc/services", EGRESS, 0, false},
    {"/etc/ssl", 0, 0, false}, /* which files are in it is not for egress to list */
    {"/etc/ssl/openssl.cnf", EGRESS, 0, false},
    {"/etc/ssl/certs/ca-certificates.crt", EGRESS, 0, false},
    {"/usr/share/ca-certificates/*/*.crt", EGRESS, 0, false},
    {"/usr/local/share/ca-certificates/*", EGRESS, 0, false},
    {"/etc/gnutls/config", EGRESS, 0, false},
    {"/run/systemd/resolve/resolv.conf", EGRESS, 0, false},
    {"/run/resolvconf/resolv.conf", EGRESS, 0, false},
    {"/etc/ld.so.cache", 0, 0, false},
    {"/usr/lib/os-release", 0, 0, false},
    {"/usr/share/zoneinfo/UTC", 0, 0, false},
    {"/bin/true", 0, 0, false},
};

/* What may be put before an absolute path. */
static const struct view {
    const char *prefix;
    bool is_relative; /* to descriptor 1, and to the working folder, which are both / */
} views[] = {
    {"", false},
    {"", true},
    {"%D/../../../..", false},
    {"%D/link-to-root", false},
    {"/proc/self/root", false},
    {"/proc/self/cwd", false},
    {"/proc/thread-self/root", false},
    {"/proc/self/fd/1", false},
    {"/dev/fd/1", false},
    {"/proc/%P/root", false},
    {"/proc/%S/root", false},
    {"/proc/%S/cwd", false},
};

enum need { LOOK, READ, CHANGE, NOBODYS };

/* In place of arguments. */
#define PATH_ARG   0xfffffff0u
#define DIR_ARG    0xfffffff1u /* descriptor 1 for a relative path */
#define BUFFER_ARG 0xfffffff2u
#define OTHER_ARG  0xfffffff3u /* a path of the test's own that is not there */
#define AT_CWD     ((uint64_t)AT_FDCWD)

static const struct way {
    const char *name;
    int call;
    enum need need;
    bool alters, stays; /* stays: at a link in the last place */
    uint64_t args[VERDICT_ARGS];
} ways[] = {
#define OPEN(flags, need, alters, stays)                                                                     \
    {                                                                                                        \
        "openat " #flags, C(openat), need, alters, stays,                                                    \
        {                                                                                                    \
            DIR_ARG, PATH_ARG, flags, 0600                                                                   \
        }                                                                                                    \
    }
    OPEN(O_RDONLY, READ, false, false),
    OPEN(O_RDONLY | O_NOFOLLOW, READ, false, true),
    OPEN(O_RDONLY | O_DIRECTORY, READ, false, false),
    OPEN(O_RDONLY | O_NONBLOCK | O_NOATIME, READ, false, false),
    OPEN(O_WRONLY, CHANGE, false, false),
    OPEN(O_RDWR, CHANGE, false, false),
    OPEN(O_WRONLY | O_APPEND, CHANGE, false, false),
    OPEN(O_RDONLY | O_APPEND, READ, false, false),
    OPEN(O_WRONLY | O_TRUNC, CHANGE, true, false),
    OPEN(O_RDONLY | O_TRUNC, CHANGE, true, false),
    OPEN(O_RDONLY | O_CREAT, READ, true, false),
    OPEN(O_WRONLY | O_CREAT, CHANGE, true, false),
    OPEN(O_RDWR | O_CREAT | O_EXCL, CHANGE, true, true),
    OPEN(O_RDWR | O_TMPFILE, CHANGE, true, false),
    OPEN(O_WRONLY | O_TMPFILE | O_EXCL, CHANGE, true, false),
    OPEN(O_PATH, LOOK, false, false),
    OPEN(O_PATH | O_NOFOLLOW, LOOK, false, true),
    OPEN(O_PATH | O_DIRECTORY, LOOK, false, false),
    /* Neither for reading nor for writing: Landlock lets it pass, and fchmod takes it. */
    OPEN(O_ACCMODE, CHANGE, false, false),
    OPEN(O_ACCMODE | O_NONBLOCK, CHANGE, false, false),
#undef OPEN
    {"open O_RDONLY", C(open), READ, false, false, {PATH_ARG, O_RDONLY}},
    {"open O_RDWR", C(open), CHANGE, false, false, {PATH_ARG, O_RDWR}},
    {"open O_PATH", C(open), LOOK, false, false, {PATH_ARG, O_PATH}},
    {"newfstatat", C(newfstatat), LOOK, false, false, {DIR_ARG, PATH_ARG, BUFFER_ARG, 0}},
    {"newfstatat of a link",
     C(newfstatat),
     LOOK,
     false,
     true,
     {DIR_ARG, PATH_ARG, BUFFER_ARG, AT_SYMLINK_NOFOLLOW}},
    {"newfstatat AT_EMPTY_PATH",
     C(newfstatat),
     LOOK,
     false,
     false,
     {DIR_ARG, PATH_ARG, BUFFER_ARG, AT_EMPTY_PATH}},
    {"stat", C(stat), LOOK, false, false, {PATH_ARG, BUFFER_ARG}},
    {"lstat", C(lstat), LOOK, false, true, {PATH_ARG, BUFFER_ARG}},
    {"statx", C(statx), LOOK, false, false, {DIR_ARG, PATH_ARG, 0, 0, BUFFER_ARG}},
    {"access", C(access), LOOK, false, false, {PATH_ARG, F_OK}},
    {"faccessat", C(faccessat), LOOK, false, false, {DIR_ARG, PATH_ARG, R_OK}},
    {"faccessat2", C(faccessat2), LOOK, false, false, {DIR_ARG, PATH_ARG, R_OK, 0}},
    {"readlink", C(readlink), LOOK, false, false, {PATH_ARG, BUFFER_ARG, 256}},
    {"readlinkat", C(readlinkat), LOOK, false, false, {DIR_ARG, PATH_ARG, BUFFER_ARG, 256}},
    {"unlink", C(unlink), CHANGE, true, true, {PATH_ARG}},
    {"unlinkat", C(unlinkat), CHANGE, true, true, {DIR_ARG, PATH_ARG, 0}},
    /* In nobody's row. */
    {"unlinkat AT_REMOVEDIR", C(unlinkat), NOBODYS, true, true, {DIR_ARG, PATH_ARG, AT_REMOVEDIR}},
    {"rmdir", C(rmdir), NOBODYS, true, true, {PATH_ARG}},
    {"creat", C(creat), CHANGE, true, false, {PATH_ARG, 0600}},
    {"openat2", C(openat2), READ, false, false, {DIR_ARG, PATH_ARG, BUFFER_ARG, 24}},
    {"mkdir", C(mkdir), NOBODYS, true, true, {PATH_ARG, 0700}},
    {"mkdirat", C(mkdirat), NOBODYS, true, true, {DIR_ARG, PATH_ARG, 0700}},
    {"mknod", C(mknod), NOBODYS, true, true, {PATH_ARG, S_IFIFO | 0600, 0}},
    {"mknodat", C(mknodat), NOBODYS, true, true, {DIR_ARG, PATH_ARG, S_IFIFO | 0600, 0}},
    {"symlink", C(symlink), NOBODYS, true, true, {OTHER_ARG, PATH_ARG}},
    {"symlinkat", C(symlinkat), NOBODYS, true, true, {OTHER_ARG, DIR_ARG, PATH_ARG}},
    {"link", C(link), NOBODYS, true, true, {PATH_ARG, OTHER_ARG}},
    {"linkat", C(linkat), NOBODYS, true, true, {DIR_ARG, PATH_ARG, AT_CWD, OTHER_ARG, 0}},
    {"rename", C(rename), NOBODYS, true, true, {PATH_ARG, OTHER_ARG}},
    {"renameat", C(renameat), NOBODYS, true, true, {DIR_ARG, PATH_ARG, AT_CWD, OTHER_ARG}},
    {"renameat2", C(renameat2), NOBODYS, true, true, {DIR_ARG, PATH_ARG, AT_CWD, OTHER_ARG, 0}},
    {"truncate", C(truncate), CHANGE, true, false, {PATH_ARG, 0}},
    {"chmod", C(chmod), CHANGE, true, false, {PATH_ARG, 0777}},
    {"fchmodat", C(fchmodat), CHANGE, true, false, {DIR_ARG, PATH_ARG, 0777}},
    {"fchmodat2", 452, CHANGE, true, false, {DIR_ARG, PATH_ARG, 0777, 0}},
    {"chown", C(chown), CHANGE, true, false, {PATH_ARG, UINT32_MAX, UINT32_MAX}},
    {"lchown", C(lchown), CHANGE, true, true, {PATH_ARG, UINT32_MAX, UINT32_MAX}},
    {"fchownat", C(fchownat), CHANGE, true, false, {DIR_ARG, PATH_ARG, UINT32_MAX, UINT32_MAX, 0}},
    {"utimensat", C(utimensat), CHANGE, true, false, {DIR_ARG, PATH_ARG, 0, 0}},
    {"setxattr", C(setxattr), CHANGE, true, false, {PATH_ARG, BUFFER_ARG, BUFFER_ARG, 1, 0}},
    {"getxattr", C(getxattr), READ, false, false, {PATH_ARG, BUFFER_ARG, BUFFER_ARG, 1}},
    {"listxattr", C(listxattr), READ, false, false, {PATH_ARG, BUFFER_ARG, 256}},
    {"removexattr", C(removexattr), CHANGE, true, false, {PATH_ARG, BUFFER_ARG}},
    {"chdir", C(chdir), READ, false, false, {PATH_ARG}},
    {"fchdir", C(fchdir), READ, false, false, {1}},
    {"chroot", C(chroot), CHANGE, false, false, {PATH_ARG}},
    {"getdents64", C(getdents64), READ, false, false, {1, BUFFER_ARG, 256}},
    {"getdents", C(getdents), READ, false, false, {1, BUFFER_ARG, 256}},
    {"statfs", C(statfs), READ, false, false, {PATH_ARG, BUFFER_ARG}},
    {"name_to_handle_at",
     C(name_to_handle_at),
     READ,
     false,
     false,
     {DIR_ARG, PATH_ARG, BUFFER_ARG, BUFFER_ARG, 0}},
    {"open_by_handle_at", C(open_by_handle_at), READ, false, false, {1, BUFFER_ARG, O_RDONLY}},
    {"open_tree", 428, READ, false, false, {DIR_ARG, PATH_ARG, 0}},
    {"inotify_add_watch", C(inotify_add_watch), READ, false, false, {1, PATH_ARG, 2}},
    {"execve", C(execve), READ, false, false, {PATH_ARG, 0, 0}},
    {"execveat", C(execveat), READ, false, false, {DIR_ARG, PATH_ARG, 0, 0, 0}},
    {"fchmod of what is held", C(fchmod), LOOK, false, false, {0, 0600}},
    {"fchmod of what is held, with S_ISUID", C(fchmod), CHANGE, false, false, {0, 04600}},
};

/* By a role's filter, or else by Landlock alone; what neither speaks of is never tried outside. */
static bool is_in_question[N(ways)];

static struct target {
    char path[PATH_ROOM];
    const struct place *place;
    const struct view *view;
} targets[N_TARGETS];
static unsigned n_targets;

struct outcome {
    bool was_tried, worked, is_folder;
    int error;
    char truth[PATH_ROOM]; /* where the path led, outside of the jail */
};

/* Shared with the stand-ins: the outcomes outside, and inside of the jail at hand. */
static struct shared {
    unsigned at;
    struct outcome outside[N_TARGETS * N(ways)], inside[N_TARGETS * N(ways)];
} * shared;

static char base[64] = "/tmp/sallyport-paths-XXXXXX", data_dir[80], other[96];
static pid_t sibling;
static uid_t user;
static bool is_landlock_alone;

static void expand(const char *text, char *ret)
{
    size_t n = 0;
    for (; *text && n < PATH_ROOM - 1; text++) {
        int r = text[0] != '%'   ? snprintf(ret + n, PATH_ROOM - n, "%c", *text)
                : text[1] == 'D' ? snprintf(ret + n, PATH_ROOM - n, "%s", data_dir)
                : text[1] == 'B' ? snprintf(ret + n, PATH_ROOM - n, "%s", base)
                : text[1] == 'S' ? snprintf(ret + n, PATH_ROOM - n, "%d", sibling)
                                 : snprintf(ret + n, PATH_ROOM - n, "%d", getpid());
        n += (size_t)r;
        text += text[0] == '%';
    }
    assert_true(n < PATH_ROOM - 1);
    ret[n] = '\0';
}

/* The rest of a name that differs from machine to machine. */
static void expand_place(const struct place *p, char *ret)
{
    glob_t found;
    expand(p->path, ret);
    if (strchr(ret, '*') && glob(ret, 0, NULL, &found) == 0) {
        (void)snprintf(ret, PATH_ROOM, "%s", found.gl_pathv[0]);
        globfree(&found);
    }
}

static void collect_targets(void)
{
    n_targets = 0;
    for (size_t p = 0; p < N(places); p++)
        for (size_t v = 0; v < N(views); v++) {
            char prefix[PATH_ROOM], path[PATH_ROOM], both[2 * PATH_ROOM];
            struct target *t = &targets[n_targets];
            expand(views[v].prefix, prefix);
            expand_place(&places[p], path);
            assert_true(n_targets < N_TARGETS);
            (void)snprintf(both, sizeof both, "%s%s", prefix, path + views[v].is_relative);
            if (!*both || strlen(both) >= PATH_ROOM ||
                (v > 0 && !places[p].is_ours && !strstr(path, "/etc/")))
                continue;
            memcpy(t->path, both, strlen(both) + 1);
            t->place = &places[p];
            t->view = &views[v];
            n_targets++;
        }
}

/* --- the test's own files
 * ----------------------------------------------------------------------------------------------- */

/* `to`: NULL for a file, "" for a folder, "-" for what is not there, else what a link points to; "=" a hard
 * link to the rest. */
static const struct {
    const char *path, *to;
} files[] = {
    {"%D", ""},
    {"%B/out", ""},
    {"%B/key", ""},
    {"%B/bin", ""},
    {"%B/out/file", NULL},
    {"%B/out/new", "-"},
    {"%B/out/other", "-"},
    {"%B/data-beside", NULL},
    {"%B/key/root.key", NULL},
    {"%B/key/tls.key", NULL},
    {"%B/key/held", NULL},
    {"%B/bin/sallyport-vault", NULL},
    {"%D/sallyport.db", NULL},
    {"%D/sallyport.db-wal", NULL},
    {"%D/sallyport.db.lock", NULL},
    {"%D/new", "-"},
    {"%D/hard", "=%B/out/file"},
    {"%D/link-to-file", "%B/out/file"},
    {"%D/link-to-folder", "%B/out"},
    {"%D/link-to-root", "/"},
    {"/dev/shm/sallyport-paths-%N", NULL},
    {"/dev/shm/sallyport-paths-new-%N", "-"},
    {"/run/sallyport-paths-%N", NULL},
};

static void make(const char *path, const char *to)
{
    char target[PATH_ROOM];
    struct stat st;
    if (lstat(path, &st) == 0 && (to ? !S_ISDIR(st.st_mode) : !S_ISREG(st.st_mode)))
        (void)unlink(path);
    if (to && *to == '-') {
        (void)rmdir(path);
    } else if (!to) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        if (fd < 0)
            return; /* not every user may write to /run */
        assert_int_equal(write(fd, "x", 1), 1);
        assert_int_equal(fchmod(fd, 0600), 0);
        close(fd);
    } else if (!*to) {
        assert_true(mkdir(path, 0700) == 0 || errno == EEXIST);
    } else {
        expand(*to == '=' ? to + 1 : to, target);
        assert_int_equal(*to == '=' ? link(target, path) : symlink(target, path), 0);
    }
    assert_true((to && *to == '-') || geteuid() != 0 || lchown(path, user, user) == 0);
}

static void restore(void)
{
    for (size_t i = 0; i < N(files); i++) {
        char path[PATH_ROOM];
        expand(files[i].path, path);
        make(path, files[i].to);
    }
}

static void remove_all(void)
{
    for (size_t i = N(files); i-- > 0;) {
        char path[PATH_ROOM];
        expand(files[i].path, path);
        if (unlink(path) < 0)
            (void)rmdir(path);
    }
}

/* --- the stand-in
 * ------------------------------------------------------------------------------------------------------- */

static uint64_t argument(uint64_t a, const struct target *t)
{
    static char buffer[4096];
    switch (a) {
    case PATH_ARG:
        return (uint64_t)(uintptr_t)t->path;
    case DIR_ARG:
        return t->view->is_relative ? 1 : AT_CWD;
    case BUFFER_ARG:
        return (uint64_t)(uintptr_t)buffer;
    case OTHER_ARG:
        return (uint64_t)(uintptr_t)other;
    default:
        return a;
    }
}

static void arguments(const struct way *w, const struct target *t, uint64_t args[VERDICT_ARGS])
{
    for (unsigned i = 0; i < VERDICT_ARGS; i++)
        args[i] = argument(w->args[i], t);
}

static enum verdict expect(enum role role, const struct way *w, const struct target *t, int *ret_error)
{
    uint64_t args[VERDICT_ARGS];
    *ret_error = 0;
    if (is_landlock_alone)
        return LET_THROUGH;
    arguments(w, t, args);
    return verdict_expect(role, 0, w->call, args, ret_error);
}

static bool has_path(const struct way *w)
{
    for (unsigned i = 0; i < VERDICT_ARGS; i++)
        if (w->args[i] == PATH_ARG)
            return true;
    return false;
}

/* The seccomp filter does not see the path: a call that is fatal is tried with the first one alone. */
static bool is_tried(enum role role, unsigned i)
{
    const struct way *w = &ways[i % N(ways)];
    const struct target *t = &targets[i / N(ways)];
    int error;
    if (w->call < 0 || (w->alters && !t->place->is_ours) || (!has_path(w) && t != &targets[0]))
        return false;
    /* The data folder itself stays where it is. */
    if (w->need == NOBODYS && strcmp(t->place->path, "%D") == 0)
        return false;
    if (role == OUTSIDE || is_landlock_alone)
        return is_in_question[i % N(ways)];
    return t == &targets[0] || expect(role, w, t, &error) != FATAL;
}

static void find_truth(const struct target *t, const struct way *w, struct outcome *ret)
{
    char folder[PATH_ROOM], *last;
    struct stat st;
    ret->is_folder = stat(t->path, &st) == 0 && S_ISDIR(st.st_mode);
    if (!w->stays && realpath(t->path, ret->truth))
        return;
    (void)snprintf(folder, sizeof folder, "%s", t->path);
    last = strrchr(folder, '/');
    const char *name = last ? last + 1 : t->path;
    if (last)
        *last = '\0';
    if (!realpath(!last ? "." : *folder ? folder : "/", ret->truth))
        return;
    size_t n = strlen(ret->truth);
    (void)snprintf(ret->truth + n, PATH_ROOM - n, "%s%.255s", n > 1 ? "/" : "", name);
}

static void wait_for_restoration(void)
{
    char c = 'r';
    struct iovec part = {&c, 1};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (sendmsg(CHANNEL, &m, MSG_NOSIGNAL) != 1 || recvmsg(CHANNEL, &m, 0) != 1)
        _exit(202);
}

static void attempt(enum role role, unsigned i)
{
    const struct way *w = &ways[i % N(ways)];
    const struct target *t = &targets[i / N(ways)];
    struct outcome *o = role == OUTSIDE ? &shared->outside[i] : &shared->inside[i];
    uint64_t args[VERDICT_ARGS];
    if (role == OUTSIDE)
        find_truth(t, w, o);
    arguments(w, t, args);
    o->was_tried = true;
    o->error = INT_MAX;
    long r = syscall(w->call, args[0], args[1], args[2], args[3], args[4], 0);
    o->error = r < 0 ? errno : 0;
    o->worked = r >= 0;
    if (r > CHANNEL)
        close((int)r);
    if (w->alters && r >= 0)
        wait_for_restoration();
}

static void become_ordinary(void)
{
    if (user != geteuid() &&
        (setgroups(0, NULL) < 0 || setresgid(user, user, user) < 0 || setresuid(user, user, user) < 0))
        _exit(203);
}

static int enter(enum role role)
{
    struct diag why = {0};
    if (role != OUTSIDE && !is_landlock_alone)
        return sandbox_enter(role, data_dir, &why);
    /* Without a jail too: it decides whose /proc/self is. */
    if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        close_range(CHANNEL + 1, ~0u, 0) < 0)
        return -errno;
    return role == OUTSIDE ? 0 : landlock_enter(role, role == ROLE_ENGINE ? data_dir : NULL, &why);
}

[[gnu::noreturn]] static void stand_in(enum role role, int channel)
{
    char held[PATH_ROOM];
    expand("%B/key/held", held);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    become_ordinary();
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    int file = open(held, O_RDONLY), root = open("/", O_RDONLY | O_DIRECTORY);
    if (dup2(channel, CHANNEL) < 0 || dup2(file, 0) < 0 || dup2(root, 1) < 0 || chdir("/") < 0)
        _exit(201);
    if (enter(role) < 0)
        _exit(200);
    for (; shared->at < n_targets * N(ways); shared->at++)
        if (is_tried(role, shared->at))
            attempt(role, shared->at);
    _exit(0);
}

/* --- what may work
 * ------------------------------------------------------------------------------------------------------ */

static bool is_beneath(const char *path, const char *folder)
{
    char real[PATH_MAX];
    if (!realpath(folder, real))
        return false;
    size_t n = strlen(real);
    return strncmp(path, real, n) == 0 && (!path[n] || path[n] == '/');
}

static bool table_says(enum role role, enum need need, const char *truth)
{
    for (size_t i = 0; i < N(reachable); i++) {
        const char *path = reachable[i].path == DATA_FOLDER ? data_dir : reachable[i].path;
        if (reachable[i].role == role && (need == READ || reachable[i].access == FILES_CHANGE) &&
            is_beneath(truth, path))
            return true;
    }
    return false;
}

/* Links that lead through another process are closed by Landlock, which sees in them the reach of a debugger.
 */
static bool leads_through_a_process(const struct target *t, const struct way *w)
{
    static const char *const links[] = {"root", "cwd", "exe", "fd/"};
    const pid_t pids[] = {getpid(), sibling, 1};
    for (size_t p = 0; p < N(pids); p++) {
        char folder[32];
        (void)snprintf(folder, sizeof folder, "/proc/%d/", pids[p]);
        const char *at = strstr(t->path, folder);
        for (size_t i = 0; at && i < N(links); i++) {
            const char *link = at + strlen(folder);
            if (strncmp(link, links[i], strlen(links[i])) != 0)
                continue;
            const char *rest = strchr(link + strlen(links[i]), '/');
            return rest || !w->stays;
        }
    }
    return false;
}

static bool may_work(enum role role, const struct target *t, const struct way *w,
                     const struct outcome *outside)
{
    if (leads_through_a_process(t, w))
        return false;
    if (w->need == LOOK || !has_path(w))
        return w->need == LOOK;
    if (w->need == NOBODYS)
        return false;
    /* To list a folder, and to make a file, takes more than to read. */
    bool is_more =
        outside->is_folder || (w->call == C(openat) && (w->args[2] & O_CREAT) && strstr(t->path, "new"));
    enum need need = is_more ? CHANGE : w->need;
    /* A link is no place of its own. */
    uint32_t mask = need == CHANGE ? t->place->change : t->place->read;
    bool is_link = w->stays && strstr(t->place->path, "link-to-file");
    bool by_list = is_link ? role == ROLE_ENGINE : mask & 1u << role,
         by_table = table_says(role, need, outside->truth);
    if (by_list != by_table)
        print_error("%s: the table and the test differ about %s (%s), %s\n", role_name(role), t->path,
                    outside->truth, w->name);
    assert_int_equal(by_list, by_table);
    return by_table;
}

static bool is_right(enum role role, unsigned i)
{
    const struct way *w = &ways[i % N(ways)];
    const struct target *t = &targets[i / N(ways)];
    const struct outcome *in = &shared->inside[i], *out = &shared->outside[i];
    int error;
    switch (expect(role, w, t, &error)) {
    case FATAL:
        return in->error == INT_MAX;
    case REFUSED:
        return in->error == error;
    case LET_THROUGH:
        return in->error != INT_MAX && in->worked == (out->worked && may_work(role, t, w, out));
    case NOT_TRIED:
        break;
    }
    return false;
}

/* --- tests
 * --------------------------------------------------------------------------------------------------------------
 */

/* One stand-in, from the attempt at hand to its end, which is that of the attempts or a fatal call. */
static void run_stand_in(enum role role)
{
    int channel[2], status;
    char c;
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, channel), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        stand_in(role, channel[1]);
    close(channel[1]);
    while (recv(channel[0], &c, 1, 0) == 1) {
        restore();
        (void)send(channel[0], &c, 1, MSG_NOSIGNAL);
    }
    close(channel[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGSYS : WEXITSTATUS(status) != 0)
        fail_msg("%s: a stand-in ended with status %x at attempt %u", role_name(role), (unsigned)status,
                 shared->at);
}

static void run_stand_ins(enum role role)
{
    restore();
    for (shared->at = 0; shared->at < n_targets * N(ways); shared->at++)
        run_stand_in(role);
}

static void try_all(enum role role)
{
    unsigned n_wrong = 0, n_worked = 0, n_refused = 0, n_unproven = 0;
    memset(shared->inside, 0, sizeof shared->inside);
    run_stand_ins(role);
    for (unsigned i = 0; i < n_targets * N(ways); i++) {
        const struct outcome *in = &shared->inside[i], *out = &shared->outside[i];
        if (!is_tried(role, i))
            continue;
        assert_true(in->was_tried);
        *(in->worked ? &n_worked : in->error == INT_MAX || out->worked ? &n_refused : &n_unproven) += 1;
        if (is_right(role, i))
            continue;
        if (n_wrong++ < 40)
            print_error("%s: %s of %s %s (%s); outside it %s (%s)\n", role_name(role), ways[i % N(ways)].name,
                        targets[i / N(ways)].path, in->worked ? "was possible" : "failed",
                        in->error == INT_MAX ? "fatal" : error_text(-in->error),
                        out->worked ? "works" : "fails", error_text(-out->error));
    }
    print_message("%s%s: %u worked, %u refused, %u fail outside too\n", role_name(role),
                  is_landlock_alone ? ", by Landlock alone" : "", n_worked, n_refused, n_unproven);
    assert_int_equal(n_wrong, 0);
}

static void try_all_roles(uid_t as)
{
    user = as;
    sibling = fork();
    if (sibling == 0) {
        become_ordinary();
        (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        (void)!chdir("/");
        for (;;)
            (void)pause();
    }
    assert_true(sibling > 0);
    collect_targets();
    memset(shared->outside, 0, sizeof shared->outside);
    is_landlock_alone = false;
    run_stand_ins(OUTSIDE);
    /* To root nothing else says no. */
    for (unsigned i = 0; i < (as == geteuid() ? 2 : 1) * ROLE_COUNT; i++) {
        is_landlock_alone = i >= ROLE_COUNT;
        if (i % ROLE_COUNT != ROLE_SUPERVISOR)
            try_all((enum role)(i % ROLE_COUNT));
    }
    (void)kill(sibling, SIGKILL);
    (void)waitpid(sibling, NULL, 0);
}

static void every_path_as_root(void **state)
{
    (void)state;
    if (geteuid() != 0)
        skip();
    try_all_roles(0);
}

static void every_path_as_an_ordinary_user(void **state)
{
    (void)state;
    try_all_roles(geteuid() ? geteuid() : ORDINARY);
}

/* Else what a row gives would never be seen to work. */
static void every_row_has_a_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(reachable); i++) {
        const char *path = reachable[i].path == DATA_FOLDER ? "%D" : reachable[i].path;
        bool is_tried_somewhere = false;
        for (size_t p = 0; p < N(places); p++)
            is_tried_somewhere |= (places[p].read & 1u << reachable[i].role) &&
                                  strncmp(places[p].path, path, strlen(path)) == 0;
        if (!is_tried_somewhere)
            fail_msg("no file beneath %s is tried", path);
    }
}

static int set_up(void **state)
{
    static const struct target any;
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED || !mkdtemp(base) || chmod(base, 0755) < 0)
        return -1;
    (void)snprintf(data_dir, sizeof data_dir, "%s/data", base);
    (void)snprintf(other, sizeof other, "%s/out/other", base);
    for (size_t w = 0; w < N(ways); w++) {
        is_in_question[w] =
            ways[w].need == NOBODYS || ways[w].call == C(truncate) || ways[w].call == C(creat);
        for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT && ways[w].call >= 0; role++) {
            static const struct view plain;
            struct target t = any;
            int error;
            t.view = &plain;
            is_in_question[w] |= expect((enum role)role, &ways[w], &t, &error) == LET_THROUGH;
        }
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    remove_all();
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_path_as_root),
        cmocka_unit_test(every_path_as_an_ordinary_user),
        cmocka_unit_test(every_row_has_a_place),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
