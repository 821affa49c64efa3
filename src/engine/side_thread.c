/* side_thread: the start and the end of the committer, the copier and the thread for slow reads. */
#include "engine/side_thread.h"

int side_thread_start(struct side_thread *t, void *(*work)(void *unused))
{
    return -pthread_create(&t->thread, NULL, work, NULL);
}

void side_thread_stop(struct side_thread *t)
{
    side_thread_lock(t);
    t->is_stopping = true;
    side_thread_wake(t);
    side_thread_unlock(t);
    (void)pthread_join(t->thread, NULL);
}
