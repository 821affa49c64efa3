/* export_write: the proof file of one run (docs/formats/audit-leaf.md), made from the stored log. export_read.c verifies it.
 *
 *   {"checkpoint":"…","leaves":[{"index":7,"leaf":"{…}","proof":["base64",…]},…],"type":"sallyport/inclusion/1"} */
#include <errno.h>
#include <stdio.h>

#include "audit/verify.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "base/limits.h"
#include "base/plural.h"

struct export {
    struct json_writer w;
    const struct audit_log *log;
    struct checkpoint checkpoint;
    char needle[32]; /* "run":"rXXXXXXXXXXXXX" as it stands in a leaf */
    size_t n;
    uint64_t *indexes;
    size_t capacity;
};

static int note_index(struct export *x, uint64_t index)
{
    if (x->n == LIMIT_PROOF_LEAVES)
        return -SP_ELIMIT;
    if (x->n == x->capacity) {
        size_t capacity = x->capacity ? 2 * x->capacity : 16;
        uint64_t *indexes = realloc(x->indexes, capacity * sizeof *indexes);
        if (!indexes)
            return -ENOMEM;
        x->indexes = indexes;
        x->capacity = capacity;
    }
    x->indexes[x->n++] = index;
    return 0;
}

/* A quote inside a text is escaped, so the needle can only be the member itself. */
static int find(void *user, uint64_t index, struct slice leaf)
{
    struct export *x = user;
    return leaf.len && memmem(leaf.p, leaf.len, x->needle, strlen(x->needle)) ? note_index(x, index) : 0;
}

static int put_leaf(void *user, uint64_t index, struct slice leaf)
{
    struct export *x = user;
    json_object_begin(&x->w);
    json_key_u64(&x->w, "index", index);
    json_key_string(&x->w, "leaf", leaf);
    return 1; /* that was the one */
}

static int put_proof(struct export *x, uint64_t index)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(AUDIT_PROOF_MAX * CRYPTO_HASH_LEN), text = BUFFER_MAX(64);
    int r = audit_proof_inclusion(x->log, x->checkpoint.size, index, &proof);
    if (r < 0)
        return r;
    json_key_array(&x->w, "proof");
    for (size_t i = 0; i < proof.len; i += CRYPTO_HASH_LEN) {
        buffer_clear(&text);
        r = buffer_append_base64(&text, slice_of(proof.p + i, CRYPTO_HASH_LEN));
        if (r < 0)
            return r;
        json_slice(&x->w, buffer_slice(&text));
    }
    json_array_end(&x->w);
    json_object_end(&x->w);
    return 0;
}

static int put_file(struct export *x, struct slice note)
{
    json_object_begin(&x->w);
    json_key_string(&x->w, "checkpoint", note);
    json_key_array(&x->w, "leaves");
    for (size_t i = 0; i < x->n && !buffer_error(x->w.out); i++) {
        int r = x->log->leaves(x->log->user, x->indexes[i], x->indexes[i] + 1, put_leaf, x);
        if (r != 1)
            return r < 0 ? r : -SP_ETAMPERED;
        r = put_proof(x, x->indexes[i]);
        if (r < 0)
            return r;
    }
    json_array_end(&x->w);
    json_key_text(&x->w, "type", "sallyport/inclusion/1");
    json_object_end(&x->w);
    return buffer_error(x->w.out);
}

static int export(struct export *x, uint64_t first, uint64_t last, struct slice note, struct diag *reterr)
{
    int r = x->log->leaves(x->log->user, first, last < UINT64_MAX ? last + 1 : last, find, x);
    if (r == -SP_ELIMIT)
        return diag_set(reterr, r, "the run has more than %d leaves", LIMIT_PROOF_LEAVES);
    if (r < 0)
        return diag_set(reterr, r, "the leaves cannot be read: %s", error_text(r));
    if (x->n == 0)
        return diag_set(reterr, -SP_ENOTFOUND, "the log tells of no such run");
    if (x->indexes[x->n - 1] >= x->checkpoint.size)
        return diag_set(reterr, -SP_EUNAVAILABLE, "leaf %llu is not signed yet: the newest checkpoint has %llu %s",
                        (unsigned long long)x->indexes[x->n - 1], (unsigned long long)x->checkpoint.size,
                        PLURAL(x->checkpoint.size, "leaf", "leaves"));
    r = put_file(x, note);
    if (r == -SP_ELIMIT)
        return diag_set(reterr, r, "the proof is larger than there is room for");
    return r < 0 ? diag_set(reterr, r, "the proof cannot be made: %s", error_text(r)) : 0;
}

int audit_proof_export(const struct audit_log *log, struct run_id run, uint64_t first, uint64_t last, struct slice checkpoint,
                       const struct audit_key *key, struct buffer *ret, struct diag *reterr)
{
    struct export x = {.w = JSON_WRITER(ret), .log = log};
    char id[RUN_ID_LEN + 1];
    run_id_text(run, id);
    (void)snprintf(x.needle, sizeof x.needle, "\"run\":\"%s\"", id);
    int r = audit_checkpoint_open(checkpoint, key, &x.checkpoint, reterr);
    if (r == 0)
        r = export(&x, first, last, checkpoint, reterr);
    free(x.indexes);
    return r;
}
