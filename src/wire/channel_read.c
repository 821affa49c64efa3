/* channel_read: what a peer sends. Must hold: no read beyond the frame; at most one descriptor for each frame, and none is leaked;
 * a message that the table does not let through, or that its handler refuses, closes the channel. Called by the loop. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"
#include "wire/channel_parts.h"
#include "wire/loan.h"

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

void channel_on_readable(struct ev_loop *loop, ev_io *w, int events)
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
