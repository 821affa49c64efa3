/* Faults under the store: the N-th allocation, write, sync or system call fails, for N from 1 on until a run without a fault; or the
 * machine dies at the N-th sync, and loses more or less of what was not synced. Whatever happens: what was acknowledged is there
 * after a restart, the log verifies, a failing disk sticks, and nothing crashes [I1] [I3]. */
#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "base/error.h"
#include "faults.h"
#include "faulty_vfs.h"
#include "logbook.h"

static char folder[128], crash_folder[128], path[160], crash_path[160];

/* --- what happens ------------------------------------------------------------------------------------------------- */

static uint64_t acknowledged; /* leaves of the last commit that said yes */

/* With a copier the log is copied between batches, after what was committed is acknowledged. */
static bool has_copier;
static struct store_copier *copier;
static unsigned copies, ends;
static const struct store_log_limits small_log = {.copy_pages = 5, .end_pages = 25, .rest_pages = 60, .full_pages = 60};

static void turn_of_the_copier(void)
{
    switch (store_copier_need(copier)) {
    case STORE_LOG_COPY:
        store_copier_copy(copier);
        copies++;
        break;
    case STORE_LOG_END:
        store_copier_end(copier);
        ends++;
        break;
    case STORE_LOG_NOTHING:
        break;
    }
}

static int ack(struct store *store, int r)
{
    struct store_head head;
    if (r == 0) {
        store_head(store, &head);
        acknowledged = head.size;
        turn_of_the_copier();
    }
    return r;
}

static int work(struct store *store)
{
    int r = ack(store, logbook_found(store));
    for (uint64_t i = 0; r == 0 && i < 6; i++) {
        r = ack(store, logbook_runs(store, 60 * i, 60));
        if (r == 0)
            r = ack(store, logbook_sign(store));
    }
    if (r == -ENOSPC || r == -EIO || r == -SP_ETAMPERED) {
        assert_int_equal(store_error(store), r);
        assert_int_equal(store_begin(store), r);
    }
    return r;
}

/* A store's life with faults in it: 0, or the first error. */
static int (*life)(struct store *store) = work;

static int live(void)
{
    struct store *store = NULL;
    struct diag diag = {};
    acknowledged = 0;
    int r = store_open(path, &store, &diag);
    if (r < 0) {
        assert_true(diag.text[0] != 0);
        return r;
    }
    r = has_copier ? store_copier_open(store, &small_log, &copier, &diag) : 0;
    r = r < 0 ? r : life(store);
    store_copier_close(copier);
    copier = NULL;
    store_close(store);
    return r;
}

static void remove_files(const char *file)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-lock", "-journal"};
    char name[200];
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        (void)snprintf(name, sizeof name, "%s%s", file, suffixes[i]);
        (void)unlink(name);
    }
}

/* After the restart: everything that was acknowledged, a log that verifies, and a store that works. */
static void assert_recovered(const char *file, uint64_t least, unsigned n)
{
    struct store *store = NULL;
    struct diag diag = {};
    struct store_head head;
    if (store_open(file, &store, &diag) < 0)
        fail_msg("after fault %u: %s", n, diag.text);
    store_head(store, &head);
    if (head.size < least)
        fail_msg("after fault %u: %llu of %llu leaves", n, (unsigned long long)head.size, (unsigned long long)least);
    if (head.size == 0)
        assert_int_equal(logbook_found(store), 0);
    assert_int_equal(logbook_runs(store, 100000, 1), 0);
    assert_int_equal(logbook_sign(store), 0);
    store_close(store);
    if (logbook_verify(file, (struct slice){}, NULL, NULL, NULL) < 0)
        fail_msg("after fault %u: the log does not verify", n);
}

static void reset(void)
{
    faulty_disk_forget();
    faulty_disk = (struct faulty_disk){.folder = folder, .crash_folder = crash_folder};
    remove_files(path);
    remove_files(crash_path);
}

/* --- the loops ---------------------------------------------------------------------------------------------------- */

static void each_allocation_fails_once(void **state)
{
    struct fault_loop f = FAULT_LOOP("store", .dense = 120);
    while (fault_next(&f)) {
        reset();
        fault_judge(&f, live());
        assert_recovered(path, acknowledged, f.n);
    }
}

static unsigned undone; /* batches that had no memory, and of which nothing may be there */

/* The process dies right after a batch of which it was said that nothing is there, and that does not stick: nothing is there. */
static void assert_undone(struct store *store)
{
    struct store *after = NULL;
    struct store_head head;
    struct diag diag = {};
    store_head(store, &head);
    assert_int_equal(head.size, acknowledged);
    faulty_disk.loss = LOSS_OF_NOTHING;
    faulty_disk_lose_power();
    if (store_open(crash_path, &after, &diag) < 0)
        fail_msg("%s", diag.text);
    store_head(after, &head);
    store_close(after);
    if (head.size != acknowledged)
        fail_msg("%llu leaves, and %llu were acknowledged", (unsigned long long)head.size, (unsigned long long)acknowledged);
    undone++;
}

/* The write-ahead log's index grows by one part for some 4096 pages: it is filled up to shortly before that. */
#define FILL    (3900u << 12)
#define BALLAST (25u << 12)
static uint8_t ballast[FILL];

/* A batch whose commit alone is short of memory. */
static int commit_lean(struct store *store, unsigned i)
{
    char key[24];
    (void)snprintf(key, sizeof key, "ballast %u", i);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_meta_put(store, key, slice_of(ballast, i ? BALLAST : FILL)), 0);
    assert_int_equal(store_leaf_append(store, &(struct audit_event){.action = AUDIT_CONFIG_CHANGED, .time_ms = i + 1}, NULL), 0);
    if (i > 0)
        fault_resume();
    int r = store_commit(store, NULL);
    fault_pause();
    return r;
}

static int work_on(struct store *store)
{
    int r = ack(store, logbook_found(store));
    for (unsigned i = 0; r == 0 && i < 8; i++) {
        r = commit_lean(store, i);
        if (r == -ENOMEM && store_error(store) == 0) {
            assert_undone(store);
            r = commit_lean(store, i);
        }
        (void)ack(store, r);
    }
    return r;
}

static void a_commit_without_memory_is_undone(void **state)
{
    life = work_on;
    undone = 0;
    struct fault_loop f = FAULT_LOOP("commit");
    while (fault_next(&f)) {
        fault_pause();
        reset();
        faulty_disk.kill_at = UINT_MAX;
        faulty_disk.checkpoint_pages = INT_MAX;
        fault_judge(&f, live());
        assert_recovered(path, acknowledged, f.n);
    }
    life = work;
    print_message("%u batches were undone\n", undone);
    assert_true(undone > 0);
}

static void disk_fails(int error, bool fails_on)
{
    unsigned n = 1;
    for (;; n += n < 60 ? 1 : 3) {
        reset();
        faulty_disk.fail_at = n;
        faulty_disk.fails_on = fails_on;
        faulty_disk.error = error;
        int r = live();
        unsigned operations = faulty_disk.operations;
        faulty_disk.fail_at = 0;
        if (operations >= n && acknowledged == 0 && r == 0)
            fail_msg("operation %u failed and nobody said so", n);
        assert_recovered(path, acknowledged, n);
        if (operations < n)
            break;
    }
    print_message("%u operations\n", n);
}

static void each_write_fails_once(void **state)
{
    disk_fails(SQLITE_IOERR_WRITE, false);
}

static void the_disk_fails_from_each_write_on(void **state)
{
    disk_fails(SQLITE_IOERR_WRITE, true);
}

static void the_disk_is_full_from_each_write_on(void **state)
{
    disk_fails(SQLITE_FULL, true);
}

/* One call fails: whoever needed it says so, or does without. SQLite calls a file damaged that it cannot read. */
static void system_call_fails(int error)
{
    unsigned n = 1;
    for (;; n += n < 100 ? 1 : 1 + n / 40) {
        reset();
        faulty_disk.call_at = n;
        faulty_disk.call_errno = error;
        int r = live();
        unsigned calls = faulty_disk.calls;
        faulty_disk.call_at = 0;
        if (r > 0 || (r < 0 && calls < n))
            fail_msg("system call %u: %d", n, r);
        assert_recovered(path, acknowledged, n);
        if (calls < n)
            break;
    }
    print_message("%u system calls\n", n);
}

static void each_system_call_fails_once(void **state)
{
    system_call_fails(EIO);
}

static void each_system_call_lacks_room(void **state)
{
    system_call_fails(ENOSPC);
}

static uint64_t acknowledged_at_kill;

static void on_kill(void)
{
    acknowledged_at_kill = acknowledged;
}

static const char *const losses[] = {
#define L(NAME, text) text,
    LOSSES(L)
#undef L
};

/* With a checkpoint after a few pages the kill also comes between the steps of one: pages go to the database, the database is
 * synced, the log begins anew. */
static void killed(enum loss loss, unsigned seed, int checkpoint_pages)
{
    unsigned n = 1;
    for (;; n++) {
        reset();
        faulty_disk.loss = loss;
        faulty_disk.seed = seed;
        faulty_disk.checkpoint_pages = checkpoint_pages;
        faulty_disk.kill_at = n;
        faulty_disk.on_kill = on_kill;
        assert_int_equal(live(), 0);
        if (faulty_disk.syncs < n)
            break;
        faulty_disk.kill_at = 0;
        assert_recovered(crash_path, acknowledged_at_kill, n);
    }
    print_message("%u syncs, loss of %s\n", n, losses[loss]);
}

static void the_machine_dies_at_each_sync(void **state)
{
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++) {
        killed(loss, 1, 0);
        killed(loss, 1, 15);
    }
}

static void with_a_copier(void (*loop)(void))
{
    has_copier = true;
    copies = ends = 0;
    loop();
    has_copier = false;
    print_message("%u copies by the copier, %u by the writer\n", copies, ends);
    assert_true(copies > 0 && ends > 0);
}

static void kills(void)
{
    for (enum loss loss = 0; loss < LOSS_COUNT; loss++)
        killed(loss, 1, 0);
}

static void disk_failures(void)
{
    disk_fails(SQLITE_IOERR_WRITE, false);
    disk_fails(SQLITE_FULL, true);
}

static void the_machine_dies_while_the_log_is_copied(void **state)
{
    with_a_copier(kills);
}

static void the_disk_fails_while_the_log_is_copied(void **state)
{
    with_a_copier(disk_failures);
}

/* FAULT_SEED in the environment: another way to lose what is not synced, and nothing but that. */
/* Somebody reads while the copier copies, so that it copies a part and leaves the sync to whoever copies the rest. */
static int copy_in_parts(struct store *store)
{
    sqlite3 *reader = NULL;
    int r = ack(store, logbook_found(store));
    if (sqlite3_open_v2(path, &reader, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        fail_msg("no reader");
    for (uint64_t i = 0; r == 0 && i < 6; i++) {
        (void)sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM runs", NULL, NULL, NULL);
        r = ack(store, logbook_runs(store, 60 * i, 60));
        store_copier_copy(copier);
        (void)sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL);
        r = r < 0 ? r : ack(store, logbook_sign(store));
    }
    if (store_error(store) < 0)
        assert_int_equal(store_copier_need(copier), STORE_LOG_NOTHING);
    sqlite3_close(reader);
    return r;
}

/* What a failed sync has not written, no later one writes. */
static void a_sync_fails_and_forgets(void **state)
{
    has_copier = true;
    life = copy_in_parts;
    unsigned n = 0, operations;
    do {
        n++;
        reset();
        faulty_disk.sync_forgets = true;
        faulty_disk.loss = LOSS_OF_ALL;
        faulty_disk.kill_at = UINT_MAX;
        faulty_disk.fail_at = n;
        faulty_disk.error = SQLITE_IOERR_WRITE;
        (void)live();
        operations = faulty_disk.operations;
        faulty_disk.fail_at = 0;
        faulty_disk_lose_power();
        faulty_disk.kill_at = 0;
        assert_recovered(crash_path, acknowledged, n);
    } while (operations >= n);
    life = work;
    has_copier = false;
    print_message("%u operations\n", n);
}

static void the_machine_dies_in_another_way(void **state)
{
    const char *text = getenv("FAULT_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 10) : 2;
    killed(LOSS_ANY, seed, 5 + (int)(seed % 40));
}

static int set_up(void **state)
{
    logbook_folder(folder);
    logbook_folder(crash_folder);
    (void)snprintf(path, sizeof path, "%s/a.db", folder);
    (void)snprintf(crash_path, sizeof crash_path, "%s/a.db", crash_folder);
    return 0;
}

static int tear_down(void **state)
{
    logbook_folder_remove(folder);
    logbook_folder_remove(crash_folder);
    return 0;
}

int main(void)
{
    faults_init();
    if (crypto_init() < 0 || !faults_init_sqlite() || faulty_vfs_register() != SQLITE_OK)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_allocation_fails_once),        cmocka_unit_test(a_commit_without_memory_is_undone),
        cmocka_unit_test(each_write_fails_once),
        cmocka_unit_test(the_disk_fails_from_each_write_on), cmocka_unit_test(the_disk_is_full_from_each_write_on),
        cmocka_unit_test(each_system_call_fails_once),       cmocka_unit_test(each_system_call_lacks_room),
        cmocka_unit_test(the_machine_dies_at_each_sync),     cmocka_unit_test(the_machine_dies_in_another_way),
        cmocka_unit_test(the_machine_dies_while_the_log_is_copied), cmocka_unit_test(the_disk_fails_while_the_log_is_copied),
        cmocka_unit_test(a_sync_fails_and_forgets),
    };
    const struct CMUnitTest one[] = {cmocka_unit_test(the_machine_dies_in_another_way)};
    if (getenv("FAULT_SEED"))
        return cmocka_run_group_tests_name("fault/store", one, set_up, tear_down);
    return cmocka_run_group_tests_name("fault/store", tests, set_up, tear_down);
}
