/* paper_log: see paper_log.h. */
#include "paper_log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"

#define ORIGIN SLICE_LITERAL("sallyport/x")

static const uint8_t seed[32] = "a seed of thirty-two bytes, here", stranger[32] = "another seed of thirty-two bytes";

#define GONE UINT_MAX

struct tile {
    unsigned level; /* or GONE */
    uint64_t index;
    struct slice hashes;
};

struct note {
    uint64_t size;
    struct slice text;
};

struct paper_log {
    struct audit_source source;
    struct audit_tree *tree;
    struct arena memory;
    struct buffer leaves, tiles, notes, runs, facts, damages; /* of struct slice, tile, note, audit_run_fact, audit_fact, slice */
    struct slice trusted;
    struct slice fails; /* the call */
    uint64_t next_run;
};

#define COUNT(list, type) ((list).len / sizeof(type))
#define AT(list, type, i) ((type *)(void *)(list).p)[i]
#define PUT(list, item)   must(buffer_append(&(list), item, sizeof *(item)) == 0)

static struct slice kept(struct paper_log *log, struct slice s)
{
    bool ok = true;
    s = arena_copy(&log->memory, s, &ok);
    must(ok);
    return s;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static bool fails(const struct paper_log *log, const char *call)
{
    return slice_is(log->fails, call);
}

static int read_leaves(void *user, uint64_t from, uint64_t to, audit_leaf_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "leaves") ? -SP_EUNAVAILABLE : 0;
    for (uint64_t i = from; r == 0 && i < to && i < COUNT(log->leaves, struct slice); i++)
        if (AT(log->leaves, struct slice, i).p)
            r = each(each_user, i, AT(log->leaves, struct slice, i));
    return r;
}

static struct tile *find_tile(struct paper_log *log, unsigned level, uint64_t index)
{
    for (size_t i = 0; i < COUNT(log->tiles, struct tile); i++)
        if (AT(log->tiles, struct tile, i).level == level && AT(log->tiles, struct tile, i).index == index)
            return &AT(log->tiles, struct tile, i);
    return NULL;
}

static int read_tile(void *user, unsigned level, uint64_t index, unsigned n, uint8_t *ret)
{
    struct paper_log *log = user;
    const struct tile *tile = find_tile(log, level, index);
    if (fails(log, "tile"))
        return -SP_EUNAVAILABLE;
    if (!tile || tile->hashes.len < (size_t)n * CRYPTO_HASH_LEN)
        return -SP_ENOTFOUND;
    memcpy(ret, tile->hashes.p, (size_t)n * CRYPTO_HASH_LEN);
    return 0;
}

static int read_size(void *user, uint64_t *ret)
{
    struct paper_log *log = user;
    *ret = COUNT(log->leaves, struct slice);
    return fails(log, "size") ? -SP_EUNAVAILABLE : 0;
}

static int read_checkpoints(void *user, audit_checkpoint_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "checkpoints") ? -SP_EUNAVAILABLE : 0;
    for (size_t i = 0; r == 0 && i < COUNT(log->notes, struct note); i++)
        r = each(each_user, AT(log->notes, struct note, i).size, AT(log->notes, struct note, i).text);
    return r;
}

static int read_tiles(void *user, audit_tile_row_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "tiles") ? -SP_EUNAVAILABLE : 0;
    for (size_t i = 0; r == 0 && i < COUNT(log->tiles, struct tile); i++) {
        const struct tile *tile = &AT(log->tiles, struct tile, i);
        if (tile->level != GONE)
            r = each(each_user, tile->level, tile->index, tile->hashes.len);
    }
    return r;
}

static int read_runs(void *user, audit_run_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "runs") ? -SP_EUNAVAILABLE : 0;
    for (size_t i = 0; r == 0 && i < COUNT(log->runs, struct audit_run_fact); i++)
        r = each(each_user, &AT(log->runs, struct audit_run_fact, i));
    return r;
}

static int read_facts(void *user, audit_fact_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "facts") ? -SP_EUNAVAILABLE : 0;
    for (size_t i = 0; r == 0 && i < COUNT(log->facts, struct audit_fact); i++)
        r = each(each_user, &AT(log->facts, struct audit_fact, i));
    return r;
}

static int read_damage(void *user, audit_damage_fn *each, void *each_user)
{
    struct paper_log *log = user;
    int r = fails(log, "damage") ? -SP_EUNAVAILABLE : 0;
    for (size_t i = 0; r == 0 && i < COUNT(log->damages, struct slice); i++)
        r = each(each_user, (const char *)AT(log->damages, struct slice, i).p);
    return r;
}

const struct audit_source *paper_log_source(const struct paper_log *log)
{
    return &log->source;
}

struct audit_verify_options paper_log_options(const struct paper_log *log)
{
    struct audit_verify_options options = {.key.origin = ORIGIN, .trusted = log->trusted};
    crypto_sign_public(seed, options.key.public_key);
    return options;
}

/* --- writing --------------------------------------------------------------------------------------------------------- */

static int put_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    struct paper_log *log = user;
    struct tile *old = find_tile(log, level, index);
    if (old)
        old->hashes = kept(log, hashes);
    else
        PUT(log->tiles, &((struct tile){level, index, kept(log, hashes)}));
    return 0;
}

struct paper_log *paper_log_new(void)
{
    struct paper_log *log = calloc(1, sizeof *log);
    must(log);
    log->leaves = log->tiles = log->notes = log->runs = log->facts = log->damages = BUFFER_MAX(64u << 20);
    log->next_run = 1000;
    log->source = (struct audit_source){.log = {log, read_leaves, read_tile},
                                        .size = read_size,
                                        .checkpoints = read_checkpoints,
                                        .tiles = read_tiles,
                                        .runs = read_runs,
                                        .facts = read_facts,
                                        .damage = read_damage};
    must(audit_tree_new(NULL, 0, put_tile, log, &log->tree) == 0);
    return log;
}

void paper_log_free(struct paper_log *log)
{
    struct buffer *lists[] = {&log->leaves, &log->tiles, &log->notes, &log->runs, &log->facts, &log->damages};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        buffer_free(lists[i]);
    audit_tree_free(log->tree);
    arena_free(&log->memory);
    free(log);
}

static uint64_t number(struct slice s)
{
    uint64_t n = 0;
    must(slice_parse_u64(s, &n) == 0);
    return n;
}

static struct slice word(struct slice *rest)
{
    struct slice head = {};
    must(slice_split(rest, ' ', &head));
    return slice_is(head, "-") ? (struct slice){} : head;
}

static void put_digest(struct slice letter, uint8_t ret[CRYPTO_HASH_LEN])
{
    must(letter.len == 1);
    memset(ret, letter.p[0], CRYPTO_HASH_LEN);
}

static struct slice digest(struct paper_log *log, struct slice letter)
{
    uint8_t bytes[CRYPTO_HASH_LEN];
    put_digest(letter, bytes);
    return kept(log, slice_of(bytes, sizeof bytes));
}

static void put_raw(struct paper_log *log, struct slice text)
{
    PUT(log->leaves, &((struct slice){kept(log, text).p, text.len}));
    must(audit_tree_append(log->tree, text) == 0);
}

static void put_leaf(struct paper_log *log, const struct audit_event *e)
{
    _cleanup_buffer_ struct buffer leaf = BUFFER_MAX(LIMIT_LEAF);
    must(audit_leaf_encode(e, &leaf) == 0);
    put_raw(log, buffer_slice(&leaf));
}

static void set_member(struct paper_log *log, struct audit_event *e, struct slice key, struct slice value)
{
    const struct {
        const char *key;
        struct slice *text, *digest;
        uint64_t *number;
    } members[] = {{"ns", &e->ns},
                   {"object", &e->object},
                   {"wf", &e->workflow},
                   {"ver", &e->version},
                   {"def", .digest = &e->definition},
                   {"digest", .digest = &e->digest},
                   {"run", .number = &e->run.n},
                   {"before", .number = &e->before_ms}};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        if (!slice_is(key, members[i].key))
            continue;
        if (members[i].text)
            *members[i].text = value;
        else if (members[i].digest)
            *members[i].digest = digest(log, value);
        else
            *members[i].number = number(value);
        return;
    }
    if (slice_is(key, "time"))
        e->time_ms = (int64_t)number(value);
    else
        must(slice_is(key, "outcome") && (e->outcome = slice_is(value, "ok") ? AUDIT_OK : AUDIT_FAILED, true));
}

static void write_leaf(struct paper_log *log, struct slice rest)
{
    struct audit_event e = {.time_ms = 1764000000000, .action = audit_action_parse(word(&rest))};
    for (struct slice member, key; rest.p && slice_split(&rest, ' ', &member);) {
        must(slice_split(&member, '=', &key));
        set_member(log, &e, key, member);
    }
    put_leaf(log, &e);
}

static void write_leaves(struct paper_log *log, struct slice rest)
{
    for (uint64_t n = number(word(&rest)); n > 0; n--)
        put_leaf(log, &(struct audit_event){.action = AUDIT_LOGIN_OK, .time_ms = 1764000000000});
}

static void write_runs(struct paper_log *log, struct slice rest)
{
    for (uint64_t n = number(word(&rest)); n > 0; n--) {
        struct audit_run_fact row = {.run = {log->next_run++}, .ended = AUDIT_RUN_COMPLETED};
        put_leaf(log, &(struct audit_event){.action = AUDIT_RUN_COMPLETED,
                                            .time_ms = 1764000000000,
                                            .run = row.run,
                                            .digest = slice_of(row.digest, sizeof row.digest)});
        PUT(log->runs, &row);
    }
}

static void write_credentials(struct paper_log *log, struct slice rest)
{
    for (uint64_t n = number(word(&rest)); n > 0; n--) {
        char name[24];
        struct audit_fact row = {.kind = AUDIT_FACT_CREDENTIAL, .ns = SLICE_LITERAL("many")};
        (void)snprintf(name, sizeof name, "c%llu", (unsigned long long)n);
        row.name = kept(log, slice_text(name));
        put_leaf(log, &(struct audit_event){.action = AUDIT_CREDENTIAL_SET,
                                            .time_ms = 1764000000000,
                                            .ns = row.ns,
                                            .object = row.name,
                                            .digest = slice_of(row.digest, sizeof row.digest)});
        PUT(log->facts, &row);
    }
}

static void write_raw(struct paper_log *log, struct slice rest)
{
    put_raw(log, rest);
}

static void write_gap(struct paper_log *log, struct slice rest)
{
    PUT(log->leaves, &((struct slice){}));
}

static void write_run(struct paper_log *log, struct slice rest)
{
    struct audit_run_fact row = {.run = {number(word(&rest))}};
    struct slice state = word(&rest);
    row.ended = slice_is(state, "completed")   ? AUDIT_RUN_COMPLETED
                : slice_is(state, "faulted")   ? AUDIT_RUN_FAULTED
                : slice_is(state, "cancelled") ? AUDIT_RUN_CANCELLED
                                               : AUDIT_ACTION_NONE;
    put_digest(word(&rest), row.digest);
    PUT(log->runs, &row);
}

static void write_row(struct paper_log *log, struct slice rest)
{
    static const char *const kinds[] = {[AUDIT_FACT_CREDENTIAL] = "credential",
                                        [AUDIT_FACT_WORKFLOW] = "workflow",
                                        [AUDIT_FACT_PRINCIPAL] = "principal",
                                        [AUDIT_FACT_NAMESPACE] = "namespace",
                                        [AUDIT_FACT_DEFINITION] = "definition"};
    struct audit_fact row = {};
    struct slice kind = word(&rest);
    for (unsigned i = AUDIT_FACT_CREDENTIAL; i <= AUDIT_FACT_DEFINITION; i++)
        row.kind = slice_is(kind, kinds[i]) ? i : row.kind;
    must(row.kind);
    row.ns = kept(log, word(&rest));
    row.name = kept(log, word(&rest));
    row.version = kept(log, word(&rest));
    put_digest(word(&rest), row.digest);
    if (row.kind == AUDIT_FACT_DEFINITION && row.name.len == 1)
        row.name = digest(log, row.name);
    PUT(log->facts, &row);
}

static struct slice signed_note(struct paper_log *log, const struct checkpoint *checkpoint, const uint8_t by[32])
{
    _cleanup_buffer_ struct buffer note = BUFFER_MAX(LIMIT_TEXT);
    must(note_sign_checkpoint(by, ORIGIN, checkpoint, &note) == 0);
    return kept(log, buffer_slice(&note));
}

static struct checkpoint head(const struct paper_log *log)
{
    struct checkpoint now = {.size = audit_tree_size(log->tree)};
    audit_tree_root(log->tree, now.root);
    return now;
}

static void write_sign(struct paper_log *log, struct slice rest)
{
    struct checkpoint now = head(log);
    PUT(log->notes, &((struct note){now.size, signed_note(log, &now, seed)}));
}

static void write_trust(struct paper_log *log, struct slice rest)
{
    struct checkpoint now = head(log);
    log->trusted = signed_note(log, &now, seed);
}

static void write_note(struct paper_log *log, struct slice rest)
{
    struct checkpoint now = head(log);
    struct note note = {.size = number(word(&rest))};
    struct slice how = word(&rest);
    now.root[0] ^= slice_is(how, "rerooted");
    if (!slice_is(how, "resized"))
        now.size = note.size;
    note.text = signed_note(log, &now, slice_is(how, "stranger") ? stranger : seed);
    if (slice_is(how, "garbage"))
        note.text = SLICE_LITERAL("no note\n");
    if (slice_is(how, "unsigned")) /* the text of a note under the signature of another */
        ((uint8_t *)(uintptr_t)note.text.p)[ORIGIN.len + 1] ^= 1;
    PUT(log->notes, &note);
}

static void write_tile(struct paper_log *log, struct slice rest)
{
    static const uint8_t hashes[2 * AUDIT_TILE_LEN];
    unsigned level = (unsigned)number(word(&rest));
    uint64_t index = number(word(&rest));
    paper_log_end(log);
    struct tile *tile = find_tile(log, level, index);
    if (slice_is(rest, "flipped"))
        ((uint8_t *)(uintptr_t)tile->hashes.p)[0] ^= 1;
    else if (slice_is(rest, "gone"))
        tile->level = GONE;
    else if (slice_is(rest, "longer"))
        tile->hashes = kept(log, slice_of(hashes, tile->hashes.len + CRYPTO_HASH_LEN));
    else
        PUT(log->tiles, &((struct tile){level, index, kept(log, slice_of(hashes, number(rest) * CRYPTO_HASH_LEN))}));
}

static void write_damage(struct paper_log *log, struct slice rest)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_TEXT);
    (void)buffer_append_slice(&text, rest);
    must(buffer_append_byte(&text, 0) == 0);
    PUT(log->damages, &((struct slice){kept(log, buffer_slice(&text)).p, rest.len}));
}

static void write_cut(struct paper_log *log, struct slice rest)
{
    buffer_truncate(&log->leaves, log->leaves.len - number(word(&rest)) * sizeof(struct slice));
}

static void write_fails(struct paper_log *log, struct slice rest)
{
    log->fails = kept(log, rest);
}

void paper_log_write(struct paper_log *log, struct slice line)
{
    static const struct {
        const char *word;
        void (*write)(struct paper_log *log, struct slice rest);
    } words[] = {{"leaf", write_leaf},     {"leaves", write_leaves}, {"runs", write_runs},  {"credentials", write_credentials},
                 {"raw", write_raw},       {"gap", write_gap},       {"run", write_run},    {"row", write_row},
                 {"sign", write_sign},     {"trust", write_trust},   {"note", write_note},  {"tile", write_tile},
                 {"damage", write_damage}, {"cut", write_cut},       {"fails", write_fails}};
    struct slice first = word(&line);
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (slice_is(first, words[i].word)) {
            words[i].write(log, line);
            return;
        }
    must(!"a word of a paper log");
}

void paper_log_end(struct paper_log *log)
{
    must(audit_tree_flush(log->tree) == 0);
}
