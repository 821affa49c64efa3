/* committer: the thread that alone writes the database, and its queue [I1, I3]. Commits come from the loop (commit.c), and go
 * back to it when they are durable.
 * A batch is a part of what came while the last one was being written: it adapts to the load by itself. A member that the store refuses
 * is left out; if something of it was taken already, the others are written again without it. If the disk fails, the error sticks and
 * nothing runs. */
#include "engine/committer.h"

#include <errno.h>
#include <ev.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/commit_parts.h"
#include "engine/copier.h"
#include "engine/metrics.h"
#include "engine/side_thread.h"
#include "role/role.h"

static struct store *store;
static struct side_thread thread = SIDE_THREAD;
static struct commit *queue_first, **queue_last = &queue_first;
static struct commit *done_first, **done_last = &done_first;
static _Atomic size_t n_queued; /* read without the lock when a commit begins */
static _Atomic int64_t writing_since_ms; /* monotonic; 0: no batch is being written, and nothing is copied */
static ev_async done_signal;
static bool is_closed;
static bool has_news; /* leaves became durable since the last question for the head */

/* --- taking, on the loop ------------------------------------------------------------------------------------------- */

bool committer_has_room(void)
{
    return n_queued < LIMIT_COMMITS && !is_closed;
}

void committer_close(void)
{
    is_closed = true;
}

void commit_submit(struct commit *c)
{
    c->code = c->is_complete ? 0 : -ENOMEM;
    side_thread_lock(&thread);
    *queue_last = c;
    queue_last = &c->next;
    n_queued++;
    side_thread_wake(&thread);
    side_thread_unlock(&thread);
}

void committer_ask_head(uint64_t from, committer_head_is *answered, void *user)
{
    struct commit *c = commit_new_of_log(NULL, user);
    if (!c) {
        answered(-SP_EOVERLOAD, NULL, (struct slice){0}, user);
        return;
    }
    c->head_is = answered;
    c->head_from = from;
    has_news = false;
    commit_submit(c);
}

bool committer_has_news(void)
{
    return has_news;
}

/* --- writing, on the committer ------------------------------------------------------------------------------------- */

/* Writes the members from `first` on in one transaction. One that is refused keeps its code; 1 says that something of it was taken,
 * so that all must be written again without it. A key that is used again is refused at once: a burst of one key costs no more. */
static int write_once(struct commit *first)
{
    int r = store_begin(store);
    for (struct commit *c = first; c && r == 0; c = c->next) {
        if (c->code < 0 || c->head_is)
            continue;
        const uint64_t puts = store_puts(store);
        c->code = commit_perform(c, store);
        if (c->code < 0 && !store_is_still_at(store, puts)) {
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

/* Half of what waits, and at least so many: while the senders of one half are answered and come again, the other half is being
 * written. To take all that waits makes everybody move in step, and a processor idle at each sync. Fewer make too many syncs. */
#define BATCH_SMALL 32

static size_t batch_most(void)
{
    size_t half = n_queued / 2;
    return half < BATCH_SMALL ? BATCH_SMALL : half < LIMIT_BATCH ? half : LIMIT_BATCH;
}

static struct commit *next_batch(void)
{
    side_thread_lock(&thread);
    while (!queue_first && !thread.is_stopping)
        side_thread_wait(&thread);
    struct commit *first = queue_first, *c = first;
    size_t n = 0, most = batch_most();
    while (c && ++n < most && c->next)
        c = c->next;
    if (c) {
        queue_first = c->next;
        if (!queue_first)
            queue_last = &queue_first;
        c->next = NULL;
        n_queued -= n;
    }
    side_thread_unlock(&thread);
    return first;
}

static void *committer(void *unused)
{
    (void)unused;
    struct commit *batch;
    while ((batch = next_batch())) {
        writing_since_ms = clock_monotonic_ms();
        write_batch(batch);
        side_thread_lock(&thread);
        *done_last = batch;
        while (*done_last)
            done_last = &(*done_last)->next;
        side_thread_unlock(&thread);
        ev_async_send(role_loop(), &done_signal);
        copier_turn();
        writing_since_ms = 0;
    }
    return NULL;
}

/* --- telling, on the loop ------------------------------------------------------------------------------------------ */

static void on_done(struct ev_loop *loop, ev_async *signal, int events)
{
    (void)loop;
    (void)signal;
    (void)events;
    side_thread_lock(&thread);
    struct commit *c = done_first;
    done_first = NULL;
    done_last = &done_first;
    side_thread_unlock(&thread);
    while (c) {
        struct commit *next = c->next;
        has_news = has_news || (c->n_leaves && c->code == 0);
        metrics_count(c->code < 0 ? METRIC_COMMITS_FAILED : METRIC_COMMITS);
        /* A key that is taken is for him who asked: a version deployed twice, an Idempotency-Key used again. */
        if (c->code < 0 && c->code != -SP_ECONFLICT)
            log_event(LOG_LEVEL_ERROR, "engine.commit-failed", "error", error_text(c->code), NULL);
        if (c->head_is)
            c->head_is(c->code, &c->head, buffer_slice(&c->proof), c->user);
        else if (c->done)
            c->done(c->code, c->new_id, c->user);
        commit_drop(c);
        c = next;
    }
}

int committer_start(const char *path, struct diag *reterr)
{
    int r = store_open(path, &store, reterr);
    if (r < 0)
        return r;
    r = copier_start(store, reterr);
    if (r < 0)
        return r;
    ev_async_init(&done_signal, on_done);
    ev_async_start(role_loop(), &done_signal);
    r = side_thread_start(&thread, committer);
    return r < 0 ? diag_set(reterr, r, "the committer's thread cannot be started: %s", error_text(r)) : 0;
}

void committer_stop(void)
{
    if (!store)
        return;
    side_thread_stop(&thread);
    on_done(role_loop(), &done_signal, 0);
    copier_stop();
    store_close(store);
    store = NULL;
}

struct store *committer_store(void)
{
    return store;
}

bool committer_is_late(void)
{
    int64_t since = writing_since_ms;
    return since && clock_monotonic_ms() - since > LIMIT_COMMIT_MS;
}

int committer_error(void)
{
    return store ? store_error(store) : -SP_EUNAVAILABLE;
}
