/* openapi: writes the tables of routes.h and schemas.h down as OpenAPI 3.1.0 (spec.openapis.org). States
 * nothing of its own: what the document says of a route is what the server checks. Called once at start, and
 * by print_openapi.c at build time. */
#include "engine/openapi.h"

#include "base/must.h"
#include "base/problem.h"
#include "base/version.h"
#include "engine/routes.h"

#define COMPONENT(kind, name) "#/components/" kind "/" name

static void object_at(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_object_begin(w);
}

static void array_at(struct json_writer *w, const char *key)
{
    json_key(w, key);
    json_array_begin(w);
}

/* --- schemas ----------------------------------------------------------------------------------------- */

static void write_enumeration(struct json_writer *w, const char *(*text)(int))
{
    array_at(w, "enum");
    for (int i = 0; i < SCHEMA_ENUM_MAX; i++)
        if (text(i))
            json_text(w, text(i));
    json_array_end(w);
}

static void write_reference(struct json_writer *w, const char *name)
{
    char to[96];
    (void)snprintf(to, sizeof to, COMPONENT("schemas", "%s"), name);
    json_key_text(w, "$ref", to);
}

static void write_members(struct json_writer *w, const struct schema_row *row);

/* The members of a schema object: what it is, without the braces. */
static void write_definition(struct json_writer *w, const struct schema_row *row)
{
    if (row->about)
        json_key_text(w, "description", row->about);
    if (row->base) {
        array_at(w, "allOf");
        json_object_begin(w);
        write_reference(w, schema_row(row->base)->name);
        json_object_end(w);
        json_array_end(w);
    }
    if (row->type)
        json_key_text(w, "type", row->type);
    if (row->pattern)
        json_key_text(w, "pattern", row->pattern);
    if (row->format)
        json_key_text(w, "format", row->format);
    if (row->encoding)
        json_key_text(w, "contentEncoding", row->encoding);
    if (row->text)
        write_enumeration(w, row->text);
    if (row->max) {
        json_key_i64(w, "minimum", row->min);
        json_key_i64(w, "maximum", row->max);
    }
    if (row->members)
        write_members(w, row);
}

static void write_use(struct json_writer *w, enum schema schema)
{
    const struct schema_row *row = schema_row(schema);
    if (row->name)
        write_reference(w, row->name);
    else
        write_definition(w, row);
}

static void write_member(struct json_writer *w, const struct schema_member *m)
{
    object_at(w, m->name);
    if (m->about)
        json_key_text(w, "description", m->about);
    if (m->flags & IS_LIST) {
        json_key_text(w, "type", "array");
        object_at(w, "items");
        write_use(w, m->schema);
        json_object_end(w);
    } else {
        write_use(w, m->schema);
    }
    json_object_end(w);
}

static void write_members(struct json_writer *w, const struct schema_row *row)
{
    bool has_required = false;
    object_at(w, "properties");
    for (size_t i = 0; i < row->n_members; i++) {
        write_member(w, &row->members[i]);
        has_required |= row->members[i].flags & IS_REQUIRED;
    }
    json_object_end(w);
    if (!has_required)
        return;
    array_at(w, "required");
    for (size_t i = 0; i < row->n_members; i++)
        if (row->members[i].flags & IS_REQUIRED)
            json_text(w, row->members[i].name);
    json_array_end(w);
}

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
        object_at(w, "schema");
        write_use(w, path_parameter_schema(name));
        json_object_end(w);
        json_object_end(w);
    }
}

static void write_query_parameter(struct json_writer *w, const struct route_query *q)
{
    json_object_begin(w);
    json_key_text(w, "name", q->name);
    json_key_text(w, "in", "query");
    object_at(w, "schema");
    write_use(w, q->schema);
    if (q->fallback)
        json_key_u64(w, "default", q->fallback);
    json_object_end(w);
    json_object_end(w);
}

static void write_parameters(struct json_writer *w, const struct route *route)
{
    if (!strchr(route->path, '{') && !route->query[0].name && !route->takes_idempotency_key)
        return;
    array_at(w, "parameters");
    write_path_parameters(w, route->path);
    for (size_t i = 0; i < ROUTE_QUERY && route->query[i].name; i++)
        write_query_parameter(w, &route->query[i]);
    if (route->takes_idempotency_key) {
        json_object_begin(w);
        json_key_text(w, "$ref", COMPONENT("parameters", "IdempotencyKey"));
        json_object_end(w);
    }
    json_array_end(w);
}

/* In a document a media type stands without its parameters. */
static void write_content_begin(struct json_writer *w, enum media media)
{
    char type[64];
    (void)snprintf(type, sizeof type, "%.*s", (int)strcspn(media_text(media), ";"), media_text(media));
    object_at(w, "content");
    object_at(w, type);
    object_at(w, "schema");
}

static void write_content_end(struct json_writer *w)
{
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_request_body(struct json_writer *w, const struct route *route)
{
    char about[64];
    if (!route->body.media)
        return;
    (void)snprintf(about, sizeof about, "At most %u bytes.", route->body.max);
    object_at(w, "requestBody");
    json_key_text(w, "description", about);
    json_key_bool(w, "required", true);
    write_content_begin(w, route->body.media);
    write_use(w, route->body.schema);
    write_content_end(w);
    json_object_end(w);
}

/* --- answers ----------------------------------------------------------------------------------------- */

static const int codes[] = {
#define E(name, number, status, exit_code, slug, text) number,
    SP_ERRORS(E)
#undef E
};
#define N_CODES (sizeof codes / sizeof codes[0])

static bool has_problem(const struct route *route, size_t i, int status)
{
    return error_http_status(-codes[i]) == status && route_has_error(route, codes[i]);
}

static bool has_problems(const struct route *route, int status)
{
    for (size_t i = 0; i < N_CODES; i++)
        if (has_problem(route, i, status))
            return true;
    return false;
}

/* What every route may answer stands once, among the components. */
static const struct route every_route = {.permission = PERMIT_PUBLIC};

static bool has_common_problems(const struct route *route, int status)
{
    for (size_t i = 0; i < N_CODES; i++)
        if (has_problem(route, i, status) != has_problem(&every_route, i, status))
            return false;
    return true;
}

static const struct route_answer *answer_of(const struct route *route, int status)
{
    for (size_t i = 0; i < ROUTE_ANSWERS && route->answers[i].status; i++)
        if (route->answers[i].status == status)
            return &route->answers[i];
    return NULL;
}

static void write_header(struct json_writer *w, const char *name, const char *component)
{
    char to[96];
    (void)snprintf(to, sizeof to, COMPONENT("headers", "%s"), component);
    object_at(w, name);
    json_key_text(w, "$ref", to);
    json_object_end(w);
}

static void write_headers(struct json_writer *w, int status, unsigned of_answer)
{
    if (!of_answer && status != 401 && status != 429 && status != 503)
        return;
    object_at(w, "headers");
    if (of_answer & HAS_LOCATION)
        write_header(w, "Location", "Location");
    if (of_answer & HAS_RUN)
        write_header(w, "Sallyport-Run", "SallyportRun");
    if (status == 401)
        write_header(w, "WWW-Authenticate", "WwwAuthenticate");
    if (status == 429 || status == 503)
        write_header(w, "Retry-After", "RetryAfter");
    if (status == 429) {
        write_header(w, "RateLimit", "RateLimit");
        write_header(w, "RateLimit-Policy", "RateLimitPolicy");
    }
    json_object_end(w);
}

/* The members of a schema: a problem of one of the types that the route has under this status. */
static void write_problem(struct json_writer *w, const struct route *route, int status)
{
    char type[64];
    write_use(w, SCHEMA_PROBLEM);
    object_at(w, "properties");
    object_at(w, "type");
    array_at(w, "enum");
    for (size_t i = 0; i < N_CODES; i++) {
        if (!has_problem(route, i, status))
            continue;
        (void)snprintf(type, sizeof type, PROBLEM_TYPE "%s", error_slug(-codes[i]));
        json_text(w, type);
    }
    json_array_end(w);
    json_object_end(w);
    object_at(w, "status");
    json_key_i64(w, "const", status);
    json_object_end(w);
    json_object_end(w);
}

static void write_problem_or(struct json_writer *w, const struct route *route, int status, enum schema other)
{
    array_at(w, "anyOf");
    json_object_begin(w);
    write_use(w, other);
    json_object_end(w);
    json_object_begin(w);
    write_problem(w, route, status);
    json_object_end(w);
    json_array_end(w);
}

static void write_description(struct json_writer *w, const struct route *route, int status, bool is_answer)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_TEXT);
    if (is_answer)
        (void)buffer_append_text(&text, status == 202   ? "accepted: the run is durable"
                                        : status >= 400 ? "the run faulted"
                                                        : "done");
    for (size_t i = 0; i < N_CODES; i++)
        if (has_problem(route, i, status))
            (void)buffer_printf(&text, "%s%s", text.len ? "; or " : "", error_text(-codes[i]));
    json_key_string(w, "description", buffer_slice(&text));
}

static void write_response(struct json_writer *w, const struct route *route, int status)
{
    const struct route_answer *answer = answer_of(route, status);
    bool is_problem = has_problems(route, status);
    must(!answer || !is_problem || answer->media == MEDIA_PROBLEM);
    write_description(w, route, status, answer);
    write_headers(w, status, answer ? answer->headers : 0);
    write_content_begin(w, answer ? answer->media : MEDIA_PROBLEM);
    if (answer && is_problem)
        write_problem_or(w, route, status, answer->schema);
    else if (answer)
        write_use(w, answer->schema);
    else
        write_problem(w, route, status);
    write_content_end(w);
}

static void write_responses(struct json_writer *w, const struct route *route)
{
    char key[8], to[64];
    object_at(w, "responses");
    for (int status = 200; status < 600; status++) {
        if (!answer_of(route, status) && !has_problems(route, status))
            continue;
        (void)snprintf(key, sizeof key, "%d", status);
        (void)snprintf(to, sizeof to, COMPONENT("responses", "Problem%d"), status);
        object_at(w, key);
        if (!answer_of(route, status) && has_common_problems(route, status))
            json_key_text(w, "$ref", to);
        else
            write_response(w, route, status);
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_component_responses(struct json_writer *w)
{
    char key[32];
    object_at(w, "responses");
    for (int status = 200; status < 600; status++) {
        if (!has_problems(&every_route, status))
            continue;
        (void)snprintf(key, sizeof key, "Problem%d", status);
        object_at(w, key);
        write_response(w, &every_route, status);
        json_object_end(w);
    }
    json_object_end(w);
}

/* --- operations -------------------------------------------------------------------------------------- */

static void write_scheme(struct json_writer *w, const char *name)
{
    json_object_begin(w);
    array_at(w, name);
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
    array_at(w, "security");
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
    object_at(w, keys[route->method]);
    json_key_text(w, "operationId", route->name);
    json_key_text(w, "summary", route->summary);
    array_at(w, "tags");
    json_slice(w, tag_of(route->path));
    json_array_end(w);
    json_key_text(w, "x-sallyport-permission", permission_text(route->permission));
    json_key_text(w, "x-sallyport-role", access_role_text(access_needed(route->permission)));
    write_security(w, route->permission);
    write_parameters(w, route);
    write_request_body(w, route);
    write_responses(w, route);
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
    object_at(w, "paths");
    for (size_t i = 0; i < routes_n; i++) {
        if (!is_first_of_path(i))
            continue;
        object_at(w, routes[i].path);
        for (size_t k = i; k < routes_n; k++)
            if (strcmp(routes[k].path, routes[i].path) == 0)
                write_operation(w, &routes[k]);
        json_object_end(w);
    }
    json_object_end(w);
}

/* --- components -------------------------------------------------------------------------------------- */

static void write_schemas(struct json_writer *w)
{
    object_at(w, "schemas");
    for (int i = SCHEMA_NONE + 1; i < SCHEMA_COUNT_OF_ALL; i++) {
        const struct schema_row *row = schema_row((enum schema)i);
        if (!row->name)
            continue;
        object_at(w, row->name);
        write_definition(w, row);
        json_object_end(w);
    }
    json_object_end(w);
}

static void write_component_header(struct json_writer *w, const char *name, const char *about,
                                   const char *type)
{
    object_at(w, name);
    json_key_text(w, "description", about);
    object_at(w, "schema");
    json_key_text(w, "type", type);
    json_object_end(w);
    json_object_end(w);
}

static void write_component_headers(struct json_writer *w)
{
    object_at(w, "headers");
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
    object_at(w, "parameters");
    object_at(w, "IdempotencyKey");
    json_key_text(w, "name", "Idempotency-Key");
    json_key_text(w, "in", "header");
    json_key_text(w, "description",
                  "A second request with the same key, workflow and principal starts no second run.");
    object_at(w, "schema");
    json_key_text(w, "type", "string");
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

static void write_http_bearer(struct json_writer *w, const char *name, const char *about)
{
    object_at(w, name);
    json_key_text(w, "type", "http");
    json_key_text(w, "scheme", "bearer");
    json_key_text(w, "description", about);
    json_object_end(w);
}

static void write_security_schemes(struct json_writer *w)
{
    object_at(w, "securitySchemes");
    write_http_bearer(w, "token", "The token of a principal.");
    write_http_bearer(w, webhook_names[WEBHOOK_BEARER], "The key of the workflow's webhook.");
    for (int i = WEBHOOK_NONE + 1; i < N_WEBHOOKS; i++) {
        if (i == WEBHOOK_BEARER)
            continue;
        object_at(w, webhook_names[i]);
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
    object_at(w, "info");
    json_key_text(w, "title", "Sallyport");
    json_key_text(w, "version", SALLYPORT_VERSION);
    json_key_text(w, "description",
                  "Every path has one spelling, and every parameter is named here: all else is refused. HEAD "
                  "is answered as GET "
                  "without content; a method that a path lacks is answered with 405 and `Allow`. Members may "
                  "be added to answers.");
    object_at(w, "license");
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
    array_at(w, "servers");
    json_object_begin(w);
    json_key_text(w, "url", "/");
    json_object_end(w);
    json_array_end(w);
    write_paths(w);
    object_at(w, "components");
    write_schemas(w);
    write_component_responses(w);
    write_component_headers(w);
    write_component_parameters(w);
    write_security_schemes(w);
    json_object_end(w);
    json_object_end(w);
}
