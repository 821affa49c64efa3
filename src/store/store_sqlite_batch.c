/* store_sqlite_batch: begin, commit, rollback, and the log. Holds: state and leaves are in one transaction
 * [I3], and the tree in memory is always that of what is on disk; an error of the disk sticks, since after a
 * failed sync nobody knows what is there [I1]; of a batch that failed for another reason nothing is there. Called from the
 * engine's one committing thread. */
#include <stdatomic.h>

#include "base/must.h"
#include "store/vouch.h"

/* What it says is so already. */
#define TEXT(number)    TEXT_OF(number)
#define TEXT_OF(number) #number
static const char rewrite_first_page[] = "PRAGMA application_id = " TEXT(STORE_APPLICATION_ID);

static void lock(struct store *store)
{
    if (!store->path)
        pthread_mutex_lock(&store->mutex);
}

static void unlock(struct store *store)
{
    if (!store->path)
        pthread_mutex_unlock(&store->mutex);
}

int store_stick(struct store *store, int code)
{
    int none = 0;
    if (sqlite_code_sticks(code))
        (void)atomic_compare_exchange_strong(&store->error, &none, code); /* the first one stays */
    return code;
}

int batch_check(const struct store *store)
{
    must(store->batch != BATCH_NONE);
    return store->batch == BATCH_FAILED ? store->batch_error : 0;
}

int batch_result(struct store *store, int code)
{
    store->puts += code >= 0;
    if (code >= 0 || code == -SP_ENOTFOUND || code == -SP_ECONFLICT || code == -SP_EINVALID)
        return code;
    if (store->batch == BATCH_OPEN) {
        store->batch = BATCH_FAILED;
        store->batch_error = code;
    }
    return store_stick(store, code);
}

int store_begin(struct store *store)
{
    must(store->batch == BATCH_NONE);
    if (store->error < 0)
        return store->error;
    lock(store);
    struct query q = query_begin(&store->connection, STATEMENT_BEGIN);
    int r = query_run(&q);
    if (r < 0) {
        unlock(store);
        return store_stick(store, r);
    }
    audit_tree_snapshot(store->tree);
    store->alone.id = (struct run_id){0};
    store->batch = BATCH_OPEN;
    return 0;
}

void store_rollback(struct store *store)
{
    must(store->batch != BATCH_NONE);
    if (!sqlite3_get_autocommit(store->connection.db)) {
        /* Not a prepared statement: it must work without memory, and SQLite keeps none to undo. */
        struct query q = query_begin(&store->connection, STATEMENT_ROLLBACK);
        (void)store_stick(store, query_run(&q));
    }
    if (!sqlite3_get_autocommit(store->connection.db))
        (void)store_stick(store, -EIO); /* a transaction that can be neither kept nor undone */
    audit_tree_restore(store->tree);
    deliveries_drop(store);
    store->alone.id = (struct run_id){0};
    store->batch = BATCH_NONE;
    unlock(store);
}

/* All that a commit writes but for the word that it is one. */
static int complete(struct store *store)
{
    if (store->batch == BATCH_FAILED)
        return store->batch_error;
    int r = audit_tree_flush(store->tree);
    return r < 0 ? r : deliveries_flush(store);
}

static int commit(struct store *store)
{
    struct query q = query_begin(&store->connection, STATEMENT_COMMIT);
    return query_run(&q);
}

/* SQLite may find no memory for its index of the write-ahead log when the log has all of the batch, synced: it forgets the batch, and
 * after a crash finds it there, whole. So the next frame is written over before anybody is told that nothing is there. */
static void undo_in_log(struct store *store)
{
    uint64_t n_leaves = 0;
    lock(store);
    int r = connection_exec(&store->connection, rewrite_first_page);
    r = r < 0 ? r : connection_leaf_count(&store->connection, &n_leaves);
    unlock(store);
    if (r < 0 || n_leaves != audit_tree_size(store->tree))
        (void)store_stick(store, -EIO);
}

int store_commit(struct store *store, struct store_head *ret)
{
    must(store->batch != BATCH_NONE);
    int r = complete(store);
    const bool is_in_log = r == 0;
    r = r < 0 ? r : commit(store);
    if (r < 0) {
        (void)store_stick(store, r);
        store_rollback(store);
        if (is_in_log && store->error == 0)
            undo_in_log(store);
        return r;
    }
    store->batch = BATCH_NONE;
    if (ret)
        store_head(store, ret);
    unlock(store);
    return 0;
}

uint64_t store_puts(const struct store *store)
{
    return store->puts;
}

bool store_is_still_at(const struct store *store, uint64_t puts)
{
    return store->batch == BATCH_OPEN && store->puts == puts;
}

void store_head(const struct store *store, struct store_head *ret)
{
    ret->size = audit_tree_size(store->tree);
    audit_tree_root(store->tree, ret->root);
}

int store_consistency(struct store *store, uint64_t from, struct buffer *ret)
{
    must(store->batch == BATCH_NONE);
    struct audit_log log = connection_audit_log(&store->connection);
    lock(store);
    int r = audit_proof_consistency(&log, audit_tree_size(store->tree), from, ret);
    unlock(store);
    return store_stick(store, r);
}

int store_tile_put(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    struct store *store = user;
    struct query q = query_begin(&store->connection, STATEMENT_TILE_PUT);
    query_i64(&q, level);
    query_u64(&q, index);
    query_blob(&q, hashes);
    return query_run(&q);
}

uint64_t store_leaf_next(const struct store *store)
{
    return audit_tree_size(store->tree);
}

int store_leaf_append(struct store *store, const struct audit_event *event, struct leaf_index *ret)
{
    struct audit_event e = *event;
    uint8_t digest[CRYPTO_HASH_LEN];
    int r = batch_check(store);
    if (r == 0)
        r = vouch_event(&store->connection, &e, &store->alone, digest);
    if (r < 0)
        return batch_result(store, r);
    if (r > 0)
        e.digest = slice_of(digest, sizeof digest);
    buffer_clear(&store->leaf);
    r = audit_leaf_encode(&e, &store->leaf);
    if (r < 0)
        return batch_result(store, r);
    struct leaf_index index = {audit_tree_size(store->tree)};
    struct query q = query_begin(&store->connection, STATEMENT_LEAF_PUT);
    query_u64(&q, index.n);
    query_text(&q, buffer_slice(&store->leaf));
    r = query_run(&q);
    if (r == 0)
        r = audit_tree_append(store->tree, buffer_slice(&store->leaf));
    /* A leaf that exists already where the log should end is damage, no conflict. */
    if (r == -SP_ECONFLICT || r == -SP_EINVALID)
        r = -SP_ETAMPERED;
    if (r == 0 && ret)
        *ret = index;
    return batch_result(store, r);
}

int store_checkpoint_put(struct store *store, uint64_t size, struct slice note, int64_t at_ms)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_CHECKPOINT_THIN);
    query_u64(&q, size);
    query_i64(&q, at_ms);
    r = query_run(&q);
    if (r < 0)
        return batch_result(store, r);
    q = query_begin(&store->connection, STATEMENT_CHECKPOINT_PUT);
    query_u64(&q, size);
    query_text(&q, note);
    query_i64(&q, at_ms);
    return batch_result(store, query_run(&q));
}

int store_meta_put(struct store *store, const char *key, struct slice value)
{
    int r = batch_check(store);
    if (r < 0)
        return r;
    struct query q = query_begin(&store->connection, STATEMENT_META_PUT);
    query_text(&q, slice_text(key));
    query_blob(&q, value);
    return batch_result(store, query_run(&q));
}
