/* commit: what belongs together is collected here, on the loop, as a list of operations, and performed on the committer's
 * thread. Everything is copied into the commit's arena: whoever adds may go. Each kind of row has its adder and, above it, how
 * it is performed. Called by the domain's files; must never touch the store on the loop. */
#include "engine/commit_parts.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"
#include "engine/committer.h"

struct commit *commit_new(commit_done *done, void *user)
{
    return committer_has_room() ? commit_new_of_log(done, user) : NULL;
}

struct commit *commit_new_of_log(commit_done *done, void *user)
{
    struct arena arena = {0};
    struct commit *c = arena_alloc(&arena, sizeof *c);
    if (!c)
        return NULL;
    *c = (struct commit){.arena = arena, .done = done, .user = user, .is_complete = true};
    c->proof = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN);
    for (unsigned i = 0; i < PHASE_COUNT; i++)
        c->last[i] = &c->first[i];
    return c;
}

void commit_drop(struct commit *c)
{
    buffer_free(&c->proof);
    if (c->has_sealer)
        sealer_end(&c->sealer);
    struct arena arena = c->arena; /* `c` itself lives in it */
    arena_free(&arena);
}

void commit_seal_for(struct commit *c, const struct seal_key *key)
{
    c->key = *key;
    c->is_sealing = true;
}

static struct operation *add_to(struct commit *c, enum operation_phase phase,
                                int (*perform)(struct commit *c, struct store *store, const struct operation *op))
{
    static struct operation nowhere;
    struct operation *op = arena_alloc(&c->arena, sizeof *op);
    if (!op) {
        c->is_complete = false;
        return &nowhere;
    }
    op->perform = perform;
    *c->last[phase] = op;
    c->last[phase] = &op->next;
    return op;
}

static struct operation *add(struct commit *c, int (*perform)(struct commit *c, struct store *store, const struct operation *op))
{
    return add_to(c, PHASE_ROWS, perform);
}

#define COPY(field) (field) = arena_copy(&c->arena, (field), &c->is_complete)

static int perform_leaf(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_leaf_append(store, &op->leaf, NULL);
}

void commit_leaf(struct commit *c, const struct audit_event *e)
{
    struct operation *op = add_to(c, PHASE_LEAVES, perform_leaf);
    c->n_leaves++;
    op->leaf = audit_event_copy(e, &c->arena, &c->is_complete);
}

#define LARGE_PAYLOAD (64u << 10) /* beyond it the memory for sealing is not kept */

/* Seals a payload in place of the plain one; an empty one stays empty. */
static int seal(struct commit *c, enum seal_column column, uint32_t seq, struct slice *payload)
{
    if (payload->len == 0)
        return 0;
    must(c->is_sealing);
    static struct buffer sealed = BUFFER_MAX(LIMIT_FRAME + SEAL_OVERHEAD); /* the committer's alone */
    buffer_clear(&sealed);
    int r = c->has_sealer ? 0 : sealer_begin(&c->sealer, &c->key);
    c->has_sealer = r == 0;
    bool ok = true;
    r = r < 0 ? r : sealer_blob(&c->sealer, column, seq, *payload, &sealed);
    if (r == 0) {
        *payload = arena_copy(&c->arena, buffer_slice(&sealed), &ok);
        r = ok ? 0 : -ENOMEM;
    }
    if (payload->len > LARGE_PAYLOAD)
        buffer_free(&sealed);
    return r;
}

/* Where this commit's last leaf will be: its rows come before its leaves. */
static uint64_t last_leaf(const struct commit *c, const struct store *store)
{
    return c->n_leaves ? store_leaf_next(store) + c->n_leaves - 1 : 0;
}

static int perform_run_insert(struct commit *c, struct store *store, const struct operation *op)
{
    struct store_run row = op->run;
    row.first_leaf = c->n_leaves ? store_leaf_next(store) : 0;
    row.last_leaf = run_state_is_terminal(row.state) ? last_leaf(c, store) : 0;
    int r = seal(c, SEAL_RUN_INPUT, 0, &row.input);
    r = r < 0 ? r : seal(c, SEAL_RUN_OUTPUT, 0, &row.output);
    r = r < 0 ? r : seal(c, SEAL_RUN_ERROR, 0, &row.error);
    r = r < 0 ? r : seal(c, SEAL_RUN_CONTEXT, 0, &row.context);
    r = r < 0 ? r : seal(c, SEAL_RUN_TRACE, 0, &row.trace);
    return r < 0 ? r : store_run_insert(store, &row);
}

void commit_run_insert(struct commit *c, const struct store_run *row)
{
    struct operation *op = add(c, perform_run_insert);
    op->run = *row;
    COPY(op->run.actor);
    COPY(op->run.idempotency);
    COPY(op->run.random);
    COPY(op->run.input);
    COPY(op->run.output);
    COPY(op->run.error);
    COPY(op->run.context);
    COPY(op->run.trace);
}

static int perform_run_update(struct commit *c, struct store *store, const struct operation *op)
{
    struct store_run_change change = op->change;
    change.last_leaf = run_state_is_terminal(change.state) ? last_leaf(c, store) : 0;
    int r = seal(c, SEAL_RUN_OUTPUT, 0, &change.output);
    r = r < 0 ? r : seal(c, SEAL_RUN_ERROR, 0, &change.error);
    r = r < 0 ? r : seal(c, SEAL_RUN_CONTEXT, 0, &change.context);
    return r < 0 ? r : store_run_update(store, &change);
}

void commit_run_update(struct commit *c, const struct store_run_change *change)
{
    struct operation *op = add(c, perform_run_update);
    op->change = *change;
    COPY(op->change.output);
    COPY(op->change.error);
    COPY(op->change.context);
}

static int perform_journal(struct commit *c, struct store *store, const struct operation *op)
{
    struct store_journal row = op->journal;
    int r = seal(c, SEAL_JOURNAL, row.seq, &row.data);
    return r < 0 ? r : store_journal_put(store, &row);
}

void commit_journal(struct commit *c, const struct store_journal *row)
{
    struct operation *op = add_to(c, PHASE_JOURNAL, perform_journal);
    op->journal = *row;
    COPY(op->journal.data);
}

static int perform_event(struct commit *c, struct store *store, const struct operation *op)
{
    struct store_event row = op->event.row;
    int r = seal(c, SEAL_EVENT, op->event.seq, &row.data);
    return r < 0 ? r : store_event_put(store, &row, NULL);
}

void commit_event(struct commit *c, const struct store_event *row, uint32_t seq)
{
    struct operation *op = add_to(c, PHASE_JOURNAL, perform_event);
    op->event.row = *row;
    op->event.seq = seq;
    COPY(op->event.row.data);
}

static int perform_delivery(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_delivery_put(store, op->delivery.hash, op->delivery.seen_ms);
}

void commit_delivery(struct commit *c, const uint8_t hash[16], int64_t seen_ms)
{
    struct operation *op = add(c, perform_delivery);
    memcpy(op->delivery.hash, hash, 16);
    op->delivery.seen_ms = seen_ms;
}

static int perform_deliveries_prune(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_deliveries_prune(store, op->delivery.seen_ms);
}

void commit_deliveries_prune(struct commit *c, int64_t before_ms)
{
    struct operation *op = add(c, perform_deliveries_prune);
    op->delivery.seen_ms = before_ms;
}

static int perform_meta(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_meta_put(store, op->meta.key, op->meta.value);
}

void commit_meta(struct commit *c, const char *key, struct slice value)
{
    struct operation *op = add(c, perform_meta);
    op->meta.key = key;
    op->meta.value = value;
    COPY(op->meta.value);
}

static int perform_namespace(struct commit *c, struct store *store, const struct operation *op)
{
    return store_namespace_put(store, &op->ns, &c->new_id);
}

void commit_namespace(struct commit *c, const struct store_namespace *row)
{
    struct operation *op = add(c, perform_namespace);
    op->ns = *row;
    COPY(op->ns.name);
    COPY(op->ns.wrapped_key);
}

static int perform_workflow(struct commit *c, struct store *store, const struct operation *op)
{
    int r = store_definition_put(store, op->workflow.row.digest, op->workflow.definition);
    return r < 0 ? r : store_workflow_put(store, &op->workflow.row, &c->new_id);
}

void commit_workflow(struct commit *c, const struct store_workflow *row, struct slice definition)
{
    struct operation *op = add(c, perform_workflow);
    op->workflow.row = *row;
    op->workflow.definition = definition;
    COPY(op->workflow.definition);
    COPY(op->workflow.row.ns);
    COPY(op->workflow.row.name);
    COPY(op->workflow.row.version);
    COPY(op->workflow.row.manifest);
    COPY(op->workflow.row.deployed_by);
}

static int perform_enable(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_workflow_enable(store, op->enable.id, op->enable.is_enabled);
}

void commit_workflow_enable(struct commit *c, uint32_t id, bool is_enabled)
{
    struct operation *op = add(c, perform_enable);
    op->enable.id = id;
    op->enable.is_enabled = is_enabled;
}

static int perform_credential(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_credential_put(store, &op->credential);
}

static int perform_credential_revoke(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    const struct store_credential *row = &op->credential;
    return store_credential_revoke(store, row->ns, row->name, row->set_ms, row->set_by);
}

static void add_credential(struct commit *c, const struct store_credential *row,
                           int (*perform)(struct commit *c, struct store *store, const struct operation *op))
{
    struct operation *op = add(c, perform);
    op->credential = *row;
    COPY(op->credential.ns);
    COPY(op->credential.name);
    COPY(op->credential.policy);
    COPY(op->credential.wrapped);
    COPY(op->credential.set_by);
}

void commit_credential(struct commit *c, const struct store_credential *row)
{
    add_credential(c, row, perform_credential);
}

void commit_credential_revoke(struct commit *c, const struct store_credential *row)
{
    add_credential(c, row, perform_credential_revoke);
}

static int perform_checkpoint(struct commit *c, struct store *store, const struct operation *op)
{
    (void)c;
    return store_checkpoint_put(store, op->checkpoint.size, op->checkpoint.note, op->checkpoint.at_ms);
}

void commit_checkpoint(struct commit *c, uint64_t size, struct slice note, int64_t at_ms)
{
    struct operation *op = add(c, perform_checkpoint);
    op->checkpoint.size = size;
    op->checkpoint.note = note;
    op->checkpoint.at_ms = at_ms;
    COPY(op->checkpoint.note);
}

static int perform_retention(struct commit *c, struct store *store, const struct operation *op)
{
    int r = store_retention_apply(store, 0, op->retention.workflow_id, op->retention.before_ms, LIMIT_BATCH, &c->new_id);
    c->n_leaves = r == 0 && c->new_id; /* news for the next checkpoint */
    return r < 0 || c->new_id == 0 ? r : store_leaf_append(store, &op->retention.leaf, NULL);
}

void commit_retention(struct commit *c, uint32_t workflow_id, int64_t before_ms, const struct audit_event *leaf)
{
    struct operation *op = add(c, perform_retention);
    op->retention.workflow_id = workflow_id;
    op->retention.before_ms = before_ms;
    op->retention.leaf = *leaf;
}

int commit_perform(struct commit *c, struct store *store)
{
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        for (const struct operation *op = c->first[phase]; op; op = op->next) {
            int r = op->perform(c, store, op);
            if (r < 0)
                return r;
        }
    return 0;
}
