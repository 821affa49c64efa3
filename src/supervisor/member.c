/* member: one process of a role: its start, what it says on its control channel, and its end. Called by the supervisor.
 * Must hold: nothing that a role says ends the supervisor; a role that speaks out of turn is killed and started again. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "supervisor/state.h"

#define GRACE_S .5

bool member_is_gone(const struct member *m)
{
    return m->pid == 0 && !m->control;
}

void member_kill(struct member *m)
{
    if (m->pid)
        (void)kill(m->pid, SIGKILL);
}

/* --- what a role says ------------------------------------------------------------------------------------------------ */

static int on_log(struct member *m, struct slice payload)
{
    struct msg_control_log line;
    int r = wire_decode_control_log(payload, &line);
    if (r < 0 || line.level > LOG_LEVEL_ERROR)
        return -SP_EPROTOCOL;
    report_line(m, (enum log_level)line.level, line.line);
    return 0;
}

static int on_ready(struct member *m, struct slice payload)
{
    struct msg_control_ready ready;
    if (wire_decode_control_ready(payload, &ready) < 0 || m->is_ready)
        return -SP_EPROTOCOL;
    m->is_ready = true;
    supervisor_member_ready(m);
    return 0;
}

static int on_failed(struct member *m, struct slice payload)
{
    struct msg_control_failed failed;
    /* Once: each makes a line of the log that no rate bounds. */
    if (wire_decode_control_failed(payload, &failed) < 0 || m->has_failed)
        return -SP_EPROTOCOL;
    m->has_failed = true;
    supervisor_member_failed(m, failed.code, failed.text);
    return 0;
}

/* Who may have whom started again: who notices that a peer speaks out of turn or does not answer, as far as he could not use
 * it against a role that knows more than he: a vault that starts anew has forgotten what it signed last. */
static const uint32_t may_restart[ROLE_COUNT] = {
    [ROLE_ENGINE] = 1u << ROLE_GATEWAY | 1u << ROLE_EGRESS | 1u << ROLE_WORKER | 1u << ROLE_CHECKER,
    [ROLE_VAULT] = 1u << ROLE_ENGINE | 1u << ROLE_EGRESS,
};

static int on_restart(struct member *m, struct slice payload)
{
    struct msg_control_restart restart;
    if (wire_decode_control_restart(payload, &restart) < 0 || restart.role >= ROLE_COUNT ||
        !(may_restart[m->role] & 1u << restart.role))
        return -SP_EPROTOCOL;
    for (unsigned i = 0; i < m->s->n_members; i++) {
        struct member *meant = &m->s->members[i];
        if (meant->role == restart.role && meant->index == restart.index && meant->pid) {
            meant->was_asked_to_restart = true;
            member_kill(meant);
        }
    }
    return 0;
}

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)channel;
    struct member *m = user;
    if (fd >= 0) {
        close(fd);
        return -SP_EPROTOCOL;
    }
    switch (type) {
    case WIRE_CONTROL_LOG:
        return on_log(m, payload);
    case WIRE_CONTROL_READY:
        return on_ready(m, payload);
    case WIRE_CONTROL_FAILED:
        return on_failed(m, payload);
    case WIRE_CONTROL_RESTART:
        return on_restart(m, payload);
    default:
        return -SP_EPROTOCOL;
    }
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)reason;
    struct member *m = user;
    channel_free(channel);
    m->control = NULL;
    /* It is on its way out, as a role without its supervisor ends; if not, it could not be stopped any more. */
    if (member_is_gone(m))
        supervisor_member_gone(m);
    else
        ev_timer_start(m->s->loop, &m->grace);
}

static void on_grace(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    member_kill(w->data);
}

static void on_child(struct ev_loop *loop, ev_child *w, int events)
{
    (void)events;
    struct member *m = w->data;
    ev_child_stop(loop, w);
    ev_timer_stop(loop, &m->grace);
    m->pid = 0;
    m->wait_status = w->rstatus;
    if (member_is_gone(m))
        supervisor_member_gone(m);
}

/* --- start ----------------------------------------------------------------------------------------------------------- */

static int make_page(struct member *m)
{
    closep(&m->page_fd);
    m->page_fd = memfd_create("worker-page", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (m->page_fd < 0 || ftruncate(m->page_fd, (off_t)sysconf(_SC_PAGESIZE)) < 0)
        return -errno;
    /* A worker that could shrink it could crash the engine that has it mapped. */
    return fcntl(m->page_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) < 0 ? -errno : 0;
}

int member_send_file(struct member *m, const struct kept_file *f)
{
    struct msg_control_file message = {.kind = (uint8_t)f->kind, .index = f->index};
    _cleanup_(buffer_free) struct buffer b = BUFFER_MAX(64);
    wire_encode_control_file(&b, &message);
    /* Duplicates share the place in the file: the one before has read it to the end. */
    (void)lseek(f->fd, 0, SEEK_SET);
    int r = channel_send_fd(m->control, WIRE_CONTROL_FILE, &b, f->fd);
    return r < 0 ? r : channel_flush(m->control);
}

static int send_what_is_kept(struct member *m)
{
    struct supervisor *s = m->s;
    struct msg_control_config config = {.json = buffer_slice(&s->config[m->role])};
    int r = config.json.len ? CHANNEL_SEND(m->control, CONTROL_CONFIG, control_config, &config) : 0;
    for (unsigned i = 0; i < s->n_files && r >= 0; i++)
        if (s->files[i].role == m->role) {
            r = member_send_file(m, &s->files[i]);
            s->files[i].is_new = false;
        }
    if (r >= 0 && m->role == ROLE_WORKER) {
        struct kept_file page = {.role = ROLE_WORKER, .kind = CONTROL_FILE_WORKER_PAGE, .index = m->index, .fd = m->page_fd};
        r = member_send_file(m, &page);
    }
    return r;
}

static void reset(struct member *m)
{
    m->is_ready = m->has_failed = m->was_told_to_stop = m->was_asked_to_restart = false;
    m->wait_status = 0;
    m->started_ms = clock_monotonic_ms();
}

int member_spawn(struct member *m, struct diag *reterr)
{
    static const struct channel_handlers control_handlers = {.message = on_message, .closed = on_closed};
    struct supervisor *s = m->s;
    int pair[2], r = m->role == ROLE_WORKER ? make_page(m) : 0;
    if (r >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
        r = -errno;
    if (r < 0)
        return diag_set(reterr, r, "%s cannot be started: %s", role_name(m->role), error_text(r));
    struct child_options o = {.role = m->role, .index = m->index, .libexec_dir = s->libexec_dir, .data_dir = s->data_dir,
                              .level = s->options.verbose_log ? s->options.log_level : LOG_LEVEL_ERROR,
                              .control_fd = pair[1]};
    reset(m);
    r = child_start(&o, &m->pid, reterr);
    close(pair[1]);
    if (r < 0) {
        close(pair[0]);
        return r;
    }
    ev_timer_init(&m->grace, on_grace, GRACE_S, 0.);
    m->grace.data = m;
    ev_child_init(&m->child, on_child, m->pid, 0);
    m->child.data = m;
    ev_child_start(s->loop, &m->child);
    report_started(m);
    r = channel_new(s->loop, pair[0], ROLE_SUPERVISOR, m->role, &control_handlers, m, &m->control);
    if (r >= 0) {
        channel_hear_out(m->control);
        r = send_what_is_kept(m);
    }
    /* One that has ended already says why, which is still to be read. */
    if (r < 0 && r != -EPIPE) {
        member_kill(m);
        return diag_set(reterr, r, "%s cannot be told its configuration: %s", role_name(m->role), error_text(r));
    }
    return 0;
}

void member_go(struct member *m)
{
    if (m->control && CHANNEL_SEND(m->control, CONTROL_START, control_start, &(struct msg_control_start){0}) < 0)
        member_kill(m);
}

void member_tell_stop(struct member *m)
{
    m->was_told_to_stop = true;
    if (!m->control || CHANNEL_SEND(m->control, CONTROL_STOP, control_stop, &(struct msg_control_stop){0}) < 0)
        member_kill(m);
}

void member_release(struct member *m)
{
    ev_timer_stop(m->s->loop, &m->restart);
    ev_timer_stop(m->s->loop, &m->grace);
    if (m->pid) {
        ev_child_stop(m->s->loop, &m->child);
        member_kill(m);
        (void)waitpid(m->pid, &m->wait_status, 0);
        m->pid = 0;
    }
    channel_free(TAKE_PTR(m->control));
    closep(&m->page_fd);
    m->page_fd = -1;
}
