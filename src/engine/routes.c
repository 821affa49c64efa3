/* routes: matches a request to the one list of routes, and lets it through if its principal has the route's permission.
 * Called for every request that the gateway passes on. Must never call a handler before the permission is checked. */
#include "engine/routes.h"

#include <stdio.h>

#include "base/error.h"
#include "base/must.h"
#include "engine/auth.h"
#include "engine/denials.h"
#include "engine/limiter.h"
#include "engine/metrics.h"
#include "engine/request.h"

static const struct route routes[] = {
#define R(method, path, permission, name, summary) {method, path, permission, api_##name, summary},
    ROUTES(R)
#undef R
};

/* A route whose permission was left unset does not compile. */
#define R(method, path, permission, name, summary)                                                               \
    _Static_assert(permission != PERMIT_UNSET, "the route " path " needs a permission");
ROUTES(R)
#undef R

static const enum access_role needed[] = {
    [PERMIT_UNSET] = (enum access_role)255,
#define P(NAME, role) [NAME] = role,
    PERMISSIONS(P)
#undef P
};

static const char *const role_texts[] = {
#define A(NAME, name) name,
    ACCESS_ROLES(A)
#undef A
};

bool access_may(enum access_role role, enum permission permission)
{
    return role >= needed[permission];
}

const char *access_role_text(enum access_role role)
{
    return role <= ACCESS_OWNER ? role_texts[role] : "?";
}

int access_role_parse(struct slice s)
{
    for (size_t i = 0; i < sizeof role_texts / sizeof role_texts[0]; i++)
        if (slice_is(s, role_texts[i]))
            return (int)i;
    return -1;
}

/* Matches segment by segment; a {name} takes one whole segment that is not empty. */
static bool path_matches(const char *pattern, struct slice path, struct slice params[ROUTE_PARAMS])
{
    struct slice want = slice_text(pattern), part, given;
    size_t n = 0;
    while (slice_split(&want, '/', &part)) {
        if (!slice_split(&path, '/', &given))
            return false;
        if (part.len && part.p[0] == '{') {
            if (given.len == 0 || given.len > LIMIT_NAME || n == ROUTE_PARAMS)
                return false;
            params[n++] = given;
        } else if (!slice_equal(part, given)) {
            return false;
        }
    }
    return path.p == NULL;
}

const struct route *route_match(enum http_method method, struct slice path, struct slice ret_params[ROUTE_PARAMS],
                                char ret_methods[ROUTE_METHODS])
{
    size_t n = 0;
    ret_methods[0] = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        struct slice params[ROUTE_PARAMS] = {0};
        if (!path_matches(routes[i].path, path, params))
            continue;
        if (routes[i].method == method || (method == HTTP_HEAD && routes[i].method == HTTP_GET)) {
            memcpy(ret_params, params, sizeof params);
            return &routes[i];
        }
        int len = snprintf(ret_methods + n, ROUTE_METHODS - n, "%s%s", n ? ", " : "", http_method_text((int)routes[i].method));
        must(len > 0 && n + (size_t)len < ROUTE_METHODS);
        n += (size_t)len;
    }
    return NULL;
}

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
    if (!access_may(r->who.role, r->route->permission)) {
        denial_add(r, AUDIT_REQUEST_DENIED, NULL, NULL, SLICE_LITERAL("the role lacks the permission"));
        respond_problem(r, -SP_EDENIED, "%s may not do this.", r->who.name);
        return false;
    }
    if (!limiter_allow_principal(r->who.name, &rate)) {
        refuse_rate(r, "requests of this principal", &rate);
        return false;
    }
    return true;
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
        r->route->handler(r);
}
