/* main: a worker takes its channel to the engine and the page that it shares with it, and serves. */
#include <sys/mman.h>
#include <unistd.h>

#include "base/error.h"
#include "role/engine_only.h"
#include "role/role.h"
#include "worker/worker.h"

static const struct channel_handlers engine_handlers = {.message = serve_message, .closed = engine_only_closed};

static int on_connect(enum role peer, uint16_t index, int fd)
{
    (void)index;
    return engine_only_connect(ROLE_WORKER, peer, fd, &engine_handlers);
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

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {.self = ROLE_WORKER, .connect = on_connect, .file = on_file};
    /* Before the first message: the engine's may come before the supervisor's word to start. */
    if (serve_init() < 0)
        return 4;
    return role_main(argc, argv, &handlers);
}
