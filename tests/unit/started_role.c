/* started_role: see started_role.h. */
#include "started_role.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROUNDS 1000 /* of 10 ms */

extern char **environ;

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    struct started_role *s = user;
    struct msg_control_failed failed;
    if (type == WIRE_CONTROL_READY)
        s->is_ready = true;
    if (type == WIRE_CONTROL_FAILED) {
        assert_int_equal(wire_decode_control_failed(payload, &failed), 0);
        snprintf(s->reason, sizeof s->reason, "%.*s", SLICE_ARGS(failed.text));
        s->has_failed = true;
    }
    return 0;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    ((struct started_role *)user)->has_ended = true;
}

void started_role_begin(struct started_role *s, enum role role, const char *program)
{
    static const struct channel_handlers handlers = {on_message, on_closed};
    int ends[2];
    *s = (struct started_role){.role = role, .loop = ev_loop_new(EVFLAG_NOENV)}; /* the default loop would reap the child */
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    char *name = slice_dup(slice_text(program));
    char *argv[] = {name, NULL};
    assert_int_equal(posix_spawn(&s->pid, program, &actions, NULL, argv, environ), 0);
    posix_spawn_file_actions_destroy(&actions);
    free(name);
    close(ends[1]);
    assert_int_equal(channel_new(s->loop, ends[0], ROLE_SUPERVISOR, role, &handlers, s, &s->control), 0);
}

void started_role_run(struct started_role *s, const bool *flag)
{
    for (int i = 0; i < ROUNDS && !*flag && !s->has_ended; i++) {
        ev_run(s->loop, EVRUN_NOWAIT);
        if (!*flag)
            usleep(10000);
    }
    assert_true(*flag || s->has_ended);
}

void started_role_config(struct started_role *s, const char *json)
{
    struct msg_control_config config = {.json = slice_text(json)};
    assert_int_equal(CHANNEL_SEND(s->control, CONTROL_CONFIG, control_config, &config), 0);
}

static void send_with(struct started_role *s, uint16_t type, const struct buffer *message, int fd)
{
    assert_int_equal(channel_send_fd(s->control, type, message, fd), 0);
    close(fd);
}

void started_role_file(struct started_role *s, uint8_t kind, int fd)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    wire_encode_control_file(&b, &(struct msg_control_file){.kind = kind});
    send_with(s, WIRE_CONTROL_FILE, &b, fd);
}

struct channel *started_role_channel(struct started_role *s, enum role self, const struct channel_handlers *handlers, void *user)
{
    int ends[2];
    struct channel *c;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    wire_encode_control_channel(&b, &(struct msg_control_channel){.peer = (uint8_t)self});
    send_with(s, WIRE_CONTROL_CHANNEL, &b, ends[1]);
    assert_int_equal(channel_new(s->loop, ends[0], self, s->role, handlers, user, &c), 0);
    return c;
}

void started_role_go(struct started_role *s)
{
    assert_int_equal(CHANNEL_SEND(s->control, CONTROL_START, control_start, &(struct msg_control_start){0}), 0);
    started_role_run(s, &s->is_ready);
}

int started_role_end(struct started_role *s)
{
    int status = -1;
    if (!s->has_failed)
        assert_int_equal(CHANNEL_SEND(s->control, CONTROL_STOP, control_stop, &(struct msg_control_stop){0}), 0);
    started_role_run(s, &s->has_ended);
    assert_int_equal(waitpid(s->pid, &status, 0), s->pid);
    assert_true(WIFEXITED(status));
    channel_free(s->control);
    ev_loop_destroy(s->loop);
    return WEXITSTATUS(status);
}

int started_role_memory_file(const void *p, size_t len)
{
    int fd = memfd_create("file", MFD_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    return fd;
}
