/* channel_write: what we send: queued by the senders, written at the end of the loop's round. Must hold: only whole frames are in
 * the queue, which is bounded; a descriptor goes out with the first byte of its frame. */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/channel_parts.h"

/* Whether a frame of this type may be queued now: 0, or why not. */
static int may_queue(const struct channel *c, uint16_t type)
{
    if (c->is_closed || c->is_one_way)
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

/* What the peer said before it went is still there. It is read, and the end of the stream then closes the channel. */
static void stop_writing(struct channel *c)
{
    c->is_one_way = true;
    ev_io_stop(c->loop, &c->writer);
    for (size_t i = 0; i < c->n_fds_out; i++)
        close(c->fds_out[i].fd);
    c->n_fds_out = 0;
    c->out_done = 0;
    buffer_free(&c->out);
    ev_timer_set(&c->closer, LIMIT_HEAR_OUT_MS / 1000., 0.);
    ev_timer_start(c->loop, &c->closer);
}

static int fail(struct channel *c, int error)
{
    if (error == -EPIPE && c->hears_out)
        stop_writing(c);
    else
        channel_close(c, error_text(error));
    return error;
}

int channel_flush(struct channel *c)
{
    if (c->is_closed || c->is_one_way)
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
        if (n < 0)
            return fail(c, (int)n);
        c->out_done += (size_t)n;
    }
    drop_written(c);
    ev_io_stop(c->loop, &c->writer);
    return 0;
}

void channel_on_prepare(struct ev_loop *loop, ev_prepare *w, int events)
{
    (void)events;
    struct channel *c = w->data;
    ev_prepare_stop(loop, w);
    (void)channel_flush(c);
}

void channel_on_writable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop;
    (void)events;
    (void)channel_flush(w->data);
}
