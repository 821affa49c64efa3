/* A whole database that somebody edited, as audit verify reads it. The input is a list of rows: u8 what, u8
 * more, u16 length, bytes. Must hold: what is refused has findings and what has findings is refused; a log
 * that passes is one that an honest reader would accept: dense, canonical leaves whose tree has the reported
 * root, and no signed head that it does not have. */
#include <stdlib.h>

#include "audit/verify.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROWS_MAX 64

enum kind { LEAF, GAP, CHECKPOINT, TILE, RUN, FACT, DAMAGE, KINDS };

struct row {
    enum kind kind;
    uint8_t more;
    struct slice bytes;
    uint64_t index; /* of a leaf */
};

static const uint8_t seed[32] = "a seed of thirty-two bytes, here";

static struct {
    struct row rows[ROWS_MAX];
    size_t n;
    uint64_t size;
    unsigned findings, warnings;
} t;

/* --- the database ------------------------------------------------------------------------------------- */

static void read_rows(struct slice rest)
{
    memset(&t, 0, sizeof t);
    while (t.n < ROWS_MAX && rest.len >= 4) {
        struct row *row = &t.rows[t.n++];
        size_t len = (size_t)(rest.p[2] | rest.p[3] << 8);
        len = len < rest.len - 4 ? len : rest.len - 4;
        *row = (struct row){.kind = rest.p[0] % KINDS,
                            .more = rest.p[1],
                            .bytes = slice_of(rest.p + 4, len),
                            .index = t.size};
        t.size += row->kind == LEAF || row->kind == GAP;
        rest = slice_of(rest.p + 4 + len, rest.len - 4 - len);
    }
}

static int leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++)
        if (t.rows[i].kind == LEAF && t.rows[i].index >= from && t.rows[i].index < to)
            r = each(each_user, t.rows[i].index, t.rows[i].bytes);
    return r;
}

static int tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    for (size_t i = 0; i < t.n; i++)
        if (t.rows[i].kind == TILE && (t.rows[i].more & 7) == level && t.rows[i].more >> 3 == index &&
            t.rows[i].bytes.len >= n * CRYPTO_HASH_LEN) {
            memcpy(ret, t.rows[i].bytes.p, n * CRYPTO_HASH_LEN);
            return 0;
        }
    return -SP_ENOTFOUND;
}

static int size_of(void *user, uint64_t *ret)
{
    *ret = t.size;
    return 0;
}

/* The text as it is, or well signed. */
static int checkpoints(void *user, audit_checkpoint_fn *each, void *each_user)
{
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++) {
        const struct row *row = &t.rows[i];
        _cleanup_buffer_ struct buffer note = BUFFER_MAX(1u << 18);
        uint8_t key[32], line[4 + CRYPTO_SIGNATURE_LEN];
        if (row->kind != CHECKPOINT)
            continue;
        crypto_sign_public(seed, key);
        note_key_hash(SLICE_LITERAL("sallyport/x"), key, line);
        crypto_sign_message(seed, row->bytes, line + 4);
        (void)buffer_append_slice(&note, row->bytes);
        if (row->more & 1) {
            (void)buffer_append_text(&note, "\n\xe2\x80\x94 sallyport/x ");
            (void)buffer_append_base64(&note, slice_of(line, sizeof line));
            (void)buffer_append_byte(&note, '\n');
        }
        r = each(each_user, row->more >> 1, buffer_slice(&note));
    }
    return r;
}

static int tiles(void *user, audit_tile_row_fn *each, void *each_user)
{
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++)
        if (t.rows[i].kind == TILE)
            r = each(each_user, t.rows[i].more & 7, t.rows[i].more >> 3, t.rows[i].bytes.len);
    return r;
}

static int runs(void *user, audit_run_fn *each, void *each_user)
{
    static const enum audit_action ends[] = {AUDIT_ACTION_NONE, AUDIT_RUN_COMPLETED, AUDIT_RUN_FAULTED,
                                             AUDIT_RUN_CANCELLED};
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++) {
        struct audit_run_fact run = {.ended = ends[t.rows[i].more % 4]};
        if (t.rows[i].kind != RUN || t.rows[i].bytes.len < sizeof run.digest + RUN_ID_LEN ||
            run_id_parse(slice_of(t.rows[i].bytes.p, RUN_ID_LEN), &run.run) < 0)
            continue;
        memcpy(run.digest, t.rows[i].bytes.p + RUN_ID_LEN, sizeof run.digest);
        r = each(each_user, &run);
    }
    return r;
}

static int facts(void *user, audit_fact_fn *each, void *each_user)
{
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++) {
        struct audit_fact fact = {.kind = AUDIT_FACT_CREDENTIAL + t.rows[i].more % 5};
        struct slice rest = t.rows[i].bytes;
        if (t.rows[i].kind != FACT || rest.len < sizeof fact.digest)
            continue;
        memcpy(fact.digest, rest.p, sizeof fact.digest);
        rest = slice_of(rest.p + sizeof fact.digest, rest.len - sizeof fact.digest);
        (void)(slice_split(&rest, '\n', &fact.ns) && slice_split(&rest, '\n', &fact.name) &&
               slice_split(&rest, '\n', &fact.version));
        r = each(each_user, &fact);
    }
    return r;
}

static int damage(void *user, audit_damage_fn *each, void *each_user)
{
    int r = 0;
    for (size_t i = 0; i < t.n && r == 0; i++)
        if (t.rows[i].kind == DAMAGE)
            r = each(each_user, "an index is not its table's");
    return r;
}

/* --- the honest reader -------------------------------------------------------------------------------- */

static int no_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    return 0;
}

static void look_again(const struct audit_report *report)
{
    struct audit_tree *tree;
    struct audit_event e;
    uint8_t root[CRYPTO_HASH_LEN];
    uint64_t next = 0;
    _cleanup_buffer_ struct buffer memory = BUFFER_MAX(4 * LIMIT_LEAF);
    must(audit_tree_new(NULL, 0, no_tile, NULL, &tree) == 0);
    for (size_t i = 0; i < t.n; i++) {
        must(t.rows[i].kind != DAMAGE);
        if (t.rows[i].kind != LEAF)
            continue;
        must(t.rows[i].index == next++ && audit_leaf_decode(t.rows[i].bytes, &e, &memory) == 0);
        must(audit_tree_append(tree, t.rows[i].bytes) == 0);
    }
    audit_tree_root(tree, root);
    must(report->size == next && memcmp(root, report->root, sizeof root) == 0 && report->signed_size <= next);
    audit_tree_free(tree);
}

static void on_finding(void *user, const struct audit_finding *f)
{
    must(f->kind < AUDIT_FINDING_COUNT && audit_finding_slug(f->kind) && f->text && *f->text);
    t.findings += !f->is_warning;
    t.warnings += f->is_warning;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct audit_source source = {.log = {NULL, leaves, tile},
                                               .size = size_of,
                                               .checkpoints = checkpoints,
                                               .tiles = tiles,
                                               .runs = runs,
                                               .facts = facts,
                                               .damage = damage};
    struct audit_verify_options options = {.key = {.origin = SLICE_LITERAL("sallyport/x")}};
    struct audit_report report;
    struct diag why = {0};
    must(crypto_init() == 0);
    crypto_sign_public(seed, options.key.public_key);
    read_rows(slice_of(data, size));
    int r = audit_verify(&source, &options, on_finding, NULL, &report, &why);
    must(r == 0 || why.text[0]);
    must((r == -SP_ETAMPERED) == (report.errors > 0));
    must(t.findings <= report.errors && t.warnings <= report.warnings &&
         (report.errors == 0 || t.findings > 0));
    if (r == 0)
        look_again(&report);
    return 0;
}
