/* commit: the committer thread and its queue. Called by the domain's files on the loop; runs the store's writes on its own
 * thread, which is the only one that writes the database.
 * A batch is what came while the last one was being written: it adapts to the load by itself. If one member of a batch is
 * refused by the store, the others are written again without it; if the disk fails, the error sticks and nothing runs. */
#include "engine/commit.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "engine/metrics.h"
#include "role/role.h"
#include "store/seal.h"

#define LIMIT_QUEUE (4 * LIMIT_RUNS_ACTIVE)

struct operation {
    struct operation *next;
    int (*perform)(struct commit *c, const struct operation *op);
    union {
        struct audit_event leaf;
        struct store_run run;
        struct store_run_change change;
        struct store_journal journal;
        struct {
            struct store_event row;
            uint32_t seq;
        } event;
        struct {
            uint8_t hash[16];
            int64_t seen_ms;
        } delivery;
        struct store_namespace ns;
        struct store_principal principal;
        struct {
            struct store_workflow row;
            struct slice definition;
        } workflow;
        struct {
            uint32_t id;
            bool is_enabled;
        } enable;
        struct store_credential credential;
        struct {
            uint64_t size;
            struct slice note;
            int64_t at_ms;
        } checkpoint;
        struct {
            uint32_t workflow_id;
            int64_t before_ms;
            struct audit_event leaf; /* its texts belong to the workflow, which is never freed */
        } retention;
    };
};

/* The order in which a commit's operations are performed, whatever the order in which they were added: a run's row tells
 * where its leaves are, and its journal refers to the row. */
enum operation_phase {
    PHASE_LEAVES,
    PHASE_ROWS,
    PHASE_JOURNAL,
    PHASE_COUNT,
};

struct commit {
    struct commit *next;
    struct arena arena;
    struct operation *first[PHASE_COUNT], **last[PHASE_COUNT];
    commit_done *done;
    void *user;
    struct seal_key key;
    bool is_sealing, is_complete, has_leaf;
    uint64_t n_leaves, first_leaf, last_leaf; /* appended so far by this commit */
    int code;
    uint32_t new_id;
    /* a question instead of operations */
    commit_head_is *head_is;
    uint64_t head_from;
    struct store_head head;
    struct buffer proof;
};

static struct store *store;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static struct commit *queue_first, **queue_last = &queue_first;
static struct commit *done_first, **done_last = &done_first;
static _Atomic size_t n_queued; /* read without the lock when a commit begins */
static bool is_stopping;
static ev_async done_signal;
static bool has_news; /* leaves became durable since the last question for the head */

/* --- building, on the loop ----------------------------------------------------------------------------------------- */

struct commit *commit_new(commit_done *done, void *user)
{
    if (n_queued >= LIMIT_QUEUE)
        return NULL;
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
    struct arena arena = c->arena; /* `c` itself lives in it */
    arena_free(&arena);
}

void commit_seal_for(struct commit *c, const struct seal_key *key)
{
    c->key = *key;
    c->is_sealing = true;
}

static struct operation *add_to(struct commit *c, enum operation_phase phase,
                                int (*perform)(struct commit *c, const struct operation *op))
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

static struct operation *add(struct commit *c, int (*perform)(struct commit *c, const struct operation *op))
{
    return add_to(c, PHASE_ROWS, perform);
}

#define COPY(field) (field) = arena_copy(&c->arena, (field), &c->is_complete)

static int perform_leaf(struct commit *c, const struct operation *op)
{
    struct leaf_index index;
    int r = store_leaf_append(store, &op->leaf, &index);
    if (r < 0)
        return r;
    if (c->n_leaves++ == 0)
        c->first_leaf = index.n;
    c->last_leaf = index.n;
    return 0;
}

#define COPY_text(member)   COPY(op->leaf.member);
#define COPY_digest(member) COPY(op->leaf.member);
#define COPY_list(member)   COPY(op->leaf.member);
#define COPY_number(member)
#define COPY_effect(member)
#define COPY_run(member)
#define COPY_time(member)
#define COPY_action(member)
#define COPY_outcome(member)

void commit_leaf(struct commit *c, const struct audit_event *e)
{
    struct operation *op = add_to(c, PHASE_LEAVES, perform_leaf);
    c->has_leaf = true;
    op->leaf = *e;
#define F(kind, member, key) COPY_##kind(member)
    AUDIT_FIELDS(F)
#undef F
}

/* Seals a payload in place of the plain one; an empty one stays empty. */
static int seal(struct commit *c, enum seal_column column, uint32_t seq, struct slice *payload)
{
    if (payload->len == 0)
        return 0;
    must(c->is_sealing);
    struct buffer sealed = BUFFER_MAX(payload->len + SEAL_OVERHEAD);
    int r = seal_blob(&c->key, column, seq, *payload, &sealed);
    bool ok = true;
    if (r == 0) {
        *payload = arena_copy(&c->arena, buffer_slice(&sealed), &ok);
        r = ok ? 0 : -ENOMEM;
    }
    buffer_free(&sealed);
    return r;
}

static int perform_run_insert(struct commit *c, const struct operation *op)
{
    struct store_run row = op->run;
    row.first_leaf = c->n_leaves ? c->first_leaf : 0;
    row.last_leaf = run_state_is_terminal(row.state) ? c->last_leaf : 0;
    int r = seal(c, SEAL_RUN_INPUT, 0, &row.input);
    r = r < 0 ? r : seal(c, SEAL_RUN_OUTPUT, 0, &row.output);
    r = r < 0 ? r : seal(c, SEAL_RUN_ERROR, 0, &row.error);
    r = r < 0 ? r : seal(c, SEAL_RUN_CONTEXT, 0, &row.context);
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
}

static int perform_run_update(struct commit *c, const struct operation *op)
{
    struct store_run_change change = op->change;
    change.last_leaf = run_state_is_terminal(change.state) ? c->last_leaf : 0;
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

static int perform_journal(struct commit *c, const struct operation *op)
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

static int perform_event(struct commit *c, const struct operation *op)
{
    struct store_event row = op->event.row;
    int r = seal(c, SEAL_EVENT, op->event.seq, &row.data);
    return r < 0 ? r : store_event_put(store, &row, NULL);
}

void commit_event(struct commit *c, const struct store_event *row, uint32_t seq)
{
    struct operation *op = add(c, perform_event);
    op->event.row = *row;
    op->event.seq = seq;
    COPY(op->event.row.data);
}

static int perform_delivery(struct commit *c, const struct operation *op)
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

static int perform_deliveries_prune(struct commit *c, const struct operation *op)
{
    (void)c;
    return store_deliveries_prune(store, op->delivery.seen_ms);
}

void commit_deliveries_prune(struct commit *c, int64_t before_ms)
{
    struct operation *op = add(c, perform_deliveries_prune);
    op->delivery.seen_ms = before_ms;
}

static int perform_namespace(struct commit *c, const struct operation *op)
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

static int perform_principal(struct commit *c, const struct operation *op)
{
    (void)c;
    return store_principal_put(store, &op->principal);
}

void commit_principal(struct commit *c, const struct store_principal *row)
{
    struct operation *op = add(c, perform_principal);
    op->principal = *row;
    COPY(op->principal.name);
    COPY(op->principal.role);
}

static int perform_workflow(struct commit *c, const struct operation *op)
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

static int perform_enable(struct commit *c, const struct operation *op)
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

static int perform_credential(struct commit *c, const struct operation *op)
{
    (void)c;
    return store_credential_put(store, &op->credential);
}

static int perform_credential_revoke(struct commit *c, const struct operation *op)
{
    (void)c;
    const struct store_credential *row = &op->credential;
    return store_credential_revoke(store, row->ns, row->name, row->set_ms, row->set_by);
}

static void add_credential(struct commit *c, const struct store_credential *row,
                           int (*perform)(struct commit *c, const struct operation *op))
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

static int perform_checkpoint(struct commit *c, const struct operation *op)
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

static int perform_retention(struct commit *c, const struct operation *op)
{
    int r = store_retention_apply(store, 0, op->retention.workflow_id, op->retention.before_ms, LIMIT_BATCH, &c->new_id);
    return r < 0 || c->new_id == 0 ? r : store_leaf_append(store, &op->retention.leaf, NULL);
}

void commit_retention(struct commit *c, uint32_t workflow_id, int64_t before_ms, const struct audit_event *leaf)
{
    struct operation *op = add(c, perform_retention);
    op->retention.workflow_id = workflow_id;
    op->retention.before_ms = before_ms;
    op->retention.leaf = *leaf;
}

void commit_submit(struct commit *c)
{
    c->code = c->is_complete ? 0 : -ENOMEM;
    (void)pthread_mutex_lock(&lock);
    *queue_last = c;
    queue_last = &c->next;
    n_queued++;
    (void)pthread_cond_signal(&wake);
    (void)pthread_mutex_unlock(&lock);
}

void commit_ask_head(uint64_t from, commit_head_is *answered, void *user)
{
    struct commit *c = commit_new(NULL, user);
    if (!c) {
        answered(-SP_EOVERLOAD, NULL, (struct slice){0}, user);
        return;
    }
    c->head_is = answered;
    c->head_from = from;
    has_news = false;
    commit_submit(c);
}

bool commit_has_news(void)
{
    return has_news;
}

/* --- writing, on the committer ------------------------------------------------------------------------------------- */

static int perform_all(struct commit *c)
{
    for (unsigned phase = 0; phase < PHASE_COUNT; phase++)
        for (const struct operation *op = c->first[phase]; op; op = op->next) {
            int r = op->perform(c, op);
            if (r < 0)
                return r;
        }
    return 0;
}

/* Writes the members from `first` on in one transaction; at the first that the store refuses, its code is kept, and 1 says
 * that all must be written again without it. */
static int write_once(struct commit *first)
{
    int r = store_begin(store);
    for (struct commit *c = first; c && r == 0; c = c->next) {
        if (c->code < 0 || c->head_is)
            continue;
        c->n_leaves = 0;
        c->code = perform_all(c);
        if (c->code < 0) {
            store_rollback(store);
            return store_error(store) ? store_error(store) : 1;
        }
    }
    return r < 0 ? r : store_commit(store, NULL);
}

static void write_batch(struct commit *first)
{
    int r;
    do
        r = write_once(first);
    while (r > 0);
    for (struct commit *c = first; c; c = c->next) {
        if (r < 0 && c->code == 0)
            c->code = r;
        if (!c->head_is || c->code < 0)
            continue;
        store_head(store, &c->head);
        if (c->head_from && c->head_from < c->head.size)
            c->code = store_consistency(store, c->head_from, &c->proof);
    }
}

static struct commit *next_batch(void)
{
    (void)pthread_mutex_lock(&lock);
    while (!queue_first && !is_stopping)
        (void)pthread_cond_wait(&wake, &lock);
    struct commit *first = queue_first, *c = first;
    size_t n = 0;
    while (c && ++n < LIMIT_BATCH && c->next)
        c = c->next;
    if (c) {
        queue_first = c->next;
        if (!queue_first)
            queue_last = &queue_first;
        c->next = NULL;
        n_queued -= n;
    }
    (void)pthread_mutex_unlock(&lock);
    return first;
}

static void *committer(void *unused)
{
    (void)unused;
    struct commit *batch;
    while ((batch = next_batch())) {
        write_batch(batch);
        (void)pthread_mutex_lock(&lock);
        *done_last = batch;
        while (*done_last)
            done_last = &(*done_last)->next;
        (void)pthread_mutex_unlock(&lock);
        ev_async_send(role_loop(), &done_signal);
    }
    return NULL;
}

/* --- telling, on the loop ------------------------------------------------------------------------------------------ */

static void on_done(struct ev_loop *loop, ev_async *signal, int events)
{
    (void)loop;
    (void)signal;
    (void)events;
    (void)pthread_mutex_lock(&lock);
    struct commit *c = done_first;
    done_first = NULL;
    done_last = &done_first;
    (void)pthread_mutex_unlock(&lock);
    while (c) {
        struct commit *next = c->next;
        has_news = has_news || (c->has_leaf && c->code == 0);
        metrics_count(c->code < 0 ? METRIC_COMMITS_FAILED : METRIC_COMMITS);
        if (c->code < 0)
            log_event(LOG_LEVEL_ERROR, "engine.commit-failed", "error", error_text(c->code), NULL);
        if (c->head_is)
            c->head_is(c->code, &c->head, buffer_slice(&c->proof), c->user);
        else if (c->done)
            c->done(c->code, c->new_id, c->user);
        commit_drop(c);
        c = next;
    }
}

int commit_start(const char *path, struct diag *reterr)
{
    int r = store_open(path, &store, reterr);
    if (r < 0)
        return r;
    ev_async_init(&done_signal, on_done);
    ev_async_start(role_loop(), &done_signal);
    r = -pthread_create(&thread, NULL, committer, NULL);
    return r < 0 ? diag_set(reterr, r, "the committer's thread cannot be started: %s", error_text(r)) : 0;
}

void commit_stop(void)
{
    if (!store)
        return;
    (void)pthread_mutex_lock(&lock);
    is_stopping = true;
    (void)pthread_cond_signal(&wake);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_join(thread, NULL);
    on_done(role_loop(), &done_signal, 0);
    store_close(store);
    store = NULL;
}

struct store *commit_store(void)
{
    return store;
}

int commit_error(void)
{
    return store ? store_error(store) : -SP_EUNAVAILABLE;
}
