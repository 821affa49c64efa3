/* channel: framed, bounded messages over one socketpair, driven by the role's loop. Called by every role.
 * Must hold: no read beyond the frame; at most one descriptor for each frame, and none is leaked; a closed channel calls
 * nobody but its `closed` handler, once. Must never end the process because of what a peer sends. */
#include "wire/channel.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "base/must.h"
#include "wire/loan.h"

#define FRAME_HEADER 8

struct pending_fd {
    uint64_t at; /* position in the outgoing stream of the frame's first byte */
    int fd;
};

struct channel {
    struct ev_loop *loop;
    int fd;
    enum role self, peer;
    const struct channel_handlers *handlers;
    void *user;
    ev_io reader, writer;
    ev_prepare flusher; /* writes what the round queued */
    ev_timer closer;    /* calls `closed` outside of anyone's stack */
    struct buffer in, out;
    size_t out_done;    /* bytes of `out` already written */
    uint64_t out_total; /* bytes ever taken from `out` */
    struct pending_fd fds_out[LIMIT_CHANNEL_FDS];
    size_t n_fds_out;
    int fds_in[LIMIT_CHANNEL_FDS];
    size_t n_fds_in;
    bool takes_fds; /* there is a message to us that carries one */
    bool is_closed, is_breached, is_paused, in_handler;
    const char *reason;
};

static void on_readable(struct ev_loop *loop, ev_io *w, int events);
static void on_writable(struct ev_loop *loop, ev_io *w, int events);
static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events);
static void on_close(struct ev_loop *loop, ev_timer *w, int events);

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
    ev_io_init(&c->reader, on_readable, fd, EV_READ);
    ev_io_init(&c->writer, on_writable, fd, EV_WRITE);
    ev_prepare_init(&c->flusher, on_prepare);
    ev_timer_init(&c->closer, on_close, 0., 0.);
    c->reader.data = c->writer.data = c->flusher.data = c->closer.data = c;
    ev_io_start(loop, &c->reader);
    *ret = c;
    return 0;
}

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
    ev_timer_start(c->loop, &c->closer);
}

static void on_close(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    struct channel *c = w->data;
    c->handlers->closed(c, c->reason, c->user);
}

void channel_set_secret(struct channel *c)
{
    c->in.secret = c->out.secret = true;
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

/* --- reading ------------------------------------------------------------------------------------------------------- */

/* Keeps the descriptors of one recvmsg; false when there are more than the protocol can mean, which between most roles is none. */
static bool collect_fds(struct channel *c, struct msghdr *message)
{
    bool fits = !(message->msg_flags & MSG_CTRUNC);
    for (struct cmsghdr *h = CMSG_FIRSTHDR(message); h; h = CMSG_NXTHDR(message, h)) {
        if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
            continue;
        size_t n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < n; i++) {
            int fd;
            memcpy(&fd, CMSG_DATA(h) + i * sizeof fd, sizeof fd);
            if (c->takes_fds && c->n_fds_in < LIMIT_CHANNEL_FDS) {
                c->fds_in[c->n_fds_in++] = fd;
            } else {
                close(fd);
                fits = false;
            }
        }
    }
    return fits;
}

static ssize_t receive(struct channel *c)
{
    uint8_t *to;
    if (buffer_reserve(&c->in, LIMIT_CHANNEL_READ) < 0)
        return -ENOMEM;
    to = c->in.p + c->in.len;
    struct iovec part = {.iov_base = to, .iov_len = LIMIT_CHANNEL_READ};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(LIMIT_CHANNEL_FDS * sizeof(int))];
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (n < 0)
        return -errno;
    c->in.len += (size_t)n;
    return collect_fds(c, &message) ? n : -SP_EPROTOCOL;
}

static int take_fd(struct channel *c, int *ret)
{
    if (c->n_fds_in == 0)
        return -SP_EPROTOCOL;
    *ret = c->fds_in[0];
    c->n_fds_in--;
    memmove(c->fds_in, c->fds_in + 1, c->n_fds_in * sizeof c->fds_in[0]);
    return 0;
}

/* Handles one frame at `at`; 1 when there was a whole one, 0 when more bytes are needed. */
static int handle_frame(struct channel *c, size_t *at)
{
    size_t have = c->in.len - *at;
    if (have < FRAME_HEADER)
        return 0;
    struct wire_reader r = WIRE_READER(slice_of(c->in.p + *at, FRAME_HEADER));
    uint32_t length = wire_get_u32(&r);
    uint16_t type = wire_get_u16(&r);
    uint8_t has_fd = wire_get_u8(&r), reserved = wire_get_u8(&r);
    if (length > LIMIT_FRAME || has_fd > 1 || reserved || !wire_may_send(type, c->peer, c->self))
        return -SP_EPROTOCOL;
    /* A handler that expects no descriptor would not close it: a peer could use up all that we may have. */
    if (has_fd && !wire_carries_fd(type))
        return -SP_EPROTOCOL;
    if (have < FRAME_HEADER + (size_t)length)
        return 0;
    int fd = -1;
    if (has_fd && take_fd(c, &fd) < 0)
        return -SP_EPROTOCOL;
    struct slice payload = slice_of(c->in.p + *at + FRAME_HEADER, length);
    *at += FRAME_HEADER + (size_t)length;
    struct slice lent = loan_begin(payload);
    c->in_handler = true;
    int error = c->handlers->message(c, type, lent, fd, c->user);
    c->in_handler = false;
    loan_end(payload, lent);
    return error < 0 ? error : 1;
}

/* Handles the whole frames of the buffer, until one closes or pauses the channel. */
static void handle_frames(struct channel *c)
{
    size_t at = 0;
    int more = 1;
    while (more > 0 && !c->is_closed && !c->is_paused)
        more = handle_frame(c, &at);
    if (more < 0 && !c->is_closed) {
        c->is_breached = true;
        channel_close(c, error_text(more));
    }
    buffer_consume(&c->in, at);
    /* A large frame must not keep its memory for ever. */
    if (c->in.len == 0 && c->in.capacity > 2 * LIMIT_CHANNEL_READ)
        buffer_free(&c->in);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    struct channel *c = w->data;
    /* After a pause whole frames may be waiting here while the socket has nothing more. */
    size_t waiting = c->in.len;
    handle_frames(c);
    if (c->is_closed || c->is_paused || (waiting && c->in.len < waiting))
        return;
    ssize_t n = receive(c);
    if (n == -EAGAIN || n == -EINTR)
        return;
    if (n <= 0) {
        c->is_breached = n == -SP_EPROTOCOL;
        channel_close(c, n == 0 ? "the peer closed it" : error_text((int)n));
        return;
    }
    handle_frames(c);
}

/* --- writing ------------------------------------------------------------------------------------------------------- */

/* Whether a frame of this type may be queued now: 0, or why not. */
static int may_queue(const struct channel *c, uint16_t type)
{
    if (c->is_closed)
        return -EPIPE;
    if (!wire_may_send(type, c->self, c->peer))
        return -SP_EPROTOCOL;
    return channel_queued(c) > LIMIT_CHANNEL_QUEUE ? -SP_EOVERLOAD : 0;
}

static int queue_frame(struct channel *c, uint16_t type, struct slice payload, bool has_fd)
{
    int r = may_queue(c, type);
    if (r < 0)
        return r;
    size_t start = c->out.len;
    wire_put_u32(&c->out, (uint32_t)payload.len);
    wire_put_u16(&c->out, type);
    wire_put_u8(&c->out, has_fd);
    wire_put_u8(&c->out, 0);
    r = buffer_append_slice(&c->out, payload);
    if (r < 0) {
        /* Half a frame would make nonsense of all that follows. */
        c->out.error = 0;
        buffer_truncate(&c->out, start);
        return r;
    }
    ev_prepare_start(c->loop, &c->flusher);
    return 0;
}

int channel_send(struct channel *c, uint16_t type, const struct buffer *payload)
{
    int r = buffer_error(payload);
    if (r < 0)
        return r;
    return payload->len > LIMIT_FRAME ? -SP_ELIMIT : queue_frame(c, type, buffer_slice(payload), false);
}

int channel_send_fd(struct channel *c, uint16_t type, const struct buffer *payload, int fd)
{
    if (c->n_fds_out == LIMIT_CHANNEL_FDS)
        return -SP_EOVERLOAD;
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -errno;
    uint64_t at = c->out_total + c->out.len;
    int r = buffer_error(payload) ? buffer_error(payload) : queue_frame(c, type, buffer_slice(payload), true);
    if (r < 0) {
        close(copy);
        return r;
    }
    c->fds_out[c->n_fds_out++] = (struct pending_fd){.at = at, .fd = copy};
    return 0;
}

int channel_send_with(struct channel *c, uint16_t type, channel_encoder *encode, const void *message)
{
    int r = may_queue(c, type);
    if (r < 0)
        return r;
    /* Encoded in place behind a header that is filled afterwards: no copy on the hot path. */
    size_t start = c->out.len;
    uint8_t *header;
    r = buffer_extend(&c->out, FRAME_HEADER, &header);
    if (r == 0) {
        encode(&c->out, message);
        r = buffer_error(&c->out);
    }
    size_t length = r == 0 ? c->out.len - start - FRAME_HEADER : 0;
    if (r == 0 && length > LIMIT_FRAME)
        r = -SP_ELIMIT;
    if (r < 0) {
        c->out.error = 0;
        buffer_truncate(&c->out, start);
        return r;
    }
    const uint8_t bytes[FRAME_HEADER] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16),
                                         (uint8_t)(length >> 24), (uint8_t)type, (uint8_t)(type >> 8), 0, 0};
    memcpy(c->out.p + start, bytes, sizeof bytes);
    ev_prepare_start(c->loop, &c->flusher);
    return 0;
}

/* Sends up to the next descriptor's frame, or with that descriptor when its frame is next. */
static ssize_t transmit(struct channel *c)
{
    uint64_t position = c->out_total + c->out_done;
    size_t len = c->out.len - c->out_done;
    bool with_fd = c->n_fds_out && c->fds_out[0].at == position;
    size_t next = with_fd ? 1 : 0;
    if (c->n_fds_out > next && c->fds_out[next].at - position < len)
        len = (size_t)(c->fds_out[next].at - position);
    struct iovec part = {.iov_base = c->out.p + c->out_done, .iov_len = len};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))];
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (with_fd) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(h), &c->fds_out[0].fd, sizeof(int));
    }
    ssize_t n = sendmsg(c->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return -errno;
    if (with_fd && n > 0) {
        close(c->fds_out[0].fd);
        c->n_fds_out--;
        memmove(c->fds_out, c->fds_out + 1, c->n_fds_out * sizeof c->fds_out[0]);
    }
    return n;
}

static void drop_written(struct channel *c)
{
    /* What is left is moved down: seldom, when it is long, or a long queue would cost its square. */
    size_t left = c->out.len - c->out_done, worth = left < LIMIT_FRAME ? left : LIMIT_FRAME;
    if (left && (c->out_done < LIMIT_CHANNEL_READ || c->out_done < worth))
        return;
    c->out_total += c->out_done;
    buffer_consume(&c->out, c->out_done);
    c->out_done = 0;
    if (c->out.len == 0 && c->out.capacity > 4 * LIMIT_CHANNEL_READ)
        buffer_free(&c->out);
}

int channel_flush(struct channel *c)
{
    if (c->is_closed)
        return -EPIPE;
    while (c->out_done < c->out.len) {
        ssize_t n = transmit(c);
        if (n == -EINTR)
            continue;
        if (n == -EAGAIN) {
            drop_written(c);
            ev_io_start(c->loop, &c->writer);
            return -EAGAIN;
        }
        if (n < 0) {
            channel_close(c, error_text((int)n));
            return (int)n;
        }
        c->out_done += (size_t)n;
    }
    drop_written(c);
    ev_io_stop(c->loop, &c->writer);
    return 0;
}

static void on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
    (void)events;
    struct channel *c = w->data;
    ev_prepare_stop(loop, w);
    (void)channel_flush(c);
}

static void on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    (void)channel_flush(w->data);
}
