/* link: the channels of a member, from the one table in channels.h. Called when a member has started. Must hold: a
 * socketpair's ends go to the two roles of its line and to no one else; the supervisor keeps neither [I5]. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "supervisor/channels.h"
#include "supervisor/state.h"

static bool may_talk(enum role a, enum role b)
{
#define C(A, B)                                                                                                  \
    if ((a == ROLE_##A && b == ROLE_##B) || (a == ROLE_##B && b == ROLE_##A))                                    \
        return true;
    SUPERVISOR_CHANNELS(C)
#undef C
    return false;
}

/* The index that tells the peers' channels of `m` apart: only workers are many. */
static uint16_t channel_index(const struct member *m)
{
    return m->role == ROLE_WORKER ? m->index : 0;
}

static int hand_over(struct member *to, enum role peer, uint16_t index, int fd)
{
    struct msg_control_channel message = {.peer = (uint8_t)peer, .index = index};
    _cleanup_(buffer_free) struct buffer b = BUFFER_MAX(64);
    wire_encode_control_channel(&b, &message);
    int r = channel_send_fd(to->control, WIRE_CONTROL_CHANNEL, &b, fd);
    return r < 0 ? r : channel_flush(to->control);
}

/* The engine reads there which run a worker was at; it comes before the channel that it belongs to. */
static int give_page(struct member *engine, const struct member *worker)
{
    struct kept_file page = {.role = ROLE_ENGINE, .kind = CONTROL_FILE_WORKER_PAGE, .index = worker->index,
                             .fd = worker->page_fd};
    return member_send_file(engine, &page);
}

static int connect_members(struct member *a, struct member *b)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    int r = 0;
    if (a->role == ROLE_ENGINE && b->role == ROLE_WORKER)
        r = give_page(a, b);
    if (b->role == ROLE_ENGINE && a->role == ROLE_WORKER && give_page(b, a) < 0)
        member_kill(b);
    if (r >= 0)
        r = hand_over(a, b->role, channel_index(b), pair[0]);
    /* A peer that is just dying gets its channels when it is back; `a` has nothing to do with that. */
    if (r >= 0 && hand_over(b, a->role, channel_index(a), pair[1]) < 0)
        member_kill(b);
    close(pair[0]);
    close(pair[1]);
    return r;
}

static int connect_player(struct supervisor *s, struct member *m)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) < 0)
        return -errno;
    int r = hand_over(m, s->plays, 0, pair[1]);
    close(pair[1]);
    if (r < 0 || !s->handlers->connect) {
        close(pair[0]);
        return r;
    }
    return s->handlers->connect(m->role, channel_index(m), pair[0], s->user);
}

void link_connect(struct member *m, bool to_later_members_only)
{
    struct supervisor *s = m->s;
    int r = 0;
    for (unsigned i = 0; i < s->n_members && r >= 0; i++) {
        struct member *other = &s->members[i];
        bool wanted = !to_later_members_only || other > m;
        if (other != m && wanted && other->pid && other->control && may_talk(m->role, other->role))
            r = connect_members(m, other);
    }
    if (r >= 0 && s->plays != ROLE_ANY && may_talk(m->role, s->plays))
        r = connect_player(s, m);
    /* Half connected it would wait for ever: a restart tries again. One that has ended needs neither. */
    if (r < 0 && r != -EPIPE) {
        report_problem(m, "role.connect-failed", error_text(r));
        member_kill(m);
    }
}
