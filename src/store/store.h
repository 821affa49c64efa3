/* The database: one interface; SQLite behind it (store_sqlite_*.c). The bytes are docs/formats/database.md.
 *
 *   write    one thread: store_begin, any number of puts, store_commit — all of it or nothing [I3]. A put that answers
 *            -SP_ENOTFOUND, -SP_ECONFLICT or -SP_EINVALID wrote nothing and the batch goes on without it; after any other
 *            failure the batch can only be rolled back (store_commit does it and answers the put's error).
 *   log      store_leaf_append encodes a leaf, adds it to the Merkle tree and stores it (and the tiles that it completes) in
 *            the batch; a rollback takes the tree back too.
 *   read     any thread, each with a reader of its own. A reader sees what was committed when its statement, or its
 *            snapshot, began. Rows go to a callback: everything in them is borrowed for that call; a non-zero result ends
 *            the iteration and is returned. The functions for one row answer -SP_ENOTFOUND when there is none. A callback
 *            may read on with the same reader, but not with the function that called it.
 *
 * Errors: -SP_ENOTFOUND, -SP_ECONFLICT (a key that exists, a state that does not allow it), -ENOMEM leave the store usable.
 * A failing disk (-ENOSPC, -EIO) or a damaged file (-SP_ETAMPERED) sticks: store_error tells it from then on, nothing more
 * is written, and the server must stop accepting work [I1].
 *
 * Sealed fields come from store/seal.h: the store never sees them in clear. All text is UTF-8, all times are wall ms. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "audit/leaf.h"
#include "audit/tree.h"
#include "base/diag.h"
#include "base/id.h"

struct store;
struct store_reader;

/* --- rows -------------------------------------------------------------------------------------------------------- */

/* S(NAME, number, text): stored numbers, never changed. From RUN_COMPLETED on a state is terminal. */
#define RUN_STATES(S)                                                                                            \
    S(RUN_PENDING, 1, "pending")     /* accepted, not begun, or to be replayed */                                \
    S(RUN_RUNNING, 2, "running")                                                                                 \
    S(RUN_WAITING, 3, "waiting")     /* for a timer (due_ms) or an effect */                                     \
    S(RUN_COMPLETED, 4, "completed")                                                                             \
    S(RUN_FAULTED, 5, "faulted")                                                                                 \
    S(RUN_CANCELLED, 6, "cancelled")
#define RUN_TRIGGERS(S)                                                                                          \
    S(TRIGGER_API, 1, "api")                                                                                     \
    S(TRIGGER_WEBHOOK, 2, "webhook")                                                                             \
    S(TRIGGER_SCHEDULE, 3, "schedule")                                                                           \
    S(TRIGGER_EVENT, 4, "event")                                                                                 \
    S(TRIGGER_RUN, 5, "run")         /* by another run: `parent` */                                              \
    S(TRIGGER_COMMAND, 6, "command")
#define JOURNAL_KINDS(S)                                                                                         \
    S(JOURNAL_INTENT, 1, "intent")   /* an effect that is about to be performed */                               \
    S(JOURNAL_RESULT, 2, "result")   /* WORKER_RESULT of an effect */                                            \
    S(JOURNAL_TRACE, 3, "trace")     /* what the tasks of a step did */                                          \
    S(JOURNAL_CANCEL, 4, "cancel")   /* an effect that is no longer wanted */                                    \
    S(JOURNAL_NOTE, 5, "note")       /* whatever else the engine must know after a restart */

#define STORE_ENUM(NAME, number, text) NAME = number,
enum run_state { RUN_STATES(STORE_ENUM) };
enum run_trigger { RUN_TRIGGERS(STORE_ENUM) };
enum journal_kind { JOURNAL_KINDS(STORE_ENUM) };

const char *run_state_text(int value); /* NULL when it is none; so for the others */
int run_state_parse(struct slice s);   /* -1 when it is none */
const char *run_trigger_text(int value);
const char *journal_kind_text(int value);
static inline bool run_state_is_terminal(enum run_state state)
{
    return state >= RUN_COMPLETED;
}

struct store_namespace {
    uint32_t id;
    struct slice name;
    struct slice wrapped_key; /* VAULT_NAMESPACE_KEY.wrapped */
    int64_t created_ms;
};

struct store_principal {
    uint32_t id;
    struct slice name; /* unique */
    struct slice role;
    uint8_t token_hash[32]; /* SHA-256 of the token; unique */
    int64_t created_ms, expires_ms; /* expires 0: never */
    bool is_disabled;
};

struct store_workflow {
    uint32_t id;
    uint32_t namespace_id;
    struct slice ns; /* read only: the namespace's name */
    struct slice name, version;
    uint8_t digest[32]; /* of a definition that is in the store */
    struct slice manifest; /* JSON; empty in listings */
    bool is_enabled;
    int64_t deployed_ms;
    struct slice deployed_by;
};

struct store_credential {
    struct slice ns, name;
    uint64_t version;
    uint8_t kind; /* enum credential_kind */
    struct slice policy; /* JSON */
    struct slice wrapped; /* VAULT_WRAPPED.wrapped; empty when revoked */
    bool is_revoked;
    int64_t set_ms;
    struct slice set_by;
};

struct store_run {
    struct run_id id;
    uint32_t workflow_id;
    enum run_state state;
    enum run_trigger trigger;
    int64_t started_ms;
    int64_t ended_ms; /* 0: not yet */
    int64_t due_ms;   /* of the earliest timer of a waiting run; 0: none */
    struct slice actor;
    struct slice idempotency; /* at most 32 bytes, unique; empty: none */
    struct run_id parent;     /* 0: none */
    uint32_t parent_effect;
    uint64_t first_leaf, last_leaf; /* where its leaves begin and end (last_leaf: when it has ended) */
    struct slice random;            /* sealed nonce and seed; empty when they are derived (seal_run_random) */
    struct slice input, output, error, context; /* sealed; empty: none. Not in listings. */
    struct slice trace;                         /* so too: of the first step; those of later ones are in the journal */
    struct slice ns, workflow, version; /* read only, with digest */
    uint8_t digest[32];
};

/* What changes when a run goes on or ends. Empty slices leave their column as it is. */
struct store_run_change {
    struct run_id id;
    enum run_state state;
    int64_t ended_ms, due_ms;
    uint64_t last_leaf;
    struct slice output, error, context;
};

struct store_journal {
    struct run_id run;
    uint32_t seq; /* the caller's: dense and ascending within the run */
    enum journal_kind kind;
    uint32_t effect;
    int64_t at_ms;
    struct slice data; /* sealed */
};

struct store_event {
    uint64_t id; /* given by the store when 0 */
    struct run_id run; /* that emitted it; 0: from outside */
    int64_t at_ms;
    struct slice data; /* sealed CloudEvent */
};

/* --- open and close ---------------------------------------------------------------------------------------------- */

/* Opens the database file, creating it (0600) and bringing an older schema up to date; NULL opens one in memory.
 * -SP_EFORMAT for a file that is none of ours, newer than this program, or damaged; -errno (-EACCES, -EROFS, -ENOENT …)
 * when the folder or file cannot be used; -SP_EUNAVAILABLE when another process has it open for writing. */
[[gnu::warn_unused_result]] int store_open(const char *path, struct store **ret, struct diag *reterr);

/* Closes it, checkpointing the write-ahead log. All readers must be closed. */
void store_close(struct store *store);
static inline void store_closep(struct store **store)
{
    if (*store)
        store_close(*store);
}

/* --- the write-ahead log -------------------------------------------------------------------------------------------
 * What is committed stands in SQLite's write-ahead log until it is copied into the database ("checkpoint"); when all of it is, the log
 * begins anew. The writer does that by itself within a commit, each 2,000 pages, and all that comes waits. With a copier a second
 * thread does most of it, and the writer the last few pages between two batches.
 *
 *   writer, between batches, while nothing is copied   store_copier_need, and what it says
 *   second thread                                      store_copier_copy */
struct store_copier;
struct store_log_limits {
    uint32_t copy_pages; /* not copied yet, from which on it is worth while */
    uint32_t end_pages;  /* of the log, from which on it shall begin anew */
    uint32_t rest_pages; /* not copied yet, which the writer may copy then */
    uint32_t full_pages; /* of the log, at which the writer waits for the second thread, and copies what it must */
    uint32_t wait_ms;    /* that the writer then waits for those who read what the log had */
};
enum store_log_need {
    STORE_LOG_NOTHING,
    STORE_LOG_COPY, /* store_copier_copy, on the second thread */
    STORE_LOG_END,  /* store_copier_end, on the writer's */
};

/* NULL for a store in memory, which all functions take. To be closed before the store. */
[[gnu::warn_unused_result]] int store_copier_open(struct store *store, const struct store_log_limits *limits,
                                                  struct store_copier **ret, struct diag *reterr);
void store_copier_close(struct store_copier *c);
enum store_log_need store_copier_need(struct store_copier *c);
bool store_copier_is_full(const struct store_copier *c);
/* Errors stick to the store. */
void store_copier_copy(struct store_copier *c);
void store_copier_end(struct store_copier *c);

/* 0, or the error that sticks. Any thread. */
int store_error(const struct store *store);

/* A reader for one thread: a read-only connection of its own. One on a store in memory shares its connection, and each call
 * then waits for the batch that is being written: do not read between store_begin and store_commit on the same thread. */
[[gnu::warn_unused_result]] int store_reader_open(struct store *store, struct store_reader **ret, struct diag *reterr);

/* A reader of a file without the right to write, for commands that look at a database (also one in use). */
[[gnu::warn_unused_result]] int store_reader_open_file(const char *path, struct store_reader **ret, struct diag *reterr);
void store_reader_close(struct store_reader *reader);
static inline void store_reader_closep(struct store_reader **reader)
{
    if (*reader)
        store_reader_close(*reader);
}

/* --- writing: one thread ----------------------------------------------------------------------------------------- */

/* The log after a commit. */
struct store_head {
    uint64_t size;
    uint8_t root[CRYPTO_HASH_LEN];
};

[[gnu::warn_unused_result]] int store_begin(struct store *store);

/* Makes the batch durable. Whatever goes wrong, nothing of the batch is there. `ret` may be NULL. */
[[gnu::warn_unused_result]] int store_commit(struct store *store, struct store_head *ret);
void store_rollback(struct store *store);

/* How many puts were taken so far; and whether a batch may go on as it was then, since all puts after that were refused. */
uint64_t store_puts(const struct store *store);
bool store_is_still_at(const struct store *store, uint64_t puts);

/* Between batches: the log as committed, and the consistency proof (32-byte hashes) from an earlier size to it. */
void store_head(const struct store *store, struct store_head *ret);
[[gnu::warn_unused_result]] int store_consistency(struct store *store, uint64_t from, struct buffer *ret);

/* Adds a leaf to the log. `ret` may be NULL. A leaf that tells of a row (credential.set, run.completed, …) gets the digest of
 * that row as it is now: the row is written first. */
[[gnu::warn_unused_result]] int store_leaf_append(struct store *store, const struct audit_event *event,
                                                  struct leaf_index *ret);

/* The index that the next leaf of the batch will have. */
uint64_t store_leaf_next(const struct store *store);

/* Keeps a signed checkpoint. Of those within one hour only the newest stays. */
[[gnu::warn_unused_result]] int store_checkpoint_put(struct store *store, uint64_t size, struct slice note, int64_t at_ms);

[[gnu::warn_unused_result]] int store_meta_put(struct store *store, const char *key, struct slice value);

/* New: -SP_ECONFLICT when the name exists. `ret_id` may be NULL. */
[[gnu::warn_unused_result]] int store_namespace_put(struct store *store, const struct store_namespace *row, uint32_t *ret_id);

/* New, or with a new token, role and expiry for the same name (and no longer disabled). */
[[gnu::warn_unused_result]] int store_principal_put(struct store *store, const struct store_principal *row);

/* The text of a definition; doing it again changes nothing. */
[[gnu::warn_unused_result]] int store_definition_put(struct store *store, const uint8_t digest[32], struct slice text);

/* New: -SP_ECONFLICT when (namespace, name, version) exists. Several versions may be enabled; the one that was enabled or
 * deployed last is the live one (store_workflow_live). */
[[gnu::warn_unused_result]] int store_workflow_put(struct store *store, const struct store_workflow *row, uint32_t *ret_id);
[[gnu::warn_unused_result]] int store_workflow_enable(struct store *store, uint32_t id, bool is_enabled);

/* Sets a credential: new, or in place of an older version (-SP_ECONFLICT unless row->version is greater). */
[[gnu::warn_unused_result]] int store_credential_put(struct store *store, const struct store_credential *row);
/* Revokes it and erases the wrapped value. */
[[gnu::warn_unused_result]] int store_credential_revoke(struct store *store, struct slice ns, struct slice name,
                                                        int64_t at_ms, struct slice by);

/* A run may be inserted in any state, a terminal one included: one row, one write for a run that ends at once.
 * -SP_ECONFLICT when the id or the idempotency key exists. */
[[gnu::warn_unused_result]] int store_run_insert(struct store *store, const struct store_run *row);
/* -SP_ENOTFOUND, or -SP_ECONFLICT when the run has ended. */
[[gnu::warn_unused_result]] int store_run_update(struct store *store, const struct store_run_change *change);
[[gnu::warn_unused_result]] int store_journal_put(struct store *store, const struct store_journal *row);
/* -SP_EINVALID when there is no row of its run yet. */
[[gnu::warn_unused_result]] int store_event_put(struct store *store, const struct store_event *row, uint64_t *ret_id);

/* A delivery of a webhook that was accepted; the engine keeps them in memory and reads them back at a start. Those of one
 * batch count as seen when the last of them was. */
#define STORE_DELIVERY_LEN 16
[[gnu::warn_unused_result]] int store_delivery_put(struct store *store, const uint8_t hash[STORE_DELIVERY_LEN],
                                                   int64_t seen_ms);
[[gnu::warn_unused_result]] int store_deliveries_prune(struct store *store, int64_t before_ms);

/* Deletes at most `limit` runs that ended before `before_ms`, oldest first, with journal and events, never leaves.
 * namespace_id or workflow_id 0: all. Of a workflow those of all its versions, one version after the other. `ret_n`: how many went; `limit` of them: call again in another batch. */
[[gnu::warn_unused_result]] int store_retention_apply(struct store *store, uint32_t namespace_id, uint32_t workflow_id,
                                                      int64_t before_ms, uint32_t limit, uint32_t *ret_n);

/* --- reading ----------------------------------------------------------------------------------------------------- */

/* Of the last row that was found damaged (-SP_ETAMPERED): "column NAME of the row KEY"; "" when there was none. */
const char *store_reader_damage(const struct store_reader *r);

/* All reads until the end see one state. */
[[gnu::warn_unused_result]] int store_snapshot_begin(struct store_reader *r);
void store_snapshot_end(struct store_reader *r);

typedef int store_value_fn(void *user, struct slice value);
typedef int store_namespace_fn(void *user, const struct store_namespace *row);
typedef int store_principal_fn(void *user, const struct store_principal *row);
typedef int store_workflow_fn(void *user, const struct store_workflow *row);
typedef int store_credential_fn(void *user, const struct store_credential *row);
typedef int store_run_fn(void *user, const struct store_run *row);
/* `code` -SP_ETAMPERED: the row is damaged, and nothing of it is to be believed but that it is there. */
typedef int store_open_run_fn(void *user, const struct store_run *row, int code);
typedef int store_journal_fn(void *user, const struct store_journal *row);
typedef int store_delivery_fn(void *user, const uint8_t hash[STORE_DELIVERY_LEN], int64_t seen_ms);
typedef int store_checkpoint_fn(void *user, uint64_t size, struct slice note, int64_t at_ms);

[[gnu::warn_unused_result]] int store_meta(struct store_reader *r, const char *key, store_value_fn *each, void *user);
[[gnu::warn_unused_result]] int store_namespaces(struct store_reader *r, store_namespace_fn *each, void *user);
/* Disabled and expired ones included: the caller decides. */
[[gnu::warn_unused_result]] int store_principals(struct store_reader *r, store_principal_fn *each, void *user);
[[gnu::warn_unused_result]] int store_definition(struct store_reader *r, const uint8_t digest[32], store_value_fn *each,
                                                 void *user);

/* The live version of each workflow, with its manifest: what the engine loads at a start. */
[[gnu::warn_unused_result]] int store_workflows_live(struct store_reader *r, store_workflow_fn *each, void *user);
[[gnu::warn_unused_result]] int store_workflow_live(struct store_reader *r, struct slice ns, struct slice name,
                                                    store_workflow_fn *each, void *user);
[[gnu::warn_unused_result]] int store_workflow_by_id(struct store_reader *r, uint32_t id, store_workflow_fn *each, void *user);

[[gnu::warn_unused_result]] int store_credentials(struct store_reader *r, store_credential_fn *each, void *user);
[[gnu::warn_unused_result]] int store_credential(struct store_reader *r, struct slice ns, struct slice name,
                                                 store_credential_fn *each, void *user);

[[gnu::warn_unused_result]] int store_run_by_id(struct store_reader *r, struct run_id id, store_run_fn *each, void *user);
[[gnu::warn_unused_result]] int store_run_by_idempotency(struct store_reader *r, struct slice idempotency,
                                                         store_run_fn *each, void *user);

/* The newest runs first. */
struct store_run_filter {
    struct slice ns, workflow; /* "": any */
    int state;                 /* enum run_state; 0: any */
    struct run_id before;      /* only older ones than this; 0: from the newest */
    uint32_t limit;            /* at most LIMIT_PAGE */
};
[[gnu::warn_unused_result]] int store_runs(struct store_reader *r, const struct store_run_filter *filter, store_run_fn *each,
                                           void *user);
/* All that have not ended, in the order of due_ms: id, workflow_id, state and due_ms alone, from an index, so that a start with
 * many waiting runs is quick. What a replay needs comes from store_run_by_id and store_journal. The index may say what the table does
 * not. */
[[gnu::warn_unused_result]] int store_runs_open(struct store_reader *r, store_open_run_fn *each, void *user);
[[gnu::warn_unused_result]] int store_journal(struct store_reader *r, struct run_id run, store_journal_fn *each, void *user);
/* The bytes of the run's events, before they were sealed. */
[[gnu::warn_unused_result]] int store_events_len(struct store_reader *r, struct run_id run, uint64_t *ret);
/* The newest since then, oldest first: `n` or, since those of one batch come together, some more. */
[[gnu::warn_unused_result]] int store_deliveries(struct store_reader *r, int64_t since_ms, uint32_t n, store_delivery_fn *each,
                                                 void *user);
[[gnu::warn_unused_result]] int store_checkpoint_last(struct store_reader *r, store_checkpoint_fn *each, void *user);

#endif
