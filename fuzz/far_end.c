/* far_end: the attacker's end of a socketpair. Linked by the harnesses of the roles' dispatch tables. */
#include "far_end.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEADER 8
#define ROUNDS 4

int far_end_open(struct far_end *f, enum role self, enum role near)
{
    int pair[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) == 0);
    *f = (struct far_end){.fd = pair[0], .self = self, .near = near, .in = BUFFER_MAX(4 * LIMIT_FRAME)};
    return pair[1];
}

void far_end_close(struct far_end *f)
{
    closep(&f->fd);
    f->fd = -1;
    buffer_free(&f->in);
}

void far_end_write(struct far_end *f, struct slice bytes)
{
    while (f->fd >= 0 && bytes.len) {
        ssize_t n = send(f->fd, bytes.p, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0)
            return;
        bytes = slice_of(bytes.p + n, bytes.len - (size_t)n);
    }
}

void far_end_send(struct far_end *f, uint16_t type, struct slice payload)
{
    _cleanup_buffer_ struct buffer frame = BUFFER_MAX(LIMIT_FRAME + HEADER);
    wire_put_u32(&frame, (uint32_t)payload.len);
    wire_put_u16(&frame, type);
    wire_put_u16(&frame, 0);
    must(buffer_append_slice(&frame, payload) == 0);
    far_end_write(f, buffer_slice(&frame));
}

void far_end_send_fds(struct far_end *f, uint16_t type, struct slice payload, const struct far_end_fds *fds)
{
    _cleanup_buffer_ struct buffer frame = BUFFER_MAX(LIMIT_FRAME + HEADER);
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(FAR_END_FDS * sizeof(int))] = {0};
    wire_put_u32(&frame, (uint32_t)payload.len);
    wire_put_u16(&frame, type);
    wire_put_u8(&frame, fds->is_announced);
    wire_put_u8(&frame, 0);
    must(buffer_append_slice(&frame, payload) == 0);
    struct iovec part = {.iov_base = frame.p, .iov_len = frame.len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (fds->n) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(fds->n * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        *h = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(fds->n * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        for (unsigned i = 0; i < fds->n; i++)
            memcpy(CMSG_DATA(h) + i * sizeof(int), &fds->fd, sizeof(int));
    }
    if (f->fd >= 0)
        (void)!sendmsg(f->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void far_end_send_with(struct far_end *f, uint16_t type, far_end_encoder *encode, const void *message)
{
    _cleanup_buffer_ struct buffer payload = BUFFER_MAX(LIMIT_FRAME);
    encode(&payload, message);
    must(buffer_error(&payload) == 0);
    far_end_send(f, type, buffer_slice(&payload));
}

static int decode(uint16_t type, struct slice payload)
{
    switch (type) {
#define M(NAME, name, from, to)                                                                              \
    case WIRE_##NAME: {                                                                                      \
        struct msg_##name m;                                                                                 \
        return wire_decode_##name(payload, &m);                                                              \
    }
        WIRE_MESSAGES(M)
#undef M
    default:
        return -EINVAL;
    }
}

static void receive(struct far_end *f)
{
    uint8_t block[16384];
    while (f->fd >= 0) {
        ssize_t n = recv(f->fd, block, sizeof block, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (n <= 0) {
            close(f->fd);
            f->fd = -1;
            return;
        }
        must(buffer_append(&f->in, block, (size_t)n) == 0);
    }
}

void far_end_read(struct far_end *f, far_end_each *each)
{
    size_t at = 0;
    receive(f);
    while (f->in.len - at >= HEADER) {
        struct wire_reader r = WIRE_READER(slice_of(f->in.p + at, HEADER));
        uint32_t length = wire_get_u32(&r);
        uint16_t type = wire_get_u16(&r);
        must(wire_get_u8(&r) == wire_carries_fd(type) && wire_get_u8(&r) == 0 && length <= LIMIT_FRAME);
        must(wire_may_send(type, f->near, f->self));
        if (f->in.len - at - HEADER < length)
            break;
        struct slice payload = slice_of(f->in.p + at + HEADER, length);
        must(decode(type, payload) == 0);
        if (each)
            each(f, type, payload);
        at += HEADER + length;
    }
    buffer_consume(&f->in, at);
}

void far_end_rounds(struct ev_loop *loop)
{
    for (int i = 0; i < ROUNDS; i++)
        ev_run(loop, EVRUN_NOWAIT);
}

uint16_t far_end_type(const struct far_end *f, unsigned n)
{
    uint16_t all[2 * WIRE_TYPE_COUNT];
    unsigned len = 0;
    for (uint16_t type = 0; type <= WIRE_TYPE_COUNT; type++)
        if (wire_may_send(type, f->self, f->near))
            all[len++] = type;
    for (uint16_t type = 0; type <= WIRE_TYPE_COUNT; type++)
        if (!wire_may_send(type, f->self, f->near))
            all[len++] = type;
    return all[n % len];
}

bool far_end_next(struct slice *rest, struct far_end_frame *ret)
{
    if (rest->len < 4)
        return false;
    size_t length = (size_t)(rest->p[2] | rest->p[3] << 8);
    if (length > rest->len - 4)
        length = rest->len - 4;
    *ret = (struct far_end_frame){
        .who = rest->p[0], .type = rest->p[1], .payload = slice_of(rest->p + 4, length)};
    *rest = slice_of(rest->p + 4 + length, rest->len - 4 - length);
    return true;
}
