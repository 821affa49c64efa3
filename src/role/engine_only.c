/* engine_only: see engine_only.h. Called by the main.c of worker and checker. */
#include "role/engine_only.h"

#include <unistd.h>

#include "base/error.h"
#include "role/role.h"

static struct channel *engine;

void engine_only_closed(struct channel *channel, const char *reason, void *user)
{
    (void)channel;
    (void)reason;
    (void)user;
    role_exit(0);
}

int engine_only_connect(enum role self, enum role peer, int fd, const struct channel_handlers *handlers)
{
    if (peer != ROLE_ENGINE || engine) {
        close(fd);
        if (peer != ROLE_ENGINE)
            return -SP_EPROTOCOL;
        role_exit(0); /* the next engine, before we heard of the end of ours */
        return 0;
    }
    return channel_new(role_loop(), fd, self, peer, handlers, NULL, &engine);
}
