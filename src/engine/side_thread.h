/* A thread beside the loop: a lock, a condition to be woken by, and an orderly end. What it works on is its owner's. */
#ifndef ENGINE_SIDE_THREAD_H
#define ENGINE_SIDE_THREAD_H

#include <pthread.h>
#include <stdbool.h>

struct side_thread {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    bool is_stopping; /* under the lock: it ends when nothing is left to do */
};
#define SIDE_THREAD {.lock = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER}

/* 0 or -errno. */
[[gnu::warn_unused_result]] int side_thread_start(struct side_thread *t, void *(*work)(void *unused));
/* Tells it to end, and waits until it has. */
void side_thread_stop(struct side_thread *t);

static inline void side_thread_lock(struct side_thread *t)
{
    (void)pthread_mutex_lock(&t->lock);
}

static inline void side_thread_unlock(struct side_thread *t)
{
    (void)pthread_mutex_unlock(&t->lock);
}

/* Under the lock: wakes it; waits to be woken. */
static inline void side_thread_wake(struct side_thread *t)
{
    (void)pthread_cond_signal(&t->wake);
}

static inline void side_thread_wait(struct side_thread *t)
{
    (void)pthread_cond_wait(&t->wake, &t->lock);
}

#endif
