/* The copier of the write-ahead log: the log stays short under batch after batch, whoever reads keeps what he sees, and nothing is lost
 * when copying and writing go on at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "logbook.h"

static const struct store_log_limits small_log = {
    .copy_pages = 40, .end_pages = 80, .rest_pages = 50, .full_pages = 160, .wait_ms = 100};

struct book {
    char folder[128], path[160];
    struct store *store;
    struct store_copier *copier;
    unsigned copies, ends;
    uint64_t runs;
};

static void open_book(struct book *b)
{
    struct diag diag = {};
    *b = (struct book){};
    logbook_folder(b->folder);
    (void)snprintf(b->path, sizeof b->path, "%s/a.db", b->folder);
    assert_int_equal(store_open(b->path, &b->store, &diag), 0);
    assert_int_equal(store_copier_open(b->store, &small_log, &b->copier, &diag), 0);
    assert_int_equal(logbook_found(b->store), 0);
}

static void write_runs(struct book *b, unsigned batches)
{
    for (unsigned i = 0; i < batches; i++, b->runs += 4)
        assert_int_equal(logbook_runs(b->store, b->runs, 4), 0);
}

/* As the committer does it, on one thread. */
static void turn(struct book *b)
{
    enum store_log_need need = store_copier_need(b->copier);
    b->copies += need == STORE_LOG_COPY;
    b->ends += need == STORE_LOG_END;
    if (need == STORE_LOG_COPY)
        store_copier_copy(b->copier);
    else if (need == STORE_LOG_END)
        store_copier_end(b->copier);
}

static long log_pages(const struct book *b)
{
    char name[200];
    struct stat st;
    (void)snprintf(name, sizeof name, "%s-wal", b->path);
    assert_int_equal(stat(name, &st), 0);
    return (long)(st.st_size / (4096 + 24));
}

static void close_book(struct book *b)
{
    assert_int_equal(store_error(b->store), 0);
    assert_int_equal(logbook_sign(b->store), 0);
    store_copier_close(b->copier);
    store_close(b->store);
    struct audit_report report;
    assert_int_equal(logbook_verify(b->path, (struct slice){}, NULL, NULL, &report), 0);
    assert_int_equal(report.runs, b->runs);
    logbook_folder_remove(b->folder);
}

static void the_log_stays_short(void **state)
{
    struct book b;
    open_book(&b);
    for (unsigned i = 0; i < 200; i++) {
        write_runs(&b, 1);
        turn(&b);
    }
    assert_true(log_pages(&b) < 2 * (long)small_log.full_pages);
    assert_true(b.copies >= 10); /* each was complete, so that the log began anew by itself */
    close_book(&b);
}

static void nobody_copies_unasked(void **state)
{
    struct book b;
    open_book(&b);
    write_runs(&b, 600);
    assert_true(log_pages(&b) > 2000); /* where the store by itself would have begun anew */
    assert_true(store_copier_is_full(b.copier));
    turn(&b);
    assert_int_equal(b.ends, 1);
    long pages = log_pages(&b);
    write_runs(&b, 100);
    assert_int_equal(log_pages(&b), pages); /* it is written over from the beginning */
    close_book(&b);
}

static int64_t runs_seen(sqlite3 *db)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(db, "SELECT count(*) FROM runs", -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return n;
}

/* The log cannot begin anew while somebody reads what it had; that is tried now and then, not with each batch. */
static void a_reader_holds_the_log(void **state)
{
    struct book b;
    sqlite3 *reader = NULL;
    open_book(&b);
    write_runs(&b, 2);
    assert_int_equal(sqlite3_open_v2(b.path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN", NULL, NULL, NULL), SQLITE_OK);
    int64_t seen = runs_seen(reader);
    for (unsigned i = 0; i < 100; i++) {
        write_runs(&b, 1);
        turn(&b);
    }
    long held = log_pages(&b);
    assert_true(held > 2 * (long)small_log.full_pages);
    assert_true(b.ends > 0 && b.ends < 40);
    assert_int_equal(runs_seen(reader), seen);
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    for (unsigned i = 0; i < 100; i++) {
        write_runs(&b, 1);
        turn(&b);
    }
    assert_true(log_pages(&b) < held + (long)small_log.full_pages);
    assert_int_equal(runs_seen(reader), b.runs);
    sqlite3_close(reader);
    close_book(&b);
}

/* There is always one who reads, and one who has begun before the last one ended. */
struct reading {
    const char *path;
    unsigned after_ms;
    atomic_bool *ends;
};

static void *read_on_and_on(void *user)
{
    const struct reading *r = user;
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open_v2(r->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    (void)usleep(1000 * r->after_ms);
    while (!*r->ends) {
        (void)sqlite3_exec(db, "BEGIN; SELECT count(*) FROM runs", NULL, NULL, NULL);
        (void)usleep(20000);
        (void)sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
    }
    sqlite3_close(db);
    return NULL;
}

static void readers_come_and_go(void **state)
{
    struct book b;
    pthread_t threads[2];
    atomic_bool ends = false;
    open_book(&b);
    write_runs(&b, 2);
    struct reading readings[2] = {{b.path, 0, &ends}, {b.path, 10, &ends}};
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on_and_on, &readings[i]), 0);
    for (unsigned i = 0; i < 600; i++) {
        write_runs(&b, 1);
        turn(&b);
    }
    long pages = log_pages(&b);
    ends = true;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    print_message("%ld pages, %u copies, %u ends\n", pages, b.copies, b.ends);
    assert_true(pages < 4 * (long)small_log.full_pages);
    close_book(&b);
}

static void *copy(void *copier)
{
    store_copier_copy(copier);
    return NULL;
}

static void copying_and_writing_at_once(void **state)
{
    struct book b;
    open_book(&b);
    for (unsigned i = 0; i < 150; i++) {
        pthread_t thread;
        write_runs(&b, 2);
        switch (store_copier_need(b.copier)) {
        case STORE_LOG_COPY:
            assert_int_equal(pthread_create(&thread, NULL, copy, b.copier), 0);
            write_runs(&b, 3);
            assert_int_equal(pthread_join(thread, NULL), 0);
            b.copies++;
            break;
        case STORE_LOG_END:
            store_copier_end(b.copier);
            b.ends++;
            break;
        case STORE_LOG_NOTHING:
            break;
        }
    }
    print_message("%u copies, %u ends\n", b.copies, b.ends);
    assert_true(b.copies > 10 && b.ends > 3);
    assert_true(log_pages(&b) < 2 * (long)small_log.full_pages);
    close_book(&b);
}

static void a_store_in_memory_has_no_log(void **state)
{
    struct store *store;
    struct store_copier *copier;
    assert_int_equal(store_open(NULL, &store, NULL), 0);
    assert_int_equal(store_copier_open(store, &small_log, &copier, NULL), 0);
    assert_int_equal(store_copier_need(copier), STORE_LOG_NOTHING);
    assert_false(store_copier_is_full(copier));
    store_copier_close(copier);
    store_close(store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_stays_short),    cmocka_unit_test(nobody_copies_unasked),
        cmocka_unit_test(a_reader_holds_the_log), cmocka_unit_test(copying_and_writing_at_once),
        cmocka_unit_test(readers_come_and_go),    cmocka_unit_test(a_store_in_memory_has_no_log),
    };
    if (crypto_init() < 0)
        return 1;
    return cmocka_run_group_tests_name("copier", tests, NULL, NULL);
}
