/* A channel whose peer writes what he wants, in pieces of any size, with descriptors where none or too many
 * belong. Must hold: the handler gets exactly the frames that a reader of the whole stream would find, in
 * order, up to the first that breaks a rule, however reads are split or merged; each frame that carries a
 * descriptor has one; and none is left open. The input is a list of operations: u8 what, u8 how many, and for
 * a write so many bytes. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"
#include "wire/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEADER      8
#define PENDING_MAX 16 /* descriptors that may wait for their frames */

enum operation { WRITE, WRITE_FD, ROUND, PAUSE, RESUME, SEND, HANG_UP, OPERATIONS };

static struct {
    struct ev_loop *loop;
    struct channel *channel;
    int far;               /* the attacker's end */
    int watched, witness;  /* a pipe: every copy of `watched` must be closed in the end */
    struct buffer written; /* all that the attacker has written */
    size_t read;           /* of it, what the handler has seen */
    unsigned fds_written, fds_read, n_closed;
} t;

/* --- the handler, which reads along ------------------------------------------------------------------- */

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    must(t.written.len - t.read >= HEADER + payload.len);
    struct wire_reader r = WIRE_READER(slice_of(t.written.p + t.read, HEADER));
    must(wire_get_u32(&r) == payload.len && payload.len <= LIMIT_FRAME);
    must(wire_get_u16(&r) == type && wire_may_send(type, ROLE_SUPERVISOR, ROLE_WORKER));
    must(wire_get_u8(&r) == (fd >= 0) && wire_get_u8(&r) == 0);
    must(fd < 0 || wire_carries_fd(type));
    must(slice_equal(payload, slice_of(t.written.p + t.read + HEADER, payload.len)));
    t.read += HEADER + payload.len;
    t.fds_read += fd >= 0;
    closep(&fd);
    return payload.len && payload.p[0] == 0xEE ? -EINVAL : 0; /* some messages do not decode */
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    must(reason && ++t.n_closed == 1);
}

/* --- the attacker ------------------------------------------------------------------------------------- */

static void attack(struct slice bytes, unsigned n_fds)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(2 * PENDING_MAX * sizeof(int))] = {0};
    struct iovec part = {.iov_base = (void *)(uintptr_t)bytes.p, .iov_len = bytes.len};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (t.far < 0 || !bytes.len)
        return;
    if (n_fds) {
        message.msg_control = control;
        message.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&message);
        *h = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(n_fds * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        for (unsigned i = 0; i < n_fds; i++)
            memcpy(CMSG_DATA(h) + i * sizeof(int), &t.watched, sizeof(int));
    }
    ssize_t n = sendmsg(t.far, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0)
        return;
    must(buffer_append(&t.written, bytes.p, (size_t)n) == 0);
    t.fds_written += n_fds;
}

/* What we send ourselves comes out whole at the far end, however much is queued. */
static void send_some(unsigned n)
{
    static const uint8_t line[300];
    struct msg_control_log m = {.level = (uint8_t)n,
                                .line = slice_of("................................", n % 32)};
    int r = CHANNEL_SEND(t.channel, CONTROL_LOG, control_log, &m);
    must(r == 0 || r == -EPIPE);
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(sizeof line);
    must(buffer_append(&b, line, sizeof line) == 0);
    must(channel_send(t.channel, WIRE_CONTROL_CONFIG, &b) < 0); /* it is not ours to say */
}

static void drain(void)
{
    uint8_t block[4096];
    while (t.far >= 0 && recv(t.far, block, sizeof block, MSG_DONTWAIT) > 0)
        ;
}

static void operate(enum operation what, unsigned n, struct slice *rest)
{
    struct slice bytes = slice_of(rest->p, n < rest->len ? n : rest->len);
    switch (what) {
    case WRITE:
    case WRITE_FD:
        *rest = slice_of(rest->p + bytes.len, rest->len - bytes.len);
        attack(bytes, what == WRITE_FD ? 1 + (n & 0x80 ? n & 0x1f : 0) : 0);
        break;
    case ROUND:
        ev_run(t.loop, EVRUN_NOWAIT);
        break;
    case PAUSE:
        channel_pause(t.channel);
        break;
    case RESUME:
        channel_resume(t.channel);
        break;
    case SEND:
        send_some(n);
        break;
    case HANG_UP:
    case OPERATIONS:
    default:
        closep(&t.far);
        t.far = -1;
        break;
    }
}

/* --- the model: one look at the whole stream ---------------------------------------------------------- */

/* Whether the handler has seen all whole frames of the stream that it should, the channel being open still. */
static void expect_all_was_read(void)
{
    struct slice rest = slice_of(t.written.p + t.read, t.written.len - t.read);
    if (rest.len < HEADER)
        return;
    struct wire_reader r = WIRE_READER(slice_of(rest.p, HEADER));
    uint32_t length = wire_get_u32(&r);
    uint16_t type = wire_get_u16(&r);
    uint8_t has_fd = wire_get_u8(&r), reserved = wire_get_u8(&r);
    must(length <= LIMIT_FRAME && has_fd <= 1 && !reserved &&
         wire_may_send(type, ROLE_SUPERVISOR, ROLE_WORKER));
    must(!has_fd || wire_carries_fd(type));
    must(rest.len < HEADER + (size_t)length);
}

static bool is_watched_closed(void)
{
    struct pollfd p = {.fd = t.witness, .events = POLLIN};
    closep(&t.watched);
    return poll(&p, 1, 0) == 1 && p.revents & POLLHUP;
}

static void open_all(void)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    struct ev_loop *loop = t.loop ? t.loop : ev_loop_new(EVFLAG_NOENV);
    int pair[2], pipe_ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0 && pipe2(pipe_ends, O_CLOEXEC) == 0);
    t = (typeof(t)){.loop = loop,
                    .far = pair[0],
                    .watched = pipe_ends[1],
                    .witness = pipe_ends[0],
                    .written = BUFFER_MAX(1u << 21)};
    must(channel_new(loop, pair[1], ROLE_WORKER, ROLE_SUPERVISOR, &handlers, NULL, &t.channel) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice rest = slice_of(data, size);
    open_all();
    while (rest.len >= 2) {
        enum operation what = rest.p[0] % OPERATIONS;
        unsigned n = rest.p[1];
        rest = slice_of(rest.p + 2, rest.len - 2);
        operate(what, n, &rest);
    }
    channel_resume(t.channel);
    drain();
    /* A read ends where descriptors do. */
    for (size_t i = 0; i < 8 + t.fds_written + t.written.len / LIMIT_CHANNEL_READ; i++)
        ev_run(t.loop, EVRUN_NOWAIT);
    must(t.fds_read <= t.fds_written);
    if (!t.n_closed && t.far >= 0)
        expect_all_was_read();
    must(t.far >= 0 || t.n_closed); /* who hangs up is heard */
    channel_free(t.channel);
    closep(&t.far);
    must(is_watched_closed());
    closep(&t.witness);
    buffer_free(&t.written);
    return 0;
}
