/* denials: one window of a second for each kind of refusal. Called by routes.c and hooks.c where they refuse; what cannot be
 * queued is counted too. A leaf tells the route's template, never the path as it was asked for. */
#include "engine/denials.h"

#include <ev.h>
#include <stdio.h>

#include "base/clock.h"
#include "engine/commit.h"
#include "role/role.h"

static struct {
    unsigned n_written;
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
    (void)snprintf(detail, sizeof detail, "%llu more in one second", (unsigned long long)kinds[action].n_counted);
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
        kinds[i].n_written = 0;
        if (kinds[i].n_counted)
            write_count((enum audit_action)i);
        is_left = is_left || kinds[i].n_counted;
    }
    if (is_left)
        ev_timer_start(role_loop(), timer);
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
    if (kinds[action].n_written < LIMIT_DENIALS_PER_S && write_leaf(&e))
        kinds[action].n_written++;
    else
        kinds[action].n_counted++;
    if (!ev_is_active(&window)) {
        ev_timer_init(&window, on_window, 1., 0.);
        ev_timer_start(role_loop(), &window);
    }
}
