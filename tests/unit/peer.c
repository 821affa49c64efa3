/* peer: see peer.h. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <sys/socket.h>

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct peer *p = user;
    assert_int_equal(fd, -1);
    p->n++;
    p->type = type;
    buffer_clear(&p->payload);
    return buffer_append_slice(&p->payload, payload);
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    ((struct peer *)user)->is_closed = true;
}

void peer_connect(struct peer *p, enum role self, enum role tested, peer_serve_connect *connect)
{
    static const struct channel_handlers handlers = {on_message, on_closed};
    struct ev_loop *loop = ev_default_loop(0);
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    *p = (struct peer){.payload = BUFFER_MAX(LIMIT_FRAME)};
    assert_int_equal(channel_new(loop, pair[0], self, tested, &handlers, p, &p->channel), 0);
    assert_int_equal(connect(loop, self, pair[1]), 0);
}

void peer_leave(struct peer *p)
{
    channel_free(p->channel);
    p->channel = NULL;
    buffer_free(&p->payload);
}

void peers_run(void)
{
    for (int i = 0; i < 20; i++)
        ev_run(ev_default_loop(0), EVRUN_NOWAIT);
}
