/* data_dir: the engine's folder, looked at and handed over before the engine starts. Called by supervisor_start.
 * Must hold: root changes the owner of nothing that a compromised engine could have placed there: no link is followed, no
 * file with a second name is touched. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "supervisor/child.h"

static int give_file(int dir, const char *name, uid_t uid, gid_t gid)
{
    _cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_uid == uid)
        return 0;
    if (st.st_uid != 0 || st.st_nlink != 1)
        return -EPERM;
    return fchown(fd, uid, gid) < 0 ? -errno : 0;
}

static int give_files(int dir, uid_t uid, gid_t gid, struct diag *reterr)
{
    int copy = fcntl(dir, F_DUPFD_CLOEXEC, 0);
    DIR *d = copy < 0 ? NULL : fdopendir(copy);
    if (!d) {
        int error = -errno;
        closep(&copy);
        return diag_set(reterr, error, "the data folder cannot be read: %s", error_text(error));
    }
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(d));) {
        if (entry->d_type == DT_DIR)
            continue;
        r = give_file(dir, entry->d_name, uid, gid);
        if (r == -ELOOP)
            r = 0;
        if (r < 0)
            (void)diag_set(reterr, r, "%s in the data folder belongs to someone else", entry->d_name);
    }
    (void)closedir(d);
    return r;
}

static int check_mode(const char *dir, const struct stat *st, struct diag *reterr)
{
    if ((st->st_mode & 077) == 0)
        return 0;
    (void)diag_set(reterr, -SP_EDENIED, "the data folder %s is open to other users", dir);
    diag_hint(reterr, "chmod 0700 %s", dir);
    return -SP_EDENIED;
}

/* The engine walks to its folder by itself; a closed folder on the way would only show as a database that does not open. */
static int check_way(const char *dir, uid_t uid, gid_t gid, struct diag *reterr)
{
    char path[4096];
    if (!realpath(dir, path))
        return diag_set(reterr, -errno, "%s: %s", dir, error_text(-errno));
    for (char *slash = strrchr(path, '/'); slash && slash != path; slash = strrchr(path, '/')) {
        struct stat st;
        *slash = 0;
        if (stat(path, &st) < 0)
            return diag_set(reterr, -errno, "%s: %s", path, error_text(-errno));
        mode_t needed = st.st_uid == uid ? S_IXUSR : st.st_gid == gid ? S_IXGRP : S_IXOTH;
        if (!(st.st_mode & needed)) {
            (void)diag_set(reterr, -EACCES, "the engine (uid %u) may not enter %s, above its data folder", uid, path);
            diag_hint(reterr, "use a folder such as /var/lib/sallyport, or chmod o+x %s", path);
            return -EACCES;
        }
    }
    return 0;
}

/* Only `init` makes one: a folder that was named wrong would else be served as a new server, which belongs to nobody. */
static int check_database(int dir, const char *path, struct diag *reterr)
{
    if (faccessat(dir, "sallyport.db", F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    int r = diag_set(reterr, -errno, "there is no database in the data folder %s: %s", path, error_text(-errno));
    diag_hint(reterr, "make it with: sallyport init --data %s", path);
    return r;
}

int child_prepare_data_dir(const char *dir, struct diag *reterr)
{
    struct stat st;
    _cleanup_close_ int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0) {
        int error = diag_set(reterr, -errno, "the data folder %s cannot be opened: %s", dir, error_text(-errno));
        if (error == -ENOENT)
            diag_hint(reterr, "make it with: sallyport init --data %s", dir);
        return error;
    }
    int r = check_mode(dir, &st, reterr);
    if (r == 0)
        r = check_database(fd, dir, reterr);
    if (r < 0 || geteuid() != 0)
        return r;
    uid_t uid;
    gid_t gid;
    child_identity(ROLE_ENGINE, &uid, &gid);
    if (st.st_uid != uid && st.st_uid != 0)
        return diag_set(reterr, -SP_EDENIED, "the data folder %s belongs to uid %u, not to the engine", dir, st.st_uid);
    r = check_way(dir, uid, gid, reterr);
    if (r < 0)
        return r;
    if (st.st_uid != uid && fchown(fd, uid, gid) < 0)
        return diag_set(reterr, -errno, "the data folder %s cannot be given to the engine: %s", dir, error_text(-errno));
    return give_files(fd, uid, gid, reterr);
}
