/* Channels: messages in both directions, descriptors, large frames, back-pressure; and hostile frames, each of which closes the
 * channel, once, without a leak of descriptors. */
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

#include "base/error.h"
#include "wire/channel.h"

struct end {
    struct channel *channel;
    unsigned n_messages, n_closed, pause_after;
    uint64_t last_tag;
    size_t last_len;
    int last_fd;
    int answer; /* what the handler returns */
    char reason[128];
};

static struct ev_loop *loop;

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct end *e = user;
    struct msg_http_request request;
    struct msg_http_gone gone;
    e->n_messages++;
    e->last_fd = fd;
    e->last_len = payload.len;
    if (type == WIRE_HTTP_REQUEST && wire_decode_http_request(payload, &request) == 0)
        e->last_tag = request.tag;
    if (type == WIRE_HTTP_GONE && wire_decode_http_gone(payload, &gone) == 0)
        e->last_tag = gone.tag;
    if (e->n_messages == e->pause_after)
        channel_pause(c);
    return e->answer;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    (void)c;
    struct end *e = user;
    e->n_closed++;
    (void)snprintf(e->reason, sizeof e->reason, "%s", reason);
}

static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};

static void open_end(struct end *e, int fd, enum role self, enum role peer)
{
    *e = (struct end){.last_fd = -1};
    assert_int_equal(channel_new(loop, fd, self, peer, &handlers, e, &e->channel), 0);
}

static void make_pair(int pair[2])
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void open_pair(struct end *gateway, struct end *engine)
{
    int pair[2];
    make_pair(pair);
    open_end(gateway, pair[0], ROLE_GATEWAY, ROLE_ENGINE);
    open_end(engine, pair[1], ROLE_ENGINE, ROLE_GATEWAY);
}

static void turn(unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        ev_run(loop, EVRUN_NOWAIT);
}

static unsigned count_fds(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 512; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void messages_arrive_in_order(void **state)
{
    (void)state;
    struct end gateway, engine;
    open_pair(&gateway, &engine);
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_GONE, http_gone, &(struct msg_http_gone){.tag = i}), 0);
    turn(10);
    assert_int_equal(engine.n_messages, 1000);
    assert_int_equal(engine.last_tag, 1000);
    assert_int_equal(channel_queued(gateway.channel), 0);
    assert_int_equal(channel_peer(engine.channel), ROLE_GATEWAY);
    channel_free(gateway.channel);
    turn(3);
    assert_int_equal(engine.n_closed, 1);
    channel_free(engine.channel);
}

static void large_frames_and_back_pressure(void **state)
{
    (void)state;
    struct end gateway, engine;
    open_pair(&gateway, &engine);
    struct buffer body = BUFFER_MAX(LIMIT_BODY);
    uint8_t *p;
    assert_int_equal(buffer_extend(&body, LIMIT_BODY, &p), 0);
    memset(p, 'x', LIMIT_BODY);
    struct msg_http_request m = {.tag = 9, .method = HTTP_POST, .path = SLICE_LITERAL("/"), .body = buffer_slice(&body)};
    int r = 0;
    unsigned sent = 0;
    while (r == 0 && sent < 100) {
        r = CHANNEL_SEND(gateway.channel, HTTP_REQUEST, http_request, &m);
        sent += r == 0;
    }
    assert_int_equal(r, -SP_EOVERLOAD);
    assert_in_range(sent, 16, 17);
    turn(4000);
    assert_int_equal(engine.n_messages, sent);
    assert_int_equal(engine.last_tag, 9);
    assert_true(engine.last_len > LIMIT_BODY);
    assert_int_equal(engine.n_closed, 0);
    buffer_free(&body);
    channel_free(gateway.channel);
    channel_free(engine.channel);
}

static void a_resumed_channel_goes_on(void **state)
{
    (void)state;
    struct end gateway, engine;
    open_pair(&gateway, &engine);
    engine.pause_after = 3;
    for (uint64_t i = 1; i <= 10; i++)
        assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_GONE, http_gone, &(struct msg_http_gone){.tag = i}), 0);
    turn(5);
    assert_int_equal(engine.n_messages, 3);
    channel_resume(engine.channel);
    turn(5);
    assert_int_equal(engine.n_messages, 10);
    assert_int_equal(engine.last_tag, 10);
    channel_free(gateway.channel);
    channel_free(engine.channel);
}

static void descriptors_travel_with_their_frame(void **state)
{
    (void)state;
    int pair[2];
    struct end supervisor, role;
    make_pair(pair);
    open_end(&supervisor, pair[0], ROLE_SUPERVISOR, ROLE_VAULT);
    open_end(&role, pair[1], ROLE_VAULT, ROLE_SUPERVISOR);
    struct buffer b = BUFFER_MAX(16);
    wire_encode_control_file(&b, &(struct msg_control_file){.kind = CONTROL_FILE_ROOT_KEY});
    for (unsigned i = 0; i < 5; i++) {
        int fd = memfd_create("test", MFD_CLOEXEC);
        char c = (char)('a' + (char)i);
        assert_int_equal(write(fd, &c, 1), 1);
        assert_int_equal(channel_send_fd(supervisor.channel, WIRE_CONTROL_FILE, &b, fd), 0);
        close(fd);
        assert_int_equal(CHANNEL_SEND(supervisor.channel, CONTROL_STOP, control_stop, &(struct msg_control_stop){0}), 0);
    }
    for (unsigned i = 0; i < 5; i++) {
        unsigned before = role.n_messages;
        while (role.n_messages < before + 2)
            turn(1);
    }
    assert_int_equal(role.n_messages, 10);
    assert_int_equal(role.n_closed, 0);
    buffer_free(&b);
    channel_free(supervisor.channel);
    channel_free(role.channel);
    /* The handler of this test owns the descriptors and drops them. */
    (void)close_range(64, ~0u, 0);
}

static void what_the_table_forbids_is_not_sent(void **state)
{
    (void)state;
    struct end gateway, engine;
    open_pair(&gateway, &engine);
    assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_RESPONSE, http_response, &(struct msg_http_response){0}), -SP_EPROTOCOL);
    assert_int_equal(CHANNEL_SEND(gateway.channel, VAULT_USE, vault_use, &(struct msg_vault_use){0}), -SP_EPROTOCOL);
    channel_close(gateway.channel, "test");
    assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_GONE, http_gone, &(struct msg_http_gone){0}), -EPIPE);
    turn(3);
    assert_int_equal(gateway.n_closed, 1);
    assert_string_equal(gateway.reason, "test");
    assert_int_equal(engine.n_closed, 1);
    channel_free(gateway.channel);
    channel_free(engine.channel);
}

/* Each of these leaves the channel as it was: nothing is half sent, no descriptor is lost. */
static void what_cannot_be_sent_is_refused(void **state)
{
    (void)state;
    struct end supervisor, vault;
    int pair[2];
    make_pair(pair);
    open_end(&supervisor, pair[0], ROLE_SUPERVISOR, ROLE_VAULT);
    open_end(&vault, pair[1], ROLE_VAULT, ROLE_SUPERVISOR);
    unsigned before = count_fds();
    struct buffer failed = {.error = -ENOMEM}, large = BUFFER_MAX(LIMIT_FRAME + 1), small = BUFFER_MAX(64);
    uint8_t *room;
    assert_int_equal(buffer_extend(&large, LIMIT_FRAME + 1, &room), 0);
    wire_encode_control_file(&small, &(struct msg_control_file){.kind = CONTROL_FILE_ROOT_KEY});
    assert_int_equal(channel_send(supervisor.channel, WIRE_CONTROL_CONFIG, &failed), -ENOMEM);
    assert_int_equal(channel_send(supervisor.channel, WIRE_CONTROL_CONFIG, &large), -SP_ELIMIT);
    assert_int_equal(channel_send(supervisor.channel, WIRE_VAULT_USE, &small), -SP_EPROTOCOL);
    assert_int_equal(channel_send_fd(supervisor.channel, WIRE_CONTROL_FILE, &failed, 0), -ENOMEM);
    assert_int_equal(channel_send_fd(supervisor.channel, WIRE_CONTROL_FILE, &small, -1), -EBADF);
    assert_int_equal(channel_send_fd(supervisor.channel, WIRE_VAULT_USE, &small, 0), -SP_EPROTOCOL);
    assert_int_equal(count_fds(), before);
    turn(3);
    assert_int_equal(vault.n_messages, 0);
    channel_pause(supervisor.channel);
    channel_close(supervisor.channel, "test");
    channel_resume(supervisor.channel);
    assert_int_equal(channel_send(supervisor.channel, WIRE_CONTROL_FILE, &small), -EPIPE);
    assert_int_equal(channel_flush(supervisor.channel), -EPIPE);
    turn(3);
    assert_int_equal(vault.n_closed, 1);
    channel_free(supervisor.channel);
    channel_free(vault.channel);
    buffer_free(&large);
    buffer_free(&small);
}

static void what_is_no_descriptor_makes_no_channel(void **state)
{
    (void)state;
    struct end e;
    assert_int_equal(channel_new(loop, 511, ROLE_GATEWAY, ROLE_ENGINE, &handlers, &e, &e.channel), -EBADF);
}

/* Numbers of another version of a peer, in a log line. */
static void what_has_no_name_has_a_mark(void **state)
{
    (void)state;
    assert_string_equal(role_name((enum role)99), "?");
    assert_string_equal(wire_type_name(WIRE_NONE), "?");
    assert_string_equal(wire_type_name(UINT16_MAX), "?");
    assert_null(webhook_scheme_header((enum webhook_scheme)99));
}

static void a_handler_that_refuses_closes(void **state)
{
    (void)state;
    struct end gateway, engine;
    open_pair(&gateway, &engine);
    engine.answer = -SP_EINVALID;
    for (unsigned i = 0; i < 5; i++)
        assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_GONE, http_gone, &(struct msg_http_gone){.tag = i}), 0);
    turn(5);
    assert_int_equal(engine.n_messages, 1);
    assert_int_equal(engine.n_closed, 1);
    assert_int_equal(gateway.n_closed, 1);
    channel_free(gateway.channel);
    channel_free(engine.channel);
}

/* --- hostile frames ------------------------------------------------------------------------------------------------------ */

static void send_raw(int fd, const void *p, size_t len, const int *fds, size_t n_fds)
{
    struct iovec part = {.iov_base = (void *)(uintptr_t)p, .iov_len = len};
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(64 * sizeof(int))] = {0};
    struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
    if (n_fds) {
        m.msg_control = control;
        m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
        struct cmsghdr *h = CMSG_FIRSTHDR(&m);
        h->cmsg_level = SOL_SOCKET;
        h->cmsg_type = SCM_RIGHTS;
        h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
        memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
    }
    assert_int_equal(sendmsg(fd, &m, MSG_NOSIGNAL), (ssize_t)len);
}

static void header(uint8_t ret[8], uint32_t length, unsigned type, uint8_t has_fd, uint8_t reserved)
{
    const uint8_t bytes[8] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16), (uint8_t)(length >> 24),
                              (uint8_t)type, (uint8_t)(type >> 8), has_fd, reserved};
    memcpy(ret, bytes, 8);
}

static void each_hostile_frame_closes(void **state)
{
    (void)state;
    static const struct {
        uint32_t length;
        unsigned type;
        uint8_t has_fd, reserved;
    } frames[] = {
        {LIMIT_FRAME + 1, WIRE_HTTP_REQUEST, 0, 0}, {0xFFFFFFFF, WIRE_HTTP_REQUEST, 0, 0}, {0, WIRE_NONE, 0, 0},
        {0, WIRE_TYPE_COUNT, 0, 0},                 {0, 0xFFFF, 0, 0},                     {0, WIRE_HTTP_GONE, 2, 0},
        {0, WIRE_HTTP_GONE, 0, 1},                  {0, WIRE_HTTP_GONE, 1, 0},
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        int pair[2];
        struct end engine;
        uint8_t h[8];
        make_pair(pair);
        open_end(&engine, pair[0], ROLE_ENGINE, ROLE_GATEWAY);
        header(h, frames[i].length, frames[i].type, frames[i].has_fd, frames[i].reserved);
        send_raw(pair[1], h, sizeof h, NULL, 0);
        turn(3);
        assert_int_equal(engine.n_messages, 0);
        assert_int_equal(engine.n_closed, 1);
        channel_free(engine.channel);
        close(pair[1]);
    }
}

/* Each type on each channel: what the table does not let through closes it. */
static void wrong_directions_close(void **state)
{
    (void)state;
    for (unsigned type = 1; type < WIRE_TYPE_COUNT; type++)
        for (unsigned self = 0; self < ROLE_COUNT; self++)
            for (unsigned peer = 0; peer < ROLE_COUNT; peer++) {
                int pair[2];
                struct end e;
                uint8_t h[8];
                make_pair(pair);
                open_end(&e, pair[0], (enum role)self, (enum role)peer);
                header(h, 0, type, 0, 0);
                send_raw(pair[1], h, sizeof h, NULL, 0);
                turn(2);
                bool may = wire_may_send((uint16_t)type, (enum role)peer, (enum role)self);
                assert_int_equal(e.n_messages, may);
                assert_int_equal(e.n_closed, !may);
                channel_free(e.channel);
                close(pair[1]);
            }
}

static void frames_come_byte_by_byte(void **state)
{
    (void)state;
    int pair[2];
    struct end engine;
    make_pair(pair);
    open_end(&engine, pair[0], ROLE_ENGINE, ROLE_GATEWAY);
    uint8_t frame[16] = {0};
    header(frame, 8, WIRE_HTTP_GONE, 0, 0);
    frame[8] = 42;
    for (size_t i = 0; i < sizeof frame; i++) {
        assert_int_equal(engine.n_messages, 0);
        send_raw(pair[1], frame + i, 1, NULL, 0);
        turn(1);
    }
    turn(1);
    assert_int_equal(engine.n_messages, 1);
    assert_int_equal(engine.last_tag, 42);
    close(pair[1]);
    turn(3);
    assert_int_equal(engine.n_closed, 1);
    channel_free(engine.channel);
}

/* Descriptors on a channel whose messages carry none: the first closes it, and none is left. */
static void stray_descriptors_close(void **state)
{
    (void)state;
    unsigned before = count_fds();
    for (size_t n = 1; n <= 40; n += 13) {
        int pair[2], fds[40];
        struct end engine;
        uint8_t frame[16] = {0};
        make_pair(pair);
        open_end(&engine, pair[0], ROLE_ENGINE, ROLE_GATEWAY);
        for (size_t i = 0; i < n; i++)
            fds[i] = pair[1];
        header(frame, 8, WIRE_HTTP_GONE, 0, 0);
        send_raw(pair[1], frame, sizeof frame, fds, n);
        turn(2);
        assert_int_equal(engine.n_messages, 0);
        assert_int_equal(engine.n_closed, 1);
        assert_true(channel_is_breached(engine.channel));
        channel_free(engine.channel);
        close(pair[1]);
    }
    assert_int_equal(count_fds(), before);
}

/* What it said before it went is read after a write has failed; without channel_hear_out it is not. */
static void a_peer_is_heard_out(void **state)
{
    (void)state;
    for (int hears_out = 0; hears_out < 2; hears_out++) {
        struct end gateway, engine;
        open_pair(&gateway, &engine);
        if (hears_out)
            channel_hear_out(engine.channel);
        for (uint64_t i = 1; i <= 3; i++)
            assert_int_equal(CHANNEL_SEND(gateway.channel, HTTP_GONE, http_gone, &(struct msg_http_gone){.tag = i}), 0);
        assert_int_equal(channel_flush(gateway.channel), 0);
        channel_free(gateway.channel);
        struct msg_http_response answer = {.tag = 1, .status = 200};
        assert_int_equal(CHANNEL_SEND(engine.channel, HTTP_RESPONSE, http_response, &answer), 0);
        assert_int_equal(channel_flush(engine.channel), -EPIPE);
        assert_int_equal(CHANNEL_SEND(engine.channel, HTTP_RESPONSE, http_response, &answer), -EPIPE);
        turn(5);
        assert_int_equal(engine.n_messages, hears_out ? 3 : 0);
        assert_int_equal(engine.n_closed, 1);
        assert_false(channel_is_breached(engine.channel));
        channel_free(engine.channel);
    }
}

/* It only says that it reads no more, and stays: the channel closes all the same. */
static void who_reads_no_more_is_not_kept(void **state)
{
    (void)state;
    int pair[2];
    struct end engine;
    make_pair(pair);
    open_end(&engine, pair[0], ROLE_ENGINE, ROLE_GATEWAY);
    channel_hear_out(engine.channel);
    assert_int_equal(shutdown(pair[1], SHUT_RD), 0);
    struct msg_http_response answer = {.tag = 1, .status = 200};
    assert_int_equal(CHANNEL_SEND(engine.channel, HTTP_RESPONSE, http_response, &answer), 0);
    assert_int_equal(channel_flush(engine.channel), -EPIPE);
    turn(5);
    assert_int_equal(engine.n_closed, 0);
    while (engine.n_closed == 0)
        ev_run(loop, EVRUN_ONCE);
    assert_int_equal(engine.n_closed, 1);
    channel_free(engine.channel);
    close(pair[1]);
}

/* Where a message may carry one, more than can wait for their frames close the channel. */
static void too_many_descriptors_close(void **state)
{
    (void)state;
    unsigned before = count_fds();
    int pair[2], fds[LIMIT_CHANNEL_FDS];
    struct end worker;
    uint8_t frame[8];
    make_pair(pair);
    open_end(&worker, pair[0], ROLE_WORKER, ROLE_SUPERVISOR);
    for (size_t i = 0; i < LIMIT_CHANNEL_FDS; i++)
        fds[i] = pair[1];
    header(frame, 0, WIRE_CONTROL_START, 0, 0);
    send_raw(pair[1], frame, sizeof frame, fds, LIMIT_CHANNEL_FDS);
    turn(2);
    assert_int_equal(worker.n_closed, 0);
    send_raw(pair[1], frame, sizeof frame, fds, 1);
    turn(2);
    assert_int_equal(worker.n_closed, 1);
    channel_free(worker.channel);
    close(pair[1]);
    assert_int_equal(count_fds(), before);
}

#ifdef __SANITIZE_ADDRESS__
/* wire/loan.h: what is beside a payload, and the payload itself when its handler has returned, is poisoned. */
static const uint8_t *kept;

static int on_lent(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)c;
    (void)type;
    (void)fd;
    (void)user;
    kept = payload.p;
    assert_true(__asan_address_is_poisoned(payload.p + payload.len));
    if (payload.len)
        assert_null(__asan_region_is_poisoned((void *)(uintptr_t)payload.p, payload.len));
    return 0;
}

static void a_payload_is_lent_for_the_call(void **state)
{
    (void)state;
    static const struct channel_handlers lent = {.message = on_lent, .closed = on_closed};
    static const uint8_t bytes[64];
    for (size_t len = 0; len < 40; len++) {
        struct end engine = {0};
        int pair[2];
        uint8_t h[8];
        make_pair(pair);
        assert_int_equal(channel_new(loop, pair[0], ROLE_ENGINE, ROLE_GATEWAY, &lent, &engine, &engine.channel), 0);
        header(h, (uint32_t)len, WIRE_HTTP_GONE, 0, 0);
        send_raw(pair[1], h, sizeof h, NULL, 0);
        send_raw(pair[1], bytes, sizeof bytes, NULL, 0); /* more is there behind it */
        kept = NULL;
        turn(2);
        assert_non_null(kept);
        if (len)
            assert_true(__asan_address_is_poisoned(kept));
        channel_free(engine.channel);
        close(pair[1]);
    }
}
#endif

/* A frame that claims a descriptor where its type has none: closed before the handler, which would not close the descriptor. */
static void descriptors_where_none_belongs_close(void **state)
{
    (void)state;
    unsigned before = count_fds();
    int pair[2];
    struct end engine;
    uint8_t frame[16] = {0};
    make_pair(pair);
    open_end(&engine, pair[0], ROLE_ENGINE, ROLE_GATEWAY);
    header(frame, 8, WIRE_HTTP_GONE, 1, 0);
    send_raw(pair[1], frame, sizeof frame, &pair[1], 1);
    turn(3);
    assert_int_equal(engine.n_messages, 0);
    assert_int_equal(engine.n_closed, 1);
    channel_free(engine.channel);
    close(pair[1]);
    assert_int_equal(count_fds(), before);
}

int main(void)
{
    loop = ev_loop_new(EVFLAG_NOENV);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_arrive_in_order),
        cmocka_unit_test(large_frames_and_back_pressure),
        cmocka_unit_test(a_resumed_channel_goes_on),
        cmocka_unit_test(what_the_table_forbids_is_not_sent),
        cmocka_unit_test(what_cannot_be_sent_is_refused),
        cmocka_unit_test(what_is_no_descriptor_makes_no_channel),
        cmocka_unit_test(what_has_no_name_has_a_mark),
        cmocka_unit_test(a_handler_that_refuses_closes),
        cmocka_unit_test(each_hostile_frame_closes),
        cmocka_unit_test(wrong_directions_close),
        cmocka_unit_test(frames_come_byte_by_byte),
        cmocka_unit_test(stray_descriptors_close),
        cmocka_unit_test(a_peer_is_heard_out),
        cmocka_unit_test(who_reads_no_more_is_not_kept),
        cmocka_unit_test(too_many_descriptors_close),
#ifdef __SANITIZE_ADDRESS__
        cmocka_unit_test(a_payload_is_lent_for_the_call),
#endif
        cmocka_unit_test(descriptors_where_none_belongs_close),
        cmocka_unit_test(descriptors_travel_with_their_frame),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ev_loop_destroy(loop);
    return failed;
}
