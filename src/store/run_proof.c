/* run_proof: the proof file of one run from a database: where its leaves are, the newest checkpoint, and what audit makes of them.
 * Called by the engine for the API, and by the command on a data folder. */
#include "base/error.h"
#include "store/audit.h"
#include "store/store.h"

struct range {
    uint64_t first, last;
    uint64_t size; /* signed */
    struct buffer checkpoint;
};

static int on_run(void *user, const struct store_run *row)
{
    struct range *range = user;
    range->first = row->first_leaf;
    range->last = row->last_leaf;
    return 0;
}

static int on_checkpoint(void *user, uint64_t size, struct slice note, int64_t at_ms)
{
    struct range *range = user;
    (void)at_ms;
    range->size = size;
    return buffer_append_slice(&range->checkpoint, note);
}

int store_run_proof(struct store_reader *r, struct run_id run, enum store_run_gone gone, const struct audit_key *key,
                    struct buffer *ret, struct diag *reterr)
{
    struct range range = {.checkpoint = BUFFER_MAX(LIMIT_TEXT)};
    int e = store_run_by_id(r, run, on_run, &range);
    if (e == -SP_ENOTFOUND && gone == RUN_GONE_IS_SOUGHT)
        e = 0;
    if (e < 0 && e != -SP_ENOTFOUND)
        (void)diag_set(reterr, e, "the run cannot be read: %s", error_text(e));
    else if (e == 0 && (e = store_checkpoint_last(r, on_checkpoint, &range)) < 0)
        (void)diag_set(reterr, e, e == -SP_ENOTFOUND ? "no head of the log is signed yet" : "the log's head cannot be read: %s",
                       error_text(e));
    if (e == 0) {
        struct audit_log log = store_audit_log(r);
        uint64_t last = range.last == 0 && range.size ? range.size - 1 : range.last; /* it goes on, or its row is gone */
        e = audit_proof_export(&log, run, range.first, last, buffer_slice(&range.checkpoint), key, ret, reterr);
    }
    buffer_free(&range.checkpoint);
    return e;
}
