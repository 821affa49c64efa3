/* faulty_vfs: a shim over the default VFS. Each file keeps SQLite's real one behind it. */
#include "faulty_vfs.h"

#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

struct faulty_disk faulty_disk;

struct shim {
    sqlite3_file base;
    sqlite3_file *real;
    const char *name; /* SQLite keeps it as long as the file is open */
};

static sqlite3_vfs vfs;
static sqlite3_vfs *real_vfs;

#define REAL(f) (((struct shim *)(f))->real)

void copy_file(const char *from, const char *to)
{
    char block[65536];
    FILE *in = fopen(from, "rb"), *out = in ? fopen(to, "wb") : NULL;
    for (size_t n; out && (n = fread(block, 1, sizeof block, in)) > 0;)
        if (fwrite(block, 1, n, out) != n)
            break;
    if (in)
        fclose(in);
    if (out)
        fclose(out);
}

static int fault(void)
{
    unsigned n = ++faulty_disk.operations;
    bool now = faulty_disk.fail_at && (n == faulty_disk.fail_at || (faulty_disk.fails_on && n > faulty_disk.fail_at));
    return now ? faulty_disk.error : SQLITE_OK;
}

static void kill_here(void)
{
    static const char *const suffixes[] = {"", "-wal"};
    char from[300], to[300];
    faulty_disk.on_kill();
    for (int i = 0; i < 2 && !faulty_disk.loses_unsynced; i++) {
        (void)snprintf(from, sizeof from, "%s/a.db%s", faulty_disk.folder, suffixes[i]);
        (void)snprintf(to, sizeof to, "%s/a.db%s", faulty_disk.crash_folder, suffixes[i]);
        copy_file(from, to);
    }
}

/* What is synced is what a loss of power leaves, until the kill. */
static void keep_synced(const char *name)
{
    char to[300];
    const char *base = name ? strrchr(name, '/') : NULL;
    if (!base || !faulty_disk.loses_unsynced || !faulty_disk.kill_at || faulty_disk.syncs >= faulty_disk.kill_at)
        return;
    (void)snprintf(to, sizeof to, "%s%s", faulty_disk.crash_folder, base);
    copy_file(name, to);
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
    return rc != SQLITE_OK ? rc : REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
}

static int x_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = fault();
    return rc != SQLITE_OK ? SQLITE_IOERR_TRUNCATE : REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int x_sync(sqlite3_file *f, int flags)
{
    int rc = fault();
    if (++faulty_disk.syncs == faulty_disk.kill_at)
        kill_here();
    if (rc == SQLITE_OK)
        rc = REAL(f)->pMethods->xSync(REAL(f), flags);
    if (rc == SQLITE_OK)
        keep_synced(((struct shim *)f)->name);
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
    const char *base = strrchr(name, '/');
    int rc = real_vfs->xDelete(real_vfs, name, sync_folder);
    if (rc == SQLITE_OK && base && faulty_disk.loses_unsynced && faulty_disk.syncs < faulty_disk.kill_at) {
        (void)snprintf(to, sizeof to, "%s%s", faulty_disk.crash_folder, base);
        (void)unlink(to);
    }
    return rc;
}

int faulty_vfs_register(void)
{
    real_vfs = sqlite3_vfs_find(NULL);
    vfs = *real_vfs;
    vfs.zName = "faulty";
    vfs.szOsFile = (int)sizeof(struct shim) + real_vfs->szOsFile;
    vfs.xOpen = x_open;
    vfs.xDelete = x_delete;
    return sqlite3_vfs_register(&vfs, 1);
}
