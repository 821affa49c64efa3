/* route_table: the list of routes.h as a table, and which line a request matches. Pure: the description of
 * the API is made of it without a server. */
#include <stdio.h>

#include "base/must.h"
#include "engine/routes.h"
#include "wire/refusals.h"

const struct route routes[] = {
#define R(method, path, permission, name, summary, ...)                                                      \
    {method, path, permission, #name, summary, __VA_ARGS__},
    ROUTES(R)
#undef R
};
const size_t routes_n = sizeof routes / sizeof routes[0];

/* A route whose permission was left unset does not compile. */
#define R(method, path, permission, ...)                                                                     \
    _Static_assert(permission != PERMIT_UNSET, "the route " path " needs a permission");
ROUTES(R)
#undef R

static const struct {
    enum access_role needed;
    const char *text;
} permissions[] = {[PERMIT_UNSET] = {(enum access_role)255, "UNSET"},
#define P(NAME, role) [NAME] = {role, &#NAME[sizeof "PERMIT_" - 1]},
                   PERMISSIONS(P)
#undef P
};

static const char *const role_texts[] = {
#define A(NAME, name) name,
    ACCESS_ROLES(A)
#undef A
};

static const char *const media_texts[] = {NULL,
#define M(NAME, text) text,
                                          MEDIA_TYPES(M)
#undef M
};

bool access_may(enum access_role role, enum permission permission)
{
    return role >= permissions[permission].needed;
}

enum access_role access_needed(enum permission permission)
{
    return permissions[permission].needed;
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

const char *permission_text(enum permission permission)
{
    return permissions[permission].text;
}

const char *media_text(enum media media)
{
    return media_texts[media];
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

static void methods_add(char methods[ROUTE_METHODS], enum http_method method)
{
    size_t n = strlen(methods);
    int len = snprintf(methods + n, ROUTE_METHODS - n, "%s%s%s", n ? ", " : "", http_method_text((int)method),
                       method == HTTP_GET ? ", HEAD" : "");
    must(len > 0 && n + (size_t)len < ROUTE_METHODS);
}

const struct route *route_match(enum http_method method, struct slice path,
                                struct slice ret_params[ROUTE_PARAMS], char ret_methods[ROUTE_METHODS])
{
    ret_methods[0] = 0;
    for (size_t i = 0; i < routes_n; i++) {
        struct slice params[ROUTE_PARAMS] = {0};
        if (!path_matches(routes[i].path, path, params))
            continue;
        if (routes[i].method == method || (method == HTTP_HEAD && routes[i].method == HTTP_GET)) {
            memcpy(ret_params, params, sizeof params);
            return &routes[i];
        }
        methods_add(ret_methods, routes[i].method);
    }
    return NULL;
}

enum schema path_parameter_schema(struct slice name)
{
    static const struct {
        const char *name;
        enum schema schema;
    } parameters[] = {
#define V(name, schema) {name, schema},
        PATH_PARAMETERS(V)
#undef V
    };
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++)
        if (slice_is(name, parameters[i].name))
            return parameters[i].schema;
    return SCHEMA_TEXT;
}

/* What the gateway refuses whatever the route; a method that no route has is none of a route's answers. */
static bool is_refusal(int code)
{
    static const int codes[] = {
#define P(NAME, code, closes, detail) code,
        GATEWAY_PROBLEMS(P)
#undef P
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
        if (codes[i] == code)
            return code != SP_EMETHOD && code != SP_EMETHODUNKNOWN;
    return false;
}

bool route_has_error(const struct route *route, int code)
{
    for (size_t i = 0; i < ROUTE_ERRORS; i++)
        if (route->errors[i] == code)
            return true;
    switch (code) {
    case SP_EUNAUTHENTICATED:
    case SP_EDENIED:
        return !access_may(ACCESS_NOBODY, route->permission);
    case SP_EMEDIATYPE:
        return route->body.media;
    case SP_ESYNTAX:
        return route->body.media && schema_row(route->body.schema)->members;
    case SP_EINVALID:
    case SP_ERATE:
    case SP_EINTERNAL:
        return true;
    default:
        return is_refusal(code);
    }
}
