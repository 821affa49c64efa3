/* resumed: see resumed.h. A server signs its start before it serves, then its log each second, and at a stop in order all of it. So at
 * a start a second's leaves may be without a signature, after a crash, and none after a stop, but for those of starts that came to
 * nothing; others were written by who can write the database. A crash's cannot be told from those that he adds to them, and all are
 * signed with the rest: what tells of them afterwards is the leaf that is written here.
 *
 * What will be signed is the store's tree, which was made from tiles and the last leaves when the database was opened; what is judged are
 * leaves, as a walk finds them now. So the last signed leaf must be proven, each unsigned one is hashed, and tree and tiles must be what
 * follows from them. */
#include "engine/resumed.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/plural.h"
#include "crypto/merkle.h"
#include "engine/commit.h"
#include "store/audit.h"

/* What the leaf before says of the server. */
enum phase { SERVES, STOPPED, STARTS };

struct tail {
    enum phase phase;
    const char *oddity; /* what a crash does not explain; NULL: nothing */
    struct audit_log log;
    struct audit_tree *tree; /* of the leaves that were walked, and all before them */
    struct buffer memory;
};

static struct {
    uint64_t signed_size, n;
    const char *oddity;
} unsigned_leaves;

static enum phase phase_after(enum audit_action action)
{
    if (action == AUDIT_SERVER_STARTED || action == AUDIT_LOG_RESUMED)
        return STARTS;
    return action == AUDIT_SERVER_STOPPED ? STOPPED : SERVES;
}

/* A leaf's time is that of what it tells, which may be long before it was written: nothing follows from it. */
static const char *oddity_of(enum phase before, enum phase now)
{
    if (now == STARTS)
        return NULL; /* as often as a start did not come to a signature */
    return before == STOPPED  ? "the server had stopped in order"
           : before == STARTS ? "a server that starts does nothing before its start is signed"
                              : NULL;
}

static int decode(struct tail *t, struct slice leaf, enum phase *ret)
{
    struct audit_event event;
    buffer_clear(&t->memory);
    int r = audit_leaf_decode(leaf, &event, &t->memory);
    if (r == 0)
        *ret = phase_after(event.action);
    return r;
}

static int judge(struct tail *t, struct slice leaf)
{
    enum phase now = SERVES;
    int r = decode(t, leaf, &now);
    if (r == -ENOMEM)
        return r;
    t->oddity = r < 0 ? "they are not as a server writes them" : oddity_of(t->phase, now);
    t->phase = now;
    return 0;
}

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct tail *t = user;
    if (index != audit_tree_size(t->tree))
        return -SP_ETAMPERED;
    int r = t->oddity ? 0 : judge(t, leaf);
    return r < 0 ? r : audit_tree_append(t->tree, leaf);
}

struct signed_leaf {
    struct tail *tail;
    uint64_t index;
    uint8_t hash[CRYPTO_HASH_LEN];
};

/* Behind a start that is signed the server serves. */
static int on_signed_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct signed_leaf *s = user;
    enum phase now = SERVES;
    int r = decode(s->tail, leaf, &now);
    s->tail->phase = now == STOPPED ? STOPPED : SERVES;
    s->index = index;
    merkle_leaf_hash(leaf, s->hash);
    return r == -ENOMEM ? r : 0;
}

/* What the last signed leaf says of the server, when it is proven to be that. */
static int look_at_signed(struct tail *t, struct store_reader *reader, const struct checkpoint *last)
{
    struct signed_leaf s = {.tail = t, .index = UINT64_MAX};
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN);
    if (last->size == 0)
        return 0;
    int r = store_leaves(reader, last->size - 1, last->size, on_signed_leaf, &s);
    r = r < 0 ? r : audit_proof_inclusion(&t->log, last->size, last->size - 1, &proof);
    if (r < 0)
        return r == -SP_ENOTFOUND ? -SP_ETAMPERED : r;
    return s.index == last->size - 1
               ? merkle_verify_inclusion(s.index, last->size, s.hash, buffer_slice(&proof), last->root)
               : -SP_ETAMPERED;
}

static int on_tile(void *user, unsigned level, uint64_t index, struct slice hashes)
{
    const struct tail *t = user;
    uint8_t stored[AUDIT_TILE_LEN];
    int r = t->log.tile(t->log.user, level, index, (unsigned)(hashes.len / CRYPTO_HASH_LEN), stored);
    if (r == 0 && memcmp(stored, hashes.p, hashes.len) != 0)
        r = -SP_ETAMPERED;
    return r == -SP_ENOTFOUND ? -SP_ETAMPERED : r;
}

static int walk(struct tail *t, struct store_reader *reader, uint64_t from, const struct store_head *head)
{
    uint8_t root[CRYPTO_HASH_LEN];
    int r = store_leaves(reader, from, UINT64_MAX, on_leaf, t);
    r = r < 0 ? r : audit_tree_flush(t->tree);
    audit_tree_root(t->tree, root);
    if (r == 0 && (audit_tree_size(t->tree) != head->size || memcmp(root, head->root, sizeof root) != 0))
        r = -SP_ETAMPERED;
    return r;
}

static int cannot_be_read(int code, struct diag *reterr)
{
    return diag_set(reterr, code, "its end cannot be read: %s", error_text(code));
}

static int look(struct tail *t, struct store_reader *reader, const struct checkpoint *last, const struct store_head *head,
                struct diag *reterr)
{
    uint8_t root[CRYPTO_HASH_LEN];
    if (head->size < last->size)
        return diag_set(reterr, -SP_ETAMPERED, "it has %llu %s, and one of %llu was signed", (unsigned long long)head->size,
                        PLURAL(head->size, "leaf", "leaves"), (unsigned long long)last->size);
    int r = audit_tree_new(&t->log, last->size, on_tile, t, &t->tree);
    if (r < 0)
        return cannot_be_read(r, reterr);
    audit_tree_root(t->tree, root);
    r = memcmp(root, last->root, sizeof root) == 0 ? look_at_signed(t, reader, last) : -SP_ETAMPERED;
    if (r == -SP_ETAMPERED)
        return diag_set(reterr, r, "its first %llu %s not those that were signed", (unsigned long long)last->size,
                        PLURAL(last->size, "leaf is", "leaves are"));
    r = r < 0 ? r : walk(t, reader, last->size, head);
    if (r == -SP_ETAMPERED)
        return diag_set(reterr, r, "its leaves from %llu on and its tree differ", (unsigned long long)last->size);
    if (r < 0)
        return cannot_be_read(r, reterr);
    unsigned_leaves.signed_size = last->size;
    unsigned_leaves.n = head->size - last->size;
    unsigned_leaves.oddity = t->oddity;
    return 0;
}

int resumed_look(struct store_reader *reader, const struct checkpoint *last, const struct store_head *head, struct diag *reterr)
{
    struct tail tail = {.log = store_audit_log(reader), .memory = BUFFER_MAX(LIMIT_LEAF)};
    int r = look(&tail, reader, last, head, reterr);
    audit_tree_free(tail.tree);
    buffer_free(&tail.memory);
    return r;
}

void resumed_tell(struct commit *c)
{
    char from[24], detail[AUDIT_TEXT_MAX];
    const char *oddity = unsigned_leaves.oddity;
    if (unsigned_leaves.n == 0)
        return;
    (void)snprintf(from, sizeof from, "%llu", (unsigned long long)unsigned_leaves.signed_size);
    (void)snprintf(detail, sizeof detail, "%llu without a signature%s%s", (unsigned long long)unsigned_leaves.n, oddity ? ": " : "",
                   oddity ? oddity : "");
    log_event(oddity ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "engine.log-resumed", "from", from, "leaves", detail, NULL);
    struct audit_event e = {.action = AUDIT_LOG_RESUMED, .time_ms = clock_wall_ms(), .actor_kind = SLICE_LITERAL("server"),
                            .outcome = oddity ? AUDIT_FAILED : AUDIT_OK, .object = slice_text(from), .detail = slice_text(detail)};
    commit_leaf(c, &e);
}
