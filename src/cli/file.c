/* file: reads and writes the files that the command line names. */
#include "cli/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"

static int read_all(int fd, struct buffer *ret)
{
    for (;;) {
        uint8_t chunk[16384];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        int r = n ? buffer_append(ret, chunk, (size_t)n) : 0;
        if (ret->secret)
            explicit_bzero(chunk, sizeof chunk);
        if (r < 0 || n == 0)
            return r;
    }
}

int file_read(const char *path, struct buffer *ret, struct diag *reterr)
{
    bool is_stdin = strcmp(path, "-") == 0;
    _cleanup_close_ int opened = is_stdin ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (!is_stdin && opened < 0)
        return diag_set(reterr, -errno, "%s: %s", path, error_text(-errno));
    int r = read_all(is_stdin ? STDIN_FILENO : opened, ret);
    if (r == -SP_ELIMIT)
        return diag_set(reterr, r, "%s: it is longer than %zu bytes", path, ret->max);
    return r < 0 ? diag_set(reterr, r, "%s: %s", path, error_text(r)) : 0;
}

/* A name is on disk when its folder is. */
static int sync_folder_of(const char *path, struct diag *reterr)
{
    char folder[4096];
    const char *slash = strrchr(path, '/');
    int n = slash ? snprintf(folder, sizeof folder, "%.*s", slash > path ? (int)(slash - path) : 1, path)
                  : snprintf(folder, sizeof folder, ".");
    if (n >= (int)sizeof folder)
        return diag_set(reterr, -ENAMETOOLONG, "%s: %s", path, error_text(-ENAMETOOLONG));
    _cleanup_close_ int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == EACCES)
        return 0; /* names may be made in it, and not be read: the kernel writes them in its time */
    return fd < 0 || fsync(fd) < 0 ? diag_set(reterr, -errno, "%s: %s", folder, error_text(-errno)) : 0;
}

int file_finish(const char *unfinished, const char *path, struct diag *reterr)
{
    if (link(unfinished, path) < 0)
        return diag_set(reterr, -errno, "%s: %s", path, error_text(-errno));
    (void)unlink(unfinished);
    return sync_folder_of(path, reterr);
}

static int write_all(int fd, struct slice content)
{
    while (content.len) {
        ssize_t n = write(fd, content.p, content.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        content = slice_of(content.p + n, content.len - (size_t)n);
    }
    return fsync(fd) < 0 ? -errno : 0;
}

int file_create_secret(const char *path, struct slice content, struct diag *reterr)
{
    char unfinished[4096];
    if (snprintf(unfinished, sizeof unfinished, "%s.part", path) >= (int)sizeof unfinished)
        return diag_set(reterr, -ENAMETOOLONG, "%s: %s", path, error_text(-ENAMETOOLONG));
    (void)unlink(unfinished); /* of one who was killed here */
    _cleanup_close_ int fd = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : write_all(fd, content);
    if (r == 0)
        return file_finish(unfinished, path, reterr);
    (void)unlink(unfinished);
    return diag_set(reterr, r, "%s: %s", path, error_text(r));
}

int file_make_folder_of(const char *path, struct diag *reterr)
{
    char part[4096];
    if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
        return diag_set(reterr, -ENAMETOOLONG, "%s: %s", path, error_text(-ENAMETOOLONG));
    for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = 0;
        if (mkdir(part, 0700) == 0) {
            int r = sync_folder_of(part, reterr);
            if (r < 0)
                return r;
        } else if (errno != EEXIST) {
            return diag_set(reterr, -errno, "%s: %s", part, error_text(-errno));
        }
        *slash = '/';
    }
    return 0;
}
