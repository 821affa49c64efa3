/* main: a worker takes its channel to the engine and serves. When the engine is gone the worker's runs are worthless: it ends,
 * and the supervisor starts a fresh one. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "base/error.h"
#include "role/role.h"
#include "worker/worker.h"

static struct channel *engine;

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)channel;
    (void)reason;
    (void)user;
    role_exit(0);
}

static const struct channel_handlers engine_handlers = {.message = serve_message, .closed = on_closed};

static int on_connect(enum role peer, uint16_t index, int fd)
{
    (void)index;
    if (peer != ROLE_ENGINE || engine) {
        close(fd);
        if (peer != ROLE_ENGINE)
            return -SP_EPROTOCOL;
        role_exit(0); /* the next engine, before we heard of the end of ours */
        return 0;
    }
    return channel_new(role_loop(), fd, ROLE_WORKER, peer, &engine_handlers, NULL, &engine);
}

static int on_file(enum control_file_kind kind, uint16_t index, int fd)
{
    (void)index;
    void *shared = MAP_FAILED;
    if (kind == CONTROL_FILE_WORKER_PAGE)
        shared = mmap(NULL, sizeof(struct worker_page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared == MAP_FAILED)
        return -SP_EPROTOCOL;
    serve_set_page(shared);
    return 0;
}

static int on_start(void)
{
    role_ready();
    return 0;
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {
        .self = ROLE_WORKER, .connect = on_connect, .file = on_file, .start = on_start};
    /* Before the first message: the engine's may come before the supervisor's word to start. */
    if (serve_init() < 0)
        return 4;
    return role_main(argc, argv, &handlers);
}
