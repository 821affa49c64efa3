/* faulty_vfs: a shim over the default VFS. Each file keeps SQLite's real one behind it. */
#include "faulty_vfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECTOR 512

struct faulty_disk faulty_disk;

struct shim {
    sqlite3_file base;
    sqlite3_file *real;
    const char *name; /* SQLite keeps it as long as the file is open */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;
static sqlite3 *newest; /* connection */

#define REAL(f) (((struct shim *)(f))->real)

static int fault(void)
{
    unsigned n = ++faulty_disk.operations;
    bool now = faulty_disk.fail_at && (n == faulty_disk.fail_at || (faulty_disk.fails_on && n > faulty_disk.fail_at));
    return now ? faulty_disk.error : SQLITE_OK;
}

/* --- what is not on the disk yet ------------------------------------------------------------------------------------- */

/* A write that waits for its file's sync, or a truncation to `at` (`len` 0). In the order in which they came. */
struct pending {
    struct pending *next;
    char name[32]; /* without its folder */
    sqlite3_int64 at;
    int len;
    unsigned char bytes[];
};

static struct pending *pending_first, **pending_last = &pending_first;

static bool is_watching(void)
{
    return faulty_disk.kill_at && faulty_disk.syncs < faulty_disk.kill_at;
}

static const char *base_name(const char *name)
{
    const char *base = name ? strrchr(name, '/') : NULL;
    return base ? base + 1 : NULL;
}

void *__real_malloc(size_t size); /* what is remembered is no part of what is tried */

static void remember(const char *name, const void *bytes, int len, sqlite3_int64 at)
{
    const char *base = base_name(name);
    struct pending *p = base && is_watching() ? __real_malloc(sizeof *p + (size_t)len) : NULL;
    if (!p)
        return;
    *p = (struct pending){.at = at, .len = len};
    (void)snprintf(p->name, sizeof p->name, "%s", base);
    if (len)
        memcpy(p->bytes, bytes, (size_t)len);
    *pending_last = p;
    pending_last = &p->next;
}

static void put_on_disk(const struct pending *p, int from, int len)
{
    char path[300];
    (void)snprintf(path, sizeof path, "%s/%s", faulty_disk.crash_folder, p->name);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    if (fd < 0 || (p->len ? pwrite(fd, p->bytes + from, (size_t)len, p->at + from) != len : ftruncate(fd, p->at) < 0))
        abort();
    close(fd);
}

/* Takes from the list what is of this file (NULL: all), and with `is_kept` puts it on the disk. */
static void settle(const char *base, bool is_kept)
{
    struct pending **place = &pending_first;
    while (*place) {
        struct pending *p = *place;
        if (base && strcmp(p->name, base) != 0) {
            place = &p->next;
            continue;
        }
        if (is_kept)
            put_on_disk(p, 0, p->len);
        *place = p->next;
        free(p);
    }
    pending_last = place;
}

void faulty_disk_forget(void)
{
    settle(NULL, false);
}

static unsigned sectors(const struct pending *p)
{
    return p->len ? (unsigned)(p->len + SECTOR - 1) / SECTOR : 1;
}

static bool is_lost(unsigned i, unsigned n)
{
    switch (faulty_disk.loss) {
    case LOSS_OF_NOTHING:
        return false;
    case LOSS_OF_LATER:
    case LOSS_TORN:
        return i >= n / 2;
    case LOSS_OF_EARLIER:
        return i < n / 2;
    case LOSS_ANY:
        return (i * 2654435761u + faulty_disk.seed * 40503u) >> 13 & 1;
    case LOSS_OF_ALL:
    case LOSS_COUNT:
        break;
    }
    return true;
}

/* Writes of what survives of the sectors, of which there are `n` in all pending writes together. */
void faulty_disk_lose_power(void)
{
    unsigned n = 0, i = 0;
    for (const struct pending *p = pending_first; p; p = p->next)
        n += sectors(p);
    for (const struct pending *p = pending_first; p; p = p->next)
        for (unsigned s = 0; s < sectors(p); s++, i++) {
            int from = (int)s * SECTOR, len = p->len - from < SECTOR ? p->len - from : SECTOR;
            if (!is_lost(i, n))
                put_on_disk(p, from, len);
            else if (faulty_disk.loss == LOSS_TORN && i == n / 2 && len > 1)
                put_on_disk(p, from, len / 2);
        }
    settle(NULL, false);
}

static int x_close(sqlite3_file *f)
{
    return REAL(f)->pMethods ? REAL(f)->pMethods->xClose(REAL(f)) : SQLITE_OK;
}

static int x_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}

static int x_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    int rc = fault();
    if (rc != SQLITE_OK && n > 1) /* a write that fails has perhaps been done in part */
        (void)REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
    if (rc == SQLITE_OK)
        rc = REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
    if (rc == SQLITE_OK)
        remember(((struct shim *)f)->name, p, n, at);
    return rc;
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = fault();
    if (rc == SQLITE_OK)
        rc = REAL(f)->pMethods->xTruncate(REAL(f), size);
    if (rc == SQLITE_OK)
        remember(((struct shim *)f)->name, NULL, 0, size);
    return rc != SQLITE_OK ? SQLITE_IOERR_TRUNCATE : rc;
}

static int x_sync(sqlite3_file *f, int flags)
{
    const char *base = base_name(((struct shim *)f)->name);
    int rc = fault();
    if (++faulty_disk.syncs == faulty_disk.kill_at) {
        faulty_disk.on_kill();
        faulty_disk_lose_power();
    }
    if (rc == SQLITE_OK)
        rc = REAL(f)->pMethods->xSync(REAL(f), flags);
    if (base && is_watching() && (rc == SQLITE_OK || faulty_disk.sync_forgets))
        settle(base, rc == SQLITE_OK);
    return rc != SQLITE_OK ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}

static int x_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int x_lock(sqlite3_file *f, int lock)
{
    return REAL(f)->pMethods->xLock(REAL(f), lock);
}

static int x_unlock(sqlite3_file *f, int lock)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), lock);
}

static int x_check_lock(sqlite3_file *f, int *ret)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), ret);
}

static int x_control(sqlite3_file *f, int op, void *p)
{
    /* In place of the store's own setting: to answer OK is to have done what the pragma says. */
    if (op == SQLITE_FCNTL_PRAGMA && faulty_disk.checkpoint_pages && strcmp(((char **)p)[1], "wal_autocheckpoint") == 0) {
        sqlite3_wal_autocheckpoint(newest, faulty_disk.checkpoint_pages);
        return SQLITE_OK;
    }
    return REAL(f)->pMethods->xFileControl(REAL(f), op, p);
}

static int x_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int x_characteristics(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int x_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **ret)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, ret);
}

static int x_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}

static void x_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int x_shm_unmap(sqlite3_file *f, int remove)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = x_close,
    .xRead = x_read,
    .xWrite = x_write,
    .xTruncate = x_truncate,
    .xSync = x_sync,
    .xFileSize = x_size,
    .xLock = x_lock,
    .xUnlock = x_unlock,
    .xCheckReservedLock = x_check_lock,
    .xFileControl = x_control,
    .xSectorSize = x_sector,
    .xDeviceCharacteristics = x_characteristics,
    .xShmMap = x_shm_map,
    .xShmLock = x_shm_lock,
    .xShmBarrier = x_shm_barrier,
    .xShmUnmap = x_shm_unmap,
};

static int x_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *ret_flags)
{
    struct shim *shim = (struct shim *)f;
    shim->real = (sqlite3_file *)(shim + 1);
    shim->name = name;
    int rc = real_vfs->xOpen(real_vfs, name, shim->real, flags, ret_flags);
    shim->base.pMethods = shim->real->pMethods ? &methods : NULL;
    return rc;
}

/* SQLite syncs the folder when it deletes a journal that matters, so a deletion is durable too. */
static int x_delete(sqlite3_vfs *v, const char *name, int sync_folder)
{
    char to[300];
    const char *base = base_name(name);
    int rc = real_vfs->xDelete(real_vfs, name, sync_folder);
    if (rc != SQLITE_OK || !base || !is_watching())
        return rc;
    settle(base, false);
    (void)snprintf(to, sizeof to, "%s/%s", faulty_disk.crash_folder, base);
    (void)unlink(to);
    return rc;
}

/* --- system calls ---------------------------------------------------------------------------------------------------- */

static bool call_fails(void)
{
    if (++faulty_disk.calls != faulty_disk.call_at)
        return false;
    errno = faulty_disk.call_errno;
    return true;
}

/* C(type, name, declaration, arguments, failure): those of SQLite's that can fail, under the names that it gives them. */
#define CALLS(C)                                                                                                 \
    C(int, open, (const char *path, int flags, int mode), (path, flags, mode), -1)                               \
    C(int, access, (const char *path, int mode), (path, mode), -1)                                               \
    C(int, stat, (const char *path, struct stat *ret), (path, ret), -1)                                          \
    C(int, fstat, (int fd, struct stat *ret), (fd, ret), -1)                                                     \
    C(int, ftruncate, (int fd, off_t size), (fd, size), -1)                                                      \
    C(int, fcntl, (int fd, int command, void *arg), (fd, command, arg), -1)                                      \
    C(ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), -1)                               \
    C(ssize_t, pread64, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), -1)                             \
    C(ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), -1)                    \
    C(ssize_t, pwrite64, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at), -1)                  \
    C(int, fchmod, (int fd, mode_t mode), (fd, mode), -1)                                                        \
    C(int, fallocate, (int fd, off_t at, off_t len), (fd, at, len), EIO)                                         \
    C(int, unlink, (const char *path), (path), -1)                                                               \
    C(int, openDirectory, (const char *path, int *ret), (path, ret), SQLITE_CANTOPEN)                            \
    C(void *, mmap, (void *at, size_t n, int a, int b, int fd, off_t from), (at, n, a, b, fd, from), MAP_FAILED)

#define C(type, name, declaration, arguments, failure)                                                           \
    static type(*real_##name) declaration;                                                                       \
    static type call_##name declaration                                                                          \
    {                                                                                                            \
        return call_fails() ? failure : real_##name arguments;                                                   \
    }
CALLS(C)
#undef C

static void take_calls(void)
{
#define C(type, name, declaration, arguments, failure)                                                           \
    real_##name = (type(*) declaration)real_vfs->xGetSystemCall(real_vfs, #name);                                \
    if (real_##name)                                                                                             \
        (void)real_vfs->xSetSystemCall(real_vfs, #name, (sqlite3_syscall_ptr)call_##name);
    CALLS(C)
#undef C
}

static int on_connection(sqlite3 *db, const char **error, const void *api)
{
    newest = db;
    return SQLITE_OK;
}

int faulty_vfs_register(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct shim) + real_vfs->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    take_calls();
    int rc = sqlite3_vfs_register(&vfs, 1);
    return rc != SQLITE_OK ? rc : sqlite3_auto_extension((void (*)(void))on_connection);
}
