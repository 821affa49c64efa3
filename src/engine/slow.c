/* slow: the engine's third thread. One job after the other; the queue is bounded and a full one is a refusal [I6]. */
#include "engine/slow.h"

#include <errno.h>
#include <ev.h>
#include <pthread.h>

#include "base/error.h"
#include "role/role.h"

struct job {
    slow_work *work;
    slow_done *done;
    void *user;
};

/* A ring: [n_told, n_worked) are done and to be told, [n_worked, n_queued) wait. Counters only grow. */
static struct job ring[LIMIT_SLOW_QUEUE];
static size_t n_queued, n_worked, n_told;
static pthread_t thread;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static bool is_stopping;
static ev_async told_signal;
static struct store_reader *reader;

int slow_submit(slow_work *work, slow_done *done, void *user)
{
    int r = 0;
    (void)pthread_mutex_lock(&lock);
    if (n_queued - n_told == LIMIT_SLOW_QUEUE || is_stopping) {
        r = -SP_EOVERLOAD;
    } else {
        ring[n_queued++ % LIMIT_SLOW_QUEUE] = (struct job){work, done, user};
        (void)pthread_cond_signal(&wake);
    }
    (void)pthread_mutex_unlock(&lock);
    return r;
}

static void *slow_thread(void *unused)
{
    (void)unused;
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        while (n_worked == n_queued && !is_stopping)
            (void)pthread_cond_wait(&wake, &lock);
        if (n_worked == n_queued)
            break;
        struct job job = ring[n_worked % LIMIT_SLOW_QUEUE];
        (void)pthread_mutex_unlock(&lock);
        job.work(reader, job.user);
        (void)pthread_mutex_lock(&lock);
        n_worked++;
        ev_async_send(role_loop(), &told_signal);
    }
    (void)pthread_mutex_unlock(&lock);
    return NULL;
}

static void on_told(struct ev_loop *loop, ev_async *signal, int events)
{
    (void)loop;
    (void)signal;
    (void)events;
    for (;;) {
        (void)pthread_mutex_lock(&lock);
        bool more = n_told < n_worked;
        struct job job = more ? ring[n_told % LIMIT_SLOW_QUEUE] : (struct job){0};
        n_told += more;
        (void)pthread_mutex_unlock(&lock);
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
    r = -pthread_create(&thread, NULL, slow_thread, NULL);
    return r < 0 ? diag_set(reterr, r, "the thread for reads cannot be started: %s", error_text(r)) : 0;
}

void slow_stop(void)
{
    if (!reader)
        return;
    (void)pthread_mutex_lock(&lock);
    is_stopping = true;
    (void)pthread_cond_signal(&wake);
    (void)pthread_mutex_unlock(&lock);
    (void)pthread_join(thread, NULL);
    store_reader_close(reader);
    reader = NULL;
}
