/* copier: asks for a copy of the write-ahead log when enough has come together, and copies on a thread of its own. What must hold:
 * one of the two threads copies at a time, and the committer touches the copier only while its thread rests. */
#include "engine/copier.h"

#include "base/error.h"
#include "base/limits.h"
#include "engine/side_thread.h"

static const struct store_log_limits limits = {
    .copy_pages = LIMIT_LOG_COPY,
    .end_pages = LIMIT_LOG_END,
    .rest_pages = LIMIT_LOG_REST,
    .full_pages = LIMIT_LOG_FULL,
    .wait_ms = LIMIT_LOG_WAIT_MS,
};

static struct store_copier *copier;
static struct side_thread thread = SIDE_THREAD;
static pthread_cond_t rests = PTHREAD_COND_INITIALIZER;
static bool is_asked; /* under the lock: from the question until the copy is done */

static void *work(void *unused)
{
    (void)unused;
    side_thread_lock(&thread);
    for (;;) {
        while (!is_asked && !thread.is_stopping)
            side_thread_wait(&thread);
        if (!is_asked)
            break;
        side_thread_unlock(&thread);
        store_copier_copy(copier);
        side_thread_lock(&thread);
        is_asked = false;
        (void)pthread_cond_signal(&rests);
    }
    side_thread_unlock(&thread);
    return NULL;
}

static void ask(void)
{
    side_thread_lock(&thread);
    is_asked = true;
    side_thread_wake(&thread);
    side_thread_unlock(&thread);
}

static bool is_at_rest(void)
{
    side_thread_lock(&thread);
    while (is_asked && store_copier_is_full(copier))
        (void)pthread_cond_wait(&rests, &thread.lock);
    bool r = !is_asked;
    side_thread_unlock(&thread);
    return r;
}

void copier_turn(void)
{
    if (!copier || !is_at_rest())
        return;
    switch (store_copier_need(copier)) {
    case STORE_LOG_COPY:
        ask();
        break;
    case STORE_LOG_END:
        store_copier_end(copier);
        break;
    case STORE_LOG_NOTHING:
        break;
    }
}

int copier_start(struct store *store, struct diag *reterr)
{
    int r = store_copier_open(store, &limits, &copier, reterr);
    if (r < 0 || !copier)
        return r;
    r = side_thread_start(&thread, work);
    if (r == 0)
        return 0;
    store_copier_close(copier);
    copier = NULL;
    return diag_set(reterr, r, "the copying thread cannot be started: %s", error_text(r));
}

void copier_stop(void)
{
    if (!copier)
        return;
    side_thread_stop(&thread);
    store_copier_close(copier);
    copier = NULL;
}
