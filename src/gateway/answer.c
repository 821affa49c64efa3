/* answer: builds what goes back to the client. Called by link.c for the engine's answers and by server.c for problems. Must hold:
 * every response carries the fixed headers; no header value of the engine's holds a line break; nothing but the table of
 * headers.c passes. */
#include <errno.h>

#include "base/error.h"
#include "gateway/gateway.h"
#include "gateway/headers.h"
#include "gateway/validate.h"
#include "wire/codec.h"

static struct MHD_Response *problems[PROBLEM_COUNT][2]; /* [1] ends the connection */

static bool add(struct MHD_Response *r, const char *name, const char *value)
{
    return MHD_add_response_header(r, name, value) == MHD_YES;
}

/* Date is libmicrohttpd's; Server is not sent. Nothing that we serve is a page, so nothing may be loaded, framed or sniffed. */
static bool add_fixed(struct MHD_Response *r, bool has_cache_control)
{
    return add(r, "X-Content-Type-Options", "nosniff") &&
           add(r, "Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'") &&
           add(r, "Referrer-Policy", "no-referrer") && (has_cache_control || add(r, "Cache-Control", "no-store")) &&
           (!gateway_config.is_tls || add(r, "Strict-Transport-Security", "max-age=31536000"));
}

static int problem_build(enum problem p, bool closes)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(1024);
    refusal_write(p, &body);
    if (buffer_error(&body) < 0)
        return buffer_error(&body);
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, body.p, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return -ENOMEM;
    bool good = add(r, "Content-Type", "application/problem+json") && add_fixed(r, false);
    if (closes)
        good = good && add(r, "Connection", "close");
    if (refusal_status(p) == 503)
        good = good && add(r, "Retry-After", "1");
    if (refusal_status(p) == 429)
        good = good && add(r, "Retry-After", "10");
    if (refusal_status(p) == 405)
        good = good && add(r, "Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
    problems[p][closes] = r;
    return good ? 0 : -ENOMEM;
}

int answer_init(void)
{
    int r = 0;
    for (enum problem p = PROBLEM_NONE + 1; r == 0 && p < PROBLEM_COUNT; p++) {
        r = problem_build(p, true);
        if (r == 0)
            r = problem_build(p, false);
    }
    return r;
}

struct MHD_Response *answer_problem(enum problem p, bool closes)
{
    return problems[p][closes || refusal_closes(p)];
}

/* Adds one header of the engine's. One that may not pass is an error and not dropped: the engine is ours and should know. */
static int add_checked(struct MHD_Response *r, struct slice name, struct slice value, bool *has_cache_control)
{
    static char text[LIMIT_TEXT]; /* not on the stack, which is cleared at each call */
    const char *known = response_header_find(name);
    if (!known || value.len >= sizeof text || !is_field_value(value))
        return -SP_EPROTOCOL;
    memcpy(text, value.p, value.len);
    text[value.len] = 0;
    *has_cache_control |= strcmp(known, "Cache-Control") == 0;
    return add(r, known, text) ? 0 : -SP_EPROTOCOL;
}

static int add_all(struct MHD_Response *r, struct slice headers)
{
    bool has_cache_control = false;
    struct slice name, value;
    int more, error = 0;
    unsigned n = 0;
    while (error == 0 && (more = wire_pairs_next(&headers, &name, &value)) != 0) {
        if (more < 0 || ++n > LIMIT_HEADER_COUNT)
            return -SP_EPROTOCOL;
        error = add_checked(r, name, value, &has_cache_control);
    }
    if (error == 0 && !add_fixed(r, has_cache_control))
        error = -ENOMEM;
    return error;
}

int answer_build(unsigned status, struct slice headers, struct slice body, bool closes, struct MHD_Response **ret)
{
    if (status < 200 || status > 599)
        return -SP_EPROTOCOL;
    /* RFC 9110, 15.3.5 and 15.4.5: these have no content. */
    if (status == 204 || status == 304)
        body = (struct slice){NULL, 0};
    /* libmicrohttpd only reads what it copies; its interface is older than const. */
    void *bytes = body.len ? (void *)(uintptr_t)body.p : (void *)(uintptr_t) "";
    struct MHD_Response *r = MHD_create_response_from_buffer(body.len, bytes, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return -ENOMEM;
    int error = add_all(r, headers);
    if (error == 0 && closes && !add(r, "Connection", "close"))
        error = -ENOMEM;
    if (error < 0) {
        MHD_destroy_response(r);
        return error;
    }
    *ret = r;
    return 0;
}
