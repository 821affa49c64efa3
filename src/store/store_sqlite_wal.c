/* store_sqlite_wal: the layer of files (an SQLite VFS, https://sqlite.org/vfs.html) through which the writer opens its database.
 * SQLite writes each page of the write-ahead log with two system calls, one for the frame's header of 24 bytes and one for the page; here
 * what follows on what was written last is kept, and written at once when SQLite syncs the log or looks at it.
 * Holds: nobody is told of a frame before it is in the file. SQLite tells readers of a batch after the sync of its last frame
 * (synchronous=FULL), and a sync writes first what is kept; so does whatever reads, measures, cuts or closes the file. After a write that
 * failed nothing is written or synced any more: nobody knows what is there [I1]. Where a write may harm bytes beside it when the power
 * goes, SQLite pads a batch to a sector and tells of a frame that ends behind what was synced: there nothing is kept. All files but the
 * log are those of the layer below.
 * What a transaction that was rolled back has left is forgotten: it would be written without SQLite's lock, and where it belongs another
 * writer's frames may be by then, such as those of a shell of SQLite's beside the server.
 * Called by SQLite alone, on the thread that uses the connection. */
#include "store/sqlite.h"

#define KEPT_MAX (120 * 1024) /* bytes, some 30 pages; SQLite's own layer takes less than 128 KiB at once */

struct wal_file {
    sqlite3_file file; /* what SQLite sees; the layer's below lies behind this struct */
    unsigned char *kept;
    sqlite3_int64 from; /* where the first kept byte belongs */
    int n_kept;
    int most;  /* that may be kept */
    int error; /* of the first write that failed: sticks */
};

static sqlite3_vfs *below;
static sqlite3_vfs layer; /* without a name: not registered */

static struct wal_file *wal_of(sqlite3_file *file)
{
    return (struct wal_file *)file;
}

static sqlite3_file *below_of(struct wal_file *wal)
{
    return (sqlite3_file *)(wal + 1);
}

static int write_below(struct wal_file *wal, const void *bytes, int n, sqlite3_int64 at)
{
    int r = wal->error;
    if (r == SQLITE_OK)
        wal->error = r = below_of(wal)->pMethods->xWrite(below_of(wal), bytes, n, at);
    return r;
}

static int write_kept(struct wal_file *wal)
{
    int n = wal->n_kept;
    wal->n_kept = 0;
    return n == 0 ? SQLITE_OK : write_below(wal, wal->kept, n, wal->from);
}

static int wal_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    struct wal_file *wal = wal_of(file);
    bool follows = wal->n_kept > 0 && at == wal->from + wal->n_kept && n <= wal->most - wal->n_kept;
    int r = follows ? SQLITE_OK : write_kept(wal);
    if (r != SQLITE_OK)
        return r;
    if (n > wal->most || wal->error != SQLITE_OK)
        return write_below(wal, bytes, n, at);
    if (!follows)
        wal->from = at;
    memcpy(wal->kept + wal->n_kept, bytes, (size_t)n);
    wal->n_kept += n;
    return SQLITE_OK;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    int r = write_kept(wal_of(file));
    if (r == SQLITE_OK)
        r = wal_of(file)->error;
    return r != SQLITE_OK ? r : below_of(wal_of(file))->pMethods->xSync(below_of(wal_of(file)), flags);
}

static int wal_read(sqlite3_file *file, void *bytes, int n, sqlite3_int64 at)
{
    int r = write_kept(wal_of(file));
    return r != SQLITE_OK ? r : below_of(wal_of(file))->pMethods->xRead(below_of(wal_of(file)), bytes, n, at);
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int r = write_kept(wal_of(file));
    return r != SQLITE_OK ? r : below_of(wal_of(file))->pMethods->xTruncate(below_of(wal_of(file)), size);
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *ret)
{
    int r = write_kept(wal_of(file));
    return r != SQLITE_OK ? r : below_of(wal_of(file))->pMethods->xFileSize(below_of(wal_of(file)), ret);
}

static int wal_close(sqlite3_file *file)
{
    int r = write_kept(wal_of(file)), closed = below_of(wal_of(file))->pMethods->xClose(below_of(wal_of(file)));
    free(wal_of(file)->kept);
    return r != SQLITE_OK ? r : closed;
}

static int wal_control(sqlite3_file *file, int what, void *argument)
{
    return below_of(wal_of(file))->pMethods->xFileControl(below_of(wal_of(file)), what, argument);
}

static int wal_sector_size(sqlite3_file *file)
{
    return below_of(wal_of(file))->pMethods->xSectorSize(below_of(wal_of(file)));
}

static int wal_characteristics(sqlite3_file *file)
{
    return below_of(wal_of(file))->pMethods->xDeviceCharacteristics(below_of(wal_of(file)));
}

/* Nobody locks the log: locks are the database's and its index's. */
static int no_lock(sqlite3_file *file, int level)
{
    (void)file;
    (void)level;
    return SQLITE_OK;
}

static int no_reserved_lock(sqlite3_file *file, int *ret)
{
    (void)file;
    *ret = 0;
    return SQLITE_OK;
}

static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = no_lock,
    .xUnlock = no_lock,
    .xCheckReservedLock = no_reserved_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

static int layer_open(sqlite3_vfs *unused, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)unused;
    if (!(flags & SQLITE_OPEN_WAL))
        return below->xOpen(below, name, file, flags, ret_flags);
    struct wal_file *wal = wal_of(file);
    *wal = (struct wal_file){.kept = malloc(KEPT_MAX)};
    if (!wal->kept)
        return SQLITE_NOMEM;
    int r = below->xOpen(below, name, below_of(wal), flags, ret_flags);
    if (r == SQLITE_OK) {
        wal->file.pMethods = &methods;
        wal->most = wal_characteristics(file) & SQLITE_IOCAP_POWERSAFE_OVERWRITE ? KEPT_MAX : 0;
        return SQLITE_OK;
    }
    if (below_of(wal)->pMethods)
        (void)below_of(wal)->pMethods->xClose(below_of(wal));
    free(wal->kept);
    return r;
}

static void forget(void *db)
{
    sqlite3_file *log = NULL;
    (void)sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
    if (log && log->pMethods == &methods)
        wal_of(log)->n_kept = 0;
}

void wal_forget_on_rollback(sqlite3 *db)
{
    (void)sqlite3_rollback_hook(db, forget, db);
}

static void make_layer(void)
{
    if (sqlite3_initialize() != SQLITE_OK)
        return;
    below = sqlite3_vfs_find(NULL);
    layer = *below;
    layer.pNext = NULL;
    layer.zName = "sallyport-wal";
    layer.szOsFile = (int)sizeof(struct wal_file) + below->szOsFile;
    layer.xOpen = layer_open;
    if (sqlite3_vfs_register(&layer, 0) != SQLITE_OK)
        layer.zName = NULL;
}

const char *wal_layer(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, make_layer);
    return layer.zName;
}
