/* store_sqlite_copy: the write-ahead log is copied into the database beside the writer. Holds: how much was copied is SQLite's
 * to know, and what is counted here only says when to go on; the log is synced before its pages are copied, and the database
 * before the log begins anew (sqlite3_wal_checkpoint_v2, PASSIVE, at synchronous=FULL); an error of the disk sticks [I1], and
 * after it nothing is copied any more: a sync that succeeds then says nothing of what an earlier one has lost.
 * Called by the engine's committer, and on the copying thread by nothing but store_copier_copy. */
#include "base/must.h"
#include "store/sqlite.h"

struct store_copier {
    struct store *store;
    struct store_log_limits limits;
    /* the writer's */
    uint32_t pages, copied; /* of the log, when the last batch was durable */
    uint32_t life;          /* how often the log has begun anew */
    uint32_t end_from;      /* pages */
    /* the copying thread's, while it copies */
    struct connection connection;
    uint32_t copy_life, copy_copied;
};

/* SQLite tells of each commit how many pages the log has. */
static int on_commit(void *user, sqlite3 *db, const char *name, int pages)
{
    struct store_copier *c = user;
    (void)db;
    (void)name;
    if ((uint32_t)pages < c->pages) {
        c->life++;
        c->copied = 0;
        c->end_from = c->limits.end_pages;
    }
    c->pages = (uint32_t)pages;
    return SQLITE_OK;
}

int store_copier_open(struct store *store, const struct store_log_limits *limits, struct store_copier **ret, struct diag *reterr)
{
    int64_t version;
    *ret = NULL;
    if (!store->path)
        return 0;
    struct store_copier *c = calloc(1, sizeof *c);
    if (!c)
        return diag_set(reterr, -ENOMEM, "no memory");
    c->store = store;
    c->limits = *limits;
    c->end_from = limits->end_pages;
    int r = connection_open(&c->connection, store->path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, reterr);
    if (r < 0) {
        free(c);
        return r;
    }
    r = connection_exec(&c->connection, "PRAGMA synchronous = FULL");
    if (r == 0)
        r = connection_integer(&c->connection, "PRAGMA user_version", &version); /* it has seen the log now */
    if (r < 0) {
        store_copier_close(c);
        return diag_set(reterr, r, "%s: the write-ahead log cannot be read: %s", store->path, error_text(r));
    }
    sqlite3_wal_hook(store->connection.db, on_commit, c); /* in place of SQLite's own, which would copy within commits */
    *ret = c;
    return 0;
}

enum store_log_need store_copier_need(struct store_copier *c)
{
    if (!c || c->store->error < 0)
        return STORE_LOG_NOTHING;
    if (c->copy_life == c->life && c->copy_copied > c->copied)
        c->copied = c->copy_copied;
    uint32_t rest = c->pages > c->copied ? c->pages - c->copied : 0;
    if (c->pages >= c->end_from && (rest <= c->limits.rest_pages || store_copier_is_full(c)))
        return STORE_LOG_END;
    if (rest < c->limits.copy_pages)
        return STORE_LOG_NOTHING;
    c->copy_life = c->life;
    c->copy_copied = 0;
    return STORE_LOG_COPY;
}

bool store_copier_is_full(const struct store_copier *c)
{
    return c && c->pages >= c->limits.full_pages;
}

/* `ret`: the pages of the log that are in the database now; 0 if that is not known. -EBUSY: the writer was just changing the log's
 * header, another process copies, or readers were waited for in vain. */
static int copy(struct store *store, struct connection *c, int mode, uint32_t *ret)
{
    int pages = 0, copied = 0;
    int r = sqlite_code(sqlite3_wal_checkpoint_v2(c->db, NULL, mode, &pages, &copied));
    if (r < 0 && r != -EBUSY)
        (void)store_stick(store, r);
    *ret = (r == 0 || r == -EBUSY) && copied > 0 ? (uint32_t)copied : 0;
    return r;
}

void store_copier_copy(struct store_copier *c)
{
    (void)copy(c->store, &c->connection, SQLITE_CHECKPOINT_PASSIVE, &c->copy_copied);
}

/* Where there is always one who reads, no moment comes by itself at which the log can begin anew. Who comes while we wait for those
 * who are there reads the database alone, and is not in the way. */
static int copy_and_wait_for_readers(struct store_copier *c)
{
    sqlite3 *db = c->store->connection.db;
    (void)sqlite3_busy_timeout(db, (int)c->limits.wait_ms);
    int r = copy(c->store, &c->store->connection, SQLITE_CHECKPOINT_RESTART, &c->copied);
    (void)sqlite3_busy_timeout(db, STORE_BUSY_MS);
    return r;
}

void store_copier_end(struct store_copier *c)
{
    must(c->store->batch == BATCH_NONE);
    int r = store_copier_is_full(c) ? copy_and_wait_for_readers(c)
                                    : copy(c->store, &c->store->connection, SQLITE_CHECKPOINT_PASSIVE, &c->copied);
    /* Somebody reads what was there before: the log cannot begin anew, and is copied on in larger steps. */
    if (r < 0 || c->copied < c->pages)
        c->end_from = c->pages + c->limits.copy_pages;
}

void store_copier_close(struct store_copier *c)
{
    if (!c)
        return;
    sqlite3_wal_hook(c->store->connection.db, NULL, NULL);
    connection_close(&c->connection);
    free(c);
}
