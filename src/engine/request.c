/* request: takes requests from the gateway up and answers them, each exactly once. */
#include "engine/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"
#include "base/problem.h"

static struct channel *gateway;
static uint32_t gateway_generation;
static size_t in_hand; /* bytes */

void request_set_gateway(struct channel *channel)
{
    gateway = channel;
    gateway_generation++;
}

static void request_free(struct request *r)
{
    in_hand -= r->memory_len;
    free(r);
}

/* Answered at once, without a copy of what it holds [I6]. */
static int request_new_refused(struct slice payload)
{
    struct msg_http_request m;
    int code = wire_decode_http_request(payload, &m);
    struct request *r = code < 0 ? NULL : calloc(1, sizeof *r);
    if (code < 0)
        return code;
    if (!r)
        return -ENOMEM;
    r->tag = m.tag;
    r->gateway_generation = gateway_generation;
    respond_problem(r, -SP_EOVERLOAD, "Too many large requests are under way.");
    return -ENOMEM;
}

int request_new(struct slice payload, struct request **ret)
{
    struct request *r = in_hand + payload.len > LIMIT_REQUESTS_TOTAL ? NULL : calloc(1, sizeof *r + payload.len);
    if (!r)
        return request_new_refused(payload);
    r->memory_len = payload.len;
    in_hand += payload.len;
    r->memory = (uint8_t *)(r + 1);
    memcpy(r->memory, payload.p, payload.len);
    struct msg_http_request m;
    int code = wire_decode_http_request(slice_of(r->memory, payload.len), &m);
    if (code == 0 && !http_method_text(m.method))
        code = -SP_EINVALID;
    if (code < 0) {
        request_free(r);
        return code;
    }
    r->tag = m.tag;
    r->gateway_generation = gateway_generation;
    r->method = (enum http_method)m.method;
    r->path = m.path;
    r->query = m.query;
    r->headers = m.headers;
    r->body = m.body;
    r->is_tls = m.is_tls;
    r->at_ms = clock_wall_ms();
    memcpy(r->peer, m.peer, sizeof r->peer);
    *ret = r;
    return 0;
}

void request_peer_text(const uint8_t peer[16], char ret[64])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    if (memcmp(peer, mapped, sizeof mapped) == 0)
        (void)inet_ntop(AF_INET, peer + 12, ret, 64);
    else
        (void)inet_ntop(AF_INET6, peer, ret, 64);
}

void respond(struct request *r, uint16_t status, const char *content_type, struct slice body, struct slice extra)
{
    if (gateway && r->gateway_generation == gateway_generation) {
        _cleanup_buffer_ struct buffer headers = BUFFER_MAX(LIMIT_HEADERS);
        wire_pairs_put(&headers, SLICE_LITERAL("content-type"), slice_text(content_type));
        (void)buffer_append_slice(&headers, extra);
        struct msg_http_response m = {.tag = r->tag, .status = status, .headers = buffer_slice(&headers), .body = body,
                                      .is_proven = r->is_proven};
        /* A full queue means that the gateway does not read: its request ends with its own timeout. */
        CHANNEL_TRY(gateway, HTTP_RESPONSE, http_response, &m);
    }
    request_free(r);
}

void respond_json(struct request *r, uint16_t status, const struct buffer *json)
{
    if (buffer_error(json)) {
        respond_problem(r, buffer_error(json), "The answer is too large; ask for less.");
        return;
    }
    respond(r, status, "application/json", buffer_slice(json), (struct slice){0});
}

/* The problem that is told. What a route may answer with stands in its line; anything else is our own mistake. */
static int documented(const struct request *r, int code)
{
    int shown = problem_code(code);
    if (!r->route || route_has_error(r->route, -shown))
        return shown;
    log_event(LOG_LEVEL_ERROR, "engine.undocumented-problem", "route", r->route->name, "error", error_text(code), NULL);
    return -SP_EINTERNAL;
}

static void respond_problem_with(struct request *r, int code, const char *detail, struct slice extra)
{
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(LIMIT_CONFIG);
    problem_write(&body, code, detail);
    respond(r, (uint16_t)problem_status(code), PROBLEM_MEDIA_TYPE, buffer_slice(&body), extra);
}

void respond_problem(struct request *r, int code, const char *format, ...)
{
    char detail[LIMIT_TEXT];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    code = documented(r, code);
    _cleanup_buffer_ struct buffer extra = BUFFER_MAX(LIMIT_TEXT);
    if (problem_status(code) == 503 || problem_status(code) == 429)
        wire_pairs_put(&extra, SLICE_LITERAL("retry-after"), SLICE_LITERAL("1"));
    if (problem_status(code) == 401)
        wire_pairs_put(&extra, SLICE_LITERAL("www-authenticate"), SLICE_LITERAL("Bearer realm=\"sallyport\""));
    respond_problem_with(r, code, detail, buffer_slice(&extra));
}

void respond_other_method(struct request *r, const char *allowed)
{
    _cleanup_buffer_ struct buffer extra = BUFFER_MAX(LIMIT_TEXT);
    wire_pairs_put(&extra, SLICE_LITERAL("allow"), slice_text(allowed));
    respond_problem_with(r, -SP_EMETHOD, "\"Allow\" names the methods of this path.", buffer_slice(&extra));
}

void respond_rate_limited(struct request *r, const char *what, const struct rate_answer *rate)
{
    _cleanup_buffer_ struct buffer extra = BUFFER_MAX(LIMIT_TEXT), value = BUFFER_MAX(LIMIT_NAME);
    int64_t seconds = (rate->retry_after_ms + 999) / 1000;
    (void)buffer_append_i64(&value, seconds > 0 ? seconds : 1);
    wire_pairs_put(&extra, SLICE_LITERAL("retry-after"), buffer_slice(&value));
    buffer_clear(&value);
    (void)buffer_printf(&value, "\"default\";r=%llu;t=%lld", (unsigned long long)rate->remaining, (long long)seconds);
    wire_pairs_put(&extra, SLICE_LITERAL("ratelimit"), buffer_slice(&value));
    buffer_clear(&value);
    (void)buffer_printf(&value, "\"default\";q=%llu;w=%lld", (unsigned long long)rate->limit,
                        (long long)(rate->period_ms + 999) / 1000);
    wire_pairs_put(&extra, SLICE_LITERAL("ratelimit-policy"), buffer_slice(&value));
    char detail[LIMIT_NAME];
    (void)snprintf(detail, sizeof detail, "Too many %s.", what);
    respond_problem_with(r, -SP_ERATE, detail, buffer_slice(&extra));
}
