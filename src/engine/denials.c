/* denials: an allowance for each kind of refusal, and one window for all in which what is beyond it is counted. Called by routes.c
 * and hooks.c where they refuse; what cannot be queued is counted too. A leaf tells the route's template, never the path as it was
 * asked for. */
#include "engine/denials.h"

#include <ev.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/commit.h"
#include "role/role.h"

static struct denials {
    int64_t used_until_ms; /* each leaf uses up LIMIT_DENIALS_EACH_MS, from now on or from here */
    uint64_t n_counted;
} kinds[AUDIT_ACTION_COUNT];
static ev_timer window;

static bool write_leaf(const struct audit_event *e)
{
    struct commit *c = commit_new(NULL, NULL);
    if (!c)
        return false;
    commit_leaf(c, e);
    commit_submit(c);
    return true;
}

static void write_count(enum audit_action action)
{
    char detail[LIMIT_NAME];
    (void)snprintf(detail, sizeof detail, "%llu more in %d seconds", (unsigned long long)kinds[action].n_counted,
                   LIMIT_DENIALS_COUNT_S);
    struct audit_event e = {.action = action, .time_ms = clock_wall_ms(), .outcome = AUDIT_DENIED,
                            .actor_kind = SLICE_LITERAL("server"), .detail = slice_text(detail)};
    if (write_leaf(&e))
        kinds[action].n_counted = 0;
}

static void on_window(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    bool is_left = false;
    for (unsigned i = 0; i < AUDIT_ACTION_COUNT; i++) {
        if (kinds[i].n_counted)
            write_count((enum audit_action)i);
        is_left = is_left || kinds[i].n_counted;
    }
    if (is_left) {
        ev_timer_set(timer, LIMIT_DENIALS_COUNT_S, 0.);
        ev_timer_start(role_loop(), timer);
    }
}

/* Takes the place of one leaf, if it may have one. */
static bool take(struct denials *kind)
{
    int64_t now_ms = clock_monotonic_ms(), from_ms = kind->used_until_ms > now_ms ? kind->used_until_ms : now_ms;
    if (from_ms - now_ms > (LIMIT_DENIALS - 1) * (int64_t)LIMIT_DENIALS_EACH_MS)
        return false;
    kind->used_until_ms = from_ms + LIMIT_DENIALS_EACH_MS;
    return true;
}

void denial_add(const struct request *r, enum audit_action action, const char *ns, const char *workflow, struct slice detail)
{
    char address[64];
    request_peer_text(r->peer, address);
    const char *name = r->who.name[0] ? r->who.name : NULL;
    struct audit_event e = {.action = action, .time_ms = r->at_ms, .outcome = AUDIT_DENIED,
                            .actor_kind = name ? SLICE_LITERAL("principal") : (struct slice){0}, .actor = slice_text(name),
                            .auth = name ? SLICE_LITERAL("token") : (struct slice){0}, .address = slice_text(address),
                            .method = slice_text(http_method_text((int)r->method)),
                            .path = slice_text(r->route ? r->route->path : NULL), .ns = slice_text(ns),
                            .workflow = slice_text(workflow), .detail = detail};
    if (!take(&kinds[action]) || !write_leaf(&e))
        kinds[action].n_counted++;
    if (!ev_is_active(&window)) {
        ev_timer_init(&window, on_window, LIMIT_DENIALS_COUNT_S, 0.);
        ev_timer_start(role_loop(), &window);
    }
}
