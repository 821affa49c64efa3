/* Somebody who can write to the database changes it with SQL; `verify` must see it and name the place [ABUSE: tamper]. The
 * attacker has no signing key, but knows the format: may recompute tiles, make valid leaves, drop checkpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "logbook.h"

#define RUNS 300 /* 600 leaves and some: three tiles */

static char folder[128], original[160], copy[160];

static void copy_file(void)
{
    char from_wal[200];
    (void)snprintf(from_wal, sizeof from_wal, "%s-wal", copy);
    (void)unlink(from_wal);
    (void)snprintf(from_wal, sizeof from_wal, "%s-shm", copy);
    (void)unlink(from_wal);
    FILE *in = fopen(original, "rb"), *out = fopen(copy, "wb");
    assert_true(in && out);
    char block[65536];
    for (size_t n; (n = fread(block, 1, sizeof block, in)) > 0;)
        assert_int_equal(fwrite(block, 1, n, out), n);
    fclose(in);
    fclose(out);
}

static void tamper_blob(const char *sql, const void *blob, size_t len)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    sqlite3_bind_blob(statement, 1, blob, (int)len, SQLITE_STATIC);
    if (sqlite3_step(statement) != SQLITE_DONE)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    if (sqlite3_changes(db) == 0)
        fail_msg("%s changed nothing", sql);
    sqlite3_finalize(statement);
    sqlite3_close(db);
}

static void tamper(const char *sql)
{
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(copy, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK || sqlite3_changes(db) == 0)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    sqlite3_close(db);
}

struct seen {
    bool by_kind[AUDIT_FINDING_COUNT];
    uint64_t first_leaf;
    char first_row[64];
    unsigned n;
};

static void see(void *user, const struct audit_finding *f)
{
    struct seen *seen = user;
    seen->by_kind[f->kind] = true;
    if (seen->n++ > 0)
        return;
    seen->first_leaf = f->leaf;
    (void)snprintf(seen->first_row, sizeof seen->first_row, "%s %s", f->table, f->row);
}

static struct seen verify_copy(struct slice trusted)
{
    struct seen seen = {};
    int r = logbook_verify(copy, trusted, see, &seen, NULL);
    if (r != -SP_ETAMPERED && r != 0)
        fail_msg("verification ended with %d", r);
    assert_int_equal(r == 0, seen.n == 0);
    return seen;
}

static void the_untouched_log_verifies(void **state)
{
    struct audit_report report;
    assert_int_equal(logbook_verify(original, (struct slice){}, NULL, NULL, &report), 0);
    assert_int_equal(report.size, 2 * RUNS + 6);
    assert_int_equal(report.signed_size, report.size);
    assert_int_equal(report.runs, RUNS);
    assert_int_equal(report.errors + report.warnings, 0);
}

static void each_change_is_found(void **state)
{
    static const struct {
        const char *sql;
        enum audit_finding_kind kind;
        const char *row; /* of the first finding; NULL: whatever */
    } cases[] = {
        {"UPDATE leaves SET body = replace(body, 'orders', 'ORDERS') WHERE idx = 300", AUDIT_CHECKPOINT_ROOT, NULL},
        {"UPDATE leaves SET body = replace(body, 'orders', 'ORDERS') WHERE idx = 300", AUDIT_TILE_WRONG, "tiles 0/1"},
        {"UPDATE leaves SET body = body || ' ' WHERE idx = 20", AUDIT_LEAF_MALFORMED, "leaves 20"},
        {"UPDATE leaves SET body = '{}' WHERE idx = 20", AUDIT_LEAF_MALFORMED, "leaves 20"},
        {"DELETE FROM leaves WHERE idx = 20", AUDIT_LEAF_MISSING, "leaves 20"},
        {"DELETE FROM leaves WHERE idx = 0", AUDIT_LEAF_MISSING, "leaves 0"},
        {"DELETE FROM leaves WHERE idx > 500", AUDIT_CHECKPOINT_BEYOND, NULL},
        {"DELETE FROM leaves", AUDIT_CHECKPOINT_BEYOND, NULL},
        {"UPDATE leaves SET idx = -1 WHERE idx = 30; UPDATE leaves SET idx = 30 WHERE idx = 31;"
         "UPDATE leaves SET idx = 31 WHERE idx = -1",
         AUDIT_CHECKPOINT_ROOT, NULL},
        {"INSERT INTO leaves VALUES (1000000, '{\"action\":\"login.ok\",\"outcome\":\"ok\",\"time\":5}')", AUDIT_LEAF_MISSING, NULL},
        {"UPDATE tiles SET hashes = zeroblob(8192) WHERE level = 0 AND idx = 1", AUDIT_TILE_WRONG, "tiles 0/1"},
        {"UPDATE tiles SET hashes = zeroblob(64) WHERE level = 1", AUDIT_TILE_WRONG, "tiles 1/0"},
        {"DELETE FROM tiles WHERE level = 0 AND idx = 0", AUDIT_TILE_MISSING, "tiles 0/0"},
        {"UPDATE tiles SET hashes = CAST(hashes || hashes AS BLOB) WHERE level = 1", AUDIT_TILE_EXTRA, "tiles 1/0"},
        {"INSERT INTO tiles VALUES (0, 2, zeroblob(8192))", AUDIT_TILE_EXTRA, "tiles 0/2"},
        {"INSERT INTO tiles VALUES (9, 0, zeroblob(32))", AUDIT_TILE_EXTRA, "tiles 9/0"},
        {"UPDATE checkpoints SET note = replace(note, 'sallyport', 'Sallyport')", AUDIT_CHECKPOINT_INVALID, NULL},
        {"UPDATE checkpoints SET size = size - 1", AUDIT_CHECKPOINT_INVALID, NULL},
        {"DELETE FROM checkpoints", AUDIT_CHECKPOINT_NONE, NULL},
        {"UPDATE runs SET state = 5 WHERE rowid = (SELECT id FROM runs LIMIT 1 OFFSET 7)", AUDIT_STATE_RUN, NULL},
        {"UPDATE runs SET state = 2 WHERE rowid = (SELECT id FROM runs LIMIT 1 OFFSET 7)", AUDIT_STATE_RUN, NULL},
        {"UPDATE runs SET id = 77 WHERE rowid = (SELECT id FROM runs LIMIT 1)", AUDIT_STATE_RUN, "runs r000000000002d"},
        {"DELETE FROM runs WHERE rowid = (SELECT id FROM runs LIMIT 1)", AUDIT_STATE_RUN, NULL},
        {"UPDATE credentials SET wrapped = x'00' WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, "credentials default/crm"},
        {"UPDATE credentials SET policy = '{\"origins\":[\"*\"]}' WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, NULL},
        {"UPDATE credentials SET version = 2 WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, NULL},
        {"UPDATE credentials SET name = 'new' WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, NULL},
        {"UPDATE credentials SET wrapped = NULL WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, NULL},
        {"UPDATE credentials SET wrapped = CAST('wrapped value' AS BLOB) WHERE name = 'old'", AUDIT_STATE_CREDENTIAL,
         "credentials default/old"},
        {"DELETE FROM credentials WHERE name = 'crm'", AUDIT_STATE_CREDENTIAL, NULL},
        {"UPDATE principals SET role = 'owner'", AUDIT_STATE_PRINCIPAL, "principals ops"},
        {"UPDATE principals SET token_hash = zeroblob(32)", AUDIT_STATE_PRINCIPAL, "principals ops"},
        {"INSERT INTO principals VALUES (9, 'evil', 'admin', zeroblob(32), 0, 0, 0)", AUDIT_STATE_PRINCIPAL, "principals evil"},
        {"UPDATE definitions SET text = x'00'", AUDIT_STATE_DEFINITION, NULL},
        {"UPDATE workflows SET version = '2.0.0'", AUDIT_STATE_WORKFLOW, "workflows default/orders@2.0.0"},
        {"UPDATE namespaces SET name = 'other'", AUDIT_STATE_WORKFLOW, NULL},
        {"INSERT INTO workflows SELECT 2, 1, 'evil', version, digest, '{}', 0, 'x', 2 FROM workflows", AUDIT_STATE_WORKFLOW,
         "workflows default/evil@1.0.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        copy_file();
        tamper(cases[i].sql);
        struct seen seen = verify_copy((struct slice){});
        if (!seen.by_kind[cases[i].kind])
            fail_msg("not found: %s (first: %s)", cases[i].sql, seen.n ? seen.first_row : "nothing");
        if (cases[i].row && strcmp(seen.first_row, cases[i].row) != 0)
            fail_msg("%s: found at %s instead of %s", cases[i].sql, seen.first_row, cases[i].row);
    }
}

/* Every bit of every byte of one leaf, one tile and the checkpoint. */
static void flip_all(const char *select, const char *update, size_t step)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    uint8_t bytes[8192];
    assert_int_equal(sqlite3_open(original, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, select, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    size_t len = (size_t)sqlite3_column_bytes(statement, 0);
    assert_in_range(len, 1, sizeof bytes);
    memcpy(bytes, sqlite3_column_blob(statement, 0), len);
    sqlite3_finalize(statement);
    sqlite3_close(db);
    copy_file();
    for (size_t i = 0; i < len; i += step) {
        bytes[i] ^= (uint8_t)(1u << i % 8);
        tamper_blob(update, bytes, len);
        struct seen seen = verify_copy((struct slice){});
        if (seen.n == 0)
            fail_msg("byte %zu of %s", i, select);
        bytes[i] ^= (uint8_t)(1u << i % 8);
    }
}

static void flipped_bytes_are_found(void **state)
{
    flip_all("SELECT body FROM leaves WHERE idx = 604", "UPDATE leaves SET body = CAST(? AS TEXT) WHERE idx = 604", 1);
    flip_all("SELECT note FROM checkpoints", "UPDATE checkpoints SET note = CAST(? AS TEXT)", 1);
    flip_all("SELECT hashes FROM tiles WHERE level = 0 AND idx = 1", "UPDATE tiles SET hashes = ? WHERE level = 0 AND idx = 1", 131);
    flip_all("SELECT wrapped FROM credentials WHERE name = 'crm'", "UPDATE credentials SET wrapped = ? WHERE name = 'crm'", 1);
    flip_all("SELECT token_hash FROM principals", "UPDATE principals SET token_hash = ?", 1);
    flip_all("SELECT text FROM definitions", "UPDATE definitions SET text = ?", 1);
}

/* The whole database of yesterday is consistent in itself: only a checkpoint that was kept elsewhere tells. */
static void rollback_needs_a_trusted_checkpoint(void **state)
{
    _cleanup_buffer_ struct buffer old = BUFFER_MAX(LIMIT_TEXT), trusted = BUFFER_MAX(LIMIT_TEXT);
    struct store *store = NULL;
    copy_file();
    assert_int_equal(store_open(original, &store, NULL), 0);
    assert_int_equal(logbook_checkpoint(store, &old), 0);
    assert_int_equal(logbook_runs(store, RUNS, 10), 0);
    assert_int_equal(logbook_sign(store), 0);
    assert_int_equal(logbook_checkpoint(store, &trusted), 0);
    store_close(store);
    assert_int_equal(logbook_verify(original, buffer_slice(&old), NULL, NULL, NULL), 0);
    assert_int_equal(logbook_verify(original, buffer_slice(&trusted), NULL, NULL, NULL), 0);
    assert_int_equal(verify_copy(buffer_slice(&old)).n, 0);
    struct seen seen = verify_copy(buffer_slice(&trusted));
    assert_true(seen.by_kind[AUDIT_TRUSTED_BEYOND]);
}

/* An attacker who writes a whole new log can sign nothing. */
static void another_history_is_found(void **state)
{
    _cleanup_buffer_ struct buffer trusted = BUFFER_MAX(LIMIT_TEXT);
    struct store *store = NULL;
    assert_int_equal(store_open(original, &store, NULL), 0);
    assert_int_equal(logbook_checkpoint(store, &trusted), 0);
    store_close(store);
    (void)unlink(copy);
    assert_int_equal(store_open(copy, &store, NULL), 0);
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 5, RUNS + 100), 0);
    store_close(store);
    struct seen seen = verify_copy(buffer_slice(&trusted));
    assert_true(seen.by_kind[AUDIT_TRUSTED_ROOT]);
    assert_true(seen.by_kind[AUDIT_CHECKPOINT_NONE]);
}

static void retention_is_no_tampering(void **state)
{
    struct store *store = NULL;
    uint32_t n = 0;
    (void)unlink(copy);
    assert_int_equal(store_open(copy, &store, NULL), 0);
    assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 0, 100), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_retention_apply(store, 1, 0, 1764000000040, 1000, &n), 0);
    assert_int_equal(n, 40);
    assert_int_equal(store_leaf_append(store, &(struct audit_event){.action = AUDIT_RETENTION_APPLIED, .time_ms = 1764000000200,
                                       .ns = SLICE_LITERAL("default"), .workflow = SLICE_LITERAL("orders"),
                                       .before_ms = 1764000000040}, NULL), 0);
    /* What it did to another workflow allows nothing of this one. */
    assert_int_equal(store_leaf_append(store, &(struct audit_event){.action = AUDIT_RETENTION_APPLIED, .time_ms = 1764000000201,
                                       .ns = SLICE_LITERAL("default"), .workflow = SLICE_LITERAL("others"),
                                       .before_ms = 1764000000060}, NULL), 0);
    assert_int_equal(store_commit(store, NULL), 0);
    assert_int_equal(logbook_sign(store), 0);
    store_close(store);
    assert_int_equal(verify_copy((struct slice){}).n, 0);
    tamper("DELETE FROM runs WHERE ended_ms = 1764000000041");
    assert_true(verify_copy((struct slice){}).by_kind[AUDIT_STATE_RUN]);
}

static int set_up(void **state)
{
    logbook_folder(folder);
    (void)snprintf(original, sizeof original, "%s/a.db", folder);
    (void)snprintf(copy, sizeof copy, "%s/b.db", folder);
    assert_int_equal(crypto_init(), 0);
    return logbook_make(original, RUNS, 0);
}

static int tear_down(void **state)
{
    logbook_folder_remove(folder);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_untouched_log_verifies), cmocka_unit_test(each_change_is_found),
        cmocka_unit_test(flipped_bytes_are_found),    cmocka_unit_test(rollback_needs_a_trusted_checkpoint),
        cmocka_unit_test(another_history_is_found),   cmocka_unit_test(retention_is_no_tampering),
    };
    return cmocka_run_group_tests_name("tamper/store_log", tests, set_up, tear_down);
}
