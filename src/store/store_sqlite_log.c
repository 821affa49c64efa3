/* store_sqlite_log: the audit log of a database as audit/ reads it, for proofs and for `verify`. Holds:
 * nothing here judges what it reads; it hands rows on as they are, so that the verifier sees what an editor
 * of the file left. */
#include "store/audit.h"
#include "store/vouch.h"

static int walk_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    struct query q = query_begin(user, STATEMENT_LEAVES);
    query_u64(&q, from);
    query_u64(&q, to < INT64_MAX ? to : INT64_MAX);
    int e;
    while ((e = query_next(&q)) > 0) {
        e = each(each_user, (uint64_t)column_i64(&q, 0), column_slice(&q, 1));
        if (e != 0)
            break;
    }
    query_end(&q);
    return e;
}

static int read_tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    struct query q = query_begin(user, STATEMENT_TILE);
    query_i64(&q, level);
    query_u64(&q, index);
    size_t len = (size_t)n * CRYPTO_HASH_LEN;
    int e = query_next(&q);
    if (e > 0) {
        struct slice hashes = column_slice(&q, 0);
        e = hashes.len >= len ? 1 : 0;
        if (e > 0)
            memcpy(ret, hashes.p, len);
    }
    query_end(&q);
    return e > 0 ? 0 : e < 0 ? e : -SP_ENOTFOUND;
}

struct audit_log connection_audit_log(struct connection *c)
{
    return (struct audit_log){.user = c, .leaves = walk_leaves, .tile = read_tile};
}

int connection_leaf_count(struct connection *c, uint64_t *ret)
{
    struct query q = query_begin(c, STATEMENT_LEAF_COUNT);
    int e = query_next(&q);
    if (e > 0)
        *ret = (uint64_t)column_i64(&q, 0);
    query_end(&q);
    return e > 0 ? 0 : e;
}

int store_leaves(struct store_reader *r, uint64_t from, uint64_t to, audit_leaf_fn *each, void *user)
{
    reader_lock(r);
    int e = walk_leaves(r->connection, from, to, each, user);
    reader_unlock(r);
    return e;
}

int store_leaf_count(struct store_reader *r, uint64_t *ret)
{
    reader_lock(r);
    int e = connection_leaf_count(r->connection, ret);
    reader_unlock(r);
    return e;
}

static int reader_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    return store_leaves(user, from, to, each, each_user);
}

static int reader_tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    struct store_reader *r = user;
    reader_lock(r);
    int e = read_tile(r->connection, level, index, n, ret);
    reader_unlock(r);
    return e;
}

struct audit_log store_audit_log(struct store_reader *r)
{
    return (struct audit_log){.user = r, .leaves = reader_leaves, .tile = reader_tile};
}

static int source_size(void *user, uint64_t *ret)
{
    return store_leaf_count(user, ret);
}

static int walk_checkpoints(struct store_reader *r, enum statement which, store_checkpoint_fn *each,
                            void *user, bool *ret_has_row)
{
    reader_lock(r);
    struct query q = query_begin(r->connection, which);
    int e;
    while ((e = query_next(&q)) > 0) {
        *ret_has_row = true;
        e = each(user, (uint64_t)column_i64(&q, 0), column_slice(&q, 1), column_i64(&q, 2));
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

int store_checkpoint_last(struct store_reader *r, store_checkpoint_fn *each, void *user)
{
    bool has_row = false;
    int e = walk_checkpoints(r, STATEMENT_CHECKPOINT_LAST, each, user, &has_row);
    return e == 0 && !has_row ? -SP_ENOTFOUND : e;
}

struct checkpoint_each {
    audit_checkpoint_fn *each;
    void *user;
};

static int forward_checkpoint(void *user, uint64_t size, struct slice note, int64_t at_ms)
{
    const struct checkpoint_each *to = user;
    return to->each(to->user, size, note);
}

static int source_checkpoints(void *user, audit_checkpoint_fn *each, void *each_user)
{
    bool has_row = false;
    struct checkpoint_each to = {each, each_user};
    return walk_checkpoints(user, STATEMENT_CHECKPOINTS, forward_checkpoint, &to, &has_row);
}

static int source_tiles(void *user, audit_tile_row_fn *each, void *each_user)
{
    struct store_reader *r = user;
    reader_lock(r);
    struct query q = query_begin(r->connection, STATEMENT_TILES);
    int e;
    while ((e = query_next(&q)) > 0) {
        e = each(each_user, (unsigned)column_i64(&q, 0), (uint64_t)column_i64(&q, 1),
                 (size_t)column_i64(&q, 2));
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static enum audit_action ended_by(int64_t state)
{
    switch (state) {
    case RUN_COMPLETED:
        return AUDIT_RUN_COMPLETED;
    case RUN_FAULTED:
        return AUDIT_RUN_FAULTED;
    case RUN_CANCELLED:
        return AUDIT_RUN_CANCELLED;
    default:
        return AUDIT_ACTION_NONE;
    }
}

static int each_run(const struct query *q, const uint8_t digest[CRYPTO_HASH_LEN], audit_run_fn *each, void *each_user)
{
    struct audit_run_fact run = {.run = {(uint64_t)column_i64(q, VOUCH_KEYS)}, .ended = ended_by(column_i64(q, 0))};
    memcpy(run.digest, digest, sizeof run.digest);
    return each(each_user, &run);
}

static int walk_open_runs(struct store_reader *r, audit_run_fn *each, void *each_user)
{
    uint8_t digest[CRYPTO_HASH_LEN];
    reader_lock(r);
    struct query q = query_begin(r->connection, STATEMENT_VOUCH_RUNS_OPEN);
    int e;
    while ((e = query_next(&q)) > 0) {
        vouch_row(STATEMENT_VOUCH_RUNS_OPEN, &q, digest);
        if ((e = each_run(&q, digest, each, each_user)) != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static int walk_ended_runs(struct store_reader *r, audit_run_fn *each, void *each_user)
{
    uint8_t digest[CRYPTO_HASH_LEN];
    struct vouch_walk walk;
    reader_lock(r);
    int e = vouch_walk_begin(r->connection, &walk);
    struct query q = query_begin(r->connection, STATEMENT_VOUCH_RUNS_ENDED);
    while (e >= 0 && (e = query_next(&q)) > 0) {
        e = vouch_walk_row(&walk, &q, digest);
        e = e < 0 ? e : each_run(&q, digest, each, each_user);
        if (e != 0)
            break;
    }
    vouch_walk_end(&walk);
    return reader_finish(r, &q, e);
}

static int source_runs(void *user, audit_run_fn *each, void *each_user)
{
    int e = walk_open_runs(user, each, each_user);
    return e == 0 ? walk_ended_runs(user, each, each_user) : e;
}

struct fact_each {
    audit_fact_fn *each;
    void *user;
};

static int row_facts(struct store_reader *r, enum audit_fact_kind kind, enum statement which,
                     struct fact_each *to)
{
    reader_lock(r);
    struct query q = query_begin(r->connection, which);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct audit_fact fact = {.kind = kind,
                                  .ns = column_slice(&q, 0),
                                  .name = column_slice(&q, 1),
                                  .version = column_slice(&q, 2)};
        vouch_row(which, &q, fact.digest);
        e = to->each(to->user, &fact);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static int definition_facts(struct store_reader *r, struct fact_each *to)
{
    reader_lock(r);
    struct query q = query_begin(r->connection, STATEMENT_DEFINITIONS);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct audit_fact fact = {.kind = AUDIT_FACT_DEFINITION, .name = column_slice(&q, 0)};
        crypto_sha256(column_slice(&q, 1), fact.digest);
        e = to->each(to->user, &fact);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static int source_facts(void *user, audit_fact_fn *each, void *each_user)
{
    static const struct {
        enum audit_fact_kind kind;
        enum statement which;
    } tables[] = {
        {AUDIT_FACT_NAMESPACE, STATEMENT_VOUCH_NAMESPACES},
        {AUDIT_FACT_CREDENTIAL, STATEMENT_VOUCH_CREDENTIALS},
        {AUDIT_FACT_WORKFLOW, STATEMENT_VOUCH_WORKFLOWS},
        {AUDIT_FACT_PRINCIPAL, STATEMENT_VOUCH_PRINCIPALS},
    };
    struct fact_each to = {each, each_user};
    int e = 0;
    for (size_t i = 0; e == 0 && i < sizeof tables / sizeof tables[0]; i++)
        e = row_facts(user, tables[i].kind, tables[i].which, &to);
    return e == 0 ? definition_facts(user, &to) : e;
}

/* What is looked up by an index (a principal by his token) is what an editor of the file says who changes the index's page alone; and
 * of rows that are out of order, here and in the journal, a search finds others than a walk. The table of runs is left out: its
 * indexes serve listings, and checking them takes longer than all the rest. */
static int source_damage(void *user, audit_damage_fn *each, void *each_user)
{
    static const enum statement checks[] = {STATEMENT_CHECK_PRINCIPALS, STATEMENT_CHECK_NAMESPACES, STATEMENT_CHECK_WORKFLOWS,
                                            STATEMENT_CHECK_CREDENTIALS, STATEMENT_CHECK_DEFINITIONS, STATEMENT_CHECK_JOURNAL,
                                            STATEMENT_CHECK_EVENTS,      STATEMENT_CHECK_LEAVES};
    struct store_reader *r = user;
    int e = 0;
    for (size_t i = 0; e == 0 && i < sizeof checks / sizeof checks[0]; i++) {
        reader_lock(r);
        struct query q = query_begin(r->connection, checks[i]);
        while ((e = query_next(&q)) > 0) {
            const char *text = (const char *)sqlite3_column_text(q.statement, 0);
            e = text && strcmp(text, "ok") != 0 ? each(each_user, text) : 0;
            if (e != 0)
                break;
        }
        e = reader_finish(r, &q, e);
    }
    return e;
}

struct audit_source store_audit_source(struct store_reader *r)
{
    return (struct audit_source){.log = store_audit_log(r),
                                 .size = source_size,
                                 .checkpoints = source_checkpoints,
                                 .tiles = source_tiles,
                                 .runs = source_runs,
                                 .facts = source_facts,
                                 .damage = source_damage};
}
