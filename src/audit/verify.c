/* verify: the whole log, from the leaves up. One pass over the leaves recomputes the tree; the tiles that it gives are compared
 * with the stored ones, its roots with the signed checkpoints at their sizes; the state tables are compared at the end.
 *
 * Holds: nothing that is read is trusted; every finding names its place; whatever cannot be checked is an error, never a pass
 * [I8]. Called by the command and by tests; the database is the caller's (struct audit_source). */
#include "audit/verify.h"

#include <errno.h>
#include <stdio.h>

#include "audit/facts.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/plural.h"

#define CLOCK_SLACK_MS (3600 * 1000)
#define UNSIGNED_MS    (60 * 1000) /* a server signs once a second; the vault may have to be started again */
#define EXPECTED       8

static const char *const slugs[] = {
#define F(NAME, slug) [NAME] = slug,
    AUDIT_FINDINGS(F)
#undef F
};

const char *audit_finding_slug(enum audit_finding_kind kind)
{
    return (unsigned)kind < AUDIT_FINDING_COUNT ? slugs[kind] : "?";
}

struct signed_root {
    struct checkpoint checkpoint;
    bool is_trusted;
};

struct verify {
    const struct audit_source *source;
    const struct audit_verify_options *options;
    audit_finding_fn *each;
    void *each_user;
    struct audit_report report;
    struct audit_tree *tree;
    struct facts *facts;
    struct buffer memory; /* of the leaf that is decoded */
    uint64_t next;        /* index of the next leaf */
    int64_t latest_ms;
    int64_t unsigned_from_ms, unsigned_to_ms; /* times of the leaves after the last good signature */
    bool is_whole; /* no index was missing so far: roots mean something */
    struct signed_root *roots;
    size_t roots_n, roots_capacity, roots_at; /* ascending by size */
    struct audit_run_fact expected[EXPECTED]; /* rows not yet compared: `expected_n` from `expected_at` on, in a ring */
    unsigned expected_at, expected_n;
};

static void found(void *user, enum audit_finding_kind kind, bool is_warning, uint64_t leaf, const char *table, const char *row,
                  const char *text)
{
    struct verify *v = user;
    uint64_t *count = is_warning ? &v->report.warnings : &v->report.errors;
    struct audit_finding finding = {kind, is_warning, leaf, table, row, text};
    if ((*count)++ < LIMIT_FINDINGS && v->each)
        v->each(v->each_user, &finding);
}

static void found_at(struct verify *v, enum audit_finding_kind kind, const char *table, uint64_t leaf, uint64_t row,
                     const char *text)
{
    char key[24];
    (void)snprintf(key, sizeof key, "%llu", (unsigned long long)row);
    found(v, kind, false, leaf, table, key, text);
}

/* --- checkpoints -------------------------------------------------------------------------------------------------- */

int audit_checkpoint_open(struct slice note, const struct audit_key *key, struct checkpoint *ret, struct diag *reterr)
{
    _cleanup_buffer_ struct buffer origin = BUFFER_MAX(LIMIT_NAME);
    int r = key->origin.len > 0 ? buffer_append_slice(&origin, key->origin) : note_append_origin(key->public_key, &origin);
    if (r < 0)
        return diag_set(reterr, r, "the origin of the log is too long");
    r = note_open_checkpoint(note, buffer_slice(&origin), key->public_key, ret);
    if (r == -SP_EKEY)
        return diag_set(reterr, r, "the checkpoint is not signed by this key (%.*s)", SLICE_ARGS(buffer_slice(&origin)));
    if (r == -SP_ETAMPERED)
        return diag_set(reterr, r, "the signature of the checkpoint is not good");
    return r < 0 ? diag_set(reterr, r, "the checkpoint is malformed") : 0;
}

static int add_root(struct verify *v, const struct checkpoint *checkpoint, bool is_trusted)
{
    if (v->roots_n == v->roots_capacity) {
        size_t capacity = v->roots_capacity ? 2 * v->roots_capacity : 64;
        struct signed_root *roots = v->roots_n < LIMIT_VERIFY_FACTS ? realloc(v->roots, capacity * sizeof *roots) : NULL;
        if (!roots)
            return -ENOMEM;
        v->roots = roots;
        v->roots_capacity = capacity;
    }
    v->roots[v->roots_n++] = (struct signed_root){*checkpoint, is_trusted};
    return 0;
}

static int take_checkpoint(void *user, uint64_t size, struct slice note)
{
    struct verify *v = user;
    struct checkpoint checkpoint = {};
    struct diag diag = {};
    int r = audit_checkpoint_open(note, &v->options->key, &checkpoint, &diag);
    if (r == -ENOMEM)
        return r;
    if (r < 0) {
        found_at(v, AUDIT_CHECKPOINT_INVALID, "checkpoints", AUDIT_NO_LEAF, size, diag.text);
        return 0;
    }
    if (checkpoint.size != size)
        found_at(v, AUDIT_CHECKPOINT_INVALID, "checkpoints", AUDIT_NO_LEAF, size, "the note is for another size than its row");
    return add_root(v, &checkpoint, false);
}

static int compare_roots(const void *a, const void *b)
{
    const struct signed_root *x = a, *y = b;
    return x->checkpoint.size < y->checkpoint.size ? -1 : x->checkpoint.size > y->checkpoint.size;
}

static int take_checkpoints(struct verify *v, struct diag *reterr)
{
    int r = v->source->checkpoints(v->source->log.user, take_checkpoint, v);
    if (r == 0 && v->options->trusted.len > 0) {
        struct checkpoint trusted;
        r = audit_checkpoint_open(v->options->trusted, &v->options->key, &trusted, reterr);
        if (r < 0)
            return r;
        r = add_root(v, &trusted, true);
    }
    if (r < 0)
        return diag_set(reterr, r, "the checkpoints cannot be read");
    if (v->roots_n > 0)
        qsort(v->roots, v->roots_n, sizeof *v->roots, compare_roots);
    return 0;
}

/* Compares the roots that are signed for the tree's present size. */
static void check_roots(struct verify *v)
{
    uint64_t size = audit_tree_size(v->tree);
    uint8_t root[CRYPTO_HASH_LEN];
    if (v->roots_at == v->roots_n || v->roots[v->roots_at].checkpoint.size != size)
        return;
    audit_tree_root(v->tree, root);
    for (; v->roots_at < v->roots_n && v->roots[v->roots_at].checkpoint.size == size; v->roots_at++) {
        const struct signed_root *s = &v->roots[v->roots_at];
        if (v->is_whole && memcmp(s->checkpoint.root, root, sizeof root) == 0) {
            v->report.signed_size = size;
            v->report.checkpoints += !s->is_trusted;
        } else if (s->is_trusted) {
            found_at(v, AUDIT_TRUSTED_ROOT, "leaves", AUDIT_NO_LEAF, size, "the log does not continue the trusted checkpoint");
        } else {
            found_at(v, AUDIT_CHECKPOINT_ROOT, "checkpoints", AUDIT_NO_LEAF, size,
                     "the leaves before it are not those that were signed");
        }
    }
}

static void check_roots_end(struct verify *v)
{
    for (; v->roots_at < v->roots_n; v->roots_at++) {
        const struct signed_root *s = &v->roots[v->roots_at];
        found_at(v, s->is_trusted ? AUDIT_TRUSTED_BEYOND : AUDIT_CHECKPOINT_BEYOND, s->is_trusted ? "leaves" : "checkpoints",
                 AUDIT_NO_LEAF, s->checkpoint.size, "the log has fewer leaves than were signed: it was cut or rolled back");
    }
    if (v->report.signed_size > 0 && v->options->now_ms > 0 && v->report.signed_size < v->report.size &&
        (v->unsigned_from_ms < v->options->now_ms - UNSIGNED_MS || v->unsigned_to_ms > v->options->now_ms + UNSIGNED_MS))
        found(v, AUDIT_CHECKPOINT_BEHIND, true, v->report.signed_size, "leaves", "",
              "from here on nothing is under a signature, and no server is about to sign it: a crash, or not the server's leaves");
    if (v->report.signed_size == 0 && v->report.size > 0)
        found(v, AUDIT_CHECKPOINT_NONE, v->report.size < AUDIT_TILE_WIDTH, AUDIT_NO_LEAF, "checkpoints", "",
              "no leaf is under a good signature");
}

/* --- tiles -------------------------------------------------------------------------------------------------------- */

static void found_tile(struct verify *v, enum audit_finding_kind kind, unsigned level, uint64_t index, const char *text)
{
    char row[40];
    (void)snprintf(row, sizeof row, "%u/%llu", level, (unsigned long long)index);
    found(v, kind, false, AUDIT_NO_LEAF, "tiles", row, text);
}

/* Called by the tree for each tile that follows from the leaves. */
static int check_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    struct verify *v = user;
    uint8_t stored[AUDIT_TILE_LEN];
    if (!v->is_whole)
        return 0;
    int r = v->source->log.tile(v->source->log.user, level, index, (unsigned)(hashes.len / CRYPTO_HASH_LEN), stored);
    if (r == -SP_ENOTFOUND)
        found_tile(v, AUDIT_TILE_MISSING, level, index, "the tile is missing or too short");
    else if (r == 0 && memcmp(stored, hashes.p, hashes.len) != 0)
        found_tile(v, AUDIT_TILE_WRONG, level, index, "the tile does not follow from the leaves");
    return r == -SP_ENOTFOUND ? 0 : r;
}

/* Each stored tile must have the length that the size of the log gives it. */
static int check_tile_row(void *user, unsigned level, uint64_t index, size_t len)
{
    struct verify *v = user;
    uint64_t hashes = level < AUDIT_TILE_LEVELS ? v->report.size >> 8 * level : 0;
    uint64_t before = index < 1ull << 54 ? index * AUDIT_TILE_WIDTH : UINT64_MAX, n = 0;
    if (before < hashes)
        n = hashes - before < AUDIT_TILE_WIDTH ? hashes - before : AUDIT_TILE_WIDTH;
    if (level == 0 && n < AUDIT_TILE_WIDTH)
        n = 0; /* the rightmost tile of level 0 is not stored */
    if (len != n * CRYPTO_HASH_LEN)
        found_tile(v, AUDIT_TILE_EXTRA, level, index, "the tile is longer than the log allows, or shorter");
    return 0;
}

/* --- leaves ------------------------------------------------------------------------------------------------------- */

static void check_clock(struct verify *v, uint64_t index, int64_t time_ms)
{
    char row[24];
    if (time_ms >= v->latest_ms) {
        v->latest_ms = time_ms;
        return;
    }
    if (v->latest_ms - time_ms <= CLOCK_SLACK_MS)
        return;
    (void)snprintf(row, sizeof row, "%llu", (unsigned long long)index);
    found(v, AUDIT_LEAF_CLOCK, true, index, "leaves", row, "the time is more than an hour before that of an earlier leaf");
    v->latest_ms = time_ms;
}

static void note_unsigned(struct verify *v, uint64_t index, int64_t time_ms)
{
    bool is_first = index == v->report.signed_size;
    if (is_first || time_ms < v->unsigned_from_ms)
        v->unsigned_from_ms = time_ms;
    if (is_first || time_ms > v->unsigned_to_ms)
        v->unsigned_to_ms = time_ms;
}

static int check_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct verify *v = user;
    struct audit_event e;
    if (index != v->next) {
        found_at(v, AUDIT_LEAF_MISSING, "leaves", v->next, v->next, "the leaf is missing");
        v->is_whole = false;
    }
    v->next = index + 1;
    check_roots(v);
    int r = audit_leaf_decode(leaf, &e, &v->memory);
    if (r == -ENOMEM)
        return r;
    if (r == 0)
        facts_expect(v->facts, e.run);
    int appended = audit_tree_append(v->tree, leaf);
    if (r < 0)
        found_at(v, AUDIT_LEAF_MALFORMED, "leaves", index, index, "the leaf is not in canonical form");
    else
        r = facts_leaf(v->facts, index, &e, found, v);
    if (r == 0) {
        check_clock(v, index, e.time_ms);
        note_unsigned(v, index, e.time_ms);
    }
    return r == -ENOMEM || r == -SP_ELIMIT ? r : appended;
}

static int check_leaves(struct verify *v, struct diag *reterr)
{
    uint64_t size = 0;
    int r = v->source->size(v->source->log.user, &size);
    if (r == 0)
        r = v->source->log.leaves(v->source->log.user, 0, size, check_leaf, v);
    if (r == 0)
        r = audit_tree_flush(v->tree);
    if (r < 0)
        return diag_set(reterr, r, "the leaves cannot be read beyond %llu", (unsigned long long)v->next);
    /* A walk that ended early has seen less than who looks a leaf up. */
    if (v->next != size)
        found_at(v, AUDIT_LEAF_MISSING, "leaves", v->next, v->next, "the leaf is missing");
    v->report.size = v->next;
    check_roots(v);
    check_roots_end(v);
    audit_tree_root(v->tree, v->report.root);
    return 0;
}

/* --- state -------------------------------------------------------------------------------------------------------- */

static void check_oldest_run(struct verify *v)
{
    facts_run(v->facts, &v->expected[v->expected_at++ % EXPECTED], found, v);
    v->expected_n--;
}

/* A row is compared some rows later, when its run has been fetched from memory. */
static int check_run(void *user, const struct audit_run_fact *run)
{
    struct verify *v = user;
    v->report.runs++;
    facts_expect(v->facts, run->run);
    if (v->expected_n == EXPECTED)
        check_oldest_run(v);
    v->expected[(v->expected_at + v->expected_n++) % EXPECTED] = *run;
    return 0;
}

static int check_damage(void *user, const char *text)
{
    found(user, AUDIT_DATABASE_DAMAGED, false, AUDIT_NO_LEAF, "sqlite_schema", "", text);
    return 0;
}

static int check_fact(void *user, const struct audit_fact *fact)
{
    struct verify *v = user;
    facts_row(v->facts, fact, found, v);
    return 0;
}

static int check_rows(struct verify *v, struct diag *reterr)
{
    const struct audit_source *s = v->source;
    int r = s->tiles(s->log.user, check_tile_row, v);
    if (r == 0)
        r = s->runs(s->log.user, check_run, v);
    while (v->expected_n > 0)
        check_oldest_run(v);
    if (r == 0)
        r = s->facts(s->log.user, check_fact, v);
    if (r == 0)
        r = s->damage(s->log.user, check_damage, v);
    if (r < 0)
        return diag_set(reterr, r, "the tables cannot be read");
    facts_end(v->facts, found, v);
    return 0;
}

static int verify_all(struct verify *v, struct diag *reterr)
{
    int r = facts_new(&v->facts);
    if (r == 0)
        r = audit_tree_new(NULL, 0, check_tile, v, &v->tree);
    if (r < 0)
        return diag_set(reterr, r, "no memory");
    r = take_checkpoints(v, reterr);
    if (r == 0)
        r = check_leaves(v, reterr);
    if (r == 0)
        r = check_rows(v, reterr);
    if (r == 0 && v->report.errors > 0)
        return diag_set(reterr, -SP_ETAMPERED, "the log or the tables were altered: %llu %s",
                        (unsigned long long)v->report.errors, PLURAL(v->report.errors, "finding", "findings"));
    return r;
}

int audit_verify(const struct audit_source *source, const struct audit_verify_options *options, audit_finding_fn *each,
                 void *each_user, struct audit_report *ret, struct diag *reterr)
{
    struct verify v = {.source = source,
                       .options = options,
                       .each = each,
                       .each_user = each_user,
                       .memory = BUFFER_MAX(4 * LIMIT_LEAF),
                       .is_whole = true};
    int r = verify_all(&v, reterr);
    *ret = v.report;
    audit_tree_free(v.tree);
    facts_free(v.facts);
    buffer_free(&v.memory);
    free(v.roots);
    return r;
}
