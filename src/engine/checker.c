/* checker: definitions that wait to be checked, one at a time, each by a checker that was started for it: as
 * soon as one has answered, or taken too long, it is ended, and the next definition waits for its successor.
 * Called by deploy.c and peers.c. Must hold: from a checker one answer is taken, to the one question that it
 * was asked; what a definition may have done to its checker ends with it. */
#include "engine/checker.h"

#include <ev.h>

#include "base/error.h"
#include "base/log.h"
#include "base/must.h"
#include "role/role.h"

/* Wall time, for a definition whose turn has come: the processor time that it may take, on a busy machine,
 * and a start. */
#define CHECK_S (6. * LIMIT_COMPILE_CPU_MS / 1000.)

struct question {
    struct slice text; /* the asker's */
    checker_answered *answered;
    void *user;
};

static struct {
    struct channel *channel; /* NULL while the next one starts */
    struct question queue[LIMIT_CHECKS];
    unsigned first, n; /* a ring; the first one's turn has come */
    bool is_asked;     /* the first one has been sent */
    uint64_t tag;      /* of what was sent last */
    ev_timer deadline; /* for the first one */
} checker;

static void begin_turn(void);

/* Ends the first one's turn. Whoever is told may ask again. */
static void answer_first(int code, const struct msg_checker_findings *findings)
{
    must(checker.n);
    const struct question q = checker.queue[checker.first];
    checker.first = (checker.first + 1) % LIMIT_CHECKS;
    checker.n--;
    checker.is_asked = false;
    ev_timer_stop(role_loop(), &checker.deadline);
    q.answered(code, findings, q.user);
    begin_turn();
}

/* The channel is closed on our side, so nothing more is heard on it, whether or not the process ends at once.
 */
static void retire(const char *why)
{
    if (!checker.channel)
        return;
    channel_close(checker.channel, why);
    checker.channel = NULL;
    (void)role_ask_restart(ROLE_CHECKER, 0);
}

static void on_deadline(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    bool was_asked = checker.is_asked;
    retire("no answer in time");
    answer_first(was_asked ? -SP_EBUDGET : -SP_EUNAVAILABLE, NULL);
}

static void ask_first(void)
{
    struct msg_checker_check m = {.tag = ++checker.tag, .text = checker.queue[checker.first].text};
    checker.is_asked = CHANNEL_SEND(checker.channel, CHECKER_CHECK, checker_check, &m) == 0;
    if (!checker.is_asked)
        retire("a definition could not be sent");
}

static void begin_turn(void)
{
    if (checker.n == 0 || checker.is_asked)
        return;
    if (!ev_is_active(&checker.deadline)) {
        ev_timer_init(&checker.deadline, on_deadline, CHECK_S, 0.);
        ev_timer_start(role_loop(), &checker.deadline);
    }
    if (checker.channel)
        ask_first();
}

/* --- what the checker says ---------------------------------------------------------------------------- */

static int on_findings(struct channel *channel, struct slice payload, int fd)
{
    (void)fd;
    struct msg_checker_findings m;
    int r = wire_decode_checker_findings(payload, &m);
    if (r < 0)
        return r;
    if (channel != checker.channel || !checker.is_asked || m.tag != checker.tag)
        return -SP_EPROTOCOL;
    retire("it has answered");
    answer_first(m.code, &m);
    return 0;
}

static role_message_handler *const handlers[WIRE_TYPE_COUNT] = {[WIRE_CHECKER_FINDINGS] = on_findings};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    return role_dispatch(handlers, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

static void lose_current(const char *reason)
{
    log_event(LOG_LEVEL_WARN, "engine.peer-lost", "peer", role_name(ROLE_CHECKER), "reason", reason, NULL);
    checker.channel = NULL;
    if (checker.is_asked)
        answer_first(-SP_EBUDGET, NULL);
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)user;
    if (channel_is_breached(channel))
        (void)role_ask_restart(ROLE_CHECKER, 0);
    if (channel == checker.channel)
        lose_current(reason);
    channel_free(channel);
}

int checker_connect(int fd)
{
    static const struct channel_handlers table = {.message = on_message, .closed = on_closed};
    struct channel *fresh;
    int r = channel_new(role_loop(), fd, ROLE_ENGINE, ROLE_CHECKER, &table, NULL, &fresh);
    if (r < 0)
        return r;
    if (checker.channel) {
        channel_close(checker.channel, "replaced");
        lose_current("replaced");
    }
    checker.channel = fresh;
    begin_turn();
    return 0;
}

int checker_ask(struct slice text, checker_answered *answered, void *user)
{
    if (checker.n == LIMIT_CHECKS)
        return -SP_EOVERLOAD;
    checker.queue[(checker.first + checker.n) % LIMIT_CHECKS] =
        (struct question){.text = text, .answered = answered, .user = user};
    checker.n++;
    begin_turn();
    return 0;
}
