/* The executable itself, with the supervisor, the engine and the vault played by the test: it becomes ready, calls, asks the
 * vault, answers, closes a channel on which nonsense comes, and ends when it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <ev.h>
#include <sys/socket.h>

#include "../started_role.h"
#include "base/error.h"
#include "wire/channel.h"

struct peers {
    struct started_role role;
    struct channel *engine, *vault;
    bool engine_closed;
    unsigned n_asked;
    int code;
    bool has_result;
    char reason[512];
};

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct peers *p = user;
    struct msg_egress_result result;
    struct msg_vault_use question;
    if (type == WIRE_EGRESS_RESULT) {
        assert_int_equal(wire_decode_egress_result(payload, &result), 0);
        p->code = result.code;
        p->has_result = true;
        snprintf(p->reason, sizeof p->reason, "%.*s", SLICE_ARGS(result.reason));
    }
    if (type == WIRE_VAULT_USE) {
        assert_int_equal(wire_decode_vault_use(payload, &question), 0);
        p->n_asked++;
        struct msg_vault_value value = {.tag = question.tag, .code = -SP_EDENIED, .reason = SLICE_LITERAL("not here")};
        assert_int_equal(CHANNEL_SEND(c, VAULT_VALUE, vault_value, &value), 0);
    }
    return 0;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    struct peers *p = user;
    p->engine_closed |= c == p->engine;
}

static const struct channel_handlers handlers = {on_message, on_closed};

static void run_until(struct peers *p, const bool *flag)
{
    started_role_run(&p->role, flag);
    assert_true(*flag);
}

static void start(struct peers *p)
{
    started_role_begin(&p->role, ROLE_EGRESS, EGRESS_PROGRAM);
    started_role_config(&p->role, "{\"allowHttp\":true}");
    p->engine = started_role_channel(&p->role, ROLE_ENGINE, &handlers, p);
    p->vault = started_role_channel(&p->role, ROLE_VAULT, &handlers, p);
    started_role_go(&p->role);
    assert_true(p->role.is_ready);
}

static int call(struct peers *p, const char *uri, enum auth_scheme auth, const char *grants)
{
    struct buffer record = BUFFER_MAX(LIMIT_FRAME), secrets = BUFFER_MAX(1000);
    wire_pairs_put(&secrets, SLICE_LITERAL("token"), SLICE_LITERAL(""));
    struct msg_effect_call effect = {.method = SLICE_LITERAL("GET"), .uri = slice_text(uri), .auth = auth,
                                     .timeout_ms = 3000,
                                     .auth_use = slice_text(auth ? "token" : "")};
    wire_encode_effect_call(&record, &effect);
    struct msg_egress_call m = {.tag = 1, .ns = SLICE_LITERAL("default"), .secrets = buffer_slice(&secrets),
                                .grants = slice_text(grants), .call = buffer_slice(&record)};
    p->has_result = false;
    assert_int_equal(CHANNEL_SEND(p->engine, EGRESS_CALL, egress_call, &m), 0);
    buffer_free(&record);
    buffer_free(&secrets);
    run_until(p, &p->has_result);
    return p->code;
}

/* A server of one answer, in the backlog of a socket: the kernel takes the connection, the loop below is ours. */
static void on_client(struct ev_loop *loop, ev_io *io, int events)
{
    static const char answer[] = "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    char request[2048];
    int fd = accept(io->fd, NULL, NULL);
    assert_true(fd >= 0 && read(fd, request, sizeof request) > 0);
    assert_int_equal(write(fd, answer, sizeof answer - 1), sizeof answer - 1);
    close(fd);
}

/* Inside the lock-down: sockets, the resolver's threads, the certificate authorities. */
static void calls_go_out(struct peers *p)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    ev_io server;
    ev_io_init(&server, on_client, fd, EV_READ);
    ev_io_start(p->role.loop, &server);
    char uri[64], grants[80];
    for (int tls = 0; tls < 2; tls++) {
        snprintf(uri, sizeof uri, "http%s://127.0.0.1:%u", tls ? "s" : "", ntohs(address.sin_port));
        snprintf(grants, sizeof grants, "[\"%s\"]", uri);
        int code = call(p, uri, AUTH_NONE, grants);
        if (code != (tls ? -SP_EUNAVAILABLE : 0)) /* the server speaks no TLS */
            fail_msg("%s: %d %s", uri, code, p->reason);
    }
    assert_null(strstr(p->reason, "/proc/self")); /* the authorities could be read */
    assert_int_equal(call(p, "http://no.such.host.invalid", AUTH_NONE, "[\"http://no.such.host.invalid\"]"), -SP_EUNAVAILABLE);
    assert_non_null(strstr(p->reason, "resolve"));
    ev_io_stop(p->role.loop, &server);
    close(fd);
}

static void test_role(void **state)
{
    struct peers p = {0};
    start(&p);
    assert_int_equal(call(&p, "https://192.0.2.1/", AUTH_BEARER, "[]"), -SP_EDENIED);
    assert_int_equal(p.n_asked, 0);
    assert_int_equal(call(&p, "https://192.0.2.1/", AUTH_BEARER, "[\"https://192.0.2.1\"]"), -SP_EDENIED);
    assert_int_equal(p.n_asked, 1);
    assert_non_null(strstr(p.reason, "not here"));

    calls_go_out(&p);
    assert_int_equal(CHANNEL_SEND(p.role.control, CONTROL_RELOAD, control_reload, &(struct msg_control_reload){0}), 0);
    calls_go_out(&p);

    struct buffer nonsense = BUFFER_MAX(64);
    (void)buffer_append_text(&nonsense, "nonsense");
    assert_int_equal(channel_send(p.engine, WIRE_EGRESS_CALL, &nonsense), 0);
    run_until(&p, &p.engine_closed);
    buffer_free(&nonsense);

    channel_free(p.engine);
    p.engine_closed = false;
    p.engine = started_role_channel(&p.role, ROLE_ENGINE, &handlers, &p); /* a restarted engine is served by the same process */
    assert_int_equal(call(&p, "https://192.0.2.1/", AUTH_BEARER, "[]"), -SP_EDENIED);

    assert_int_equal(started_role_end(&p.role), 0);
    channel_free(p.engine);
    channel_free(p.vault);
}

static const struct {
    const char *config;
    uint8_t kind;
    size_t len; /* of the file; 0: a pipe that is closed */
    const char *reason;
} refused[] = {
    {"[]", CONTROL_FILE_CA_BUNDLE, 9, "is not a JSON object"},
    {"{\"allowHttp\":1}", CONTROL_FILE_CA_BUNDLE, 9, "does not know `allowHttp`"},
    {"{}", CONTROL_FILE_ROOT_KEY, 9, "a file that is not a bundle"},
    {"{}", CONTROL_FILE_CA_BUNDLE, 0, "cannot be read"},
    {"{}", CONTROL_FILE_CA_BUNDLE, LIMIT_CA_BUNDLE + 1, "cannot be read"},
    {"{}", CONTROL_FILE_CA_BUNDLE, LIMIT_CA_BUNDLE, "cannot be used"}, /* with those of the system they are too many */
};

static int file_of(size_t len)
{
    static char text[LIMIT_CA_BUNDLE + 1];
    int ends[2];
    if (len)
        return started_role_memory_file(text, len);
    assert_int_equal(pipe(ends), 0);
    close(ends[1]);
    return ends[0];
}

static void test_refuses(void **state)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct started_role s;
        started_role_begin(&s, ROLE_EGRESS, EGRESS_PROGRAM);
        started_role_config(&s, refused[i].config);
        started_role_file(&s, refused[i].kind, file_of(refused[i].len));
        started_role_go(&s);
        if (s.is_ready || !strstr(s.reason, refused[i].reason))
            fail_msg("ready %d, \"%s\", not \"%s\"", s.is_ready, s.reason, refused[i].reason);
        assert_int_not_equal(started_role_end(&s), 0);
    }
}

/* Read at the start and again at each reload; one that has grown too long by then ends the role, which is started again with it. */
static void test_takes_a_bundle(void **state)
{
    struct started_role s;
    started_role_begin(&s, ROLE_EGRESS, EGRESS_PROGRAM);
    started_role_file(&s, CONTROL_FILE_CA_BUNDLE, file_of(9));
    started_role_go(&s);
    assert_true(s.is_ready); /* a configuration is not needed */
    started_role_file(&s, CONTROL_FILE_CA_BUNDLE, file_of(LIMIT_CA_BUNDLE));
    assert_int_equal(CHANNEL_SEND(s.control, CONTROL_RELOAD, control_reload, &(struct msg_control_reload){0}), 0);
    started_role_run(&s, &s.has_failed);
    assert_non_null(strstr(s.reason, "cannot be used"));
    assert_int_not_equal(started_role_end(&s), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_role), cmocka_unit_test(test_refuses), cmocka_unit_test(test_takes_a_bundle)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
