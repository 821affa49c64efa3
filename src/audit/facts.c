/* facts: three open-addressing tables. Holds: those that grow have a load of one half at most, and are bounded
 * by LIMIT_VERIFY_FACTS.
 *
 *   runs       id → how it began and ended, the digest of its row, when, of which workflow (its place below)
 *   named      first 16 bytes of SHA-256(kind, ns, name, version) → what the newest leaf about it says
 *   workflows  namespace and name → the latest cut: a run's row may be gone if a retention.applied leaf allows it */
#include "audit/facts.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/limits.h"

#define WORKFLOW_SLOTS (1u << 16)
#define WORKFLOWS_MAX  (WORKFLOW_SLOTS / 4 * 3)

struct run_entry {
    uint64_t run; /* 0: empty */
    uint64_t has_start : 1, has_row : 1, end : 2, workflow : 16, at_ms : 44;
    uint8_t digest[16]; /* the beginning of that in the newest leaf */
};

enum { END_NONE, END_COMPLETED, END_FAULTED, END_CANCELLED };

/* A workflow that the log names, and how far retention took its runs away. */
struct workflow_entry {
    uint8_t *names; /* namespace and name, one behind the other; NULL: empty */
    size_t ns_len, len;
    int64_t cut_ms;
};

struct named_entry {
    uint8_t key[16];
    uint64_t leaf;
    uint8_t digest[CRYPTO_HASH_LEN];
    uint8_t kind; /* enum audit_fact_kind; 0: empty */
    bool has_row;
};

struct facts {
    struct run_entry *runs;
    struct named_entry *named;
    size_t runs_n, runs_capacity, named_n, named_capacity; /* capacities are powers of two */
    int64_t cut_all_ms;
    size_t workflows_n;
    struct workflow_entry workflows[WORKFLOW_SLOTS];
};

int facts_new(struct facts **ret)
{
    struct facts *f = calloc(1, sizeof *f);
    if (!f)
        return -ENOMEM;
    f->runs_capacity = f->named_capacity = 1024;
    f->runs = calloc(f->runs_capacity, sizeof *f->runs);
    f->named = calloc(f->named_capacity, sizeof *f->named);
    if (!f->runs || !f->named) {
        facts_free(f);
        return -ENOMEM;
    }
    *ret = f;
    return 0;
}

void facts_free(struct facts *f)
{
    if (!f)
        return;
    for (unsigned i = 0; f->workflows_n && i < WORKFLOW_SLOTS; i++)
        free(f->workflows[i].names);
    free(f->runs);
    free(f->named);
    free(f);
}

static size_t run_home(size_t capacity, uint64_t run)
{
    return (size_t)(run * 0x9E3779B97F4A7C15ull >> 20) & (capacity - 1);
}

void facts_expect(const struct facts *f, struct run_id run)
{
    __builtin_prefetch(&f->runs[run_home(f->runs_capacity, run.n)], 1);
}

static size_t run_slot(const struct run_entry *runs, size_t capacity, uint64_t run)
{
    size_t i = run_home(capacity, run);
    while (runs[i].run && runs[i].run != run)
        i = (i + 1) & (capacity - 1);
    return i;
}

static size_t named_slot(const struct named_entry *named, size_t capacity, const uint8_t key[16])
{
    size_t i;
    memcpy(&i, key, sizeof i);
    i &= capacity - 1;
    while (named[i].kind && memcmp(named[i].key, key, 16) != 0)
        i = (i + 1) & (capacity - 1);
    return i;
}

static int runs_grow(struct facts *f)
{
    if (2 * (f->runs_n + 1) <= f->runs_capacity)
        return 0;
    if (f->runs_n >= LIMIT_VERIFY_FACTS)
        return -SP_ELIMIT;
    size_t capacity = 2 * f->runs_capacity;
    struct run_entry *runs = calloc(capacity, sizeof *runs);
    if (!runs)
        return -ENOMEM;
    for (size_t i = 0; i < f->runs_capacity; i++)
        if (f->runs[i].run)
            runs[run_slot(runs, capacity, f->runs[i].run)] = f->runs[i];
    free(f->runs);
    f->runs = runs;
    f->runs_capacity = capacity;
    return 0;
}

static int named_grow(struct facts *f)
{
    if (2 * (f->named_n + 1) <= f->named_capacity)
        return 0;
    if (f->named_n >= LIMIT_VERIFY_FACTS)
        return -SP_ELIMIT;
    size_t capacity = 2 * f->named_capacity;
    struct named_entry *named = calloc(capacity, sizeof *named);
    if (!named)
        return -ENOMEM;
    for (size_t i = 0; i < f->named_capacity; i++)
        if (f->named[i].kind)
            named[named_slot(named, capacity, f->named[i].key)] = f->named[i];
    free(f->named);
    f->named = named;
    f->named_capacity = capacity;
    return 0;
}

/* FNV-1a: not a defence, just a spread. */
static uint32_t spread(uint32_t h, struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        h = (h ^ text.p[i]) * 16777619u;
    return h;
}

static bool is_workflow(const struct workflow_entry *w, const struct audit_event *e)
{
    return w->ns_len == e->ns.len && slice_equal(slice_of(w->names, w->ns_len), e->ns) &&
           slice_equal(slice_of(w->names + w->ns_len, w->len - w->ns_len), e->workflow);
}

static int workflow_add(struct facts *f, struct workflow_entry *w, const struct audit_event *e)
{
    _cleanup_buffer_ struct buffer names = BUFFER_MAX(2 * LIMIT_LEAF);
    if (f->workflows_n == WORKFLOWS_MAX)
        return -SP_ELIMIT;
    (void)buffer_append_slice(&names, e->ns);
    (void)buffer_append_slice(&names, e->workflow);
    int r = buffer_append_byte(&names, 0);
    if (r < 0)
        return r;
    *w = (struct workflow_entry){.ns_len = e->ns.len};
    w->names = buffer_take(&names, &w->len);
    w->len--;
    f->workflows_n++;
    return 0;
}

/* The place of the leaf's workflow. By its names, not by a digest of them: two that shared a place would share
 * their retention, and who chose a name for it could take the other's rows away unseen. */
static int workflow_slot(struct facts *f, const struct audit_event *e)
{
    uint32_t h = spread(spread(spread(2166136261u, e->ns), SLICE_LITERAL("/")), e->workflow);
    unsigned i = (h ^ h >> 16) % WORKFLOW_SLOTS;
    while (f->workflows[i].names && !is_workflow(&f->workflows[i], e))
        i = (i + 1) % WORKFLOW_SLOTS;
    int r = f->workflows[i].names ? 0 : workflow_add(f, &f->workflows[i], e);
    return r < 0 ? r : (int)i;
}

static int run_end(enum audit_action action)
{
    return action == AUDIT_RUN_COMPLETED   ? END_COMPLETED
           : action == AUDIT_RUN_FAULTED   ? END_FAULTED
           : action == AUDIT_RUN_CANCELLED ? END_CANCELLED
                                           : END_NONE;
}

static void report_run(uint64_t leaf, const char *table, uint64_t run, const char *text, facts_report_fn *report, void *user)
{
    char row[RUN_ID_LEN + 1];
    run_id_text((struct run_id){run}, row);
    report(user, AUDIT_STATE_RUN, false, leaf, table, row, text);
}

static int run_leaf(struct facts *f, uint64_t index, const struct audit_event *e, facts_report_fn *report, void *user)
{
    int r = runs_grow(f);
    if (r < 0)
        return r;
    struct run_entry *entry = &f->runs[run_slot(f->runs, f->runs_capacity, e->run.n)];
    if (!entry->run) {
        r = workflow_slot(f, e);
        if (r < 0)
            return r;
        *entry = (struct run_entry){.run = e->run.n, .workflow = (unsigned)r & 0xFFFF};
        f->runs_n++;
    }
    int end = run_end(e->action);
    if (end && entry->end)
        report_run(index, "leaves", e->run.n, "the run ends a second time", report, user);
    /* A run that ends in its first step has one leaf, its end, which says all that a start would. */
    if (!end && entry->end)
        report_run(index, "leaves", e->run.n, "the run starts after its end", report, user);
    if (!end && entry->has_start)
        report_run(index, "leaves", e->run.n, "the run starts a second time", report, user);
    if (e->digest.len == CRYPTO_HASH_LEN)
        memcpy(entry->digest, e->digest.p, sizeof entry->digest);
    if (end) {
        entry->end = (unsigned)end & 3;
        entry->at_ms = (uint64_t)e->time_ms & ((1ull << 44) - 1);
    } else {
        entry->has_start = 1;
    }
    return 0;
}

static void named_key(enum audit_fact_kind kind, struct slice ns, struct slice name, struct slice version,
                      uint8_t ret[16])
{
    uint8_t head[1 + 3 * 4] = {(uint8_t)kind}, hash[CRYPTO_HASH_LEN];
    const size_t lengths[] = {ns.len, name.len, version.len};
    for (size_t i = 0; i < 3; i++)
        for (size_t b = 0; b < 4; b++)
            head[1 + 4 * i + b] = (uint8_t)(lengths[i] >> 8 * b);
    crypto_sha256_parts((struct slice[]){slice_of(head, sizeof head), ns, name, version}, 4, hash);
    memcpy(ret, hash, 16);
}

/* Notes what a leaf says of a row: the newest word counts. A leaf without a digest vouches for nothing, so no
 * row is right. */
static int named_leaf(struct facts *f, uint64_t index, enum audit_fact_kind kind, struct slice ns,
                      struct slice name, struct slice version, struct slice digest)
{
    uint8_t key[16];
    int r = named_grow(f);
    if (r < 0)
        return r;
    named_key(kind, ns, name, version, key);
    struct named_entry *entry = &f->named[named_slot(f->named, f->named_capacity, key)];
    f->named_n += !entry->kind;
    *entry = (struct named_entry){.leaf = index, .kind = (uint8_t)kind};
    memcpy(entry->key, key, sizeof key);
    if (digest.len == CRYPTO_HASH_LEN)
        memcpy(entry->digest, digest.p, CRYPTO_HASH_LEN);
    return 0;
}

static int workflow_leaf(struct facts *f, uint64_t index, const struct audit_event *e)
{
    static const struct slice none = {};
    int r = named_leaf(f, index, AUDIT_FACT_WORKFLOW, e->ns, e->workflow, e->version, e->digest);
    if (r == 0 && e->action == AUDIT_WORKFLOW_DEPLOYED)
        r = named_leaf(f, index, AUDIT_FACT_DEFINITION, none, e->definition, none, e->definition);
    return r;
}

static int retention_leaf(struct facts *f, const struct audit_event *e)
{
    int64_t *cut_ms = &f->cut_all_ms;
    if (e->ns.len > 0) {
        int slot = workflow_slot(f, e);
        if (slot < 0)
            return slot;
        cut_ms = &f->workflows[slot].cut_ms;
    }
    if ((int64_t)e->before_ms > *cut_ms)
        *cut_ms = (int64_t)e->before_ms;
    return 0;
}

int facts_leaf(struct facts *f, uint64_t index, const struct audit_event *e, facts_report_fn *report,
               void *user)
{
    static const struct slice none = {};
    if (e->outcome != AUDIT_OK && e->action != AUDIT_RUN_FAULTED && e->action != AUDIT_RUN_CANCELLED)
        return 0; /* an attempt that was refused changed nothing */
    /* Only the actions that change a row. */
    if (e->action == AUDIT_RUN_STARTED || run_end(e->action))
        return run_leaf(f, index, e, report, user);
    if (e->action == AUDIT_CREDENTIAL_SET || e->action == AUDIT_CREDENTIAL_REVOKED)
        return named_leaf(f, index, AUDIT_FACT_CREDENTIAL, e->ns, e->object, none, e->digest);
    if (e->action == AUDIT_TOKEN_CREATED || e->action == AUDIT_TOKEN_REVOKED)
        return named_leaf(f, index, AUDIT_FACT_PRINCIPAL, none, e->object, none, e->digest);
    if (e->action == AUDIT_NAMESPACE_CREATED)
        return named_leaf(f, index, AUDIT_FACT_NAMESPACE, e->ns, none, none, e->digest);
    if (e->action == AUDIT_WORKFLOW_DEPLOYED || e->action == AUDIT_WORKFLOW_ENABLED ||
        e->action == AUDIT_WORKFLOW_DISABLED)
        return workflow_leaf(f, index, e);
    return e->action == AUDIT_RETENTION_APPLIED ? retention_leaf(f, e) : 0;
}

void facts_run(struct facts *f, const struct audit_run_fact *run, facts_report_fn *report, void *user)
{
    struct run_entry *entry = &f->runs[run_slot(f->runs, f->runs_capacity, run->run.n)];
    if (run->run.n == 0 || !entry->run) {
        report_run(AUDIT_NO_LEAF, "runs", run->run.n, "the log tells of no such run", report, user);
        return;
    }
    if (entry->has_row)
        report_run(AUDIT_NO_LEAF, "runs", run->run.n, "the row stands twice", report, user);
    entry->has_row = 1;
    if (entry->end != (unsigned)run_end(run->ended))
        report_run(AUDIT_NO_LEAF, "runs", run->run.n, entry->end ? "the row's state is not the one that the log tells of"
                                                                 : "the row has ended, the log tells of no end", report, user);
    else if (memcmp(entry->digest, run->digest, sizeof entry->digest) != 0)
        report_run(AUDIT_NO_LEAF, "runs", run->run.n, "the row, its journal or its events are not those that the log tells of",
                   report, user);
}

static const struct {
    enum audit_finding_kind finding;
    const char *table;
} fact_tables[] = {
    [AUDIT_FACT_CREDENTIAL] = {AUDIT_STATE_CREDENTIAL, "credentials"},
    [AUDIT_FACT_WORKFLOW] = {AUDIT_STATE_WORKFLOW, "workflows"},
    [AUDIT_FACT_PRINCIPAL] = {AUDIT_STATE_PRINCIPAL, "principals"},
    [AUDIT_FACT_NAMESPACE] = {AUDIT_STATE_NAMESPACE, "namespaces"},
    [AUDIT_FACT_DEFINITION] = {AUDIT_STATE_DEFINITION, "definitions"},
};

static void row_text(const struct audit_fact *fact, char *ret, size_t size)
{
    if (fact->kind == AUDIT_FACT_DEFINITION) {
        size_t n = 0;
        for (size_t i = 0; i < fact->name.len && n + 3 < size; i++)
            n += (size_t)snprintf(ret + n, size - n, "%02x", fact->name.p[i]);
        return;
    }
    (void)snprintf(ret, size, "%.*s%s%.*s%s%.*s", SLICE_ARGS(fact->ns),
                   fact->ns.len && fact->name.len ? "/" : "", SLICE_ARGS(fact->name),
                   fact->version.len ? "@" : "", SLICE_ARGS(fact->version));
}

void facts_row(struct facts *f, const struct audit_fact *fact, facts_report_fn *report, void *user)
{
    char row[3 * LIMIT_NAME];
    uint8_t key[16];
    row_text(fact, row, sizeof row);
    enum audit_finding_kind finding = fact_tables[fact->kind].finding;
    const char *table = fact_tables[fact->kind].table;
    if (fact->kind == AUDIT_FACT_DEFINITION &&
        (fact->name.len != CRYPTO_HASH_LEN || memcmp(fact->name.p, fact->digest, CRYPTO_HASH_LEN) != 0)) {
        report(user, finding, false, AUDIT_NO_LEAF, table, row,
               "the text does not have the digest that it is kept under");
        return;
    }
    named_key(fact->kind, fact->ns, fact->name, fact->version, key);
    struct named_entry *entry = &f->named[named_slot(f->named, f->named_capacity, key)];
    if (!entry->kind) {
        report(user, finding, false, AUDIT_NO_LEAF, table, row, "the log does not tell of it");
        return;
    }
    if (entry->has_row)
        report(user, finding, false, entry->leaf, table, row, "the row stands twice");
    entry->has_row = true;
    if (memcmp(entry->digest, fact->digest, CRYPTO_HASH_LEN) != 0)
        report(user, finding, false, entry->leaf, table, row, "the row is not the one that the log tells of");
}

static void missing_run(const struct facts *f, const struct run_entry *entry, facts_report_fn *report,
                        void *user)
{
    int64_t at = (int64_t)entry->at_ms;
    if (entry->end && (at < f->cut_all_ms || at < f->workflows[entry->workflow].cut_ms))
        return;
    report_run(AUDIT_NO_LEAF, "runs", entry->run, "the row is missing, and no retention deleted it", report, user);
}

void facts_end(struct facts *f, facts_report_fn *report, void *user)
{
    for (size_t i = 0; i < f->runs_capacity; i++)
        if (f->runs[i].run && !f->runs[i].has_row)
            missing_run(f, &f->runs[i], report, user);
    for (size_t i = 0; i < f->named_capacity; i++) {
        const struct named_entry *entry = &f->named[i];
        char row[40];
        if (!entry->kind || entry->has_row)
            continue;
        (void)snprintf(row, sizeof row, "of leaf %llu", (unsigned long long)entry->leaf);
        report(user, fact_tables[entry->kind].finding, false, entry->leaf, fact_tables[entry->kind].table,
               row, "the row that the log tells of is missing");
    }
}
