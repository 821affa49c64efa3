/* harness: plays supervisor and engine for one gateway, so that tests speak to the real executable through real sockets.
 *
 *   gateway-harness GATEWAY CONFIG-JSON [CERT KEY]
 *
 * It listens on a free port of 127.0.0.1 (HARNESS_BIND: another address), says "port N" and "ready" on standard output, and what
 * else happens there: "log …", "failed …", "gone TAG", "exit STATUS". The engine answers by the path:
 *   /echo…   200 and JSON of what it got          /mute   nothing
 *   /slow    the same after 700 ms                /big    1 MiB          /status/N   that status
 *   /known/N  that status, to somebody who proved who he is
 *   /inject  a header with a line break in it     /odd-header  one that is not in the table     /headers  all that may be
 * Commands on standard input: "drop" and "connect" (the engine's channel), "pause" and "resume" (its reading), "nonsense" (a bad frame), "files" (certificate, key
 * and reload), "config JSON", "stop". */
#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json_writer.h"
#include "wire/channel.h"

static struct {
    struct ev_loop *loop;
    struct channel *control, *engine;
    ev_io input;
    ev_child child;
    const char *certificate, *key;
    struct buffer line, answer, headers;
    pid_t pid;
} harness;

struct delayed {
    ev_timer timer;
    uint64_t tag;
};

static void fail(const char *what)
{
    perror(what);
    exit(2);
}

static void say(const char *what, struct slice text)
{
    printf("%s %.*s\n", what, SLICE_ARGS(text));
    fflush(stdout);
}

/* --- the engine ---------------------------------------------------------------------------------------------------- */

static void send_answer(struct msg_http_response m)
{
    if (harness.engine && CHANNEL_SEND(harness.engine, HTTP_RESPONSE, http_response, &m) < 0)
        say("answer-failed", SLICE_LITERAL(""));
}

static void answer(uint64_t tag, uint16_t status, struct slice headers, struct slice body)
{
    send_answer((struct msg_http_response){.tag = tag, .status = status, .headers = headers, .body = body});
}

static void header(const char *name, const char *value)
{
    wire_pairs_put(&harness.headers, slice_text(name), slice_text(value));
}

static void echo(const struct msg_http_request *m)
{
    char peer[INET6_ADDRSTRLEN];
    struct slice rest = m->headers, name, value;
    struct json_writer w = JSON_WRITER(&harness.answer);
    buffer_clear(&harness.answer);
    json_object_begin(&w);
    json_key_u64(&w, "method", m->method);
    json_key_string(&w, "path", m->path);
    json_key_string(&w, "query", m->query);
    json_key(&w, "headers");
    json_array_begin(&w);
    while (wire_pairs_next(&rest, &name, &value) > 0) {
        json_array_begin(&w);
        json_slice(&w, name);
        json_slice(&w, value);
        json_array_end(&w);
    }
    json_array_end(&w);
    json_key_text(&w, "peer", inet_ntop(AF_INET6, m->peer, peer, sizeof peer));
    json_key_bool(&w, "tls", m->is_tls);
    json_key_u64(&w, "length", m->body.len);
    json_key_string(&w, "body", slice_of(m->body.p, m->body.len < 4096 ? m->body.len : 0));
    json_object_end(&w);
    header("Content-Type", "application/json");
    answer(m->tag, 200, buffer_slice(&harness.headers), buffer_slice(&harness.answer));
}

static void on_delay_over(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)events;
    struct delayed *d = w->data;
    answer(d->tag, 200, (struct slice){0}, SLICE_LITERAL("slow"));
    free(d);
}

static void answer_later(uint64_t tag)
{
    struct delayed *d = calloc(1, sizeof *d);
    if (!d)
        fail("calloc");
    d->tag = tag;
    ev_timer_init(&d->timer, on_delay_over, 0.7, 0.);
    d->timer.data = d;
    ev_timer_start(harness.loop, &d->timer);
}

static void serve(const struct msg_http_request *m)
{
    static uint8_t big[1u << 20];
    buffer_clear(&harness.headers);
    uint64_t status;
    if (slice_is(m->path, "/mute"))
        return;
    if (slice_is(m->path, "/slow"))
        return answer_later(m->tag);
    if (slice_is(m->path, "/fast")) /* for measuring */
        return answer(m->tag, 200, (struct slice){0}, m->body);
    if (slice_is(m->path, "/big"))
        return answer(m->tag, 200, (struct slice){0}, slice_of(big, sizeof big));
    if (slice_starts(m->path, "/status/") && slice_parse_u64(slice_of(m->path.p + 8, m->path.len - 8), &status) == 0)
        return answer(m->tag, (uint16_t)status, (struct slice){0}, SLICE_LITERAL("status"));
    if (slice_starts(m->path, "/known/") && slice_parse_u64(slice_of(m->path.p + 7, m->path.len - 7), &status) == 0)
        return send_answer((struct msg_http_response){.tag = m->tag, .status = (uint16_t)status, .is_proven = true});
    if (slice_is(m->path, "/inject"))
        header("Location", "/a\r\nSet-Cookie: evil=1");
    if (slice_is(m->path, "/odd-header"))
        header("Set-Cookie", "a=b");
    if (slice_is(m->path, "/headers")) {
        header("cache-control", "max-age=60");
        header("location", "/x");
        header("etag", "\"1\"");
    }
    echo(m);
}

static int on_engine_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)channel, (void)fd, (void)user;
    struct msg_http_request m;
    struct msg_http_gone gone;
    if (type == WIRE_HTTP_GONE && wire_decode_http_gone(payload, &gone) == 0) {
        say("gone", SLICE_LITERAL(""));
        return 0;
    }
    int r = wire_decode_http_request(payload, &m);
    if (r < 0)
        return r;
    serve(&m);
    return 0;
}

static void on_engine_closed(struct channel *channel, const char *reason, void *user)
{
    (void)user;
    say("engine-closed", slice_text(reason));
    channel_free(channel);
    harness.engine = NULL;
}

static void engine_connect(void)
{
    static const struct channel_handlers handlers = {.message = on_engine_message, .closed = on_engine_closed};
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        fail("socketpair");
    channel_free(harness.engine);
    harness.engine = NULL;
    if (channel_new(harness.loop, ends[0], ROLE_ENGINE, ROLE_GATEWAY, &handlers, NULL, &harness.engine) < 0)
        fail("channel_new");
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    wire_encode_control_channel(&b, &(struct msg_control_channel){.peer = ROLE_ENGINE});
    if (channel_send_fd(harness.control, WIRE_CONTROL_CHANNEL, &b, ends[1]) < 0)
        fail("channel_send_fd");
    close(ends[1]);
}

/* --- the supervisor ------------------------------------------------------------------------------------------------ */

static void give_fd(enum control_file_kind kind, int fd)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    wire_encode_control_file(&b, &(struct msg_control_file){.kind = (uint8_t)kind});
    if (fd < 0 || channel_send_fd(harness.control, WIRE_CONTROL_FILE, &b, fd) < 0)
        fail("give_fd");
    close(fd);
}

static void give_files(void)
{
    if (!harness.certificate)
        return;
    give_fd(CONTROL_FILE_TLS_CERTIFICATE, open(harness.certificate, O_RDONLY | O_CLOEXEC));
    give_fd(CONTROL_FILE_TLS_KEY, open(harness.key, O_RDONLY | O_CLOEXEC));
}

static void give_config(struct slice json)
{
    if (CHANNEL_SEND(harness.control, CONTROL_CONFIG, control_config, &(struct msg_control_config){.json = json}) < 0)
        fail("config");
}

static void reload(void)
{
    if (CHANNEL_SEND(harness.control, CONTROL_RELOAD, control_reload, &(struct msg_control_reload){0}) < 0)
        fail("reload");
}

static int on_control_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)channel, (void)fd, (void)user;
    struct msg_control_log log;
    struct msg_control_failed failed;
    if (type == WIRE_CONTROL_READY)
        say("ready", SLICE_LITERAL(""));
    else if (type == WIRE_CONTROL_LOG && wire_decode_control_log(payload, &log) == 0)
        say("log", log.line);
    else if (type == WIRE_CONTROL_FAILED && wire_decode_control_failed(payload, &failed) == 0)
        say("failed", failed.text);
    return 0;
}

static void on_control_closed(struct channel *channel, const char *reason, void *user)
{
    (void)channel, (void)user;
    say("control-closed", slice_text(reason));
}

static int listen_somewhere(void)
{
    const char *bind_to = getenv("HARNESS_BIND");
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof a;
    char port[16];
    int unread = LIMIT_CONNECTION_UNREAD / 2; /* as the supervisor does */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || inet_pton(AF_INET, bind_to ? bind_to : "127.0.0.1", &a.sin_addr) != 1 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &unread, sizeof unread) < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) < 0 ||
        listen(fd, 4096) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) < 0)
        fail("listen");
    (void)snprintf(port, sizeof port, "%u", ntohs(a.sin_port));
    say("port", slice_text(port));
    return fd;
}

static void on_command(struct slice line)
{
    if (slice_is(line, "drop") && harness.engine) {
        channel_free(harness.engine);
        harness.engine = NULL;
    } else if (slice_is(line, "pause") && harness.engine) {
        channel_pause(harness.engine);
    } else if (slice_is(line, "resume") && harness.engine) {
        channel_resume(harness.engine);
    } else if (slice_is(line, "connect")) {
        engine_connect();
    } else if (slice_is(line, "nonsense") && harness.engine) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
        (void)buffer_append_text(&b, "nonsense");
        if (channel_send(harness.engine, WIRE_HTTP_RESPONSE, &b) < 0)
            fail("nonsense");
    } else if (slice_is(line, "files")) {
        give_files();
        reload();
    } else if (slice_starts(line, "config ")) {
        give_config(slice_of(line.p + 7, line.len - 7));
        reload();
    } else if (slice_is(line, "stop")) {
        if (CHANNEL_SEND(harness.control, CONTROL_STOP, control_stop, &(struct msg_control_stop){0}) < 0)
            fail("stop");
    }
}

static void on_input(struct ev_loop *loop, ev_io *w, int events)
{
    (void)events;
    char chunk[512];
    ssize_t n = read(STDIN_FILENO, chunk, sizeof chunk);
    if (n <= 0) {
        /* The test is over. */
        ev_io_stop(loop, w);
        kill(harness.pid, SIGKILL);
        return;
    }
    if (buffer_append(&harness.line, chunk, (size_t)n) < 0)
        fail("line");
    const uint8_t *end;
    while (harness.line.len && (end = memchr(harness.line.p, '\n', harness.line.len))) {
        size_t len = (size_t)(end - harness.line.p);
        on_command(slice_of(harness.line.p, len));
        buffer_consume(&harness.line, len + 1);
    }
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
    (void)events;
    char status[16];
    (void)snprintf(status, sizeof status, "%d", WIFEXITED(w->rstatus) ? WEXITSTATUS(w->rstatus) : 128 + WTERMSIG(w->rstatus));
    say("exit", slice_text(status));
    ev_break(loop, EVBREAK_ALL);
}

static pid_t start_gateway(const char *path, int control)
{
    pid_t pid = fork();
    if (pid < 0)
        fail("fork");
    if (pid > 0)
        return pid;
    if (dup2(control, 3) < 0)
        _exit(126);
    (void)fcntl(3, F_SETFD, 0);
    execl(path, path, (char *)NULL);
    _exit(127);
}

int main(int argc, char **argv)
{
    static const struct channel_handlers handlers = {.message = on_control_message, .closed = on_control_closed};
    if (argc != 3 && argc != 5)
        return 2;
    if (argc == 5) {
        harness.certificate = argv[3];
        harness.key = argv[4];
    }
    (void)signal(SIGPIPE, SIG_IGN);
    harness.loop = ev_default_loop(0);
    harness.line = BUFFER_MAX(LIMIT_CONFIG);
    harness.answer = BUFFER_MAX(LIMIT_BODY);
    harness.headers = BUFFER_MAX(LIMIT_HEADERS);
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        fail("socketpair");
    int listener = listen_somewhere();
    harness.pid = start_gateway(argv[1], ends[1]);
    close(ends[1]);
    if (channel_new(harness.loop, ends[0], ROLE_SUPERVISOR, ROLE_GATEWAY, &handlers, NULL, &harness.control) < 0)
        fail("channel_new");
    give_config(slice_text(argv[2]));
    engine_connect();
    give_fd(CONTROL_FILE_LISTENER, listener);
    give_files();
    if (CHANNEL_SEND(harness.control, CONTROL_START, control_start, &(struct msg_control_start){0}) < 0)
        fail("start");
    ev_io_init(&harness.input, on_input, STDIN_FILENO, EV_READ);
    ev_io_start(harness.loop, &harness.input);
    ev_child_init(&harness.child, on_child, harness.pid, 0);
    ev_child_start(harness.loop, &harness.child);
    ev_run(harness.loop, 0);
    return 0;
}
