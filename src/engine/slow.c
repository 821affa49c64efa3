/* slow: the engine's third thread. One job after the other; the queue is bounded and a full one is a refusal [I6]. */
#include "engine/slow.h"

#include <errno.h>
#include <ev.h>

#include "base/error.h"
#include "engine/side_thread.h"
#include "role/role.h"

struct job {
    slow_work *work;
    slow_done *done;
    void *user;
};

/* A ring: [n_told, n_worked) are done and to be told, [n_worked, n_queued) wait. Counters only grow. */
static struct job ring[LIMIT_SLOW_QUEUE];
static size_t n_queued, n_worked, n_told;
static struct side_thread thread = SIDE_THREAD;
static ev_async told_signal;
static struct store_reader *reader;

int slow_submit(slow_work *work, slow_done *done, void *user)
{
    int r = 0;
    side_thread_lock(&thread);
    if (n_queued - n_told == LIMIT_SLOW_QUEUE || thread.is_stopping) {
        r = -SP_EOVERLOAD;
    } else {
        ring[n_queued++ % LIMIT_SLOW_QUEUE] = (struct job){work, done, user};
        side_thread_wake(&thread);
    }
    side_thread_unlock(&thread);
    return r;
}

static void *slow_thread(void *unused)
{
    (void)unused;
    side_thread_lock(&thread);
    for (;;) {
        while (n_worked == n_queued && !thread.is_stopping)
            side_thread_wait(&thread);
        if (n_worked == n_queued)
            break;
        struct job job = ring[n_worked % LIMIT_SLOW_QUEUE];
        side_thread_unlock(&thread);
        job.work(reader, job.user);
        side_thread_lock(&thread);
        n_worked++;
        ev_async_send(role_loop(), &told_signal);
    }
    side_thread_unlock(&thread);
    return NULL;
}

static void on_told(struct ev_loop *loop, ev_async *signal, int events)
{
    (void)loop;
    (void)signal;
    (void)events;
    for (;;) {
        side_thread_lock(&thread);
        bool more = n_told < n_worked;
        struct job job = more ? ring[n_told % LIMIT_SLOW_QUEUE] : (struct job){0};
        n_told += more;
        side_thread_unlock(&thread);
        if (!more)
            return;
        job.done(job.user);
    }
}

int slow_start(struct store *store, struct diag *reterr)
{
    int r = store_reader_open(store, &reader, reterr);
    if (r < 0)
        return r;
    ev_async_init(&told_signal, on_told);
    ev_async_start(role_loop(), &told_signal);
    r = side_thread_start(&thread, slow_thread);
    return r < 0 ? diag_set(reterr, r, "the thread for reads cannot be started: %s", error_text(r)) : 0;
}

void slow_stop(void)
{
    if (!reader)
        return;
    side_thread_stop(&thread);
    store_reader_close(reader);
    reader = NULL;
}
