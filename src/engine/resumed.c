/* resumed: see resumed.h. A server signs its log each second, and at a stop in order all of it. So at a start a second's leaves may
 * be without a signature, after a crash, and none after a stop; more were perhaps written by who can write the database. They cannot be
 * told apart from the server's own, and are signed with the rest: what tells of them afterwards is the leaf that is written here. */
#include "engine/resumed.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "engine/commit.h"
#include "store/audit.h"

#define USUAL_MS 10000 /* between the first and the last of them: the vault may have been away for a while */

struct end_leaf {
    enum audit_action action; /* AUDIT_ACTION_NONE: no leaf as a server writes it */
    int64_t time_ms;
};

static struct {
    uint64_t signed_size, n;
    int64_t ms;
    const char *oddity; /* what a crash does not explain; NULL: nothing */
} unsigned_leaves;

static int on_leaf(void *user, uint64_t index, struct slice leaf)
{
    (void)index;
    struct end_leaf *end = user;
    _cleanup_buffer_ struct buffer memory = BUFFER_MAX(LIMIT_LEAF);
    struct audit_event event;
    int r = audit_leaf_decode(leaf, &event, &memory);
    if (r == 0)
        *end = (struct end_leaf){event.action, event.time_ms};
    return r == -ENOMEM ? r : 0;
}

static int leaf_at(struct store_reader *reader, uint64_t index, struct end_leaf *ret)
{
    *ret = (struct end_leaf){0};
    return store_leaves(reader, index, index + 1, on_leaf, ret);
}

static const char *oddity_of(const struct end_leaf *last_signed, const struct end_leaf *first, const struct end_leaf *last)
{
    bool is_start = first->action == AUDIT_SERVER_STARTED || first->action == AUDIT_LOG_RESUMED;
    if (!first->action || !last->action)
        return "they are not as a server writes them";
    if (last_signed->action == AUDIT_SERVER_STOPPED && !is_start)
        return "the server had stopped in order";
    if (last->time_ms - first->time_ms > USUAL_MS || first->time_ms - last->time_ms > USUAL_MS)
        return "they are more than a crash leaves";
    return NULL;
}

int resumed_look(struct store_reader *reader, uint64_t signed_size)
{
    uint64_t size = 0;
    struct end_leaf last_signed = {0}, first, last;
    int r = store_leaf_count(reader, &size);
    if (r < 0 || size <= signed_size)
        return r;
    r = signed_size ? leaf_at(reader, signed_size - 1, &last_signed) : 0;
    r = r < 0 ? r : leaf_at(reader, signed_size, &first);
    r = r < 0 ? r : leaf_at(reader, size - 1, &last);
    if (r < 0)
        return r;
    unsigned_leaves.signed_size = signed_size;
    unsigned_leaves.n = size - signed_size;
    unsigned_leaves.ms = last.time_ms - first.time_ms;
    unsigned_leaves.oddity = oddity_of(&last_signed, &first, &last);
    return 0;
}

bool resumed_tell(void)
{
    char from[24], detail[AUDIT_TEXT_MAX];
    const char *oddity = unsigned_leaves.oddity;
    if (unsigned_leaves.n == 0)
        return true;
    (void)snprintf(from, sizeof from, "%llu", (unsigned long long)unsigned_leaves.signed_size);
    (void)snprintf(detail, sizeof detail, "%llu without a signature, within %lld ms%s%s", (unsigned long long)unsigned_leaves.n,
                   (long long)unsigned_leaves.ms, oddity ? ": " : "", oddity ? oddity : "");
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
