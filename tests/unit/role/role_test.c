/* role_main against a fake supervisor on the other end of a socketpair: the order of the start, what ends the role, and
 * what a supervisor that speaks nonsense does to it. Each role under test is a child process, as role_main is a whole main. */
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/log.h"
#include "role/role.h"

struct fake {
    struct ev_loop *loop;
    struct channel *control;
    pid_t pid;
    char log[4096];  /* all lines of the role, joined */
    char failed[512];
    unsigned n_ready, n_restart;
    bool is_closed;
};

/* --- the role under test: it logs what it is told --------------------------------------------------------------------- */

static int child_configure(struct slice json)
{
    char *text = slice_dup(json);
    log_event(LOG_LEVEL_INFO, "test.config", "json", text, NULL);
    bool bad = slice_is(json, "bad");
    free(text);
    return bad ? role_fail(-SP_EINVALID, "I do not like it") : 0;
}

static int child_connect(enum role peer, uint16_t index, int fd)
{
    char got = 0;
    (void)!write(fd, "hello", 5);
    close(fd);
    log_event(LOG_LEVEL_INFO, "test.connect", "peer", role_name(peer), "index", LOG_U64(index), "x", &got, NULL);
    return 0;
}

static int child_file(enum control_file_kind kind, uint16_t index, int fd)
{
    char text[6] = {0};
    (void)!pread(fd, text, 5, 0);
    close(fd);
    log_event(LOG_LEVEL_INFO, "test.file", "kind", LOG_U64(kind), "index", LOG_U64(index), "text", text, NULL);
    return 0;
}

static int child_start(void)
{
    log_event(LOG_LEVEL_INFO, "test.start", "data", role_data_dir(), "index", LOG_U64(role_index()), "locked",
              open("/", O_RDONLY) < 0 ? "yes" : "no", NULL);
    role_ready();
    role_ready();
    return 0;
}

static int child_reload(void)
{
    log_event(LOG_LEVEL_INFO, "test.reload", NULL);
    return role_ask_restart(ROLE_WORKER, 3);
}

static void child_stop(void)
{
    log_event(LOG_LEVEL_INFO, "test.stop", NULL);
    role_exit(7);
}

static int run_child(int fd, int argc, char **argv)
{
    static const struct role_handlers handlers = {.self = ROLE_ENGINE,
                                                  .configure = child_configure,
                                                  .connect = child_connect,
                                                  .file = child_file,
                                                  .start = child_start,
                                                  .reload = child_reload,
                                                  .stop = child_stop};
    if (fd != 3 && dup2(fd, 3) < 0)
        return 99;
    return role_main(argc, argv, &handlers);
}

/* --- the fake supervisor ----------------------------------------------------------------------------------------------- */

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct fake *f = user;
    (void)c;
    assert_int_equal(fd, -1);
    if (type == WIRE_CONTROL_LOG) {
        struct msg_control_log m;
        assert_int_equal(wire_decode_control_log(payload, &m), 0);
        size_t used = strlen(f->log);
        (void)snprintf(f->log + used, sizeof f->log - used, "%.*s\n", SLICE_ARGS(m.line));
    } else if (type == WIRE_CONTROL_READY) {
        f->n_ready++;
    } else if (type == WIRE_CONTROL_RESTART) {
        f->n_restart++;
    } else if (type == WIRE_CONTROL_FAILED) {
        struct msg_control_failed m;
        assert_int_equal(wire_decode_control_failed(payload, &m), 0);
        (void)snprintf(f->failed, sizeof f->failed, "%.*s", SLICE_ARGS(m.text));
    }
    return 0;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    (void)c;
    (void)reason;
    struct fake *f = user;
    f->is_closed = true;
    ev_break(f->loop, EVBREAK_ALL);
}

static const struct channel_handlers fake_handlers = {.message = on_message, .closed = on_closed};

static void fake_open(struct fake *f, int argc, char **argv)
{
    int pair[2];
    *f = (struct fake){.loop = ev_loop_new(EVFLAG_NOENV)};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    f->pid = fork();
    assert_true(f->pid >= 0);
    if (f->pid == 0) {
        close(pair[0]);
        _exit(run_child(pair[1], argc, argv));
    }
    close(pair[1]);
    assert_int_equal(channel_new(f->loop, pair[0], ROLE_SUPERVISOR, ROLE_ENGINE, &fake_handlers, f, &f->control), 0);
}

/* Lets the role speak until it ends, and returns its wait status. */
static int fake_finish(struct fake *f)
{
    int status = 0;
    if (!f->is_closed)
        ev_run(f->loop, 0);
    assert_int_equal(waitpid(f->pid, &status, 0), f->pid);
    channel_free(f->control);
    ev_loop_destroy(f->loop);
    return status;
}

static void send_empty(struct fake *f, uint16_t type)
{
    struct buffer b = BUFFER_MAX(16);
    wire_put_u8(&b, 0);
    assert_int_equal(channel_send(f->control, type, &b), 0);
    buffer_free(&b);
}

static void send_config(struct fake *f, const char *json)
{
    struct msg_control_config m = {.json = slice_text(json)};
    assert_int_equal(CHANNEL_SEND(f->control, CONTROL_CONFIG, control_config, &m), 0);
}

static void send_fd(struct fake *f, uint16_t type, uint8_t first, uint16_t second, int fd)
{
    struct buffer b = BUFFER_MAX(16);
    wire_put_u8(&b, first);
    wire_put_u16(&b, second);
    assert_int_equal(channel_send_fd(f->control, type, &b, fd), 0);
    buffer_free(&b);
}

static char *no_options[] = {(char[]){"sallyport-engine"}, NULL};

static void whole_life_in_order(void **state)
{
    (void)state;
    struct fake f;
    char *options[] = {(char[]){"sallyport-engine"}, (char[]){"--data"}, (char[]){"/tmp"}, (char[]){"--index"},
                       (char[]){"5"}, NULL};
    fake_open(&f, 5, options);
    int pair[2], memory = memfd_create("test", MFD_CLOEXEC);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    assert_int_equal(write(memory, "bytes", 5), 5);
    send_config(&f, "{\"a\":1}");
    send_fd(&f, WIRE_CONTROL_CHANNEL, ROLE_WORKER, 2, pair[1]);
    send_fd(&f, WIRE_CONTROL_FILE, CONTROL_FILE_WORKER_PAGE, 2, memory);
    send_empty(&f, WIRE_CONTROL_START);
    send_empty(&f, WIRE_CONTROL_RELOAD);
    send_empty(&f, WIRE_CONTROL_STOP);
    close(pair[1]);
    close(memory);
    int status = fake_finish(&f);
    char hello[6] = {0};
    assert_int_equal(read(pair[0], hello, 5), 5);
    close(pair[0]);
    assert_string_equal(hello, "hello");
    assert_string_equal(f.log, "level=info event=test.config json=\"{\\\"a\\\":1}\"\n"
                               "level=info event=test.connect peer=worker index=2 x=\"\"\n"
                               "level=info event=test.file kind=5 index=2 text=bytes\n"
                               "level=info event=test.start data=/tmp index=5 locked=yes\n"
                               "level=info event=test.reload\n"
                               "level=info event=test.stop\n");
    assert_int_equal(f.n_ready, 1);
    assert_int_equal(f.n_restart, 1);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

static void refused_configuration_says_why(void **state)
{
    (void)state;
    struct fake f;
    fake_open(&f, 1, no_options);
    send_config(&f, "bad");
    send_empty(&f, WIRE_CONTROL_START);
    int status = fake_finish(&f);
    assert_string_equal(f.failed, "I do not like it");
    assert_int_equal(f.n_ready, 0);
    assert_int_equal(WEXITSTATUS(status), 2);
}

static void ends_without_supervisor(void **state)
{
    (void)state;
    struct fake f;
    fake_open(&f, 1, no_options);
    send_empty(&f, WIRE_CONTROL_START);
    ev_run(f.loop, EVRUN_ONCE);
    channel_close(f.control, "test");
    int status = fake_finish(&f);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 4);
}

static void ignores_the_signals_of_the_supervisor(void **state)
{
    (void)state;
    struct fake f;
    fake_open(&f, 1, no_options);
    send_empty(&f, WIRE_CONTROL_START);
    while (f.n_ready == 0)
        ev_run(f.loop, EVRUN_ONCE);
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT};
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        assert_int_equal(kill(f.pid, signals[i]), 0);
    send_empty(&f, WIRE_CONTROL_STOP);
    int status = fake_finish(&f);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 7);
}

/* Nonsense from the supervisor's side: the role ends with a status, never by a signal. */
static void nonsense_ends_it_cleanly(void **state)
{
    (void)state;
    static const char *const frames[] = {
        "\xff\xff\xff\xff\x01\0\0\0",        /* longer than a frame may be */
        "\x00\x00\x00\x00\xff\xff\0\0",      /* no such type */
        "\x00\x00\x00\x00\x07\0\0\0",        /* a type that only roles send */
        "\x00\x00\x00\x00\x02\0\1\0",        /* says that it carries a descriptor */
        "\x00\x00\x00\x00\x04\0\0\0",        /* CONTROL_START without its field */
        "\x00\x00\x00\x00\x04\0\0\x01",      /* reserved byte */
    };
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
        pid_t pid = fork();
        if (pid == 0)
            _exit(run_child(pair[1], 1, no_options));
        close(pair[1]);
        assert_int_equal(write(pair[0], frames[i], 8), 8);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 4);
        close(pair[0]);
    }
}

static void bad_options_are_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {{"--index", "64"}, {"--index", "x"}, {"--data", NULL}, {"--what", "1"}, {"--log", "all"}};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct fake f;
        char name[] = "sallyport-engine", option[16], value[16] = "";
        (void)snprintf(option, sizeof option, "%s", bad[i][0]);
        if (bad[i][1])
            (void)snprintf(value, sizeof value, "%s", bad[i][1]);
        char *options[] = {name, option, bad[i][1] ? value : NULL, NULL};
        fflush(stderr);
        fake_open(&f, bad[i][1] ? 3 : 2, options);
        assert_int_equal(WEXITSTATUS(fake_finish(&f)), 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_life_in_order),
        cmocka_unit_test(refused_configuration_says_why),
        cmocka_unit_test(ends_without_supervisor),
        cmocka_unit_test(ignores_the_signals_of_the_supervisor),
        cmocka_unit_test(nonsense_ends_it_cleanly),
        cmocka_unit_test(bad_options_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
