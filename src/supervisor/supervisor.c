/* supervisor: which roles there are, when they start, start again and stop. Linked by sallyportd and by the command.
 * Must hold: a role that dies comes back within a second (later if it keeps dying), with new channels on both sides; a role
 * that says that it will not serve before all have served stops the whole; after the end no process is left. */
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/must.h"
#include "supervisor/state.h"

#define BACKOFF_FIRST_MS  100
#define BACKOFF_BUDGET_MS 10    /* a worker that a run used up, a checker that has answered: nothing is wrong */
#define LIVED_WELL_MS     10000 /* a role that lived this long starts without the penalty of before */
#define STOP_STAGE_S      10.   /* what has not ended by then is killed */
#define STATUS_FAILED     4

static void on_restart_timer(struct ev_loop *loop, ev_timer *w, int events);
static void on_stop_timer(struct ev_loop *loop, ev_timer *w, int events);
static void on_end_timer(struct ev_loop *loop, ev_timer *w, int events);

static void add_member(struct supervisor *s, enum role role, uint16_t index)
{
    struct member *m = &s->members[s->n_members++];
    *m = (struct member){.s = s, .role = role, .index = index, .page_fd = -1, .backoff_ms = BACKOFF_FIRST_MS};
    ev_timer_init(&m->restart, on_restart_timer, 0., 0.);
    m->restart.data = m;
}

static void add_members(struct supervisor *s)
{
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++) {
        if (!(s->options.roles & 1u << role))
            continue;
        unsigned n = role == ROLE_WORKER ? s->options.n_workers : 1;
        for (unsigned i = 0; i < n; i++)
            add_member(s, (enum role)role, (uint16_t)i);
    }
}

int supervisor_new(struct ev_loop *loop, const struct supervisor_options *options, const struct supervisor_handlers *handlers,
                   void *user, struct supervisor **ret)
{
    /* libev reaps children in its default loop only. */
    must(ev_is_default_loop(loop));
    if (options->n_workers < 1 || options->n_workers > LIMIT_WORKERS || !options->libexec_dir)
        return -SP_EINVALID;
    struct supervisor *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    *s = (struct supervisor){.loop = loop, .options = *options, .handlers = handlers, .user = user, .plays = ROLE_ANY};
    s->libexec_dir = strdup(options->libexec_dir);
    s->data_dir = options->data_dir ? strdup(options->data_dir) : NULL;
    if (!s->libexec_dir || (options->data_dir && !s->data_dir)) {
        supervisor_free(s);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        s->config[i] = BUFFER_MAX(LIMIT_CONFIG);
    ev_timer_init(&s->stop_timer, on_stop_timer, 0., 0.);
    ev_timer_init(&s->end_timer, on_end_timer, 0., 0.);
    s->stop_timer.data = s->end_timer.data = s;
    add_members(s);
    *ret = s;
    return 0;
}

void supervisor_free(struct supervisor *s)
{
    if (!s)
        return;
    for (unsigned i = 0; i < s->n_members; i++)
        member_release(&s->members[i]);
    for (unsigned i = 0; i < s->n_files; i++)
        close(s->files[i].fd);
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        buffer_free(&s->config[i]);
    ev_timer_stop(s->loop, &s->stop_timer);
    ev_timer_stop(s->loop, &s->end_timer);
    free(s->libexec_dir);
    free(s->data_dir);
    free(s);
}

int supervisor_play(struct supervisor *s, enum role self)
{
    if (s->state != SUPERVISOR_IDLE || (s->options.roles & 1u << self))
        return -SP_EINVALID;
    s->plays = self;
    return 0;
}

int supervisor_configure(struct supervisor *s, enum role role, struct slice json)
{
    must((unsigned)role < ROLE_COUNT);
    s->config[role].secret = true; /* the vault's may hold a passphrase */
    buffer_clear(&s->config[role]);
    return buffer_append_slice(&s->config[role], json);
}

int supervisor_give_file(struct supervisor *s, enum role role, enum control_file_kind kind, uint16_t index, int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (copy < 0)
        return -errno;
    struct kept_file *f = NULL;
    for (unsigned i = 0; i < s->n_files; i++)
        if (s->files[i].role == role && s->files[i].kind == kind && s->files[i].index == index)
            f = &s->files[i];
    if (f) {
        close(f->fd);
    } else if (s->n_files < SUPERVISOR_FILES) {
        f = &s->files[s->n_files++];
    } else {
        close(copy);
        return -SP_ELIMIT;
    }
    *f = (struct kept_file){.role = role, .kind = kind, .index = index, .fd = copy, .is_new = true};
    return 0;
}

int supervisor_start(struct supervisor *s, struct diag *reterr)
{
    must(s->state == SUPERVISOR_IDLE);
    int r = s->data_dir && (s->options.roles & 1u << ROLE_ENGINE) ? child_prepare_data_dir(s->data_dir, reterr) : 0;
    for (unsigned i = 0; i < s->n_members && r >= 0; i++)
        r = member_spawn(&s->members[i], reterr);
    if (r < 0)
        return r;
    s->state = SUPERVISOR_RUNNING;
    for (unsigned i = 0; i < s->n_members; i++)
        link_connect(&s->members[i], true);
    for (unsigned i = 0; i < s->n_members; i++)
        member_go(&s->members[i]);
    return 0;
}

static int reload_member(struct member *m)
{
    struct supervisor *s = m->s;
    struct msg_control_config config = {.json = buffer_slice(&s->config[m->role])};
    int r = config.json.len ? CHANNEL_SEND(m->control, CONTROL_CONFIG, control_config, &config) : 0;
    for (unsigned i = 0; i < s->n_files && r >= 0; i++)
        if (s->files[i].role == m->role && s->files[i].is_new) {
            r = member_send_file(m, &s->files[i]);
            s->files[i].is_new = false;
        }
    return r < 0 ? r : CHANNEL_SEND(m->control, CONTROL_RELOAD, control_reload, &(struct msg_control_reload){0});
}

int supervisor_reload(struct supervisor *s)
{
    int result = 0;
    for (unsigned i = 0; i < s->n_members; i++) {
        struct member *m = &s->members[i];
        int r = m->control && m->role != ROLE_WORKER ? reload_member(m) : 0;
        if (r < 0)
            result = r;
    }
    return result;
}

/* --- the end --------------------------------------------------------------------------------------------------------- */

/* Who stops together: the gateway takes nothing new, then the engine finishes with the help of all the others. */
static bool is_in_stage(enum role role, unsigned stage)
{
    static const uint32_t stages[] = {1u << ROLE_GATEWAY, 1u << ROLE_ENGINE,
                                      1u << ROLE_EGRESS | 1u << ROLE_VAULT | 1u << ROLE_WORKER |
                                          1u << ROLE_CHECKER};
    return stage < sizeof stages / sizeof stages[0] && (stages[stage] & 1u << role);
}

#define STOP_STAGES 3

static bool is_stage_over(const struct supervisor *s)
{
    for (unsigned i = 0; i < s->n_members; i++)
        if (is_in_stage(s->members[i].role, s->stop_stage) && !member_is_gone(&s->members[i]))
            return false;
    return true;
}

static void enter_stage(struct supervisor *s)
{
    while (s->stop_stage < STOP_STAGES && is_stage_over(s))
        s->stop_stage++;
    ev_timer_stop(s->loop, &s->stop_timer);
    if (s->stop_stage == STOP_STAGES) {
        s->state = SUPERVISOR_STOPPED;
        ev_timer_start(s->loop, &s->end_timer);
        return;
    }
    for (unsigned i = 0; i < s->n_members; i++) {
        struct member *m = &s->members[i];
        if (is_in_stage(m->role, s->stop_stage) && !member_is_gone(m) && !m->was_told_to_stop)
            member_tell_stop(m);
    }
    ev_timer_set(&s->stop_timer, STOP_STAGE_S, 0.);
    ev_timer_start(s->loop, &s->stop_timer);
}

static void on_stop_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    struct supervisor *s = w->data;
    for (unsigned i = 0; i < s->n_members; i++)
        if (is_in_stage(s->members[i].role, s->stop_stage)) {
            report_problem(&s->members[i], "role.killed", "it did not end in time");
            member_kill(&s->members[i]);
        }
}

static void on_end_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop;
    (void)events;
    struct supervisor *s = w->data;
    if (s->handlers->stopped)
        s->handlers->stopped(s->status, s->user);
}

void supervisor_stop(struct supervisor *s)
{
    if (s->state == SUPERVISOR_STOPPED)
        return;
    for (unsigned i = 0; i < s->n_members; i++) {
        ev_timer_stop(s->loop, &s->members[i].restart);
        /* Asked twice: whoever asks has no more patience. */
        if (s->state == SUPERVISOR_STOPPING)
            member_kill(&s->members[i]);
    }
    if (s->state != SUPERVISOR_STOPPING) {
        s->state = SUPERVISOR_STOPPING;
        enter_stage(s);
    }
}

/* --- what the members report ------------------------------------------------------------------------------------------- */

void supervisor_member_ready(struct member *m)
{
    struct supervisor *s = m->s;
    for (unsigned i = 0; i < s->n_members; i++)
        if (!s->members[i].is_ready)
            return;
    if (s->was_ready || s->state != SUPERVISOR_RUNNING)
        return;
    s->was_ready = true;
    if (s->handlers->ready)
        s->handlers->ready(s->user);
}

void supervisor_member_failed(struct member *m, int code, struct slice text)
{
    struct supervisor *s = m->s;
    if (s->state != SUPERVISOR_RUNNING)
        return;
    if (s->was_ready) {
        /* It served once: this is a role's death like another, and a role that was taken over may not end the server by it. */
        char line[LIMIT_LOG_LINE];
        (void)snprintf(line, sizeof line, "%.*s", SLICE_ARGS(text));
        report_problem(m, "role.failed", line);
        member_kill(m);
        return;
    }
    s->status = STATUS_FAILED;
    if (s->handlers->failed)
        s->handlers->failed(m->role, code < 0 ? code : -SP_EUNAVAILABLE, text, s->user);
    supervisor_stop(s);
}

/* Workers and checkers are used up by their work, and end in order when the engine that they served is gone. */
static bool is_ordinary_end(const struct member *m)
{
    int status = m->wait_status;
    if (m->role != ROLE_WORKER && m->role != ROLE_CHECKER)
        return false;
    return m->was_asked_to_restart || (WIFEXITED(status) && WEXITSTATUS(status) == SP_EXIT_BUDGET) ||
           (m->is_ready && WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static unsigned next_backoff(struct member *m)
{
    if (is_ordinary_end(m)) {
        m->was_asked_to_restart = true;
        return BACKOFF_BUDGET_MS;
    }
    if (m->lived_ms >= LIVED_WELL_MS)
        m->backoff_ms = BACKOFF_FIRST_MS;
    m->lived_ms = 0;
    unsigned now = m->backoff_ms;
    m->backoff_ms = now * 2 > LIMIT_BACKOFF_MS ? LIMIT_BACKOFF_MS : now * 2;
    return now;
}

void supervisor_member_gone(struct member *m)
{
    struct supervisor *s = m->s;
    bool no_exec = WIFEXITED(m->wait_status) && WEXITSTATUS(m->wait_status) == CHILD_EXIT_NO_EXEC;
    if (s->state == SUPERVISOR_RUNNING && no_exec)
        supervisor_member_failed(m, -ENOEXEC, SLICE_LITERAL("its executable cannot be run"));
    if (s->state != SUPERVISOR_RUNNING) {
        report_ended(m, 0);
        if (s->state == SUPERVISOR_STOPPING && is_stage_over(s))
            enter_stage(s);
        return;
    }
    m->lived_ms += clock_monotonic_ms() - m->started_ms;
    unsigned delay_ms = next_backoff(m);
    report_ended(m, delay_ms);
    ev_timer_set(&m->restart, delay_ms / 1000., 0.);
    ev_timer_start(s->loop, &m->restart);
}

static void on_restart_timer(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)events;
    struct member *m = w->data;
    struct diag why = {0};
    int r = member_spawn(m, &why);
    if (r >= 0) {
        link_connect(m, false);
        member_go(m);
        return;
    }
    report_problem(m, "role.start-failed", why.text);
    /* A child that did start is on its way to supervisor_member_gone. */
    if (member_is_gone(m)) {
        ev_timer_set(&m->restart, next_backoff(m) / 1000., 0.);
        ev_timer_start(loop, &m->restart);
    }
}
