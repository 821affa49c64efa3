/* routes: matches a request to the one list of routes, and lets it through if its principal has the route's permission and it
 * has the form that the route states. Called for every request that the gateway passes on. Must never call a handler before
 * the permission is checked. */
#include "engine/routes.h"

#include <jansson.h>

#include "base/error.h"
#include "engine/auth.h"
#include "engine/body.h"
#include "engine/denials.h"
#include "engine/limiter.h"
#include "engine/metrics.h"
#include "engine/query.h"
#include "engine/request.h"
#include "engine/sessions.h"

static route_handler *const handlers[] = {
#define R(method, path, permission, name, ...) api_##name,
    ROUTES(R)
#undef R
};

static void refuse_rate(struct request *r, const char *what, const struct rate_answer *rate)
{
    denial_add(r, AUDIT_RATE_LIMITED, NULL, NULL, slice_text(what));
    respond_rate_limited(r, what, rate);
}

static bool is_permitted(struct request *r)
{
    if (access_may(ACCESS_NOBODY, r->route->permission))
        return true;
    struct rate_answer rate;
    if (!limiter_allow_login(r->peer, &rate)) {
        refuse_rate(r, "sign-ins from this address", &rate);
        return false;
    }
    int code = auth_check(r);
    if (code < 0) {
        limiter_count_failed_login(r->peer);
        denial_add(r, AUDIT_LOGIN_FAILED, NULL, NULL, slice_text(error_slug(code)));
        respond_problem(r, code, "Send the token of a principal as \"Authorization: Bearer …\".");
        return false;
    }
    r->is_proven = true;
    if (!access_may(r->who.role, r->route->permission)) {
        denial_add(r, AUDIT_REQUEST_DENIED, NULL, NULL, SLICE_LITERAL("the role lacks the permission"));
        respond_problem(r, -SP_EDENIED, "%s may not do this.", r->who.name);
        return false;
    }
    if (!limiter_allow_principal(r->who.name, &rate)) {
        refuse_rate(r, "requests of this principal", &rate);
        return false;
    }
    session_note(r);
    return true;
}

/* What stands in the query and the body is looked at only when the principal may know. */
static void serve(struct request *r)
{
    struct diag diag = {0};
    json_t *json = NULL;
    int code = request_query_read(r, &diag);
    code = code < 0 ? code : body_read(r, &json, &diag);
    if (code < 0) {
        respond_problem(r, code, "%s", diag.text);
    } else {
        r->json = json;
        handlers[r->route - routes](r);
    }
    json_decref(json);
}

static bool is_open;

void routes_open(void)
{
    is_open = true;
}

void route_request(struct request *r)
{
    char methods[ROUTE_METHODS];
    struct rate_answer rate;
    metrics_count(METRIC_REQUESTS);
    /* The gateway may be up before the tables are loaded and the keys unlocked [I8]. */
    if (!is_open) {
        respond_problem(r, -SP_EUNAVAILABLE, "The server is starting. Try again.");
        return;
    }
    r->route = route_match(r->method, r->path, r->params, methods);
    if (!limiter_allow_address(r->peer, &rate)) {
        refuse_rate(r, "requests from this address", &rate);
        return;
    }
    if (!r->route) {
        if (methods[0])
            respond_other_method(r, methods);
        else
            respond_problem(r, -SP_ENOTFOUND, "Nothing is served at this path.");
        return;
    }
    if (is_permitted(r))
        serve(r);
}
