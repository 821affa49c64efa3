/* Each column of each row that leaves vouch for, each byte of it with several masks, and the schema: `verify`
 * finds every change and names the table and row [ABUSE: tamper]. What is not vouched for is listed with its
 * reason, and is nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "logbook.h"

static char folder[128], original[160], copy[160], run_row[32], open_row[32];
static struct buffer bytes = BUFFER_MAX(8 << 20); /* of the original */

static void read_file(const char *path, struct buffer *ret)
{
    FILE *f = fopen(path, "rb");
    uint8_t block[65536];
    assert_non_null(f);
    for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
        assert_int_equal(buffer_append(ret, block, n), 0);
    fclose(f);
}

static void write_file(const char *path, const struct buffer *content, size_t len)
{
    FILE *f = fopen(path, "wb");
    assert_true(f && fwrite(content->p, 1, len, f) == len);
    fclose(f);
}

static void restore(void)
{
    char wal[200];
    static const char *const suffixes[] = {"-wal", "-shm"};
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(wal, sizeof wal, "%s%s", copy, suffixes[i]);
        (void)unlink(wal);
    }
    write_file(copy, &bytes, bytes.len);
}

struct found {
    const char *place; /* "table row", the beginning of it */
    bool at_place;
    unsigned n;
    char first[160];
};

static void see(void *user, const struct audit_finding *f)
{
    struct found *found = user;
    char place[160];
    (void)snprintf(place, sizeof place, "%s %s", f->table, f->row);
    found->at_place = found->at_place || strncmp(place, found->place, strlen(found->place)) == 0;
    if (found->n++ == 0)
        memcpy(found->first, place, sizeof place);
}

static sqlite3 *open_copy(void)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA ignore_check_constraints = ON", NULL, NULL, NULL), SQLITE_OK);
    return db;
}

/* --- columns ------------------------------------------------------------------------------------------ */

static const struct row {
    const char *table, *where, *place, *excused; /* columns that no leaf vouches for, each between spaces */
} rows[] = {
    {"runs", "state = 4", run_row, NULL},
    /* An open run: what changes until its end is vouched for at its end. */
    {"runs", "state = 3", open_row, " state due_ms last_leaf output error context ended_ms trace "},
    {"journal", "seq = 0", run_row, NULL},
    {"events", "id = 1", run_row, NULL},
    {"namespaces", "id = 1", "namespaces ", NULL},
    {"principals", "id = 1", "principals ", NULL},
    {"workflows", "id = 1", "workflows ", NULL},
    {"definitions", "1", "definitions ", NULL},
    {"credentials", "name = 'crm'", "credentials ", NULL},
    {"credentials", "name = 'old'", "credentials ", NULL},
    {"leaves", "idx = 3", "", NULL},
    {"checkpoints", "1", "checkpoints ", " at_ms "}, /* when it was kept: it thins old ones out */
};

/* Sets one column, and verifies; a change that the file itself does not take is none. */
static void check_change(const struct row *row, const char *column, sqlite3_value *value, const char *what)
{
    char sql[256];
    sqlite3_stmt *update = NULL;
    sqlite3 *db = open_copy();
    (void)snprintf(sql, sizeof sql, "UPDATE %s SET %s = ? WHERE %s", row->table, column, row->where);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &update, NULL), SQLITE_OK);
    sqlite3_bind_value(update, 1, value);
    int rc = sqlite3_step(update);
    bool is_changed = rc == SQLITE_DONE && sqlite3_changes(db) == 1;
    if (rc != SQLITE_DONE && rc != SQLITE_CONSTRAINT)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_finalize(update);
    sqlite3_close(db);
    struct found found = {.place = row->place};
    int r = is_changed ? logbook_verify(copy, (struct slice){}, see, &found, NULL) : -SP_ETAMPERED;
    if (r != -SP_ETAMPERED)
        fail_msg("%s (%s): the verification ended with %d", sql, what, r);
    if (is_changed && !found.at_place && strcmp(column, "id") != 0 && strcmp(column, "run_id") != 0)
        fail_msg("%s (%s): found at %s, not at %s", sql, what, found.first, row->place);
    restore();
}

static void check_value(const struct row *row, const char *column, const char *expression)
{
    char sql[512];
    sqlite3_stmt *select = NULL;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(original, &db), SQLITE_OK);
    (void)snprintf(sql, sizeof sql, "SELECT %s FROM %s WHERE %s", expression, row->table, row->where);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &select, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(select), SQLITE_ROW);
    check_change(row, column, sqlite3_column_value(select, 0), expression);
    sqlite3_finalize(select);
    sqlite3_close(db);
}

/* Every byte of a text or blob: one bit of it, and of every fourth all. */
static void check_bytes(const struct row *row, const char *column, size_t len, bool is_text)
{
    char expression[256];
    for (size_t i = 0; i < len; i++)
        for (unsigned all = 0; all <= (i % 4 == 0); all++) {
            (void)snprintf(expression, sizeof expression, "tamper(%s, %zu, %u, %d)", column, i,
                           all ? 255u : 1u << i % 8, is_text);
            check_value(row, column, expression);
        }
}

static void tamper_function(sqlite3_context *context, int n, sqlite3_value **values)
{
    uint8_t buffer[65536];
    size_t len = (size_t)sqlite3_value_bytes(values[0]), at = (size_t)sqlite3_value_int(values[1]);
    assert_in_range(len, at + 1, sizeof buffer);
    memcpy(buffer, sqlite3_value_blob(values[0]), len);
    buffer[at] ^= (uint8_t)sqlite3_value_int(values[2]);
    if (sqlite3_value_int(values[3]))
        sqlite3_result_text(context, (char *)buffer, (int)len, SQLITE_TRANSIENT);
    else
        sqlite3_result_blob(context, buffer, (int)len, SQLITE_TRANSIENT);
    (void)n;
}

/* For each connection that is opened from here on. */
static int add_function(sqlite3 *db, char **error, const void *api)
{
    (void)error;
    (void)api;
    return sqlite3_create_function(db, "tamper", 4, SQLITE_UTF8, NULL, tamper_function, NULL, NULL);
}

static void check_column(const struct row *row, const char *column, const char *type, const char *kind,
                         size_t len)
{
    char expression[128];
    if (strcmp(kind, "integer") == 0) {
        static const char *const forms[] = {"%s + 1", "%s - 1", "%s + 65536", "-1 - %s"};
        for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
            _cleanup_buffer_ struct buffer b = BUFFER_MAX(128);
            const char *mark = strstr(forms[i], "%s");
            (void)buffer_printf(&b, "%.*s%s%s", (int)(mark - forms[i]), forms[i], column, mark + 2);
            check_value(row, column, buffer_text(&b));
        }
    } else if (strcmp(kind, "null") == 0) {
        check_value(row, column,
                    strcmp(type, "INTEGER") == 0 ? "5"
                    : strcmp(type, "TEXT") == 0  ? "'x'"
                                                 : "x'00'");
    } else {
        check_bytes(row, column, len, strcmp(kind, "text") == 0);
        (void)snprintf(expression, sizeof expression, "CAST(substr(CAST(%s AS BLOB), 1, %zu) AS %s)", column,
                       len - 1, strcmp(kind, "text") == 0 ? "TEXT" : "BLOB");
        check_value(row, column, expression);
        check_value(row, column, strcmp(kind, "text") == 0 ? "''" : "x''");
    }
}

static void every_column_is_vouched_for(void **state)
{
    sqlite3 *db = NULL;
    unsigned n_columns = 0;
    assert_int_equal(sqlite3_open(original, &db), SQLITE_OK);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char sql[512], mark[80];
        sqlite3_stmt *columns = NULL;
        (void)snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", rows[i].table);
        assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &columns, NULL), SQLITE_OK);
        while (sqlite3_step(columns) == SQLITE_ROW) {
            const char *column = (const char *)sqlite3_column_text(columns, 0);
            sqlite3_stmt *kind = NULL;
            (void)snprintf(mark, sizeof mark, " %s ", column);
            if (rows[i].excused && strstr(rows[i].excused, mark))
                continue;
            (void)snprintf(sql, sizeof sql, "SELECT typeof(%s), length(CAST(%s AS BLOB)) FROM %s WHERE %s",
                           column, column, rows[i].table, rows[i].where);
            assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &kind, NULL), SQLITE_OK);
            assert_int_equal(sqlite3_step(kind), SQLITE_ROW);
            check_column(&rows[i], column, (const char *)sqlite3_column_text(columns, 1),
                         (const char *)sqlite3_column_text(kind, 0), (size_t)sqlite3_column_int64(kind, 1));
            sqlite3_finalize(kind);
            n_columns++;
        }
        sqlite3_finalize(columns);
    }
    sqlite3_close(db);
    assert_true(n_columns > 60);
}

/* --- rows and schema ---------------------------------------------------------------------------------- */

static void exec(const char *sql)
{
    sqlite3 *db = open_copy();
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void rows_that_go_or_come_are_found(void **state)
{
    static const struct {
        const char *sql, *place;
    } cases[] = {
        {"DELETE FROM journal WHERE seq = 1", run_row},
        {"DELETE FROM events", run_row},
        {"UPDATE journal SET seq = 1 - seq + 2; UPDATE journal SET seq = seq - 2", run_row},
        {"INSERT INTO journal SELECT run_id, 7, kind, effect, at_ms, data FROM journal WHERE seq = 1",
         run_row},
        {"INSERT INTO events SELECT 9, run_id, at_ms, data FROM events", run_row},
        {"UPDATE runs SET input = (SELECT output FROM runs WHERE state = 4) WHERE state = 3", open_row},
        {"UPDATE runs SET input = output, output = input WHERE state = 4", run_row},
        {"DELETE FROM runs WHERE state = 3", open_row},
        {"DELETE FROM namespaces", "namespaces "},
        {"DELETE FROM definitions", "definitions "},
        {"DELETE FROM workflows", "workflows "},
        {"DELETE FROM principals", "principals "},
        {"INSERT INTO namespaces VALUES (2, 'other', x'00', 1)", "namespaces other"},
        {"INSERT INTO definitions VALUES (zeroblob(32), x'00')", "definitions 0000"},
        {"UPDATE credentials SET wrapped = (SELECT wrapped FROM credentials WHERE name = 'crm') WHERE name = "
         "'old'",
         "credentials default/old"},
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM "
         "sqlite_schema WHERE name ="
         " 'sqlite_autoindex_namespaces_1') WHERE name = 'sqlite_autoindex_principals_2'",
         "sqlite_schema "},
        {"INSERT INTO leaves VALUES (9223372036854775807, 'x')", "leaves "},
        {"INSERT INTO leaves VALUES (-5, 'x')", "sqlite_schema "},
        /* A row that neither "open" nor "ended" says anything of. */
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'state INTEGER NOT NULL', 'state INTEGER');"
         "PRAGMA writable_schema = RESET; INSERT INTO runs SELECT 77, workflow_id, NULL, trigger, 5, 6, NULL, 'evil', NULL, NULL, 1,"
         " 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM runs WHERE state = 4;"
         "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'state INTEGER', 'state INTEGER NOT NULL')",
         "runs r000000000002d"},
        /* An event that its index does not have. */
        {"PRAGMA writable_schema = ON; CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema WHERE name = 'events_by_run';"
         "DELETE FROM sqlite_schema WHERE name = 'events_by_run'; PRAGMA writable_schema = RESET;"
         "INSERT INTO events SELECT 99, run_id, at_ms, data FROM events WHERE id = 1;"
         "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema SELECT * FROM kept",
         "sqlite_schema "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        exec(cases[i].sql);
        struct found found = {.place = cases[i].place};
        int r = logbook_verify(copy, (struct slice){}, see, &found, NULL);
        if (r != -SP_ETAMPERED || !found.at_place)
            fail_msg("%s: %d, found at %s", cases[i].sql, r, found.n ? found.first : "no place");
        restore();
    }
}

/* --- what only an editor of the pages can do ------------------------------------------------------------ */

/* Replaces one number, in the only place where it stands as such bytes. */
static void patch(const uint8_t *from, const uint8_t *to, size_t len)
{
    _cleanup_buffer_ struct buffer file = BUFFER_MAX(8 << 20);
    read_file(copy, &file);
    uint8_t *at = memmem(file.p, file.len, from, len);
    assert_non_null(at);
    memcpy(at, to, len);
    assert_null(memmem(file.p, file.len, from, len));
    write_file(copy, &file, file.len);
}

/* As SQLite writes a row's number before the row: seven bits to a byte, eight in the ninth. */
static void varint(uint64_t n, uint8_t ret[9])
{
    assert_true(n >> 56);
    ret[8] = (uint8_t)n;
    n >>= 8;
    for (unsigned i = 8; i-- > 0; n >>= 7)
        ret[i] = (uint8_t)(0x80 | (n & 0x7F));
}

static void big_endian(uint64_t n, uint8_t ret[8])
{
    for (unsigned i = 0; i < 8; i++)
        ret[i] = (uint8_t)(n >> (56 - 8 * i));
}

static void check_found(const char *what, const char *place)
{
    struct found found = {.place = place};
    int r = logbook_verify(copy, (struct slice){}, see, &found, NULL);
    if (r != -SP_ETAMPERED || !found.at_place)
        fail_msg("%s: %d, found at %s", what, r, found.n ? found.first : "no place");
    restore();
}

/* A second row for an open run, of which the leaf vouches for no more than it does of the first. */
static void a_run_that_stands_twice_is_found(void **state)
{
    uint8_t from[9], to[9];
    exec("CREATE TEMP TABLE twin AS SELECT * FROM runs WHERE state = 3; UPDATE twin SET id = id + 1, state = 1, due_ms = NULL;"
         "INSERT INTO runs SELECT * FROM twin");
    varint(logbook_run(1).n + 1, from);
    varint(logbook_run(1).n, to);
    patch(from, to, sizeof from);
    check_found("a twin", open_row);
}

/* Rows 0 1 +3 -5 0 +11 +13 of a run and its neighbours: who searches for the run meets -5 in the middle, and finds the second 0
 * alone; who walks finds 0 and 1, and passes the other when it is no longer about this run. */
static void a_journal_out_of_order_is_found(void **state)
{
    const uint64_t run = logbook_run(0).n;
    uint8_t from[8], to[8];
    for (unsigned i = 0; i < 5; i++) {
        static const int others[] = {3, 5, 9, 11, 13};
        char sql[160];
        (void)snprintf(sql, sizeof sql, "INSERT INTO journal SELECT %llu, 0, kind, effect, at_ms, data FROM journal WHERE seq = 1",
                       (unsigned long long)run + (unsigned)others[i]);
        exec(sql);
    }
    big_endian(run + 5, from);
    big_endian(run - 5, to);
    patch(from, to, sizeof from);
    big_endian(run + 9, from);
    big_endian(run, to);
    patch(from, to, sizeof from);
    check_found("a journal out of order", "sqlite_schema ");
}

static void an_altered_schema_is_refused(void **state)
{
    static const struct {
        const char *sql, *name;
    } cases[] = {
        {"CREATE TRIGGER t AFTER INSERT ON leaves BEGIN DELETE FROM leaves WHERE idx = new.idx; END",
         "trigger t"},
        {"CREATE VIEW v AS SELECT * FROM runs", "view v"},
        {"CREATE TABLE extra (a)", "table extra"},
        {"CREATE INDEX extra ON runs (actor)", "index extra"},
        {"ALTER TABLE principals ADD COLUMN extra TEXT", "table principals"},
        {"DROP INDEX runs_by_idempotency", "index "},
        {"ALTER TABLE deliveries RENAME TO forgotten", "table "},
        {"ALTER TABLE principals RENAME TO real; CREATE VIEW principals AS SELECT * FROM real", "real"},
        {"PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, 'UNIQUE', '') WHERE name "
         "= 'namespaces'",
         ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct store_reader *reader = NULL;
        struct store *store = NULL;
        struct diag diag = {};
        exec(cases[i].sql);
        int r = store_reader_open_file(copy, &reader, &diag);
        if (r >= 0 || !strstr(diag.text, cases[i].name))
            fail_msg("%s: %d, %s", cases[i].sql, r, diag.text);
        assert_true(store_open(copy, &store, &diag) < 0);
        restore();
    }
}

/* The file cut at each page, and within one: whatever is left does not verify. */
static void a_file_that_was_cut_is_found(void **state)
{
    for (size_t len = 0; len < bytes.len; len += 4096 / 2) {
        assert_int_equal(truncate(copy, (off_t)len), 0);
        struct found found = {.place = ""};
        if (logbook_verify(copy, (struct slice){}, see, &found, NULL) >= 0)
            fail_msg("cut at %zu of %zu", len, bytes.len);
        restore();
    }
}

/* SQLite takes a write-ahead log as far as its checksums are right, so a change in it, or its end, rolls back
 * what came after. That is an older genuine state: whoever kept a checkpoint sees it. */
static void an_altered_write_ahead_log_is_found(void **state)
{
    _cleanup_buffer_ struct buffer trusted = BUFFER_MAX(LIMIT_TEXT), wal = BUFFER_MAX(8 << 20);
    char original_wal[200], copy_wal[200];
    struct store *store = NULL;
    (void)snprintf(original_wal, sizeof original_wal, "%s-wal", original);
    (void)snprintf(copy_wal, sizeof copy_wal, "%s-wal", copy);
    assert_int_equal(store_open(original, &store, NULL), 0);
    assert_int_equal(logbook_runs(store, 10, 2), 0);
    assert_int_equal(logbook_checkpoint(store, &trusted), 0);
    read_file(original_wal, &wal);
    store_close(store);
    restore();
    write_file(copy_wal, &wal, wal.len);
    assert_int_equal(logbook_verify(copy, buffer_slice(&trusted), NULL, NULL, NULL), 0);
    for (size_t i = 0; i < wal.len; i += 61) {
        struct found found = {.place = "leaves"};
        restore();
        wal.p[i] ^= (uint8_t)(1u << i % 8);
        write_file(copy_wal, &wal, i % 2 ? wal.len : i + 1);
        if (logbook_verify(copy, buffer_slice(&trusted), see, &found, NULL) != -SP_ETAMPERED ||
            !found.at_place)
            fail_msg("byte %zu of %zu: found at %s", i, wal.len, found.n ? found.first : "no place");
        wal.p[i] ^= (uint8_t)(1u << i % 8);
    }
    restore();
}

/* A file as it was signed, and beside it a journal that the next writer would roll back into it: to another token. */
static void a_journal_to_be_rolled_back_is_no_pass(void **state)
{
    _cleanup_buffer_ struct buffer journal = BUFFER_MAX(8 << 20);
    char path[200];
    (void)snprintf(path, sizeof path, "%s-journal", copy);
    sqlite3 *db = open_copy();
    assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF;"
                                      "CREATE TEMP TABLE kept AS SELECT token_hash FROM principals;"
                                      "UPDATE principals SET token_hash = zeroblob(32);"
                                      "BEGIN IMMEDIATE; UPDATE principals SET token_hash = (SELECT token_hash FROM kept)",
                                  NULL, NULL, NULL), SQLITE_OK);
    read_file(path, &journal);
    assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(logbook_verify(copy, (struct slice){}, NULL, NULL, NULL), 0);
    write_file(path, &journal, journal.len);
    assert_true(logbook_verify(copy, (struct slice){}, NULL, NULL, NULL) < 0);
    (void)unlink(path);
    restore();
}

static int set_up(void **state)
{
    logbook_folder(folder);
    (void)snprintf(original, sizeof original, "%s/a.db", folder);
    (void)snprintf(copy, sizeof copy, "%s/b.db", folder);
    assert_int_equal(crypto_init(), 0);
    assert_int_equal(logbook_make(original, 1, 1), 0);
    memcpy(run_row, "runs ", 5);
    memcpy(open_row, "runs ", 5);
    run_id_text(logbook_run(0), run_row + 5);
    run_id_text(logbook_run(1), open_row + 5);
    read_file(original, &bytes);
    restore();
    assert_int_equal(sqlite3_auto_extension((void (*)(void))add_function), SQLITE_OK);
    return 0;
}

static int tear_down(void **state)
{
    sqlite3_reset_auto_extension();
    buffer_free(&bytes);
    logbook_folder_remove(folder);
    return 0;
}

static void the_untouched_log_verifies(void **state)
{
    assert_int_equal(logbook_verify(copy, (struct slice){}, NULL, NULL, NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_untouched_log_verifies),
        cmocka_unit_test(every_column_is_vouched_for),
        cmocka_unit_test(rows_that_go_or_come_are_found),
        cmocka_unit_test(a_run_that_stands_twice_is_found),
        cmocka_unit_test(a_journal_out_of_order_is_found),
        cmocka_unit_test(an_altered_schema_is_refused),
        cmocka_unit_test(a_file_that_was_cut_is_found),
        cmocka_unit_test(an_altered_write_ahead_log_is_found),
        cmocka_unit_test(a_journal_to_be_rolled_back_is_no_pass),
    };
    return cmocka_run_group_tests_name("tamper/columns", tests, set_up, tear_down);
}
