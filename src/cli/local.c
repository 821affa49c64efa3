/* local: the supervisor library around one question at a time. Called by check and run. Must hold: an answer is untrusted
 * input like any other; a peer that dies or will not serve ends the wait. */
#include "cli/local.h"

#include <errno.h>
#include <ev.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "supervisor/paths.h"

#define START_S 20.

struct local {
    struct ev_loop *loop;
    struct supervisor *supervisor;
    enum role plays, peer;
    struct channel *channel;
    bool is_ready, is_connected, is_failed, is_lost, is_answered, is_late;
    struct diag why;
    uint16_t awaited;
    struct buffer answer;
};

static void wake(struct local *l)
{
    ev_break(l->loop, EVBREAK_ALL);
}

static int on_message(struct channel *c, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)c;
    struct local *l = user;
    if (type != l->awaited || fd >= 0) {
        closep(&fd);
        return -SP_EPROTOCOL;
    }
    buffer_clear(&l->answer);
    l->awaited = WIRE_NONE;
    l->is_answered = buffer_append_slice(&l->answer, payload) == 0;
    wake(l);
    return l->is_answered ? 0 : -ENOMEM;
}

static void on_closed(struct channel *c, const char *reason, void *user)
{
    (void)reason;
    struct local *l = user;
    if (l->channel == c) {
        l->channel = NULL;
        l->is_lost = true;
        l->is_connected = false;
        wake(l);
    }
    channel_free(c);
}

static int on_connect(enum role peer, uint16_t index, int fd, void *user)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    struct local *l = user;
    if (peer != l->peer || index != 0) {
        close(fd);
        return 0;
    }
    /* The one before is dead; its owner learns it here, before the loop says so. */
    if (l->channel) {
        channel_free(TAKE_PTR(l->channel));
        l->is_lost = true;
    }
    int r = channel_new(l->loop, fd, l->plays, peer, &handlers, l, &l->channel);
    l->is_connected = r == 0;
    wake(l);
    return r;
}

static void on_ready(void *user)
{
    struct local *l = user;
    l->is_ready = true;
    wake(l);
}

static void on_failed(enum role role, int code, struct slice text, void *user)
{
    struct local *l = user;
    l->is_failed = true;
    (void)diag_set(&l->why, code, "%s: %.*s", role_name(role), SLICE_ARGS(text));
    wake(l);
}

static void on_late(struct ev_loop *loop, ev_timer *t, int events)
{
    (void)events;
    ((struct local *)t->data)->is_late = true;
    ev_break(loop, EVBREAK_ALL);
}

int local_new(enum role plays, enum role peer, uint32_t roles, bool verbose, struct local **ret, struct diag *reterr)
{
    static const struct supervisor_handlers handlers = {.ready = on_ready, .failed = on_failed, .connect = on_connect};
    char libexec[PATHS_MAX];
    struct local *l = calloc(1, sizeof *l);
    int r = l ? paths_libexec(NULL, libexec) : -ENOMEM;
    if (r < 0) {
        free(l);
        return diag_set(reterr, r, "the roles cannot be set up: %s", error_text(r));
    }
    *l = (struct local){.loop = ev_default_loop(EVFLAG_NOENV), .plays = plays, .peer = peer};
    l->answer = BUFFER_MAX(LIMIT_FRAME);
    const struct supervisor_options o = {.libexec_dir = libexec, .n_workers = 1, .roles = roles, .verbose_log = verbose,
                                         .log_level = LOG_LEVEL_DEBUG};
    r = l->loop ? supervisor_new(l->loop, &o, &handlers, l, &l->supervisor) : -ENOMEM;
    if (r == 0)
        r = supervisor_play(l->supervisor, plays);
    if (r < 0) {
        local_free(l);
        return diag_set(reterr, r, "the roles cannot be set up: %s", error_text(r));
    }
    *ret = l;
    return 0;
}

void local_free(struct local *l)
{
    if (!l)
        return;
    supervisor_free(l->supervisor);
    channel_free(l->channel);
    buffer_free(&l->answer);
    free(l);
}

struct supervisor *local_supervisor(struct local *l)
{
    return l->supervisor;
}

/* Runs the loop until `*flag`, a failure, or the end of the time (0: none). */
static int wait_for(struct local *l, const bool *flag, double seconds, struct diag *reterr)
{
    ev_timer late;
    ev_timer_init(&late, on_late, seconds, 0.);
    late.data = l;
    l->is_late = false;
    if (seconds > 0)
        ev_timer_start(l->loop, &late);
    while (!*flag && !l->is_failed && !l->is_late && !(l->is_lost && flag == &l->is_answered))
        ev_run(l->loop, 0);
    ev_timer_stop(l->loop, &late);
    if (l->is_failed) {
        *reterr = l->why;
        return l->why.code;
    }
    if (*flag)
        return 0;
    return l->is_late ? diag_set(reterr, -SP_ETIMEOUT, "%s did not start in time", role_name(l->peer))
                      : diag_set(reterr, -SP_EBUDGET, "%s ended without an answer", role_name(l->peer));
}

int local_start(struct local *l, struct diag *reterr)
{
    int r = supervisor_start(l->supervisor, reterr);
    return r < 0 ? r : wait_for(l, &l->is_ready, START_S, reterr);
}

int local_ask(struct local *l, uint16_t type, channel_encoder *encode, const void *message, uint16_t answer,
              struct slice *ret_payload, struct diag *reterr)
{
    /* After an end the supervisor connects us again. */
    int r = wait_for(l, &l->is_connected, START_S, reterr);
    if (r < 0)
        return r;
    l->is_lost = l->is_answered = false;
    l->awaited = answer;
    r = channel_send_with(l->channel, type, encode, message);
    if (r < 0)
        return diag_set(reterr, r, "%s cannot be asked: %s", role_name(l->peer), error_text(r));
    r = wait_for(l, &l->is_answered, 0., reterr);
    if (r == 0)
        *ret_payload = buffer_slice(&l->answer);
    return r;
}
