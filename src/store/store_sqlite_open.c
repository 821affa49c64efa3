/* store_sqlite_open: opening and closing. Holds: a file of ours is private (0600) from its first byte; one process writes it;
 * what is damaged, foreign or newer is refused before anything is written. Called by the engine at its start and by the
 * command. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/must.h"
#include "store/sqlite.h"

/* Set on every connection. We have no triggers and views: those of an edited schema do nothing. trusted_schema: no function with side effects from an edited schema; cell_size_check: damaged
 * pages are found when they are read. */
static const char pragmas[] = "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON;"
                              "PRAGMA mmap_size = 67108864; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;";

/* And on the writing one. What wal_autocheckpoint says holds where no copier is open: a larger log would make longer pauses, a
 * smaller one more syncs. */
static const char writer_pragmas[] = "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;"
                                     "PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864;";

static int fail_path(struct diag *reterr, int error, const char *path, const char *what)
{
    int code = diag_set(reterr, -error, "%s: %s: %s", path, what, strerror(error));
    if (error == EACCES || error == EROFS || error == EPERM)
        diag_hint(reterr, "the server must own the folder and be able to write to it");
    else if (error == ENOENT)
        diag_hint(reterr, "make the folder first, or check the path");
    return code;
}

/* Takes the lock that keeps a second writing process out. It is a file of its own, since closing any descriptor of the
 * database would drop SQLite's own locks on it (POSIX). */
static int take_lock(struct store *store, struct diag *reterr)
{
    char name[4096];
    int n = snprintf(name, sizeof name, "%s-lock", store->path);
    if (n < 0 || (size_t)n >= sizeof name)
        return fail_path(reterr, ENAMETOOLONG, store->path, "cannot be locked");
    store->lock_fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (store->lock_fd < 0)
        return fail_path(reterr, errno, name, "cannot be opened");
    /* The engine of a server that was killed a moment ago may still be on its way out. */
    int64_t end_ms = clock_monotonic_ms() + LIMIT_LOCK_WAIT_MS;
    int r = flock(store->lock_fd, LOCK_EX | LOCK_NB);
    while (r < 0 && errno == EWOULDBLOCK && clock_monotonic_ms() < end_ms) {
        (void)nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
        r = flock(store->lock_fd, LOCK_EX | LOCK_NB);
    }
    if (r == 0)
        return 0;
    if (errno != EWOULDBLOCK)
        return fail_path(reterr, errno, name, "cannot be locked");
    return diag_set(reterr, -SP_EUNAVAILABLE, "%s: another process has the database open", store->path);
}

/* Makes the file, private, before SQLite would make it by the umask; its companions take their mode from it. */
static int make_file(const char *path, struct diag *reterr)
{
    struct stat status;
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_path(reterr, errno, path, "the database cannot be opened");
    if (fstat(fd, &status) < 0)
        return fail_path(reterr, errno, path, "cannot be examined");
    if (!S_ISREG(status.st_mode))
        return diag_set(reterr, -SP_EFORMAT, "%s: is no regular file", path);
    return 0;
}

/* SQLite counts the memory that it has under a lock, and nobody asks how much that is. */
static void configure(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int connection_open(struct connection *c, const char *path, int flags, struct diag *reterr)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, configure);
    const char *layer = flags & SQLITE_OPEN_READWRITE ? wal_layer() : NULL;
    int rc = sqlite3_open_v2(path, &c->db, flags | SQLITE_OPEN_EXRESCODE | SQLITE_OPEN_PRIVATECACHE, layer);
    int r = sqlite_code(rc);
    if (r == 0) {
        wal_forget_on_rollback(c->db);
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
        (void)sqlite3_db_config(c->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
        r = connection_exec(c, pragmas);
    }
    if (r == 0) {
        sqlite3_busy_timeout(c->db, STORE_BUSY_MS);
        sqlite3_limit(c->db, SQLITE_LIMIT_ATTACHED, 0);
        return 0;
    }
    if (r == -SP_ETAMPERED)
        r = diag_set(reterr, -SP_EFORMAT, "%s: the file is no SQLite database, or is damaged", path);
    else
        r = diag_set(reterr, r, "%s: the database cannot be opened: %s", path, c->db ? sqlite3_errmsg(c->db) : error_text(r));
    connection_close(c);
    return r;
}

/* A file that was cut is shorter than the pages that it counts. With a write-ahead log that is not empty the sizes need not
 * agree, and SQLite finds a missing page when it reads it. */
static int check_length(struct connection *c, const char *path, struct diag *reterr)
{
    char wal[4096];
    struct stat file, log;
    int64_t pages = 0, page_size = 0;
    int n = snprintf(wal, sizeof wal, "%s-wal", path);
    if (n < 0 || (size_t)n >= sizeof wal || stat(path, &file) < 0 || (stat(wal, &log) == 0 && log.st_size > 0))
        return 0;
    int r = connection_integer(c, "PRAGMA page_count", &pages);
    if (r == 0)
        r = connection_integer(c, "PRAGMA page_size", &page_size);
    if (r < 0)
        return diag_set(reterr, r, "%s: cannot be read", path);
    if (file.st_size < pages * page_size)
        return diag_set(reterr, -SP_EFORMAT, "%s: the file was cut: %lld bytes of %lld", path, (long long)file.st_size,
                        (long long)pages * page_size);
    return 0;
}

static int set_wal(struct connection *c, bool in_memory, struct diag *reterr)
{
    int r = in_memory ? 0 : connection_exec(c, "PRAGMA journal_mode = WAL");
    if (r == 0)
        r = connection_exec(c, writer_pragmas);
    return r < 0 ? diag_set(reterr, r, "%s: the database cannot be written: %s", connection_path(c), sqlite3_errmsg(c->db)) : 0;
}

static int restore_tree(struct store *store, struct diag *reterr)
{
    uint64_t size = 0;
    const char *path = connection_path(&store->connection);
    struct audit_log log = connection_audit_log(&store->connection);
    int r = connection_leaf_count(&store->connection, &size);
    if (r == 0)
        r = audit_tree_new(&log, size, store_tile_put, store, &store->tree);
    if (r == -SP_ETAMPERED || r == -SP_ELIMIT)
        return diag_set(reterr, -SP_EFORMAT, "%s: the end of the audit log is damaged: the table of leaves says that it has %llu",
                        path, (unsigned long long)size);
    return r < 0 ? diag_set(reterr, r, "%s: the audit log cannot be read: %s", path, error_text(r)) : 0;
}

static int open_database(struct store *store, const char *path, struct diag *reterr)
{
    struct connection *c = &store->connection;
    int r = path ? take_lock(store, reterr) : 0;
    if (r == 0 && path)
        r = make_file(path, reterr);
    if (r == 0)
        r = connection_open(c, path ? path : ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, reterr);
    if (r == 0)
        r = schema_check(c, true, reterr);
    if (r == 0 && path)
        r = check_length(c, path, reterr);
    if (r == 0)
        r = set_wal(c, !path, reterr);
    if (r == 0)
        r = schema_migrate(c, reterr);
    return r < 0 ? r : restore_tree(store, reterr);
}

int store_open(const char *path, struct store **ret, struct diag *reterr)
{
    struct store *store = calloc(1, sizeof *store);
    if (!store)
        return diag_set(reterr, -ENOMEM, "no memory");
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&store->mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
    store->lock_fd = -1;
    store->leaf = BUFFER_MAX(LIMIT_LEAF);
    store->deliveries = BUFFER_MAX(STORE_DELIVERIES_MAX);
    store->path = path ? slice_dup(slice_text(path)) : NULL;
    int r = path && !store->path ? diag_set(reterr, -ENOMEM, "no memory") : open_database(store, path, reterr);
    if (r < 0) {
        store_close(store);
        return r;
    }
    *ret = store;
    return 0;
}

void store_close(struct store *store)
{
    if (store->batch != BATCH_NONE)
        store_rollback(store);
    /* After a failed sync the database may lack what was copied before it, and the log is all that has it: it stays, and is copied
     * whole at the next start. */
    if (store->connection.db && store->error < 0)
        (void)sqlite3_db_config(store->connection.db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    if (store->connection.db)
        connection_close(&store->connection);
    audit_tree_free(store->tree);
    buffer_free(&store->leaf);
    buffer_free(&store->deliveries);
    closep(&store->lock_fd);
    pthread_mutex_destroy(&store->mutex);
    free(store->path);
    free(store);
}

int store_error(const struct store *store)
{
    return store->error;
}

static int reader_new(const char *path, int flags, struct store_reader **ret, struct diag *reterr)
{
    struct store_reader *r = calloc(1, sizeof *r);
    if (!r)
        return diag_set(reterr, -ENOMEM, "no memory");
    int e = connection_open(&r->own, path, flags | SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, reterr);
    if (e == 0)
        e = schema_check(&r->own, false, reterr);
    if (e == 0)
        e = check_length(&r->own, sqlite3_db_filename(r->own.db, "main"), reterr);
    if (e < 0) {
        store_reader_close(r);
        return e;
    }
    r->connection = &r->own;
    *ret = r;
    return 0;
}

int store_reader_open(struct store *store, struct store_reader **ret, struct diag *reterr)
{
    if (store->path)
        return reader_new(store->path, 0, ret, reterr);
    struct store_reader *r = calloc(1, sizeof *r);
    if (!r)
        return diag_set(reterr, -ENOMEM, "no memory");
    r->connection = &store->connection;
    r->shared = store;
    *ret = r;
    return 0;
}

/* Who reads a file once, as a whole, maps as much of it as SQLite can. */
static const char file_pragmas[] = "PRAGMA mmap_size = 2147418112;";

/* "file:PATH?immutable=1" with what a URI gives a meaning escaped. */
static const char *immutable_uri(const char *path, struct buffer *uri)
{
    (void)buffer_append_text(uri, "file:");
    for (; *path; path++)
        if (*path == '?' || *path == '#' || *path == '%')
            (void)buffer_printf(uri, "%%%02x", (unsigned char)*path);
        else
            (void)buffer_append_byte(uri, (uint8_t)*path);
    (void)buffer_append_text(uri, "?immutable=1");
    return buffer_text(uri);
}

/* Whether something lies beside the file that SQLite would take up when it opens it for writing. */
static bool has_companion(const char *path, const char *suffix)
{
    struct stat status;
    char *real = realpath(path, NULL); /* SQLite follows links, too */
    _cleanup_buffer_ struct buffer name = BUFFER_MAX(4096 + 16);
    (void)buffer_printf(&name, "%s%s", real ? real : path, suffix);
    free(real);
    return !buffer_text(&name) || (stat(buffer_text(&name), &status) == 0 && status.st_size > 0);
}

static int open_file(const char *path, struct store_reader **ret, struct diag *reterr)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return fail_path(reterr, errno, path, "the database cannot be opened");
    if (access(path, R_OK) < 0)
        return fail_path(reterr, errno, path, "the database cannot be read");
    int r = reader_new(path, 0, ret, reterr);
    if (r != -EIO && r != -EROFS && r != -EACCES)
        return r;
    /* A write-ahead database wants to make its index beside it. Where it cannot (a read-only folder), a file without a
     * write-ahead log, and without a journal that the next writer would roll back into it, is complete in itself. */
    _cleanup_buffer_ struct buffer uri = BUFFER_MAX(4 * 4096);
    if (has_companion(path, "-wal") || has_companion(path, "-journal") || !immutable_uri(path, &uri))
        return r;
    return reader_new(buffer_text(&uri), SQLITE_OPEN_URI, ret, reterr);
}

int store_reader_open_file(const char *path, struct store_reader **ret, struct diag *reterr)
{
    struct store_reader *r = NULL;
    int e = open_file(path, &r, reterr);
    if (e < 0)
        return e;
    e = connection_exec(&r->own, file_pragmas);
    if (e < 0) {
        diag_set(reterr, e, "%s: the database cannot be opened: %s", path, error_text(e));
        store_reader_close(r);
        return e;
    }
    *ret = r;
    return 0;
}

void store_reader_close(struct store_reader *r)
{
    if (r->own.db)
        connection_close(&r->own);
    free(r);
}
