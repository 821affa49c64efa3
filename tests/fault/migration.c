/* Faults while an older database is brought up to date: from each version that there was, with rows in all its tables, the machine
 * dies at the N-th sync, the N-th write, system call or allocation fails, until a pass without a fault. Whatever happens: what was
 * there before is there, in the old schema or in the new one and never between them; the error is told; and the next open finishes
 * the migration and works [I3]. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "faults.h"
#include "faulty_vfs.h"
#include "logbook.h"
#include "store/schema.h"

#define APPLICATION_ID "PRAGMA application_id = 0x53504F52"

static char folder[128], crash_folder[128], base_folder[128], path[160], crash_path[160], base_path[160];

/* --- as an older release left it --------------------------------------------------------------------------------- */

static const char numbers[] =
    "CREATE TEMP TABLE n AS WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 100)"
    " SELECT i FROM c";

/* rows[v]: into the tables of version v, with i from 1 to 100 in the table n. Who adds a step adds what the version before it can
 * have. */
static const char *const rows[] = {
    [0] = "",
    [1] =
        "INSERT INTO meta VALUES ('settings', x'7b7d');"
        "INSERT INTO namespaces VALUES (1, 'default', x'aa', 5);"
        "INSERT INTO principals VALUES (1, 'ops', 'owner', zeroblob(32), 5, 0, 0);"
        "INSERT INTO definitions VALUES (zeroblob(32), x'dd');"
        "INSERT INTO workflows VALUES (1, 1, 'orders', '1.0.0', zeroblob(32), '{}', 5, 'ops', 1);"
        "INSERT INTO credentials VALUES ('default', 'crm', 1, 1, '{}', x'cc', 5, 'ops');"
        "INSERT INTO credentials VALUES ('default', 'old', 2, 1, '{}', NULL, 6, 'ops');"
        "INSERT INTO runs SELECT i, 1, 1 + i % 6, 1, 5, iif(i % 6 > 2, 6, NULL), iif(i % 6 = 2, 7, NULL), 'ops', NULL, NULL, i, i,"
        " iif(i % 2, randomblob(32), NULL), NULL, randomblob(200), randomblob(i), NULL, x'ee' FROM n WHERE i <= 60;"
        "INSERT INTO journal SELECT i, 0, 1, 1, 5, randomblob(100) FROM n WHERE i <= 60;"
        "INSERT INTO events SELECT i, iif(i % 3, i, NULL), 5, randomblob(50) FROM n WHERE i <= 60;"
        "INSERT INTO deliveries SELECT i, randomblob(16), 5 FROM n;"
        "INSERT INTO leaves SELECT i - 1, '{}' FROM n WHERE i <= 5;"
        "INSERT INTO tiles VALUES (9, 9, x'0102');"
        "INSERT INTO checkpoints VALUES (5, 'note', 5);",
};
#define ROWS ((int64_t)(sizeof rows / sizeof rows[0]))

/* A column that has another name since. */
static const struct {
    int64_t version; /* the last one in which it has the first name */
    const char *table, *before, *after;
} renamed[] = {
    {1, "deliveries", "hash", "hashes"},
};

static sqlite3 *open_plain(const char *file)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL), SQLITE_OK);
    return db;
}

static void execute(sqlite3 *db, const char *sql)
{
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %.200s", sqlite3_errmsg(db), sql);
}

static sqlite3_int64 number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    sqlite3_int64 n = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return n;
}

static void copy_file(const char *from, const char *to)
{
    char bytes[16384];
    int in = open(from, O_RDONLY | O_CLOEXEC);
    if (in < 0)
        return;
    int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (ssize_t n; (n = read(in, bytes, sizeof bytes)) > 0;)
        assert_int_equal(write(out, bytes, (size_t)n), n);
    close(in);
    close(out);
}

static void each_file(const char *from, const char *to)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char a[200], b[200];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(a, sizeof a, "%s%s", from ? from : "", suffixes[i]);
        (void)snprintf(b, sizeof b, "%s%s", to, suffixes[i]);
        (void)unlink(b);
        if (from && strcmp(suffixes[i], "-shm") != 0)
            copy_file(a, b);
    }
}

/* With `is_killed` its last rows are in the write-ahead log alone. */
static void make_base(int64_t version, bool is_killed)
{
    char mark[64];
    each_file(NULL, base_path);
    if (version == 0)
        return;
    each_file(NULL, crash_path);
    sqlite3 *db = open_plain(crash_path);
    execute(db, "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; " APPLICATION_ID);
    for (int64_t v = 0; v < version; v++)
        execute(db, schema_step(v));
    (void)snprintf(mark, sizeof mark, "PRAGMA user_version = %d; PRAGMA wal_checkpoint(TRUNCATE)", (int)version);
    execute(db, mark);
    execute(db, numbers);
    execute(db, rows[version]);
    if (!is_killed)
        execute(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    each_file(crash_path, base_path);
    sqlite3_close(db);
}

/* --- what was there ---------------------------------------------------------------------------------------------- */

static const char *name_now(int64_t version, sqlite3_int64 now, const char *table, const char *column)
{
    for (size_t i = 0; i < sizeof renamed / sizeof renamed[0]; i++)
        if (version <= renamed[i].version && now > renamed[i].version && strcmp(table, renamed[i].table) == 0 &&
            strcmp(column, renamed[i].before) == 0)
            return renamed[i].after;
    return column;
}

/* One text for each row of a table: all columns that it had. */
static void put_query(sqlite3 *model, int64_t version, sqlite3_int64 now, const char *table, struct buffer *ret)
{
    sqlite3_stmt *q = NULL;
    char sql[128];
    (void)snprintf(sql, sizeof sql, "PRAGMA table_info(%s)", table);
    assert_int_equal(sqlite3_prepare_v2(model, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(buffer_append_text(ret, "SELECT ''"), 0);
    while (sqlite3_step(q) == SQLITE_ROW)
        assert_int_equal(
            buffer_printf(ret, " || quote(%s) || ','", name_now(version, now, table, (const char *)sqlite3_column_text(q, 1))), 0);
    assert_int_equal(buffer_printf(ret, " FROM %s ORDER BY 1", table), 0);
    sqlite3_finalize(q);
}

static void fold_rows(sqlite3 *db, const char *sql, uint8_t hash[CRYPTO_HASH_LEN])
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sqlite3_errmsg(db), sql);
    int rc;
    while ((rc = sqlite3_step(q)) == SQLITE_ROW) {
        const struct slice parts[] = {slice_of(hash, CRYPTO_HASH_LEN), slice_text((const char *)sqlite3_column_text(q, 0))};
        crypto_sha256_parts(parts, 2, hash);
    }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(q);
}

/* The digest of all that a database of `version` had, by the names that it has in this file now. */
static void digest(sqlite3 *db, int64_t version, uint8_t ret[CRYPTO_HASH_LEN])
{
    sqlite3 *model = open_plain(":memory:");
    sqlite3_stmt *q = NULL;
    sqlite3_int64 now = number(db, "PRAGMA user_version");
    for (int64_t v = 0; v < version; v++)
        execute(model, schema_step(v));
    memset(ret, 0, CRYPTO_HASH_LEN);
    assert_int_equal(sqlite3_prepare_v2(model, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY 1", -1, &q, NULL),
                     SQLITE_OK);
    while (sqlite3_step(q) == SQLITE_ROW) {
        _cleanup_buffer_ struct buffer sql = BUFFER_MAX(4096);
        put_query(model, version, now, (const char *)sqlite3_column_text(q, 0), &sql);
        fold_rows(db, buffer_text(&sql), ret);
    }
    sqlite3_finalize(q);
    sqlite3_close(model);
}

static uint8_t wanted[CRYPTO_HASH_LEN];

/* In the old schema or in the new one, whole; gives the version. */
static sqlite3_int64 assert_whole(const char *file, int64_t version, unsigned n)
{
    uint8_t found[CRYPTO_HASH_LEN];
    sqlite3 *db = open_plain(file);
    sqlite3_int64 now = number(db, "PRAGMA user_version");
    if (now < version || now > schema_version())
        fail_msg("after fault %u: version %lld", n, now);
    if (version > 0) {
        digest(db, version, found);
        if (memcmp(found, wanted, sizeof found) != 0)
            fail_msg("after fault %u: in version %lld, of what version %lld had something is missing or another", n, now,
                     (long long)version);
    }
    sqlite3_close(db);
    return now;
}

/* --- a migration ------------------------------------------------------------------------------------------------- */

static struct diag told;

static int open_once(void)
{
    struct store *store = NULL;
    told = (struct diag){};
    int r = store_open(path, &store, &told);
    if (r == 0)
        store_close(store);
    return r;
}

/* The next open, without faults: all is there, in the new schema, and it works. */
static void assert_finished(const char *file, int64_t version, unsigned n)
{
    struct store *store = NULL;
    struct diag diag = {};
    (void)assert_whole(file, version, n);
    if (store_open(file, &store, &diag) < 0)
        fail_msg("after fault %u: %s", n, diag.text);
    store_close(store);
    if (assert_whole(file, version, n) != schema_version())
        fail_msg("after fault %u: the migration has not ended", n);
    if (store_open(file, &store, &diag) < 0)
        fail_msg("after fault %u: opened once more: %s", n, diag.text);
    if (version == 0)
        assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 100000, 3), 0);
    store_close(store);
}

static void reset(void)
{
    faulty_disk_forget();
    faulty_disk = (struct faulty_disk){.folder = folder, .crash_folder = crash_folder};
    each_file(base_path, path);
    each_file(base_path, crash_path);
}

/* What was said of a failure is for a person: the file, and why. */
static void assert_told(int r, unsigned n)
{
    if (r < 0 && (!strstr(told.text, path) || strstr(told.text, "not an error")))
        fail_msg("fault %u is told as \"%s\"", n, told.text);
}

static void on_kill(void)
{
}

static void the_machine_dies(int64_t version)
{
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++) {
        unsigned n = 1;
        for (;; n++) {
            reset();
            faulty_disk.loss = loss;
            faulty_disk.seed = n;
            faulty_disk.kill_at = n;
            faulty_disk.on_kill = on_kill;
            assert_int_equal(open_once(), 0);
            if (faulty_disk.syncs < n)
                break;
            faulty_disk.kill_at = 0;
            assert_finished(crash_path, version, n);
        }
        assert_true(n > 2);
    }
}

static void the_disk_fails(int64_t version, int error, bool fails_on)
{
    unsigned n = 1;
    for (;; n += n < 30 ? 1 : 1 + n / 15) {
        reset();
        faulty_disk.fail_at = n;
        faulty_disk.fails_on = fails_on;
        faulty_disk.error = error;
        int r = open_once();
        unsigned operations = faulty_disk.operations;
        faulty_disk.fail_at = 0;
        assert_told(r, n);
        assert_finished(path, version, n);
        if (operations < n)
            break;
    }
    assert_true(n > 5);
}

static void a_system_call_fails(int64_t version, int error)
{
    unsigned n = 1;
    for (;; n += n < 50 ? 1 : 1 + n / 15) {
        reset();
        faulty_disk.call_at = n;
        faulty_disk.call_errno = error;
        int r = open_once();
        unsigned calls = faulty_disk.calls;
        faulty_disk.call_at = 0;
        assert_told(r, n);
        assert_finished(path, version, n);
        if (calls < n)
            break;
    }
    assert_true(n > 20);
}

static void an_allocation_fails(int64_t version)
{
    struct fault_loop f = FAULT_LOOP("migration", .dense = 20);
    while (fault_next(&f)) {
        fault_pause();
        reset();
        fault_resume();
        fault_judge(&f, open_once());
        assert_finished(path, version, f.n);
    }
}

/* --- from each version ------------------------------------------------------------------------------------------- */

static void from_each(void (*loop)(int64_t version))
{
    for (int64_t version = 0; version < schema_version(); version++)
        for (int is_killed = 0; is_killed <= (version > 0); is_killed++) {
            reset();
            make_base(version, is_killed);
            reset();
            if (version > 0) {
                sqlite3 *db = open_plain(path);
                digest(db, version, wanted);
                sqlite3_close(db);
            }
            loop(version);
        }
}

static void all_failures(int64_t version)
{
    the_disk_fails(version, SQLITE_IOERR_WRITE, false);
    the_disk_fails(version, SQLITE_IOERR_WRITE, true);
    the_disk_fails(version, SQLITE_FULL, true);
}

static void all_calls(int64_t version)
{
    a_system_call_fails(version, EIO);
    a_system_call_fails(version, ENOSPC);
}

static void the_machine_dies_at_each_sync(void **state)
{
    from_each(the_machine_dies);
}

static void the_disk_fails_or_is_full(void **state)
{
    from_each(all_failures);
}

static void each_system_call_fails_once(void **state)
{
    from_each(all_calls);
}

static void each_allocation_fails_once(void **state)
{
    from_each(an_allocation_fails);
}

/* Each version that can be met has rows here, and each table of it has some. */
static void each_table_has_rows(void **state)
{
    assert_int_equal(ROWS, schema_version());
    for (int64_t version = 1; version < schema_version(); version++) {
        make_base(version, false);
        sqlite3 *db = open_plain(base_path);
        sqlite3_stmt *q = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema WHERE type = 'table'", -1, &q, NULL), SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW) {
            char sql[128];
            (void)snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", (const char *)sqlite3_column_text(q, 0));
            if (number(db, sql) == 0)
                fail_msg("version %lld: %s", (long long)version, sql);
        }
        sqlite3_finalize(q);
        sqlite3_close(db);
    }
}

static int set_up(void **state)
{
    logbook_folder(folder);
    logbook_folder(crash_folder);
    logbook_folder(base_folder);
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    (void)snprintf(crash_path, sizeof crash_path, "%s/a.db", crash_folder);
    (void)snprintf(base_path, sizeof base_path, "%s/a.db", base_folder);
    return 0;
}

static int tear_down(void **state)
{
    logbook_folder_remove(folder);
    logbook_folder_remove(crash_folder);
    logbook_folder_remove(base_folder);
    return 0;
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0 || !faults_init_sqlite() || faulty_vfs_register() != SQLITE_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_table_has_rows),        cmocka_unit_test(the_machine_dies_at_each_sync),
        cmocka_unit_test(the_disk_fails_or_is_full),  cmocka_unit_test(each_system_call_fails_once),
        cmocka_unit_test(each_allocation_fails_once),
    };
    return cmocka_run_group_tests_name("fault/migration", tests, set_up, tear_down);
}
