/* peer: see peer.h. */
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

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

/* Our end of a new pair. */
static int connect_pair(enum role self, peer_serve_connect *connect)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(connect(ev_default_loop(0), self, pair[1]), 0);
    return pair[0];
}

void peer_connect(struct peer *p, enum role self, enum role tested, peer_serve_connect *connect)
{
    static const struct channel_handlers handlers = {on_message, on_closed};
    int fd = connect_pair(self, connect);
    *p = (struct peer){.payload = BUFFER_MAX(LIMIT_FRAME)};
    assert_int_equal(channel_new(ev_default_loop(0), fd, self, tested, &handlers, p, &p->channel), 0);
}

void peer_assert_closed_for(uint16_t type, enum role self, peer_serve_connect *connect)
{
    int fd = connect_pair(self, connect);
    uint8_t frame[12] = {4, 0, 0, 0, (uint8_t)type, (uint8_t)(type >> 8)}, byte;
    assert_int_equal(write(fd, frame, sizeof frame), sizeof frame);
    peers_run();
    assert_int_equal(read(fd, &byte, 1), 0);
    close(fd);
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
