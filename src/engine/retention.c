/* retention: once an hour, the deliveries that are too old to be remembered, and then the runs, workflow by workflow, one
 * batch at a time, so that deleting never holds up what is being run. */
#include "engine/retention.h"

#include <ev.h>

#include "base/clock.h"
#include "base/error.h"
#include "engine/commit.h"
#include "engine/deliveries.h"
#include "engine/workflows.h"
#include "role/role.h"

#define DAY_MS 86400000ll

struct rule {
    char ns[64];
    uint64_t days;
};

static struct rule rules[LIMIT_RETENTION_RULES];
static size_t n_rules;
static ev_timer tick;
static uint64_t default_days = 90;
static const struct workflow *current;
static bool is_busy;

int retention_set(const char *text)
{
    struct slice rest = slice_text(text), ns;
    struct rule rule = {0};
    if (n_rules == LIMIT_RETENTION_RULES)
        return -SP_ELIMIT;
    if (!slice_split(&rest, '=', &ns) || !name_is_dsl(ns) || slice_parse_u64(rest, &rule.days) < 0 || rule.days == 0)
        return -SP_EINVALID;
    memcpy(rule.ns, ns.p, ns.len);
    rules[n_rules++] = rule;
    return 0;
}

void retention_clear(void)
{
    n_rules = 0;
}

static int64_t keep_ms(const struct workflow *w)
{
    int64_t keep = w->retention_ms ? w->retention_ms : 0;
    for (size_t i = 0; i < n_rules; i++) {
        int64_t most = (int64_t)(rules[i].days < 36500 ? rules[i].days : 36500) * DAY_MS;
        if (strcmp(rules[i].ns, w->ns->name) == 0 && (!keep || most < keep))
            keep = most;
    }
    return keep ? keep : (int64_t)default_days * DAY_MS;
}

/* The live version speaks for the runs of all: those of earlier ones may be loaded, too. */
static const struct workflow *next_live(const struct workflow *after)
{
    const struct workflow *w = workflow_next(after);
    while (w && workflow_find(slice_text(w->ns->name), slice_text(w->name)) != w)
        w = workflow_next(w);
    return w;
}

static void next_workflow(void);

static void on_applied(int code, uint32_t n, void *user)
{
    (void)user;
    /* A full batch: there may be more of this workflow. */
    if (code < 0 || n < LIMIT_BATCH)
        current = code < 0 ? NULL : next_live(current);
    next_workflow();
}

static void next_workflow(void)
{
    struct commit *c = current ? commit_new(on_applied, NULL) : NULL;
    if (!c) {
        is_busy = false;
        return;
    }
    int64_t now = clock_wall_ms(), keep = keep_ms(current);
    struct audit_event e = {.action = AUDIT_RETENTION_APPLIED, .time_ms = now, .actor_kind = SLICE_LITERAL("server"),
                            .ns = slice_text(current->ns->name), .workflow = slice_text(current->name),
                            .before_ms = now > keep ? (uint64_t)(now - keep) : 0};
    commit_retention(c, current->id, now - keep, &e);
    commit_submit(c);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    struct commit *c = commit_new(NULL, NULL);
    if (c) {
        commit_deliveries_prune(c, clock_wall_ms() - DELIVERY_KEEP_MS);
        commit_submit(c);
    }
    if (is_busy)
        return;
    is_busy = true;
    current = next_live(NULL);
    next_workflow();
}

void retention_set_default(uint64_t days)
{
    default_days = days;
}

void retention_start(void)
{
    ev_timer_init(&tick, on_tick, 60., 3600.);
    ev_timer_start(role_loop(), &tick);
}
