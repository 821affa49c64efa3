/* openapi: writes the tables of routes.h and schemas.h down as OpenAPI 3.1.0 (spec.openapis.org). States
 * nothing of its own: what the document says of a route is what the server checks. Called once at start, and
 * by print_openapi.c at build time. */
#include "engine/openapi.h"

#include "base/must.h"
#include "base/version.h"
#include "engine/openapi_parts.h"

/* --- parameters and bodies --------------------------------------------------------------------------- */

static void write_path_parameters(struct json_writer *w, const char *path)
{
    struct slice rest = slice_text(path), part;
    while (slice_split(&rest, '/', &part)) {
        if (part.len < 2 || part.p[0] != '{')
            continue;
        struct slice name = slice_of(part.p + 1, part.len - 2);
        json_object_begin(w);
        json_key_string(w, "name", name);
        json_key_text(w, "in", "path");
        json_key_bool(w, "required", true);
        json_key_object(w, "schema");
        openapi_schema_use(w, path_parameter_schema(name));
        json_object_end(w);
        json_object_end(w);
    }
}

static void write_query_parameter(struct json_writer *w, const struct route_query *q)
{
    json_object_begin(w);
    json_key_text(w, "name", q->name);
    json_key_text(w, "in", "query");
    json_key_object(w, "schema");
    openapi_schema_use(w, q->schema);
    if (q->fallback)
        json_key_u64(w, "default", q->fallback);
    json_object_end(w);
    json_object_end(w);
}

static void write_parameters(struct json_writer *w, const struct route *route)
{
    if (!strchr(route->path, '{') && !route->query[0].name && !route->takes_idempotency_key)
        return;
    json_key_array(w, "parameters");
    write_path_parameters(w, route->path);
    for (size_t i = 0; i < ROUTE_QUERY && route->query[i].name; i++)
        write_query_parameter(w, &route->query[i]);
    if (route->takes_idempotency_key) {
        json_object_begin(w);
        json_key_text(w, "$ref", OPENAPI_COMPONENT("parameters", "IdempotencyKey"));
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_request_body(struct json_writer *w, const struct route *route)
{
    char about[64];
    if (!route->body.media)
        return;
    (void)snprintf(about, sizeof about, "At most %u bytes.", route->body.max);
    json_key_object(w, "requestBody");
    json_key_text(w, "description", about);
    json_key_bool(w, "required", true);
    openapi_content_begin(w, route->body.media);
    openapi_schema_use(w, route->body.schema);
    openapi_content_end(w);
    json_object_end(w);
}

/* --- operations -------------------------------------------------------------------------------------- */

static void write_scheme(struct json_writer *w, const char *name)
{
    json_object_begin(w);
    json_key_array(w, name);
    json_array_end(w);
    json_object_end(w);
}

/* Each of WEBHOOK_SCHEMES, as a name. */
static const char *const webhook_names[] = {
#define W(NAME, number, text, header) [NAME] = "webhook-" text,
    WEBHOOK_SCHEMES(W)
#undef W
};
#define N_WEBHOOKS ((int)(sizeof webhook_names / sizeof webhook_names[0]))

static void write_security(struct json_writer *w, enum permission permission)
{
    json_key_array(w, "security");
    if (permission == PERMIT_SIGNED) {
        for (int i = WEBHOOK_NONE + 1; i < N_WEBHOOKS; i++)
            write_scheme(w, webhook_names[i]);
        /* `scheme: none` */
        json_object_begin(w);
        json_object_end(w);
    } else if (!access_may(ACCESS_NOBODY, permission)) {
        write_scheme(w, "token");
    }
    json_array_end(w);
}

/* "/api/v1/runs/{id}" is about "runs". */
static struct slice tag_of(const char *path)
{
    struct slice rest = slice_text(strncmp(path, "/api/v1/", 8) == 0 ? path + 8 : path + 1), tag = {0};
    (void)slice_split(&rest, '/', &tag);
    return slice_of(tag.p, tag.len);
}

static void write_operation(struct json_writer *w, const struct route *route)
{
    static const char *const keys[] = {[HTTP_GET] = "get",
                                       [HTTP_POST] = "post",
                                       [HTTP_PUT] = "put",
                                       [HTTP_PATCH] = "patch",
                                       [HTTP_DELETE] = "delete"};
    must(route->method < sizeof keys / sizeof keys[0] && keys[route->method]);
    json_key_object(w, keys[route->method]);
    json_key_text(w, "operationId", route->name);
    json_key_text(w, "summary", route->summary);
    json_key_array(w, "tags");
    json_slice(w, tag_of(route->path));
    json_array_end(w);
    json_key_text(w, "x-sallyport-permission", permission_text(route->permission));
    json_key_text(w, "x-sallyport-role", access_role_text(access_needed(route->permission)));
    write_security(w, route->permission);
    write_parameters(w, route);
    write_request_body(w, route);
    openapi_responses(w, route);
    json_object_end(w);
}

static bool is_first_of_path(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(routes[k].path, routes[i].path) == 0)
            return false;
    return true;
}

static void write_paths(struct json_writer *w)
{
    json_key_object(w, "paths");
    for (size_t i = 0; i < routes_n; i++) {
        if (!is_first_of_path(i))
            continue;
        json_key_object(w, routes[i].path);
        for (size_t k = i; k < routes_n; k++)
            if (strcmp(routes[k].path, routes[i].path) == 0)
                write_operation(w, &routes[k]);
        json_object_end(w);
    }
    json_object_end(w);
}

/* --- components -------------------------------------------------------------------------------------- */

static void write_component_header(struct json_writer *w, const char *name, const char *about,
                                   const char *type)
{
    json_key_object(w, name);
    json_key_text(w, "description", about);
    json_key_object(w, "schema");
    json_key_text(w, "type", type);
    json_object_end(w);
    json_object_end(w);
}

static void write_component_headers(struct json_writer *w)
{
    json_key_object(w, "headers");
    write_component_header(w, "Location", "Where the run is shown.", "string");
    write_component_header(w, "SallyportRun", "The id of the run.", "string");
    write_component_header(w, "WwwAuthenticate", "`Bearer realm=\"sallyport\"`", "string");
    write_component_header(w, "RetryAfter", "Seconds to wait before it is tried again.", "integer");
    write_component_header(w, "RateLimit", "What is left of the rate (draft-ietf-httpapi-ratelimit-headers).",
                           "string");
    write_component_header(w, "RateLimitPolicy", "The rate.", "string");
    json_object_end(w);
}

static void write_component_parameters(struct json_writer *w)
{
    json_key_object(w, "parameters");
    json_key_object(w, "IdempotencyKey");
    json_key_text(w, "name", "Idempotency-Key");
    json_key_text(w, "in", "header");
    json_key_text(w, "description",
                  "A second request with the same key, workflow and principal starts no second run.");
    json_key_object(w, "schema");
    json_key_text(w, "type", "string");
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_http_bearer(struct json_writer *w, const char *name, const char *about)
{
    json_key_object(w, name);
    json_key_text(w, "type", "http");
    json_key_text(w, "scheme", "bearer");
    json_key_text(w, "description", about);
    json_object_end(w);
}

static void write_security_schemes(struct json_writer *w)
{
    json_key_object(w, "securitySchemes");
    write_http_bearer(w, "token", "The token of a principal.");
    write_http_bearer(w, webhook_names[WEBHOOK_BEARER], "The key of the workflow's webhook.");
    for (int i = WEBHOOK_NONE + 1; i < N_WEBHOOKS; i++) {
        if (i == WEBHOOK_BEARER)
            continue;
        json_key_object(w, webhook_names[i]);
        json_key_text(w, "type", "apiKey");
        json_key_text(w, "in", "header");
        json_key_text(w, "name", webhook_scheme_header((enum webhook_scheme)i));
        json_key_text(w, "description",
                      "A signature over the delivery, with the key of the workflow's webhook.");
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_info(struct json_writer *w)
{
    json_key_object(w, "info");
    json_key_text(w, "title", "Sallyport");
    json_key_text(w, "version", SALLYPORT_VERSION);
    json_key_text(w, "description",
                  "Every path has one spelling, and every parameter is named here: all else is refused. HEAD "
                  "is answered as GET "
                  "without content; a method that a path lacks is answered with 405 and `Allow`. Members may "
                  "be added to answers.");
    json_key_object(w, "license");
    json_key_text(w, "name", "Apache-2.0");
    json_key_text(w, "identifier", "Apache-2.0");
    json_object_end(w);
    json_object_end(w);
}

void openapi_write(struct buffer *to)
{
    struct json_writer writer = JSON_WRITER(to), *w = &writer;
    json_object_begin(w);
    json_key_text(w, "openapi", "3.1.0");
    write_info(w);
    json_key_array(w, "servers");
    json_object_begin(w);
    json_key_text(w, "url", "/");
    json_object_end(w);
    json_array_end(w);
    write_paths(w);
    json_key_object(w, "components");
    openapi_schemas(w);
    openapi_common_responses(w);
    write_component_headers(w);
    write_component_parameters(w);
    write_security_schemes(w);
    json_object_end(w);
    json_object_end(w);
}
