/* openapi_answers: what a route may answer, as OpenAPI's responses: its own answers, and the problems that it may have by
 * route_has_error. Called by openapi.c. */
#include "engine/openapi_parts.h"

#include "base/must.h"
#include "base/problem.h"

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
    (void)snprintf(to, sizeof to, OPENAPI_COMPONENT("headers", "%s"), component);
    json_key_object(w, name);
    json_key_text(w, "$ref", to);
    json_object_end(w);
}

static void write_headers(struct json_writer *w, int status, unsigned of_answer)
{
    if (!of_answer && status != 401 && status != 429 && status != 503)
        return;
    json_key_object(w, "headers");
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
    openapi_schema_use(w, SCHEMA_PROBLEM);
    json_key_object(w, "properties");
    json_key_object(w, "type");
    json_key_array(w, "enum");
    for (size_t i = 0; i < N_CODES; i++) {
        if (!has_problem(route, i, status))
            continue;
        (void)snprintf(type, sizeof type, PROBLEM_TYPE "%s", error_slug(-codes[i]));
        json_text(w, type);
    }
    json_array_end(w);
    json_object_end(w);
    json_key_object(w, "status");
    json_key_i64(w, "const", status);
    json_object_end(w);
    json_object_end(w);
}

static void write_problem_or(struct json_writer *w, const struct route *route, int status, enum schema other)
{
    json_key_array(w, "anyOf");
    json_object_begin(w);
    openapi_schema_use(w, other);
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
    openapi_content_begin(w, answer ? answer->media : MEDIA_PROBLEM);
    if (answer && is_problem)
        write_problem_or(w, route, status, answer->schema);
    else if (answer)
        openapi_schema_use(w, answer->schema);
    else
        write_problem(w, route, status);
    openapi_content_end(w);
}

void openapi_responses(struct json_writer *w, const struct route *route)
{
    char key[8], to[64];
    json_key_object(w, "responses");
    for (int status = 200; status < 600; status++) {
        if (!answer_of(route, status) && !has_problems(route, status))
            continue;
        (void)snprintf(key, sizeof key, "%d", status);
        (void)snprintf(to, sizeof to, OPENAPI_COMPONENT("responses", "Problem%d"), status);
        json_key_object(w, key);
        if (!answer_of(route, status) && has_common_problems(route, status))
            json_key_text(w, "$ref", to);
        else
            write_response(w, route, status);
        json_object_end(w);
    }
    json_object_end(w);
}

void openapi_common_responses(struct json_writer *w)
{
    char key[32];
    json_key_object(w, "responses");
    for (int status = 200; status < 600; status++) {
        if (!has_problems(&every_route, status))
            continue;
        (void)snprintf(key, sizeof key, "Problem%d", status);
        json_key_object(w, key);
        write_response(w, &every_route, status);
        json_object_end(w);
    }
    json_object_end(w);
}
