/* http_result: what came of `call: http` becomes the task's output or its error. Called by run.c on delivery.
 * What must hold: a response is data whatever it holds [I9]; a failure has the type and status that dsl.md
 * gives it. */
#include "base/error.h"
#include "flow/document.h"
#include "flow/run.h"

static const struct {
    int status;
    const char *phrase;
} phrases[] = {
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {402, "Payment Required"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {423, "Locked"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {451, "Unavailable For Legal Reasons"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *phrase_of(int status)
{
    for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Communication Error";
}

static bool fail(struct flow_run *run, struct frame *f, const struct msg_worker_result *result)
{
    char detail[LIMIT_TEXT];
    (void)snprintf(detail, sizeof detail, "%.*s",
                   (int)(result->reason.len < sizeof detail ? result->reason.len : sizeof detail - 1),
                   result->reason.len ? (const char *)result->reason.p : "");
    const char *text = detail[0] ? detail : error_text(result->code);
    switch (-result->code) {
    case SP_EDENIED:
        return problem(run, f, FLOW_ERROR_AUTHORIZATION, 403, "%s", text);
    case SP_EUNAUTHENTICATED:
        return problem(run, f, FLOW_ERROR_AUTHENTICATION, 401, "%s", text);
    case SP_ETIMEOUT:
    case ETIMEDOUT:
        return problem(run, f, FLOW_ERROR_TIMEOUT, 408, "%s", text);
    default:
        return problem(run, f, FLOW_ERROR_COMMUNICATION, 500, "%s", text);
    }
}

/* The media type of a Content-Type, without parameters. */
static struct slice media_type(struct slice s)
{
    size_t n = 0;
    while (n < s.len && s.p[n] != ';' && s.p[n] != ' ' && s.p[n] != '\t')
        n++;
    return slice_of(s.p, n);
}

static bool ends_with(struct slice s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.len >= n && slice_equal_nocase(slice_of(s.p + s.len - n, n), slice_text(suffix));
}

static jv base64_of(struct slice body)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(2 * LIMIT_BODY);
    if (buffer_append_base64(&b, body) < 0)
        return jv_invalid();
    return jv_string_sized((const char *)b.p, (int)b.len);
}

static bool read_content(struct flow_run *run, struct frame *f, const struct msg_worker_result *result,
                         jv *ret)
{
    struct slice type = {0};
    struct diag diag = {0};
    if (result->body.len == 0) {
        *ret = jv_null();
        return true;
    }
    if (wire_pairs_find(result->headers, "content-type", &type))
        type = media_type(type);
    if (f->task->http.output != HTTP_OUTPUT_RAW &&
        (slice_equal_nocase(type, SLICE_LITERAL("application/json")) || ends_with(type, "+json"))) {
        if (flow_json_parse(result->body, ret, &diag) < 0)
            return problem(run, f, FLOW_ERROR_COMMUNICATION, 500,
                           "the response is not JSON, although it says so: %s", diag.text);
        return true;
    }
    bool is_text = f->task->http.output != HTTP_OUTPUT_RAW && slice_is_utf8(result->body) &&
                   ((type.len >= 5 && slice_equal_nocase(slice_of(type.p, 5), SLICE_LITERAL("text/"))) ||
                    slice_equal_nocase(type, SLICE_LITERAL("application/xml")) || ends_with(type, "+xml"));
    *ret = is_text ? jv_string_sized((const char *)result->body.p, (int)result->body.len)
                   : base64_of(result->body);
    if (!jv_is_valid(*ret)) {
        run->error = -ENOMEM;
        return false;
    }
    return true;
}

static jv read_headers(struct slice pairs)
{
    jv headers = jv_object();
    struct slice name, value;
    while (wire_pairs_next(&pairs, &name, &value) > 0) {
        char lower[LIMIT_NAME + 1];
        size_t len = name.len < LIMIT_NAME ? name.len : LIMIT_NAME;
        for (size_t i = 0; i < len; i++)
            lower[i] = (char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 32 : name.p[i]);
        jv key = jv_string_sized(lower, (int)len),
           text = jv_string_sized((const char *)value.p, (int)value.len);
        jv old = jv_object_get(jv_copy(headers), jv_copy(key));
        if (is_kind(old, JV_KIND_STRING))
            text =
                jv_string_concat(jv_string_append_str(jv_copy(old), ", "), text); /* RFC 9110, section 5.2 */
        jv_free(old);
        headers = jv_object_set(headers, key, text);
    }
    return headers;
}

bool http_finish(struct flow_run *run, struct frame *f, const struct msg_worker_result *result)
{
    const struct http_call *h = &f->task->http;
    jv content;
    if (result->code < 0)
        return fail(run, f, result);
    if (result->status < 200 || result->status > (h->redirect ? 399 : 299)) {
        char detail[64];
        (void)snprintf(detail, sizeof detail, "the server answered with status %d", result->status);
        return problem_titled(run, f, FLOW_ERROR_COMMUNICATION, result->status, phrase_of(result->status),
                              detail);
    }
    if (!read_content(run, f, result, &content))
        return false;
    if (h->output == HTTP_OUTPUT_RESPONSE) {
        jv response = jv_object_set(jv_object(), jv_string("request"), jv_copy(f->items));
        response = jv_object_set(response, jv_string("statusCode"), jv_number(result->status));
        response = jv_object_set(response, jv_string("headers"), read_headers(result->headers));
        content = jv_object_set(response, jv_string("content"), content);
    }
    frame_done(f, content);
    return true;
}
