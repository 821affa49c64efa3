/* retention: once an hour, workflow by workflow, one batch at a time, so that deleting never holds up what is being run. */
#include "engine/retention.h"

#include <ev.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/commit.h"
#include "engine/workflows.h"
#include "role/role.h"

#define DAY_MS 86400000ll

static ev_timer tick;
static uint64_t days;
static const struct workflow *current;
static bool is_busy;

static void next_workflow(void);

static void on_applied(int code, uint32_t n, void *user)
{
    (void)user;
    /* A full batch: there may be more of this workflow. */
    if (code < 0 || n < LIMIT_BATCH)
        current = code < 0 ? NULL : workflow_next(current);
    next_workflow();
}

static void next_workflow(void)
{
    struct commit *c = current ? commit_new(on_applied, NULL) : NULL;
    if (!c) {
        is_busy = false;
        return;
    }
    int64_t now = clock_wall_ms(), keep = current->retention_ms ? current->retention_ms : (int64_t)days * DAY_MS;
    struct audit_event e = {.action = AUDIT_RETENTION_APPLIED, .time_ms = now, .actor_kind = SLICE_LITERAL("server"),
                            .ns = slice_text(current->ns->name), .workflow = slice_text(current->name),
                            .before_ms = now > keep ? (uint64_t)(now - keep) : 0};
    commit_leaf(c, &e);
    commit_retention(c, current->id, now - keep);
    commit_submit(c);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    if (is_busy)
        return;
    is_busy = true;
    current = workflow_next(NULL);
    next_workflow();
}

void retention_start(uint64_t default_days)
{
    days = default_days;
    ev_timer_init(&tick, on_tick, 60., 3600.);
    ev_timer_start(role_loop(), &tick);
}
