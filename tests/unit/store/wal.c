/* The writer's layer of files: what SQLite writes into its log reaches the file before anybody is told of it, in few pieces, and a
 * write that fails is the end of writing. Below the layer lies one of ours that notes what reaches it, and fails when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/sqlite.h"

static struct {
    sqlite3_vfs vfs, *real;
    const sqlite3_io_methods *below; /* of SQLite's own layer; `watched` are they, but for three */
    sqlite3_io_methods watched;
    unsigned writes, syncs;
    sqlite3_int64 bytes; /* of the log, written */
    bool is_unsafe;      /* a write may harm what is beside it */
    unsigned fail_at;    /* the write into the log that fails, counted from 1 on; 0: none */
} probe;

static int probe_write(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 at)
{
    if (++probe.writes == probe.fail_at)
        return SQLITE_FULL;
    probe.bytes += n;
    return probe.below->xWrite(file, bytes, n, at);
}

static int probe_sync(sqlite3_file *file, int flags)
{
    probe.syncs++;
    return probe.below->xSync(file, flags);
}

static int probe_characteristics(sqlite3_file *file)
{
    int all = probe.below->xDeviceCharacteristics(file);
    return probe.is_unsafe ? all & ~SQLITE_IOCAP_POWERSAFE_OVERWRITE : all;
}

static int probe_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
    (void)vfs;
    int r = probe.real->xOpen(probe.real, name, file, flags, ret_flags);
    if (r != SQLITE_OK || !(flags & SQLITE_OPEN_WAL))
        return r;
    probe.below = file->pMethods;
    probe.watched = *probe.below;
    probe.watched.xWrite = probe_write;
    probe.watched.xSync = probe_sync;
    probe.watched.xDeviceCharacteristics = probe_characteristics;
    file->pMethods = &probe.watched;
    return SQLITE_OK;
}

/* The default from now on, so that the layer, which is made once, lies on it. */
static int set_up(void **state)
{
    (void)state;
    if (sqlite3_initialize() != SQLITE_OK)
        return -1;
    probe.real = sqlite3_vfs_find(NULL);
    probe.vfs = *probe.real;
    probe.vfs.pNext = NULL;
    probe.vfs.zName = "probe";
    probe.vfs.xOpen = probe_open;
    return sqlite3_vfs_register(&probe.vfs, 1) == SQLITE_OK && wal_layer() ? 0 : -1;
}

struct folder {
    char path[64], file[96];
};

static void make_folder(struct folder *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/sallyport-wal-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof f->file, "%s/a.db", f->path);
}

static void remove_folder(const struct folder *f)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    char name[112];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        snprintf(name, sizeof name, "%s%s", f->file, suffixes[i]);
        (void)remove(name);
    }
    assert_int_equal(remove(f->path), 0);
}

static struct connection open_writer(const struct folder *f)
{
    struct connection c = {0};
    probe.fail_at = 0;
    assert_int_equal(connection_open(&c, f->file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL), 0);
    assert_int_equal(connection_exec(&c, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0;"
                             "CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, n INTEGER, body BLOB) STRICT"), 0);
    probe.writes = probe.syncs = 0;
    probe.bytes = 0;
    return c;
}

static int64_t ask(const char *path, const char *sql)
{
    struct connection c = {0};
    int64_t n = -1;
    assert_int_equal(connection_open(&c, path, SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL), 0);
    assert_int_equal(connection_integer(&c, sql, &n), 0);
    connection_close(&c);
    return n;
}

#define ROWS(n, bytes)                                                                                               \
    "INSERT INTO t (n, body) WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " #n ") "   \
    "SELECT i, randomblob(" #bytes ") FROM c;"

static void a_batch_is_one_write_and_one_sync(void **state)
{
    struct folder f;
    make_folder(&f);
    struct connection c = open_writer(&f);
    assert_int_equal(connection_exec(&c, "BEGIN;" ROWS(20, 2000) "COMMIT"), 0);
    assert_int_equal(probe.writes, 1);
    assert_int_equal(probe.syncs, 1);
    assert_true(probe.bytes > 20 * 2000);
    assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), 20);
    connection_close(&c);
    remove_folder(&f);
}

/* More than is kept at once, and more than SQLite's cache holds: frames are written and read again before the commit, and those of a page
 * that is changed again are written over. */
static void a_large_batch_is_whole(void **state)
{
    struct folder f;
    make_folder(&f);
    struct connection c = open_writer(&f);
    assert_int_equal(connection_exec(&c, "PRAGMA cache_size = 10; PRAGMA cache_spill = 5; BEGIN;" ROWS(1000, 3000)
                             "UPDATE t SET n = n + 1; UPDATE t SET n = n + 1 WHERE id % 7 = 0; DELETE FROM t WHERE id % 5 = 0; COMMIT"), 0);
    assert_true(probe.writes >= 3000000 / (128 * 1024));
    assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), 800);
    assert_int_equal(ask(f.file, "SELECT sum(n) FROM t"), 800 * 500 + 800 + 142 - 28);
    assert_int_equal(ask(f.file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    connection_close(&c);
    remove_folder(&f);
}

static void what_was_rolled_back_is_not_there(void **state)
{
    struct folder f;
    make_folder(&f);
    struct connection c = open_writer(&f);
    assert_int_equal(connection_exec(&c, "PRAGMA cache_size = 10; PRAGMA cache_spill = 5;" ROWS(3, 10) "BEGIN;" ROWS(500, 3000) "ROLLBACK"), 0);
    assert_int_equal(connection_exec(&c, "BEGIN;" ROWS(2, 10) "SAVEPOINT s;" ROWS(300, 3000) "ROLLBACK TO s; RELEASE s; COMMIT"), 0);
    assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), 5);
    assert_int_equal(ask(f.file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    connection_close(&c);
    remove_folder(&f);
}

/* What a transaction that was rolled back has left is nobody's, and its place in the log may be another writer's by now: a shell of SQLite's
 * beside the server. */
static void what_was_rolled_back_is_never_written(void **state)
{
    struct folder f;
    sqlite3 *other = NULL;
    make_folder(&f);
    struct connection c = open_writer(&f);
    assert_int_equal(connection_exec(&c, "PRAGMA cache_size = 10; PRAGMA cache_spill = 5;" ROWS(3, 10) "PRAGMA wal_checkpoint;"
                             "BEGIN;" ROWS(30, 3000) "ROLLBACK"), 0);
    assert_int_equal(sqlite3_open_v2(f.file, &other, SQLITE_OPEN_READWRITE, NULL), 0);
    assert_int_equal(sqlite3_exec(other, "BEGIN;" ROWS(40, 3000) "COMMIT", NULL, NULL, NULL), 0);
    assert_int_equal(connection_exec(&c, ROWS(2, 10)), 0);
    assert_int_equal(sqlite3_exec(other, ROWS(2, 10), NULL, NULL, NULL), 0);
    assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), 47);
    assert_int_equal(ask(f.file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    connection_close(&c);
    remove_folder(&f);
}

/* The log begins anew after it was copied, and is cut: what comes next stands at its front. */
static void the_log_begins_anew(void **state)
{
    struct folder f;
    make_folder(&f);
    struct connection c = open_writer(&f);
    assert_int_equal(connection_exec(&c, "PRAGMA journal_size_limit = 32768"), 0);
    for (int i = 1; i <= 20; i++) {
        assert_int_equal(connection_exec(&c, "BEGIN;" ROWS(30, 3000) "COMMIT"), 0);
        assert_int_equal(connection_exec(&c, i % 3 ? "PRAGMA wal_checkpoint (PASSIVE)" : "PRAGMA wal_checkpoint (TRUNCATE)"), 0);
        assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), i * 30);
    }
    assert_int_equal(ask(f.file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    connection_close(&c);
    remove_folder(&f);
}

/* Six batches, some of them of several writes; the n-th write fails. What was said to be there is there after the file is opened again,
 * and of the batch that failed, and all after it, nothing is. True when no write was the n-th. */
static bool survives(unsigned n)
{
    struct folder f;
    make_folder(&f);
    struct connection c = open_writer(&f);
    probe.fail_at = n;
    int acknowledged = 0, failed = 0;
    assert_int_equal(connection_exec(&c, "PRAGMA cache_size = 10; PRAGMA cache_spill = 5"), 0);
    for (int i = 0; i < 6; i++) {
        int r = connection_exec(&c, i % 2 ? "BEGIN IMMEDIATE;" ROWS(100, 3000) "COMMIT" : "BEGIN IMMEDIATE;" ROWS(5, 3000) "COMMIT");
        if (!sqlite3_get_autocommit(c.db))
            (void)sqlite3_exec(c.db, "ROLLBACK", NULL, NULL, NULL);
        failed += r < 0;
        acknowledged += r < 0 ? 0 : i % 2 ? 100 : 5;
        assert_true(failed == 0 || r < 0); /* sticks */
    }
    const bool has_failed = failed > 0;
    connection_close(&c);
    c = open_writer(&f);
    assert_int_equal(ask(f.file, "SELECT count(*) FROM t"), acknowledged);
    assert_int_equal(ask(f.file, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"), 1);
    connection_close(&c);
    remove_folder(&f);
    return !has_failed;
}

static void after_a_write_that_failed_nothing_is_written(void **state)
{
    unsigned n = 1;
    while (!survives(n))
        n++;
    assert_true(n > 12);
}

/* The file by itself, as SQLite calls it. */
struct log {
    struct folder folder;
    sqlite3_vfs *vfs;
    sqlite3_file *file;
};

static void open_log(struct log *l)
{
    make_folder(&l->folder);
    l->vfs = sqlite3_vfs_find(wal_layer());
    l->file = calloc(1, (size_t)l->vfs->szOsFile);
    assert_non_null(l->file);
    assert_int_equal(l->vfs->xOpen(l->vfs, l->folder.file, l->file, SQLITE_OPEN_WAL | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), 0);
    probe.writes = probe.fail_at = 0;
}

static void write_log(struct log *l, const char *text, sqlite3_int64 at, int expected)
{
    assert_int_equal(l->file->pMethods->xWrite(l->file, text, (int)strlen(text), at), expected);
}

static void close_log(struct log *l)
{
    assert_int_equal(l->file->pMethods->xClose(l->file), 0);
    free(l->file);
    remove_folder(&l->folder);
}

static void who_looks_sees_what_was_written(void **state)
{
    struct log l;
    char text[16] = "";
    sqlite3_int64 size = 0;
    open_log(&l);
    write_log(&l, "head", 0, 0);
    write_log(&l, "page", 4, 0);
    assert_int_equal(probe.writes, 0);
    assert_int_equal(l.file->pMethods->xRead(l.file, text, 8, 0), 0);
    assert_string_equal(text, "headpage");
    assert_int_equal(probe.writes, 1);
    write_log(&l, "more", 8, 0);
    assert_int_equal(l.file->pMethods->xFileSize(l.file, &size), 0);
    assert_int_equal(size, 12);
    write_log(&l, "most", 12, 0);
    assert_int_equal(l.file->pMethods->xTruncate(l.file, 14), 0);
    assert_int_equal(l.file->pMethods->xFileSize(l.file, &size), 0);
    assert_int_equal(size, 14);
    write_log(&l, "HE", 0, 0);
    write_log(&l, "PA", 4, 0);
    assert_int_equal(l.file->pMethods->xRead(l.file, text, 14, 0), 0);
    assert_memory_equal(text, "HEadPAgemoremo", 14);
    write_log(&l, "st", 14, 0);
    struct folder folder = l.folder;
    assert_int_equal(l.file->pMethods->xClose(l.file), 0);
    free(l.file);
    FILE *file = fopen(folder.file, "r");
    assert_non_null(file);
    assert_int_equal(fread(text, 1, 16, file), 16);
    (void)fclose(file);
    assert_memory_equal(text, "HEadPAgemoremost", 16);
    remove_folder(&folder);
}

static void nothing_is_kept_where_a_batch_is_padded(void **state)
{
    struct log l;
    probe.is_unsafe = true;
    open_log(&l);
    probe.is_unsafe = false;
    write_log(&l, "head", 0, 0);
    write_log(&l, "page", 4, 0);
    assert_int_equal(probe.writes, 2);
    close_log(&l);
}

/* What is there can still be read: a rollback does. */
static void after_a_failure_there_is_only_reading(void **state)
{
    struct log l;
    char text[16] = "";
    open_log(&l);
    write_log(&l, "head", 0, 0);
    assert_int_equal(l.file->pMethods->xSync(l.file, SQLITE_SYNC_NORMAL), 0);
    probe.fail_at = 2;
    write_log(&l, "page", 4, 0);
    write_log(&l, "else", 20, SQLITE_FULL);
    write_log(&l, "page", 4, SQLITE_FULL);
    assert_int_equal(l.file->pMethods->xSync(l.file, SQLITE_SYNC_NORMAL), SQLITE_FULL);
    assert_int_equal(l.file->pMethods->xRead(l.file, text, 4, 0), 0);
    assert_string_equal(text, "head");
    assert_int_equal(l.file->pMethods->xRead(l.file, text, 4, 4), SQLITE_IOERR_SHORT_READ);
    close_log(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_batch_is_one_write_and_one_sync), cmocka_unit_test(a_large_batch_is_whole),
        cmocka_unit_test(what_was_rolled_back_is_not_there), cmocka_unit_test(what_was_rolled_back_is_never_written),
        cmocka_unit_test(the_log_begins_anew),
        cmocka_unit_test(after_a_write_that_failed_nothing_is_written), cmocka_unit_test(who_looks_sees_what_was_written),
        cmocka_unit_test(nothing_is_kept_where_a_batch_is_padded), cmocka_unit_test(after_a_failure_there_is_only_reading),
    };
    return cmocka_run_group_tests_name("store/wal", tests, set_up, NULL);
}
