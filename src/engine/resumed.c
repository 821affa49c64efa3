/* resumed: see resumed.h. A server signs its start before it serves, then its log each second, and at a stop in order all of it. So at
 * a start a second's leaves may be without a signature, after a crash, and none after a stop, but for those of starts that came to
 * nothing; others were written by who can write the database. A crash's cannot be told from those that he adds to them, and all are
 * signed with the rest: what tells of them afterwards is the leaf that is written here. */
#include "engine/resumed.h"

#include <errno.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/commit.h"
#include "store/audit.h"

/* What the leaf before says of the server. */
enum phase { SERVES, STOPPED, STARTS };

struct tail {
    enum phase phase;
    const char *oddity; /* what a crash does not explain; NULL: nothing */
    struct buffer memory;
};

static struct {
    uint64_t signed_size, n;
    const char *oddity;
} unsigned_leaves;

static enum phase phase_after(enum audit_action action)
{
    if (action == AUDIT_SERVER_STARTED || action == AUDIT_LOG_RESUMED)
        return STARTS;
    return action == AUDIT_SERVER_STOPPED ? STOPPED : SERVES;
}

/* A leaf's time is that of what it tells, which may be long before it was written: nothing follows from it. */
static const char *oddity_of(enum phase before, enum phase now)
{
    if (now == STARTS)
        return NULL; /* as often as a start did not come to a signature */
    return before == STOPPED  ? "the server had stopped in order"
           : before == STARTS ? "a server that starts does nothing before its start is signed"
                              : NULL;
}

static int decode(struct tail *t, struct slice leaf, enum phase *ret)
{
    struct audit_event event;
    buffer_clear(&t->memory);
    int r = audit_leaf_decode(leaf, &event, &t->memory);
    if (r == 0)
        *ret = phase_after(event.action);
    return r;
}

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    (void)index;
    struct tail *t = user;
    enum phase now = SERVES;
    int r = decode(t, leaf, &now);
    if (r == -ENOMEM)
        return r;
    t->oddity = r < 0 ? "they are not as a server writes them" : oddity_of(t->phase, now);
    t->phase = now;
    return t->oddity ? 1 : 0;
}

/* Behind a start that is signed the server serves. */
static int on_signed_leaf(void *user, uint64_t index, struct slice leaf)
{
    (void)index;
    struct tail *t = user;
    enum phase now = SERVES;
    int r = decode(t, leaf, &now);
    t->phase = now == STOPPED ? STOPPED : SERVES;
    return r == -ENOMEM ? r : 0;
}

int resumed_look(struct store_reader *reader, uint64_t signed_size)
{
    uint64_t size = 0;
    struct tail tail = {.memory = BUFFER_MAX(LIMIT_LEAF)};
    int r = store_leaf_count(reader, &size);
    if (r < 0 || size <= signed_size)
        return r;
    r = signed_size ? store_leaves(reader, signed_size - 1, signed_size, on_signed_leaf, &tail) : 0;
    r = r < 0 ? r : store_leaves(reader, signed_size, size, on_leaf, &tail);
    buffer_free(&tail.memory);
    if (r < 0)
        return r;
    unsigned_leaves.signed_size = signed_size;
    unsigned_leaves.n = size - signed_size;
    unsigned_leaves.oddity = tail.oddity;
    return 0;
}

bool resumed_tell(void)
{
    char from[24], detail[AUDIT_TEXT_MAX];
    const char *oddity = unsigned_leaves.oddity;
    if (unsigned_leaves.n == 0)
        return true;
    (void)snprintf(from, sizeof from, "%llu", (unsigned long long)unsigned_leaves.signed_size);
    (void)snprintf(detail, sizeof detail, "%llu without a signature%s%s", (unsigned long long)unsigned_leaves.n, oddity ? ": " : "",
                   oddity ? oddity : "");
    log_event(oddity ? LOG_LEVEL_WARN : LOG_LEVEL_INFO, "engine.log-resumed", "from", from, "leaves", detail, NULL);
    struct commit *c = commit_new(NULL, NULL);
    if (!c)
        return false;
    struct audit_event e = {.action = AUDIT_LOG_RESUMED, .time_ms = clock_wall_ms(), .actor_kind = SLICE_LITERAL("server"),
                            .outcome = oddity ? AUDIT_FAILED : AUDIT_OK, .object = slice_text(from), .detail = slice_text(detail)};
    commit_leaf(c, &e);
    commit_submit(c);
    unsigned_leaves.n = 0;
    return true;
}
