/* role: the main of every role, in the one order that is safe: options, lock-down, control channel, loop.
 * Called by each role's main.c with its handlers. Must hold: nothing is read from anyone before the lock-down stands [I8];
 * without the supervisor the role ends. Must never read a file or the environment. */
#include "role/role.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "role/options.h"
#include "sandbox/sandbox.h"

#define CONTROL_FD       3
#define EXIT_FLUSH_MS    1000 /* how long the last words to the supervisor may take */
#define STATUS_BAD_START 4

static struct {
    const struct role_handlers *handlers;
    struct role_options options;
    struct ev_loop *loop;
    struct channel *control;
    bool is_started, is_ready, is_ending;
    int status;
} role;

#if defined(__SANITIZE_ADDRESS__)
/* The leak checker ptraces its own process, which no profile allows. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

struct ev_loop *role_loop(void)
{
    return role.loop;
}

const char *role_data_dir(void)
{
    return role.options.data_dir;
}

uint16_t role_index(void)
{
    return role.options.index;
}

void role_exit(int status)
{
    if (!role.is_ending)
        role.status = status;
    role.is_ending = true;
    ev_break(role.loop, EVBREAK_ALL);
}

void role_ready(void)
{
    if (role.is_ready)
        return;
    role.is_ready = true;
    if (CHANNEL_SEND(role.control, CONTROL_READY, control_ready, &(struct msg_control_ready){0}) < 0)
        role_exit(STATUS_BAD_START);
}

int role_fail(int code, const char *format, ...)
{
    char text[LIMIT_TEXT / 4];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct msg_control_failed message = {.code = code, .text = slice_text(text)};
    (void)!CHANNEL_SEND(role.control, CONTROL_FAILED, control_failed, &message);
    role_exit(error_exit_code(code));
    return code;
}

int role_ask_restart(enum role target, uint16_t index)
{
    struct msg_control_restart message = {.role = (uint8_t)target, .index = index};
    return !role.control ? -EPIPE : CHANNEL_SEND(role.control, CONTROL_RESTART, control_restart, &message);
}

int role_dispatch(role_message_handler *const *table, size_t n, struct channel *channel, uint16_t type, struct slice payload,
                  int fd)
{
    if (type < n && table[type])
        return table[type](channel, payload, fd);
    if (fd >= 0)
        close(fd);
    return -SP_EPROTOCOL;
}

static void log_to_supervisor(enum log_level level, const char *line, size_t len, void *user)
{
    (void)user;
    struct msg_control_log message = {.level = (uint8_t)level, .line = slice_of(line, len)};
    /* A supervisor that is behind by a whole queue loses lines rather than stopping us. */
    (void)!CHANNEL_SEND(role.control, CONTROL_LOG, control_log, &message);
}

/* --- what the supervisor says ---------------------------------------------------------------------------------------- */

/* Whatever a handler refuses ends the role: it would serve with half of what it was given. */
static int outcome(int r, const char *what)
{
    if (r < 0 && !role.is_ending)
        (void)role_fail(r, "%s: %s", what, error_text(r));
    return 0;
}

static int on_config(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_config m;
    (void)fd;
    int r = wire_decode_control_config(payload, &m);
    if (r < 0)
        return r;
    return role.handlers->configure ? outcome(role.handlers->configure(m.json), "the configuration was refused") : 0;
}

static int on_channel(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_channel m;
    int r = fd < 0 ? -SP_EPROTOCOL : wire_decode_control_channel(payload, &m);
    if (r < 0 || m.peer >= ROLE_COUNT || m.index >= LIMIT_WORKERS || !role.handlers->connect) {
        closep(&fd);
        return r < 0 ? r : -SP_EPROTOCOL;
    }
    return outcome(role.handlers->connect((enum role)m.peer, m.index, fd), "a channel could not be used");
}

static int on_file(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_file m;
    int r = fd < 0 ? -SP_EPROTOCOL : wire_decode_control_file(payload, &m);
    if (r < 0 || !role.handlers->file) {
        closep(&fd);
        return r < 0 ? r : -SP_EPROTOCOL;
    }
    return outcome(role.handlers->file((enum control_file_kind)m.kind, m.index, fd), "a file could not be used");
}

static int on_start(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_start m;
    (void)fd;
    int r = role.is_started ? -SP_EPROTOCOL : wire_decode_control_start(payload, &m);
    if (r < 0)
        return r;
    role.is_started = true;
    if (role.handlers->start)
        return outcome(role.handlers->start(), "it could not start");
    role_ready();
    return 0;
}

static int on_reload(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_reload m;
    (void)fd;
    int r = !role.is_started ? -SP_EPROTOCOL : wire_decode_control_reload(payload, &m);
    if (r < 0)
        return r;
    r = role.handlers->reload ? role.handlers->reload() : 0;
    if (r < 0)
        log_event(LOG_LEVEL_ERROR, "role.reload-failed", "role", role_name(role.handlers->self), "error", error_text(r), NULL);
    return 0;
}

static int on_stop(struct channel *channel, struct slice payload, int fd)
{
    (void)channel;
    struct msg_control_stop m;
    (void)fd;
    int r = wire_decode_control_stop(payload, &m);
    if (r < 0)
        return r;
    if (role.handlers->stop)
        role.handlers->stop();
    else
        role_exit(0);
    return 0;
}

static role_message_handler *const control_table[WIRE_TYPE_COUNT] = {
    [WIRE_CONTROL_CONFIG] = on_config, [WIRE_CONTROL_CHANNEL] = on_channel, [WIRE_CONTROL_FILE] = on_file,
    [WIRE_CONTROL_START] = on_start,   [WIRE_CONTROL_RELOAD] = on_reload,   [WIRE_CONTROL_STOP] = on_stop,
};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    bool takes_fd = type == WIRE_CONTROL_CHANNEL || type == WIRE_CONTROL_FILE;
    if (role.is_ending || (fd >= 0 && !takes_fd)) {
        closep(&fd);
        return role.is_ending ? 0 : -SP_EPROTOCOL;
    }
    return role_dispatch(control_table, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)channel;
    (void)reason;
    (void)user;
    role_exit(STATUS_BAD_START);
}

/* --- main -------------------------------------------------------------------------------------------------------------- */

/* A terminal's ^C and a service manager's signals are for the supervisor: it tells the roles in their order. */
static void ignore_signals(void)
{
    static const int ignored[] = {SIGPIPE, SIGINT, SIGQUIT, SIGHUP, SIGTERM, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        (void)signal(ignored[i], SIG_IGN);
}

/* Executed by descriptor it would be called by a number. */
static void set_process_name(enum role self)
{
    char name[16];
    (void)snprintf(name, sizeof name, "sp-%s", role_name(self));
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
}

/* The last words: the loop has ended, so wait by hand until the socket takes them. */
static void flush_control(void)
{
    int64_t end = clock_monotonic_ms() + EXIT_FLUSH_MS;
    while (channel_flush(role.control) == -EAGAIN && clock_monotonic_ms() < end) {
        struct pollfd p = {.fd = CONTROL_FD, .events = POLLOUT};
        (void)poll(&p, 1, 50);
    }
}

int role_main(int argc, char **argv, const struct role_handlers *handlers)
{
    static const struct channel_handlers control_handlers = {.message = on_message, .closed = on_closed};
    struct diag why = {0};
    role.handlers = handlers;
    must_set_role(role_name(handlers->self));
    set_process_name(handlers->self);
    ignore_signals();
    if (role_options_parse(argc, argv, &role.options) < 0 || fcntl(CONTROL_FD, F_GETFD) < 0) {
        (void)fprintf(stderr, "sallyport-%s is started by sallyportd, not by hand\n", role_name(handlers->self));
        return 2;
    }
    log_set_level(role.options.level);
    int locked = sandbox_enter(handlers->self, role.options.data_dir, &why);
    role.loop = ev_default_loop(EVFLAG_NOENV | EVFLAG_NOTIMERFD | EVBACKEND_EPOLL);
    if (!role.loop || channel_new(role.loop, CONTROL_FD, handlers->self, ROLE_SUPERVISOR, &control_handlers, NULL,
                                  &role.control) < 0)
        return STATUS_BAD_START;
    if (locked < 0) {
        (void)role_fail(locked, "it cannot lock itself down: %s", why.text);
    } else {
        log_set_sink(log_to_supervisor, NULL);
        ev_run(role.loop, 0);
    }
    flush_control();
    log_set_sink(NULL, NULL);
    channel_free(role.control);
    return role.status;
}
