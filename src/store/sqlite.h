/* What the store_sqlite_*.c files share: the connection with its prepared statements, and queries on it. Nothing outside of
 * store/ includes this. */
#ifndef STORE_SQLITE_H
#define STORE_SQLITE_H

#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>

#include "base/error.h"
#include "store/store.h"
#include "store/sqlite_statements.h"

#define STORE_APPLICATION_ID 0x53504F52 /* "SPOR" */
#define STORE_BUSY_MS        5000       /* that a connection waits for another one's lock */

enum statement {
#define S(NAME, sql) STATEMENT_##NAME,
    STORE_STATEMENTS(S)
#undef S
        STATEMENT_COUNT
};

/* One SQLite connection and its statements, prepared when they are first used. */
struct connection {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
};

/* Opens a file as every connection does; the error is in `reterr` and nothing is open. */
[[gnu::warn_unused_result]] int connection_open(struct connection *c, const char *path, int flags, struct diag *reterr);
void connection_close(struct connection *c);
const char *connection_path(const struct connection *c); /* for messages; "" in memory */

/* The name of the layer that writes the write-ahead log in few pieces; NULL without memory, which is SQLite's own layer. */
const char *wal_layer(void);
void wal_forget_on_rollback(sqlite3 *db); /* for each connection that uses it */

/* Our code for SQLite's; 0 for SQLITE_OK, ROW and DONE. */
int sqlite_code(int rc);

/* Whether an error is one of the disk or the file, which sticks to the store. */
bool sqlite_code_sticks(int code);

/* Runs SQL text that has no parameters and no result. */
[[gnu::warn_unused_result]] int connection_exec(struct connection *c, const char *sql);
/* The integer in the first row and column of a query; 0 rows: -SP_ENOTFOUND. */
[[gnu::warn_unused_result]] int connection_integer(struct connection *c, const char *sql, int64_t *ret);

/* One use of a statement: bind the parameters in their order, then run or walk it, then end it. Errors stick in the query.
 *
 *   struct query q = query_begin(c, STATEMENT_X);
 *   query_i64(&q, id);
 *   return query_run(&q);                                    no rows: ends the query itself
 *
 *   while ((r = query_next(&q)) > 0) …columns…; query_end(&q);   rows */
struct query {
    sqlite3_stmt *statement; /* NULL after the end, or when it could not be prepared */
    int parameter;
    int error;
    struct vouch_fields *fields; /* vouch.h; NULL: nobody wants a digest of what is bound */
    int damaged;                 /* 1 + the first column of this row that is not what is written there; 0: none */
};

struct query query_begin(struct connection *c, enum statement which);
void query_i64(struct query *q, int64_t value);
void query_u64(struct query *q, uint64_t value);      /* -SP_EINVALID above 2^63-1 */
void query_blob(struct query *q, struct slice value); /* borrowed until the end of the query */
void query_text(struct query *q, struct slice value);
void query_optional_blob(struct query *q, struct slice value); /* empty: NULL */
void query_optional_text(struct query *q, struct slice value);
void query_optional_i64(struct query *q, int64_t value);       /* 0: NULL */

/* 1 with a row, 0 at the end, or a negative code. */
[[gnu::warn_unused_result]] int query_next(struct query *q);
void query_end(struct query *q);
/* Runs a statement without rows to its end. */
[[gnu::warn_unused_result]] int query_run(struct query *q);

/* Columns of the row as an editor of the file may have left them, borrowed until the next query_next. Only NULL is a slice
 * without a pointer. */
struct slice column_slice(const struct query *q, int i);
static inline int64_t column_i64(const struct query *q, int i)
{
    return sqlite3_column_int64(q->statement, i);
}

/* Columns of the row that have to be what is written there: one that is of another type, out of range or no text marks the row as
 * damaged (and is 0 or empty). NULL is that too, but for `optional`, where it is 0 or empty. */
enum column_null {
    COLUMN_REQUIRED,
    COLUMN_OPTIONAL,
};
int64_t column_number(struct query *q, int i, enum column_null null, int64_t most); /* from 0 on */
uint32_t column_u32(struct query *q, int i, enum column_null null);
uint64_t column_u64(struct query *q, int i, enum column_null null); /* up to 2^63-1 */
int64_t column_time(struct query *q, int i, enum column_null null); /* 1970 to 9999 */
struct slice column_blob(struct query *q, int i, enum column_null null);
struct slice column_text(struct query *q, int i, enum column_null null); /* UTF-8 without NUL */
struct slice column_name(struct query *q, int i, enum column_null null); /* a text shorter than LIMIT_NAME */
void column_fixed(struct query *q, int i, void *ret, size_t len);        /* a blob of exactly this length */

/* 0, or -SP_ETAMPERED for a row that is damaged; the reader can say then where (store_reader_damage). Call it before a row is handed on. */
[[gnu::warn_unused_result]] int row_check(struct store_reader *r, const struct query *q);

enum batch {
    BATCH_NONE,
    BATCH_OPEN,
    BATCH_FAILED, /* `batch_error` says why: only a rollback helps */
};

struct vouched_run {
    struct run_id id; /* 0: none */
    uint8_t digest[CRYPTO_HASH_LEN];
};

struct store {
    struct connection connection;
    enum batch batch;
    int batch_error;
    uint64_t puts; /* taken, in all batches */
    _Atomic int error; /* sticks */
    struct audit_tree *tree;
    struct buffer leaf;    /* of store_leaf_append */
    struct buffer deliveries; /* of this batch: one row for all of them, since a row costs more than what it holds */
    int64_t deliveries_seen_ms; /* of the last of them */
    struct vouched_run alone; /* inserted last in this batch, and nothing of it, its journal or its events since */
    char *path;            /* NULL in memory */
    int lock_fd;           /* flock on PATH-lock: one writing process; -1 in memory */
    pthread_mutex_t mutex; /* recursive; in memory alone: guards the connection that readers share */
};

struct store_reader {
    struct connection own;
    struct connection *connection; /* &own, or the store's */
    struct store *shared;          /* NULL with a connection of its own */
    char damage[128];              /* the last row that was found damaged */
};

/* Bring a new or older database up to date, within transactions; -SP_EFORMAT. */
[[gnu::warn_unused_result]] int schema_check(struct connection *c, bool may_be_new, struct diag *reterr);
[[gnu::warn_unused_result]] int schema_migrate(struct connection *c, struct diag *reterr);

/* Leaves and tiles through a connection. */
struct audit_log connection_audit_log(struct connection *c);
[[gnu::warn_unused_result]] int connection_leaf_count(struct connection *c, uint64_t *ret);
audit_tile_fn store_tile_put;

#define STORE_DELIVERIES_MAX ((size_t)LIMIT_BATCH * STORE_DELIVERY_LEN)
/* Writes the deliveries of the batch; forgets them. */
[[gnu::warn_unused_result]] int deliveries_flush(struct store *store);
void deliveries_drop(struct store *store);

/* Every put begins and ends with these: the first refuses outside of a batch and in a failed one, the second lets an error
 * fail the batch (unless it is one of those that leave it usable) and stick to the store (if it is the disk's). */
[[gnu::warn_unused_result]] int batch_check(const struct store *store);
[[gnu::warn_unused_result]] int batch_result(struct store *store, int code);

/* Lets an error stick if it is the disk's; the code again. Any thread. */
int store_stick(struct store *store, int code);

/* Around each read: the mutex of a shared connection. */
void reader_lock(struct store_reader *r);
void reader_unlock(struct store_reader *r);

/* Ends a walk: the callback's or the query's code. */
int reader_finish(struct store_reader *r, struct query *q, int code);
/* The same for functions that give one row: -SP_ENOTFOUND when there was none. */
int reader_finish_one(struct store_reader *r, struct query *q, int code, bool has_row);

#endif
