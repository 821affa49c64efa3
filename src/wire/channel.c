/* channel: framed, bounded messages over one socketpair, driven by the role's loop: its life, from fd to `closed`; what goes through
 * it is the business of channel_read.c and channel_write.c. Called by every role.
 * Must hold: a closed channel calls nobody but its `closed` handler, once, and leaks no descriptor. Must never end the process
 * because of what a peer sends. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/error.h"
#include "base/must.h"
#include "wire/channel_parts.h"

static void stop_io(struct channel *c)
{
    ev_io_stop(c->loop, &c->reader);
    ev_io_stop(c->loop, &c->writer);
    ev_prepare_stop(c->loop, &c->flusher);
    if (c->fd >= 0)
        close(c->fd);
    c->fd = -1;
    for (size_t i = 0; i < c->n_fds_in; i++)
        close(c->fds_in[i]);
    for (size_t i = 0; i < c->n_fds_out; i++)
        close(c->fds_out[i].fd);
    c->n_fds_in = c->n_fds_out = 0;
}

static void on_close(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    struct channel *c = w->data;
    if (!c->is_closed) {
        c->is_closed = true; /* a peer that reads no more has been heard for long enough */
        c->reason = error_text(-EPIPE);
        stop_io(c);
    }
    c->handlers->closed(c, c->reason, c->user);
}

static bool may_carry_fds(enum role from, enum role to)
{
    for (unsigned type = WIRE_NONE; type < WIRE_TYPE_COUNT; type++)
        if (wire_carries_fd((uint16_t)type) && wire_may_send((uint16_t)type, from, to))
            return true;
    return false;
}

int channel_new(struct ev_loop *loop, int fd, enum role self, enum role peer, const struct channel_handlers *handlers,
                void *user, struct channel **ret)
{
    struct channel *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return -ENOMEM;
    }
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        int error = -errno;
        close(fd);
        free(c);
        return error;
    }
    *c = (struct channel){.loop = loop, .fd = fd, .self = self, .peer = peer, .handlers = handlers, .user = user};
    c->takes_fds = may_carry_fds(peer, self);
    c->in = BUFFER_MAX(LIMIT_FRAME + FRAME_HEADER + LIMIT_CHANNEL_READ);
    /* The queue, one frame more, and what is written and not yet dropped. */
    c->out = BUFFER_MAX(LIMIT_CHANNEL_QUEUE + LIMIT_CHANNEL_READ + 2 * LIMIT_FRAME + FRAME_HEADER);
    ev_io_init(&c->reader, channel_on_readable, fd, EV_READ);
    ev_io_init(&c->writer, channel_on_writable, fd, EV_WRITE);
    ev_prepare_init(&c->flusher, channel_on_prepare);
    ev_timer_init(&c->closer, on_close, 0., 0.);
    ev_set_priority(&c->closer, EV_MINPRI); /* what can be read is read first, however late we are */
    c->reader.data = c->writer.data = c->flusher.data = c->closer.data = c;
    ev_io_start(loop, &c->reader);
    *ret = c;
    return 0;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    must(!c->in_handler);
    stop_io(c);
    ev_timer_stop(c->loop, &c->closer);
    buffer_free(&c->in);
    buffer_free(&c->out);
    free(c);
}

void channel_close(struct channel *c, const char *reason)
{
    if (c->is_closed)
        return;
    c->is_closed = true;
    c->reason = reason;
    stop_io(c);
    ev_timer_stop(c->loop, &c->closer);
    ev_timer_set(&c->closer, 0., 0.);
    ev_timer_start(c->loop, &c->closer);
}

void channel_set_secret(struct channel *c)
{
    c->in.secret = c->out.secret = true;
}

void channel_hear_out(struct channel *c)
{
    c->hears_out = true;
}

bool channel_is_breached(const struct channel *c)
{
    return c->is_breached;
}

size_t channel_queued(const struct channel *c)
{
    return c->out.len - c->out_done;
}

enum role channel_peer(const struct channel *c)
{
    return c->peer;
}

void channel_pause(struct channel *c)
{
    c->is_paused = true;
    ev_io_stop(c->loop, &c->reader);
}

void channel_resume(struct channel *c)
{
    if (!c->is_paused || c->is_closed)
        return;
    c->is_paused = false;
    ev_io_start(c->loop, &c->reader);
    ev_feed_event(c->loop, &c->reader, EV_READ);
}
