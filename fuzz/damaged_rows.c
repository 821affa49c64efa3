/* damaged_rows: see damaged_rows.h. The editor works on a copy whose schema allows everything: no STRICT, no NOT NULL, no index that
 * he does not want; when he has done, the schema says again what it said, word by word. */
#include "damaged_rows.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/must.h"
#include "crypto/note.h"
#include "store/seal.h"
#include "store/store.h"
#include "vault/blob.h"

#define DAY_MS     86400000ll
#define FIRST_RUN  0x0A00000000000000ull
#define DEFINITION SLICE_LITERAL("document: {}")
#define MANIFEST                                                                                                                   \
    SLICE_LITERAL("{\"namespace\":\"" ROWS_NS "\",\"name\":\"" ROWS_NAME "\",\"version\":\"1.0.0\","                               \
                  "\"secrets\":[\"token\"],\"tasks\":[{\"reference\":\"/do/0/a\",\"name\":\"a\"}],"                                \
                  "\"sallyport\":{\"origins\":[\"http://127.0.0.1:9\"]}}")

/* --- as it was left ----------------------------------------------------------------------------------- */

/* What the runs are, in the order of their ids. */
static const struct {
    enum run_state state;
    uint32_t results; /* in the journal */
    bool calls;       /* waits for a call, else for a timer */
    int64_t delay_ms;
} runs[ROWS_RUNS] = {
    {RUN_COMPLETED, ROWS_RESULTS, false, 1},
    {RUN_WAITING, 0, false, 1},
    {RUN_WAITING, 0, false, DAY_MS},
    {RUN_WAITING, 1, true, 1},
    {RUN_PENDING, 0, false, 1},
    {RUN_FAULTED, 1, false, 1},
    {RUN_WAITING, 1, false, DAY_MS},
};

struct run_id rows_run(unsigned i)
{
    return (struct run_id){FIRST_RUN + ((uint64_t)i << 22)};
}

enum effect_kind rows_effect(struct run_id run, uint32_t results, struct buffer *ret_record)
{
    uint64_t i = (run.n - FIRST_RUN) >> 22;
    if (i < ROWS_RUNS && runs[i].calls && results) {
        struct msg_effect_call call = {
            .method = SLICE_LITERAL("GET"), .uri = SLICE_LITERAL("http://127.0.0.1:9/a"), .path_template = SLICE_LITERAL("/a")};
        wire_encode_effect_call(ret_record, &call);
        return EFFECT_CALL;
    }
    struct msg_effect_timer timer = {.delay_ms = i < ROWS_RUNS ? (uint64_t)runs[i].delay_ms : 1};
    wire_encode_effect_timer(ret_record, &timer);
    return EFFECT_TIMER;
}

static void leaf(struct store *store, enum audit_action action, struct run_id run, int64_t at_ms)
{
    struct audit_event e = {.action = action,
                            .time_ms = at_ms,
                            .run = run,
                            .ns = SLICE_LITERAL(ROWS_NS),
                            .workflow = run.n ? SLICE_LITERAL(ROWS_NAME) : (struct slice){},
                            .actor_kind = SLICE_LITERAL("server")};
    must(store_leaf_append(store, &e, NULL) == 0);
}

static void journal(struct store *store, const struct seal_key *key, struct store_journal row)
{
    _cleanup_buffer_ struct buffer sealed = BUFFER_MAX(1u << 16);
    if (row.data.len)
        must(seal_blob(key, SEAL_JOURNAL, row.seq, row.data, &sealed) == 0);
    row.run = key->run;
    row.data = buffer_slice(&sealed);
    must(store_journal_put(store, &row) == 0);
}

static void put_journal(struct store *store, const struct seal_key *key, unsigned i, int64_t at_ms)
{
    static const uint8_t trace[] = {0, 0, 1};
    uint32_t seq = 0;
    for (uint32_t step = 0; step <= runs[i].results && step < ROWS_RESULTS; step++) {
        _cleanup_buffer_ struct buffer record = BUFFER_MAX(LIMIT_FRAME), result = BUFFER_MAX(LIMIT_FRAME);
        enum effect_kind kind = rows_effect(key->run, step, &record);
        journal(store, key,
                (struct store_journal){
                    .seq = seq++, .kind = JOURNAL_INTENT, .effect = step + 1, .at_ms = at_ms, .data = buffer_slice(&record)});
        if (step == runs[i].results)
            break;
        struct msg_worker_result m = {.run = key->run.n, .effect = step + 1, .at_ms = at_ms, .kind = (uint8_t)kind};
        wire_encode_worker_result(&result, &m);
        journal(store, key,
                (struct store_journal){
                    .seq = seq++, .kind = JOURNAL_RESULT, .effect = step + 1, .at_ms = at_ms, .data = buffer_slice(&result)});
        journal(store, key,
                (struct store_journal){
                    .seq = seq++, .kind = JOURNAL_TRACE, .effect = step + 1, .at_ms = at_ms, .data = slice_of(trace, 3)});
    }
}

static void put_run(struct store *store, const uint8_t namespace_key[CRYPTO_KEY_LEN], unsigned i, int64_t now_ms)
{
    _cleanup_seal_key_ struct seal_key key;
    _cleanup_buffer_ struct buffer input = BUFFER_MAX(1u << 16), end = BUFFER_MAX(1u << 16);
    bool is_end = run_state_is_terminal(runs[i].state);
    seal_key_derive(namespace_key, rows_run(i), &key);
    must(seal_blob(&key, SEAL_RUN_INPUT, 0, SLICE_LITERAL("{}"), &input) == 0);
    must(seal_blob(&key, runs[i].state == RUN_FAULTED ? SEAL_RUN_ERROR : SEAL_RUN_OUTPUT, 0, SLICE_LITERAL("{}"), &end) == 0);
    struct store_run row = {.id = key.run,
                            .workflow_id = 1,
                            .state = runs[i].state,
                            .trigger = TRIGGER_API,
                            .started_ms = now_ms,
                            .ended_ms = is_end ? now_ms : 0,
                            .due_ms = is_end || runs[i].calls || runs[i].state == RUN_PENDING ? 0 : now_ms + runs[i].delay_ms,
                            .actor = SLICE_LITERAL("owner"),
                            .first_leaf = store_leaf_next(store),
                            .last_leaf = is_end ? store_leaf_next(store) : 0,
                            .input = buffer_slice(&input)};
    if (is_end)
        *(runs[i].state == RUN_FAULTED ? &row.error : &row.output) = buffer_slice(&end);
    must(store_run_insert(store, &row) == 0);
    if (runs[i].state != RUN_PENDING)
        put_journal(store, &key, i, now_ms);
    must(store_event_put(store, &(struct store_event){.run = key.run, .at_ms = now_ms, .data = SLICE_LITERAL("sealed")}, NULL) ==
         0);
    leaf(store,
         runs[i].state == RUN_COMPLETED ? AUDIT_RUN_COMPLETED
         : is_end                       ? AUDIT_RUN_FAULTED
                                        : AUDIT_RUN_STARTED,
         key.run, now_ms);
}

static void put_tables(struct store *store, struct slice wrapped_key, int64_t now_ms)
{
    struct store_namespace ns = {.name = SLICE_LITERAL(ROWS_NS), .wrapped_key = wrapped_key, .created_ms = now_ms};
    struct store_principal owner = {.name = SLICE_LITERAL("owner"), .role = SLICE_LITERAL("owner"), .created_ms = now_ms};
    struct store_workflow w = {.namespace_id = 1,
                               .name = SLICE_LITERAL(ROWS_NAME),
                               .version = SLICE_LITERAL("1.0.0"),
                               .manifest = MANIFEST,
                               .is_enabled = true,
                               .deployed_ms = now_ms,
                               .deployed_by = SLICE_LITERAL("owner")};
    struct store_credential c = {.ns = ns.name,
                                 .name = SLICE_LITERAL("token"),
                                 .version = 1,
                                 .kind = 1,
                                 .policy = SLICE_LITERAL("{}"),
                                 .wrapped = SLICE_LITERAL("of another vault"),
                                 .set_ms = now_ms,
                                 .set_by = SLICE_LITERAL("owner")};
    crypto_sha256(SLICE_LITERAL(ROWS_TOKEN), owner.token_hash);
    crypto_sha256(DEFINITION, w.digest);
    must(store_namespace_put(store, &ns, NULL) == 0 && store_principal_put(store, &owner) == 0);
    must(store_definition_put(store, w.digest, DEFINITION) == 0 && store_workflow_put(store, &w, NULL) == 0);
    must(store_credential_put(store, &c) == 0);
    must(store_meta_put(store, "settings", SLICE_LITERAL("{\"workers\":1}")) == 0);
    must(store_delivery_put(store, (const uint8_t *)"sixteen bytes...", now_ms) == 0);
}

static void put_checkpoint(struct store *store, const struct vault_keys *keys, int64_t now_ms)
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    struct store_head head;
    store_head(store, &head);
    struct checkpoint checkpoint = {.size = head.size};
    memcpy(checkpoint.root, head.root, sizeof checkpoint.root);
    must(note_sign_checkpoint(keys->audit_seed, slice_text(keys->origin), &checkpoint, &note) == 0);
    must(store_begin(store) == 0 && store_checkpoint_put(store, head.size, buffer_slice(&note), now_ms) == 0 &&
         store_commit(store, NULL) == 0);
}

static void fill(const char *path, const struct secret *root)
{
    _cleanup_keys_ struct vault_keys *keys = NULL;
    _cleanup_buffer_ struct buffer wrapped = BUFFER_MAX(1024);
    uint8_t namespace_key[CRYPTO_KEY_LEN];
    struct store *store = NULL;
    struct diag diag;
    int64_t now_ms = clock_wall_ms();
    must(vault_keys_derive(root, &keys) == 0 && store_open(path, &store, &diag) == 0);
    must(namespace_key_create(keys, SLICE_LITERAL(ROWS_NS), &wrapped, namespace_key) == 0 && store_begin(store) == 0);
    put_tables(store, buffer_slice(&wrapped), now_ms);
    leaf(store, AUDIT_SERVER_STARTED, (struct run_id){0}, now_ms);
    for (unsigned i = 0; i < ROWS_RUNS; i++)
        put_run(store, namespace_key, i, now_ms);
    for (unsigned i = 0; i < 260; i++) /* more than a tile */
        leaf(store, AUDIT_AUDIT_READ, (struct run_id){0}, now_ms);
    must(store_commit(store, NULL) == 0);
    put_checkpoint(store, keys, now_ms);
    store_close(store);
}

/* --- the editor --------------------------------------------------------------------------------------- */

static char original[512]; /* the loosened copy */

/* Every table: its name, what tells a row, its columns. */
static const struct table {
    const char *name, *key, *columns[20];
} tables[] = {
    {"runs",
     "id",
     {"id", "workflow_id", "state", "trigger", "started_ms", "ended_ms", "due_ms", "actor", "parent", "parent_effect", "first_leaf",
      "last_leaf", "idempotency", "random", "input", "output", "error", "context", "trace"}},
    {"journal", "run_id, seq", {"run_id", "seq", "kind", "effect", "at_ms", "data"}},
    {"workflows",
     "id",
     {"id", "namespace_id", "name", "version", "digest", "manifest", "deployed_ms", "deployed_by", "enabled_order"}},
    {"namespaces", "id", {"id", "name", "wrapped_key", "created_ms"}},
    {"principals", "id", {"id", "name", "role", "token_hash", "created_ms", "expires_ms", "is_disabled"}},
    {"credentials", "ns, name", {"ns", "name", "version", "kind", "policy", "wrapped", "set_ms", "set_by"}},
    {"definitions", "digest", {"digest", "text"}},
    {"meta", "key", {"key", "value"}},
    {"deliveries", "id", {"id", "seen_ms", "hashes"}},
    {"leaves", "idx", {"idx", "body"}},
    {"tiles", "level, idx", {"level", "idx", "hashes"}},
    {"checkpoints", "size", {"size", "note", "at_ms"}},
    {"events", "id", {"id", "run_id", "at_ms", "data"}},
};
#define N_TABLES (sizeof tables / sizeof tables[0])

static const char *const indexes[] = {"runs_open", "runs_faulted", "runs_by_workflow", "workflows_by_order", "events_by_run"};
#define N_INDEXES (sizeof indexes / sizeof indexes[0])

static sqlite3 *open_editor(const char *path)
{
    sqlite3 *db = NULL;
    must(sqlite3_open(path, &db) == SQLITE_OK);
    must(sqlite3_exec(db,
                      "PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA ignore_check_constraints = ON;"
                      "PRAGMA foreign_keys = OFF; PRAGMA writable_schema = ON",
                      NULL, NULL, NULL) == SQLITE_OK);
    return db;
}

static void execute(sqlite3 *db, const char *sql)
{
    must(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
}

/* The schema goes into a table beside it. */
static void loosen(const char *path)
{
    sqlite3 *db = open_editor(path);
    execute(db, "CREATE TABLE kept AS SELECT * FROM sqlite_schema WHERE name <> 'kept'");
    execute(db, "UPDATE sqlite_schema SET sql = replace(replace(replace(sql, ' STRICT, WITHOUT', ' WITHOUT'), ') STRICT', ')'),"
                " 'NOT NULL', '') WHERE type = 'table' AND name <> 'kept'");
    execute(db, "UPDATE sqlite_schema SET sql = replace(sql, 'state < 4', 'state < 100') WHERE type = 'index'");
    sqlite3_close(db);
}

static void tighten(const char *path)
{
    sqlite3 *db = open_editor(path);
    execute(db,
            "INSERT INTO sqlite_schema SELECT * FROM kept k WHERE NOT EXISTS (SELECT 1 FROM sqlite_schema s WHERE s.name = k.name);"
            "UPDATE sqlite_schema SET sql = (SELECT k.sql FROM kept k WHERE k.name = sqlite_master.name) WHERE name <> 'kept';"
            "DROP TABLE kept");
    sqlite3_close(db);
}

static void hide_index(sqlite3 **db, const char *path, unsigned n)
{
    char sql[128];
    (void)snprintf(sql, sizeof sql, "DELETE FROM sqlite_schema WHERE name = '%s'", indexes[n % N_INDEXES]);
    execute(*db, sql);
    sqlite3_close(*db);
    *db = open_editor(path);
}

/* --- values ------------------------------------------------------------------------------------------- */

static uint8_t take_u8(struct slice *s)
{
    uint8_t value = s->len ? s->p[0] : 0;
    *s = s->len ? slice_of(s->p + 1, s->len - 1) : *s;
    return value;
}

static int64_t take_i64(struct slice *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | take_u8(s);
    return (int64_t)n;
}

static struct slice take_bytes(struct slice *s)
{
    size_t n = take_u8(s);
    n = n < s->len ? n : s->len;
    struct slice bytes = slice_of(s->p, n);
    *s = slice_of(s->p + n, s->len - n);
    return bytes;
}

static const int64_t odd_numbers[] = {0,
                                      1,
                                      -1,
                                      2,
                                      4,
                                      5,
                                      7,
                                      255,
                                      256,
                                      (1 << 24) - 2,
                                      (1 << 24) - 1,
                                      1 << 24,
                                      INT32_MAX,
                                      INT32_MIN,
                                      UINT32_MAX,
                                      1ll << 32,
                                      (1ll << 32) + 1,
                                      253402300800000,
                                      1ll << 53,
                                      INT64_MAX - 1,
                                      INT64_MAX,
                                      INT64_MIN,
                                      INT64_MIN + 1};

static void bind_value(sqlite3_stmt *statement, int at, struct slice *edits)
{
    uint8_t kind = take_u8(edits);
    struct slice bytes;
    switch (kind % 6) {
    case 0:
        sqlite3_bind_null(statement, at);
        break;
    case 1:
        sqlite3_bind_int64(statement, at, odd_numbers[take_u8(edits) % (sizeof odd_numbers / sizeof odd_numbers[0])]);
        break;
    case 2:
        sqlite3_bind_int64(statement, at, take_i64(edits));
        break;
    case 3:
        bytes = take_bytes(edits);
        sqlite3_bind_text(statement, at, bytes.p ? (const char *)bytes.p : "", (int)bytes.len, SQLITE_TRANSIENT);
        break;
    case 4:
        bytes = take_bytes(edits);
        sqlite3_bind_blob(statement, at, bytes.p ? (const void *)bytes.p : "", (int)bytes.len, SQLITE_TRANSIENT);
        break;
    default:
        sqlite3_bind_zeroblob(statement, at, take_u8(edits) << 12);
        break;
    }
}

/* --- edits -------------------------------------------------------------------------------------------- */

static unsigned n_columns(const struct table *t)
{
    unsigned n = 0;
    while (n < sizeof t->columns / sizeof t->columns[0] && t->columns[n])
        n++;
    return n;
}

/* One with a value (?1) in the n-th row (?2): what the file does not allow, a key that is there, is left. */
static void run_edit(sqlite3 *db, const char *sql, bool has_value, struct slice *edits)
{
    sqlite3_stmt *statement = NULL;
    must(sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK);
    sqlite3_bind_int(statement, 2, take_u8(edits));
    if (has_value)
        bind_value(statement, 1, edits);
    (void)sqlite3_step(statement);
    sqlite3_finalize(statement);
}

#define ROW "(SELECT %s FROM %s ORDER BY %s LIMIT 1 OFFSET ?2 %% (SELECT max(count(*), 1) FROM %s))"

static void set_column(sqlite3 *db, const struct table *t, struct slice *edits)
{
    char sql[512];
    const char *column = t->columns[take_u8(edits) % n_columns(t)];
    (void)snprintf(sql, sizeof sql, "UPDATE OR IGNORE %s SET %s = ?1 WHERE (%s) = " ROW, t->name, column, t->key, t->key, t->name,
                   t->key, t->name);
    run_edit(db, sql, true, edits);
}

static void copy_row(sqlite3 *db, const struct table *t, struct slice *edits)
{
    _cleanup_buffer_ struct buffer sql = BUFFER_MAX(2048);
    unsigned n = n_columns(t), changed = take_u8(edits) % n;
    (void)buffer_printf(&sql, "INSERT OR IGNORE INTO %s SELECT ", t->name);
    for (unsigned i = 0; i < n; i++)
        (void)buffer_printf(&sql, "%s%s", i ? ", " : "", i == changed ? "?1" : t->columns[i]);
    (void)buffer_printf(&sql, " FROM %s ORDER BY %s LIMIT 1 OFFSET ?2 %% (SELECT max(count(*), 1) FROM %s)", t->name, t->key,
                        t->name);
    run_edit(db, buffer_text(&sql), true, edits);
}

static void delete_row(sqlite3 *db, const struct table *t, struct slice *edits)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql, "DELETE FROM %s WHERE (%s) = " ROW, t->name, t->key, t->key, t->name, t->key, t->name);
    run_edit(db, sql, false, edits);
}

static void copy_file(const char *from, const char *to)
{
    static uint8_t bytes[4u << 20];
    int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    ssize_t n = read(in, bytes, sizeof bytes);
    must(n > 0 && n < (ssize_t)sizeof bytes && write(out, bytes, (size_t)n) == n);
    close(in);
    close(out);
}

/* Bytes of the file itself, whatever stands there. */
static void damage(const char *path, struct slice bytes)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    off_t len = lseek(fd, 0, SEEK_END);
    while (bytes.len) {
        uint64_t at = (uint64_t)take_u8(&bytes) << 16 | (uint64_t)take_u8(&bytes) << 8;
        at |= take_u8(&bytes);
        uint8_t byte = take_u8(&bytes);
        must(pwrite(fd, &byte, 1, (off_t)(at % (uint64_t)len)) == 1);
    }
    close(fd);
}

void rows_make(const char *folder, const struct secret *root)
{
    (void)snprintf(original, sizeof original, "%s/original.db", folder);
    fill(original, root);
    loosen(original);
}

void rows_edit(struct slice edits, const char *path)
{
    struct slice last = {};
    copy_file(original, path);
    sqlite3 *db = open_editor(path);
    while (edits.len) {
        uint8_t what = take_u8(&edits);
        if (what % 8 == 7) {
            last = edits;
            break;
        }
        const struct table *t = &tables[take_u8(&edits) % N_TABLES];
        if (what % 8 == 6)
            hide_index(&db, path, (unsigned)(t - tables));
        else if (what % 8 == 5)
            delete_row(db, t, &edits);
        else if (what % 8 >= 3)
            copy_row(db, t, &edits);
        else
            set_column(db, t, &edits);
    }
    sqlite3_close(db);
    tighten(path);
    damage(path, last);
}
