/* idempotency: reads the run of a key that was used before, on the slow thread. Called by hooks.c and api_runs.c when the
 * database refused a run because of its key: the index that is unique there decides which of two is the first. */
#include "engine/idempotency.h"

#include <stdlib.h>

#include "base/error.h"
#include "engine/slow.h"
#include "store/seal.h"

struct search {
    uint8_t key[32];
    struct buffer output, error, context;
    struct run_outcome outcome;
    run_ended *answered;
    void *user;
    int code;
};

static int on_run(void *user, const struct store_run *row)
{
    struct search *s = user;
    const struct namespace *ns = namespace_find(row->ns);
    if (!ns)
        return -SP_EKEY;
    _cleanup_seal_key_ struct seal_key key;
    seal_key_derive(ns->key, row->id, &key);
    s->outcome.id = row->id;
    s->outcome.state = row->state;
    int r = seal_open_column(&key, SEAL_RUN_OUTPUT, row->output, &s->output);
    r = r < 0 ? r : seal_open_column(&key, SEAL_RUN_ERROR, row->error, &s->error);
    return r < 0 ? r : seal_open_column(&key, SEAL_RUN_CONTEXT, row->context, &s->context);
}

static void work(struct store_reader *reader, void *user)
{
    struct search *s = user;
    s->code = store_run_by_idempotency(reader, slice_of(s->key, sizeof s->key), on_run, s);
}

static void done(void *user)
{
    struct search *s = user;
    s->outcome.output = buffer_slice(&s->output);
    s->outcome.error = buffer_slice(&s->error);
    s->outcome.context = buffer_slice(&s->context);
    s->answered(s->code, s->code < 0 ? NULL : &s->outcome, s->user);
    buffer_free(&s->output);
    buffer_free(&s->error);
    buffer_free(&s->context);
    free(s);
}

int idempotency_first(const uint8_t key[32], run_ended *answered, void *user)
{
    struct search *s = calloc(1, sizeof *s);
    if (!s)
        return -SP_EOVERLOAD;
    *s = (struct search){.answered = answered, .user = user, .output = BUFFER_MAX(LIMIT_BODY), .error = BUFFER_MAX(LIMIT_CONFIG),
                         .context = BUFFER_MAX(LIMIT_BODY)};
    memcpy(s->key, key, sizeof s->key);
    int r = slow_submit(work, done, s);
    if (r < 0)
        free(s);
    return r;
}
