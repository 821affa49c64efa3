/* store_sqlite_log: the audit log of a database as audit/ reads it, for proofs and for `verify`. Holds: nothing here judges what
 * it reads; it hands rows on as they are, so that the verifier sees what an editor of the file left. */
#include "audit/state.h"
#include "store/audit.h"
#include "store/sqlite.h"

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

static int walk_checkpoints(struct store_reader *r, enum statement which, store_checkpoint_fn *each, void *user,
                            bool *ret_has_row)
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
        e = each(each_user, (unsigned)column_i64(&q, 0), (uint64_t)column_i64(&q, 1), (size_t)column_i64(&q, 2));
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

static int source_runs(void *user, audit_run_fn *each, void *each_user)
{
    struct store_reader *r = user;
    reader_lock(r);
    struct query q = query_begin(r->connection, STATEMENT_RUNS_FACTS);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct audit_run_fact run = {.run = {(uint64_t)column_i64(&q, 0)}, .ended = ended_by(column_i64(&q, 1))};
        e = each(each_user, &run);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

struct fact_each {
    audit_fact_fn *each;
    void *user;
};

static int credential_fact(void *user, const struct store_credential *row)
{
    const struct fact_each *to = user;
    struct audit_fact fact = {
        .kind = AUDIT_FACT_CREDENTIAL, .ns = row->ns, .name = row->name, .is_active = !row->is_revoked};
    audit_digest_credential(row->ns, row->name, row->version, row->kind, row->policy, row->wrapped, fact.digest);
    return to->each(to->user, &fact);
}

static int workflow_fact(void *user, const struct store_workflow *row)
{
    const struct fact_each *to = user;
    struct audit_fact fact = {.kind = AUDIT_FACT_WORKFLOW,
                              .ns = row->ns,
                              .name = row->name,
                              .version = row->version,
                              .is_active = row->is_enabled};
    memcpy(fact.digest, row->digest, sizeof fact.digest);
    return to->each(to->user, &fact);
}

static int principal_fact(void *user, const struct store_principal *row)
{
    const struct fact_each *to = user;
    struct audit_fact fact = {.kind = AUDIT_FACT_PRINCIPAL, .name = row->name, .is_active = !row->is_disabled};
    audit_digest_principal(row->name, row->role, row->expires_ms, row->token_hash, fact.digest);
    return to->each(to->user, &fact);
}

static int definition_facts(struct store_reader *r, struct fact_each *to)
{
    reader_lock(r);
    struct query q = query_begin(r->connection, STATEMENT_DEFINITIONS);
    int e;
    while ((e = query_next(&q)) > 0) {
        struct audit_fact fact = {.kind = AUDIT_FACT_DEFINITION, .name = column_slice(&q, 0), .is_active = true};
        crypto_sha256(column_slice(&q, 1), fact.digest);
        e = to->each(to->user, &fact);
        if (e != 0)
            break;
    }
    return reader_finish(r, &q, e);
}

static int source_facts(void *user, audit_fact_fn *each, void *each_user)
{
    struct store_reader *r = user;
    struct fact_each to = {each, each_user};
    int e = store_credentials(r, credential_fact, &to);
    if (e == 0)
        e = store_workflows(r, (struct slice){}, (struct slice){}, workflow_fact, &to);
    if (e == 0)
        e = store_principals(r, principal_fact, &to);
    return e == 0 ? definition_facts(r, &to) : e;
}

struct audit_source store_audit_source(struct store_reader *r)
{
    return (struct audit_source){.log = store_audit_log(r),
                                 .size = source_size,
                                 .checkpoints = source_checkpoints,
                                 .tiles = source_tiles,
                                 .runs = source_runs,
                                 .facts = source_facts};
}
