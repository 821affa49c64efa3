/* The supervisor, and whoever took over any of the roles: frames in any order on all control channels, to the whole library
 * with its timers, while processes end, time passes and the server is told to reload and to stop. Processes, signals and the
 * clock are the harness's own (`--wrap`); nothing is forked. Must hold, in the words of docs/threat-model.md:
 *
 *   - a frame that a role may not send now (another type or length, a byte left over, a descriptor, a second READY or FAILED, a
 *     restart that is not its to ask for) closes its channel; who does not end then is killed; any other leaves the channel open;
 *   - no other role is killed for it, and a process that has been reaped never;
 *   - it ends the server only before all have served;
 *   - a line of a role is one line, says who wrote it, holds no byte that steers a terminal, and comes at a bounded rate;
 *   - who died is started again, while the server runs; when it was stopped, it ends; no descriptor is left behind.
 *
 * A frame of the input: `who` is a role's process (three bits), descriptors (two) and how often (three); or the world. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "far_end.h"
#include "supervisor/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define PLAYERS          7         /* one of each role, and a second worker */
#define FIRST_PID        (1 << 24) /* beyond what the kernel gives */
#define LINES_PER_SECOND 500
#define DESCRIPTORS_MAX  96
#define LINE_MAX         (LIMIT_LOG_LINE + 256)

/* What is known of one process, by the rules above and not by asking the supervisor. */
struct player {
    struct far_end end;
    pid_t pid; /* 0: reaped */
    bool is_killed, has_said_ready, has_said_failed;
    bool is_out; /* its channel was closed, by whichever side */
    bool may_be_killed;
    int64_t second; /* in which so many lines came, of earlier lives, too */
    unsigned lines;
};

static struct {
    struct supervisor *s;
    struct player players[PLAYERS];
    struct player *speaker;
    int64_t now_ms;
    pid_t last_pid;
    unsigned n_heard; /* lines of roles */
    unsigned n_ended; /* lines that tell of an end */
    unsigned descriptors;
    int watched, witness; /* a pipe: every copy of `watched` must be closed in the end */
    bool is_ready, is_failed, is_stopping, is_stopped, is_over, is_listening, next_start_fails;
} t;

static struct member *member_of(const struct player *p)
{
    return &t.s->members[p - t.players];
}

/* --- the machine -------------------------------------------------------------------------------------------------------- */

int __wrap_kill(pid_t pid, int number);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
ssize_t __wrap_write(int fd, const void *bytes, size_t len);
ssize_t __real_write(int fd, const void *bytes, size_t len);
[[gnu::noreturn]] void __wrap_must_failed(const char *condition, const char *file, int line);
[[gnu::noreturn]] void __real_must_failed(const char *condition, const char *file, int line);
int64_t __wrap_clock_monotonic_ms(void);
int __wrap_child_start(const struct child_options *options, pid_t *ret_pid, struct diag *reterr);

int __wrap_kill(pid_t pid, int number)
{
    must(number == SIGKILL && pid > FIRST_PID);
    for (struct player *p = t.players; p < t.players + PLAYERS; p++)
        if (p->pid == pid) {
            /* The loop's clock is the real one: what may come in time, comes. */
            bool is_late = !member_of(p)->control || t.is_stopping;
            must(p->may_be_killed || p->is_out || is_late || t.is_over);
            p->is_killed = true;
            return 0;
        }
    must(false); /* whose number may be another's by now */
    return -1;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
    for (struct player *p = t.players; p < t.players + PLAYERS; p++)
        if (p->pid == pid && p->is_killed) {
            p->pid = 0;
            return pid;
        }
    must(false); /* the supervisor would wait for ever */
    return -1;
}

int64_t __wrap_clock_monotonic_ms(void)
{
    return t.now_ms;
}

int __wrap_child_start(const struct child_options *options, pid_t *ret_pid, struct diag *reterr)
{
    struct player *p = t.players;
    if (t.next_start_fails) {
        t.next_start_fails = false;
        return diag_set(reterr, -EAGAIN, "no more processes");
    }
    while (p < t.players + PLAYERS && (member_of(p)->role != options->role || member_of(p)->index != options->index))
        p++;
    must(p < t.players + PLAYERS && p->pid == 0);
    const struct player before = *p;
    far_end_close(&p->end);
    *p = (struct player){.end = {.fd = fcntl(options->control_fd, F_DUPFD_CLOEXEC, 0),
                                 .self = options->role,
                                 .near = ROLE_SUPERVISOR,
                                 .in = BUFFER_MAX(4 * LIMIT_FRAME)},
                         .pid = ++t.last_pid,
                         .second = before.second,
                         .lines = before.lines};
    must(p->end.fd >= 0);
    *ret_pid = p->pid;
    return 0;
}

/* --- the log ------------------------------------------------------------------------------------------------------------ */

/* Whether `line` begins with this, which it is then moved behind. */
static bool take(struct slice *line, const char *prefix)
{
    if (!slice_starts(*line, prefix))
        return false;
    *line = slice_of(line->p + strlen(prefix), line->len - strlen(prefix));
    return true;
}

static void on_line_of(struct player *p)
{
    if (p->second != t.now_ms / 1000)
        p->lines = 0;
    p->second = t.now_ms / 1000;
    must(++p->lines <= LINES_PER_SECOND);
}

/* One line of the log, as it reaches standard error: "<4>role=worker index=1 …", or one of the supervisor's own. */
static void on_line(struct slice line)
{
    char who[64];
    must(line.len > 4 && line.len < LINE_MAX && line.p[line.len - 1] == '\n');
    for (size_t i = 0; i < line.len - 1; i++)
        must(line.p[i] >= 0x20 && line.p[i] < 0x7F);
    must(take(&line, "<7>") || take(&line, "<6>") || take(&line, "<4>") || take(&line, "<3>"));
    if (take(&line, "level=")) {
        t.n_ended += memmem(line.p, line.len, " event=role.ended ", 18) != NULL;
        return;
    }
    must(t.speaker);
    (void)snprintf(who, sizeof who, "role=%s index=%u ", role_name(member_of(t.speaker)->role), member_of(t.speaker)->index);
    must(take(&line, who) && line.len <= LIMIT_LOG_LINE + 1);
    on_line_of(t.speaker);
    t.n_heard++;
}

/* Its line is no line of the log. */
void __wrap_must_failed(const char *condition, const char *file, int line)
{
    t.is_listening = false;
    __real_must_failed(condition, file, line);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t len)
{
    if (fd != STDERR_FILENO || !t.is_listening)
        return __real_write(fd, bytes, len);
    on_line(slice_of(bytes, len));
    return (ssize_t)len;
}

/* --- what the supervisor reports ---------------------------------------------------------------------------------------- */

static void on_ready(void *user)
{
    must(!t.is_ready && !t.is_failed && !t.is_stopping);
    for (const struct player *p = t.players; p < t.players + PLAYERS; p++)
        must(p->has_said_ready);
    t.is_ready = true;
}

static void on_failed(enum role role, int code, struct slice text, void *user)
{
    must(!t.is_ready && !t.is_failed && !t.is_stopping && code < 0);
    must(t.speaker && member_of(t.speaker)->role == role);
    t.is_failed = t.is_stopping = true;
}

static void on_stopped(int status, void *user)
{
    must(t.is_stopping && !t.is_stopped && (status != 0) == t.is_failed);
    for (const struct player *p = t.players; p < t.players + PLAYERS; p++)
        must(p->pid == 0);
    t.is_stopped = true;
}

/* --- what a role says --------------------------------------------------------------------------------------------------- */

/* The table of docs/threat-model.md: at whose word a role is started again. */
static bool may_restart(enum role who, unsigned whom)
{
    if (who == ROLE_ENGINE)
        return whom == ROLE_GATEWAY || whom == ROLE_EGRESS || whom == ROLE_WORKER || whom == ROLE_CHECKER;
    return who == ROLE_VAULT && (whom == ROLE_ENGINE || whom == ROLE_EGRESS);
}

/* What decodes is just one message: what it encodes to is what came. */
#define IS_WHOLE(name, payload, m)                                                                                                 \
    (wire_decode_##name(payload, m) == 0 && is_encoded((far_end_encoder *)wire_encode_##name, m, payload))

static bool is_encoded(far_end_encoder *encode, const void *m, struct slice payload)
{
    _cleanup_buffer_ struct buffer again = BUFFER_MAX(LIMIT_FRAME);
    encode(&again, m);
    return slice_equal(buffer_slice(&again), payload);
}

static bool restarts(const struct player *p, struct slice payload)
{
    struct msg_control_restart m;
    if (!IS_WHOLE(control_restart, payload, &m) || !may_restart(member_of(p)->role, m.role))
        return false;
    for (struct player *other = t.players; other < t.players + PLAYERS; other++)
        other->may_be_killed |= member_of(other)->role == m.role && member_of(other)->index == m.index;
    return true;
}

static bool fails(struct player *p, struct slice payload)
{
    struct msg_control_failed m;
    if (!IS_WHOLE(control_failed, payload, &m) || p->has_said_failed)
        return false;
    p->has_said_failed = p->may_be_killed = true;
    return true;
}

/* Whether it may say this now, and what follows from it. */
static bool is_in_turn(struct player *p, uint16_t type, struct slice payload)
{
    struct msg_control_log line;
    struct msg_control_ready ready;
    bool was_ready = p->has_said_ready;
    switch (type) {
    case WIRE_CONTROL_LOG:
        return IS_WHOLE(control_log, payload, &line) && line.level <= LOG_LEVEL_ERROR;
    case WIRE_CONTROL_READY:
        if (!IS_WHOLE(control_ready, payload, &ready))
            return false;
        p->has_said_ready = true;
        return !was_ready;
    case WIRE_CONTROL_FAILED:
        return fails(p, payload);
    case WIRE_CONTROL_RESTART:
        return restarts(p, payload);
    default:
        return false;
    }
}

static void settle(void)
{
    far_end_rounds(t.s->loop);
    for (struct player *p = t.players; p < t.players + PLAYERS; p++) {
        far_end_read(&p->end, NULL);
        p->is_out |= p->end.fd < 0;
    }
}

static void say(struct player *p, const struct far_end_fds *fds, uint16_t type, struct slice payload)
{
    if (p->end.fd < 0)
        return;
    /* The loop's round is its speech: no other one has anything to say. */
    t.speaker = p;
    far_end_send_fds(&p->end, type, payload, fds);
    bool is_good = !fds->n && !fds->is_announced && is_in_turn(p, type, payload);
    settle();
    t.speaker = NULL;
    must((p->end.fd >= 0) == is_good);
    must(is_good || !p->pid || p->is_killed || ev_is_active(&member_of(p)->grace));
    must(!p->has_said_failed || p->is_out || t.is_failed || t.is_stopping || p->is_killed);
}

/* --- the world ---------------------------------------------------------------------------------------------------------- */

static bool is_due(ev_timer *timer)
{
    if (!ev_is_active(timer))
        return false;
    ev_timer_stop(t.s->loop, timer);
    ev_feed_event(t.s->loop, timer, EV_TIMER);
    settle();
    return true;
}

/* It ends with what it has written still to be read: that it is dead is known first. */
static void end(struct player *p, int status)
{
    struct member *m = member_of(p);
    const unsigned ended = t.n_ended;
    if (!p->pid)
        return;
    far_end_close(&p->end);
    p->is_out = true;
    p->pid = 0;
    m->child.rpid = m->pid;
    m->child.rstatus = status;
    t.speaker = p; /* also when its executable is not there */
    ev_invoke(t.s->loop, &m->child, EV_CHILD);
    settle();
    t.speaker = NULL;
    must(t.n_ended == ended + 1);
    must(t.is_stopping || p->pid ||
         (ev_is_active(&m->restart) && m->restart.at - ev_now(t.s->loop) < LIMIT_BACKOFF_MS / 1000. + 1));
}

static void last_words(struct player *p)
{
    if (p->end.fd < 0)
        return;
    FAR_END_SEND(&p->end, CONTROL_LOG, control_log,
                 (&(struct msg_control_log){.level = LOG_LEVEL_INFO, .line = SLICE_LITERAL("goodbye")}));
    const unsigned heard = t.n_heard;
    end(p, 0);
    must(t.n_heard == heard + 1 || p->lines >= LINES_PER_SECOND);
}

static void all_may_be_killed(void)
{
    for (struct player *p = t.players; p < t.players + PLAYERS; p++)
        p->may_be_killed = true;
}

static void stop(void)
{
    if (t.is_stopping)
        all_may_be_killed();
    t.is_stopping = true;
    supervisor_stop(t.s);
    settle();
}

/* What is out of its supervisor's hearing does not outlive its grace. */
static void grace_passes(struct player *p)
{
    if (is_due(&member_of(p)->grace))
        must(p->is_killed || !p->pid);
}

static void happen(uint8_t what, struct slice payload)
{
    const uint8_t first = payload.len ? payload.p[0] : 0, second = payload.len > 1 ? payload.p[1] : 0;
    struct player *p = &t.players[first % PLAYERS];
    switch (what % 10) {
    case 0:
        end(p, second << 8);
        break;
    case 1:
        end(p, second & 0x7F);
        break;
    case 2:
        grace_passes(p);
        break;
    case 3:
        (void)is_due(&member_of(p)->restart);
        break;
    case 4:
        stop();
        break;
    case 5:
        (void)supervisor_reload(t.s);
        settle();
        break;
    case 6:
        t.now_ms += first << 8 | second;
        break;
    case 7:
        t.next_start_fails = true;
        break;
    case 8:
        last_words(p);
        break;
    default:
        all_may_be_killed();
        (void)is_due(&t.s->stop_timer);
    }
}

static unsigned count_descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void open_all(void)
{
    static const struct supervisor_handlers handlers = {.ready = on_ready, .failed = on_failed, .stopped = on_stopped};
    static const struct supervisor_options options = {.libexec_dir = "/nowhere",
                                                      .n_workers = 2,
                                                      .roles = (1u << ROLE_COUNT) - 2,
                                                      .verbose_log = true,
                                                      .log_level = LOG_LEVEL_DEBUG};
    struct diag why = {0};
    int ends[2];
    struct ev_loop *loop = ev_default_loop(EVFLAG_NOENV);
    memset(&t, 0, sizeof t);
    t.descriptors = count_descriptors();
    t.now_ms = 1000000;
    t.last_pid = FIRST_PID;
    t.is_listening = true;
    for (struct player *p = t.players; p < t.players + PLAYERS; p++)
        p->end.fd = -1;
    must(pipe2(ends, O_CLOEXEC) == 0);
    t.witness = ends[0];
    t.watched = ends[1];
    log_set_priorities(true);
    must(supervisor_new(loop, &options, &handlers, NULL, &t.s) == 0 && t.s->n_members == PLAYERS);
    must(supervisor_configure(t.s, ROLE_GATEWAY, SLICE_LITERAL("{}")) == 0);
    must(supervisor_give_file(t.s, ROLE_VAULT, CONTROL_FILE_ROOT_KEY, 0, t.watched) == 0);
    must(supervisor_start(t.s, &why) == 0);
    settle();
}

static void close_all(void)
{
    struct pollfd p = {.fd = t.witness, .events = POLLIN};
    t.is_over = true;
    supervisor_free(t.s);
    for (size_t i = 0; i < PLAYERS; i++) {
        must(t.players[i].pid == 0);
        far_end_close(&t.players[i].end);
    }
    t.is_listening = false;
    close(t.watched);
    must(poll(&p, 1, 0) == 1 && p.revents & POLLHUP);
    close(t.witness);
    must(count_descriptors() == t.descriptors);
}

/* Whatever they did before, a stop that they obey is one. */
static void stop_all(void)
{
    if (!t.is_stopping)
        stop();
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        for (struct player *p = t.players; p < t.players + PLAYERS; p++)
            end(p, 0);
    settle();
    must(t.is_stopped);
}

/* None; one; one that the frame's head does not tell of; a head that tells of one that does not come. */
static struct far_end_fds descriptors(unsigned how)
{
    return (struct far_end_fds){t.watched, how == 1 || how == 2, how == 1 || how == 3};
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const unsigned times[] = {1, 1, 1, 1, 2, 7, 60, 600};
    struct slice rest = slice_of(data, size);
    struct far_end_frame frame;
    open_all();
    while (far_end_next(&rest, &frame)) {
        if (frame.who % 8 == PLAYERS) {
            happen(frame.type, frame.payload);
            continue;
        }
        struct player *p = &t.players[frame.who % 8];
        const struct far_end_fds fds = descriptors(frame.who >> 3 & 3);
        for (unsigned i = 0; i < times[frame.who >> 5]; i++)
            say(p, &fds, far_end_type(&p->end, frame.type), frame.payload);
    }
    if (size % 2 == 0)
        stop_all();
    close_all();
    return 0;
}
