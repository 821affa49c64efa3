/* http_request: `call: http` up to the effect. Called by run_kinds. What must hold: data cannot break out of
 * the place that the definition gives it (URI parameter, header value, body); handles of secrets pass through
 * as the strings that they are. */
#include "base/error.h"
#include "flow/run.h"
#include "flow/uri_template.h"
#include "flow/value_json.h"

struct request {
    struct buffer uri, headers, body, method, username, password;
    jv header_object; /* for `output: response` */
    bool has_content_type, is_form;
};

static void request_free(struct request *q)
{
    buffer_free(&q->uri);
    buffer_free(&q->headers);
    buffer_free(&q->body);
    buffer_free(&q->method);
    buffer_free(&q->username);
    buffer_free(&q->password);
    jv_free(q->header_object);
}

static bool put_uri(struct flow_run *run, struct frame *f, struct request *q)
{
    const struct http_call *h = &f->task->http;
    struct diag diag = {0};
    struct flow_uri uri;
    jv v;
    if (h->endpoint.kind == EXPR_ABSENT) {
        if (flow_uri_expand(h->uri_template, f->input, &q->uri, &diag) < 0)
            return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "%s", diag.text);
    } else {
        if (!run_eval(run, f, &h->endpoint, jv_copy(f->input), jv_null(), &v))
            return false;
        bool is_text = is_kind(v, JV_KIND_STRING);
        if (is_text)
            (void)buffer_append_slice(&q->uri, text_of(v));
        jv_free(v);
        if (!is_text)
            return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "the endpoint is not a text");
    }
    if (h->query.kind != EXPR_ABSENT) {
        if (!run_eval(run, f, &h->query, jv_copy(f->input), jv_null(), &v))
            return false;
        int r = flow_uri_append_query_object(&q->uri, v, &diag);
        jv_free(v);
        if (r < 0)
            return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "%s", diag.text);
    }
    if (buffer_error(&q->uri) || flow_uri_check(buffer_slice(&q->uri), &uri, &diag) < 0)
        return problem(run, f, FLOW_ERROR_CONFIGURATION, 400, "%s",
                       diag.text[0] ? diag.text : "the URI is too long");
    return true;
}

static bool put_method(struct flow_run *run, struct frame *f, struct request *q)
{
    jv v;
    if (!run_eval(run, f, &f->task->http.method, jv_copy(f->input), jv_null(), &v))
        return false;
    struct slice s = is_kind(v, JV_KIND_STRING) ? text_of(v) : slice_text("");
    bool is_token = s.len > 0 && s.len <= 20;
    for (size_t i = 0; is_token && i < s.len; i++) {
        is_token = (s.p[i] | 32) >= 'a' && (s.p[i] | 32) <= 'z';
        (void)buffer_append_byte(&q->method, s.p[i] & 0xdf);
    }
    jv_free(v);
    return is_token || problem(run, f, FLOW_ERROR_CONFIGURATION, 400, "the method is not an HTTP method");
}

/* RFC 9110, section 5.6.2. */
static bool is_header_name(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]))
            return false;
    return s.len > 0 && s.len <= LIMIT_NAME;
}

static bool is_reserved_header(struct slice s)
{
    static const char *const names[] = {
        "host",    "content-length", "transfer-encoding", "connection",       "te",
        "upgrade", "trailer",        "keep-alive",        "proxy-connection", "expect"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (slice_equal_nocase(s, slice_text(names[i])))
            return true;
    return false;
}

static bool is_header_value(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] == '\r' || s.p[i] == '\n' || s.p[i] == 0 || (s.p[i] < 0x20 && s.p[i] != '\t') ||
            s.p[i] == 0x7f)
            return false;
    return true;
}

static bool put_header(struct flow_run *run, struct frame *f, struct request *q, jv name, jv value)
{
    struct slice n = text_of(name);
    if (!is_header_name(n))
        return problem(run, f, FLOW_ERROR_CONFIGURATION, 400, "a header's name is malformed");
    if (is_reserved_header(n))
        return problem(run, f, FLOW_ERROR_CONFIGURATION, 400,
                       "the header `%.*s` is not the workflow's to set", SLICE_ARGS(n));
    if (is_kind(value, JV_KIND_NULL))
        return true;
    if (is_kind(value, JV_KIND_ARRAY) || is_kind(value, JV_KIND_OBJECT))
        return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "the value of the header `%.*s` is not a text",
                       SLICE_ARGS(n));
    jv text = is_kind(value, JV_KIND_STRING) ? jv_copy(value) : jv_dump_string(jv_copy(value), 0);
    bool ok = is_header_value(text_of(text));
    if (!ok)
        (void)problem(run, f, FLOW_ERROR_CONFIGURATION, 400,
                      "the value of the header `%.*s` has control characters", SLICE_ARGS(n));
    if (ok && slice_equal_nocase(n, SLICE_LITERAL("content-type"))) {
        q->has_content_type = true;
        q->is_form =
            text_of(text).len >= 33 && slice_equal_nocase(slice_of(text_of(text).p, 33),
                                                          SLICE_LITERAL("application/x-www-form-urlencoded"));
    }
    if (ok)
        wire_pairs_put(&q->headers, n, text_of(text));
    q->header_object = jv_object_set(q->header_object, jv_copy(name), text);
    return ok;
}

static bool put_headers(struct flow_run *run, struct frame *f, struct request *q)
{
    jv v;
    if (f->task->http.headers.kind == EXPR_ABSENT)
        return true;
    if (!run_eval(run, f, &f->task->http.headers, jv_copy(f->input), jv_null(), &v))
        return false;
    bool ok = true;
    if (is_kind(v, JV_KIND_OBJECT)) {
        int count = 0;
        jv keys = jv_keys(
            jv_copy(v)); /* sorted: the order of the bytes must not depend on how the object came to be */
        for (int i = 0, n = jv_array_length(jv_copy(keys)); ok && i < n; i++) {
            jv key = peek_item(keys, i), value = jv_object_get(jv_copy(v), jv_copy(key));
            ok = ++count <= LIMIT_HEADER_COUNT
                     ? put_header(run, f, q, key, value)
                     : problem(run, f, FLOW_ERROR_CONFIGURATION, 400, "there are too many headers");
            jv_free(value);
        }
        jv_free(keys);
    } else if (!is_kind(v, JV_KIND_NULL)) {
        ok = problem(run, f, FLOW_ERROR_EXPRESSION, 400, "`headers` is not an object");
    }
    jv_free(v);
    return ok;
}

/* application/x-www-form-urlencoded, with the percent-encoding of a query. */
static bool put_form(struct flow_run *run, struct frame *f, struct request *q, jv v)
{
    _cleanup_buffer_ struct buffer form = BUFFER_MAX(LIMIT_BODY);
    struct diag diag = {0};
    if (flow_uri_append_query_object(&form, v, &diag) < 0)
        return problem(run, f, FLOW_ERROR_EXPRESSION, 400, "%s", diag.text);
    struct slice s = buffer_slice(&form);
    if (s.len) /* it begins with '?' */
        (void)buffer_append(&q->body, s.p + 1, s.len - 1);
    return true;
}

static bool put_body(struct flow_run *run, struct frame *f, struct request *q)
{
    jv v;
    if (f->task->http.body.kind == EXPR_ABSENT)
        return true;
    if (!run_eval(run, f, &f->task->http.body, jv_copy(f->input), jv_null(), &v))
        return false;
    bool ok = true;
    if (q->is_form && is_kind(v, JV_KIND_OBJECT)) {
        ok = put_form(run, f, q, v);
    } else if (q->has_content_type && is_kind(v, JV_KIND_STRING)) {
        (void)buffer_append_slice(&q->body, text_of(v));
    } else {
        flow_value_write(&q->body, v);
        if (!q->has_content_type) {
            jv name = jv_string("content-type"), type = jv_string("application/json");
            ok = put_header(run, f, q, name, type);
            jv_free(name);
            jv_free(type);
        }
    }
    jv_free(v);
    return ok;
}

static bool put_text(struct flow_run *run, struct frame *f, const struct expr *e, struct buffer *out)
{
    jv v;
    if (e->kind == EXPR_ABSENT)
        return true;
    if (!run_eval(run, f, e, jv_copy(f->input), jv_null(), &v))
        return false;
    bool is_text = is_kind(v, JV_KIND_STRING);
    if (is_text)
        (void)buffer_append_slice(out, text_of(v));
    jv_free(v);
    return is_text || problem(run, f, FLOW_ERROR_AUTHENTICATION, 401, "a credential is not a text");
}

/* The path of a template, for the audit leaf: it names no data. */
static struct slice path_template(struct slice uri)
{
    const uint8_t *p = uri.p ? memmem(uri.p, uri.len, "://", 3) : NULL;
    size_t at = p ? (size_t)(p - uri.p) + 3 : uri.len;
    while (at < uri.len && uri.p[at] != '/' && uri.p[at] != '?' && uri.p[at] != '#')
        at++;
    size_t end = at;
    while (end < uri.len && uri.p[end] != '?' && uri.p[end] != '#')
        end++;
    return slice_of(uri.p ? uri.p + at : (const uint8_t *)"", end - at);
}

static bool send(struct flow_run *run, struct strand *s, struct frame *f, struct request *q)
{
    const struct http_call *h = &f->task->http;
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(LIMIT_FRAME / 2);
    int64_t timeout_ms = f->deadline_ms < 0 ? 0 : f->deadline_ms - run->now_ms;
    struct msg_effect_call call = {
        .method = buffer_slice(&q->method),
        .uri = buffer_slice(&q->uri),
        .path_template = path_template(h->uri_template),
        .headers = buffer_slice(&q->headers),
        .body = buffer_slice(&q->body),
        .follow_redirects = h->redirect,
        .timeout_ms = (uint32_t)(timeout_ms > LIMIT_EGRESS_TIMEOUT_MS ? LIMIT_EGRESS_TIMEOUT_MS : timeout_ms),
        .auth = (uint8_t)h->authentication.scheme,
        .auth_use = h->authentication.use,
        .auth_username = buffer_slice(&q->username),
        .auth_password = buffer_slice(&q->password),
        .task = f->task->index,
    };
    if (buffer_error(&q->headers) || buffer_error(&q->body) || buffer_error(&q->username) ||
        buffer_error(&q->password))
        return problem(run, f, FLOW_ERROR_RUNTIME, 500, "the request is too large");
    wire_encode_effect_call(&record, &call);
    if (!effect_open(run, s, f, EFFECT_CALL, PURPOSE_RESULT, &record))
        return false;
    jv request = jv_object_set(jv_object(), jv_string("method"),
                               jv_string_sized((const char *)q->method.p, (int)q->method.len));
    request =
        jv_object_set(request, jv_string("uri"), jv_string_sized((const char *)q->uri.p, (int)q->uri.len));
    request = jv_object_set(request, jv_string("headers"), jv_copy(q->header_object));
    jv_free(f->items);
    f->items = request;
    f->phase = FRAME_EFFECT;
    return true;
}

bool http_start(struct flow_run *run, struct strand *s, struct frame *f)
{
    const struct authentication *a = &f->task->http.authentication;
    struct request q = {.uri = BUFFER_MAX(LIMIT_URI),
                        .headers = BUFFER_MAX(LIMIT_HEADERS),
                        .body = BUFFER_MAX(LIMIT_BODY),
                        .method = BUFFER_MAX(32),
                        .username = BUFFER_MAX(LIMIT_TEXT),
                        .password = BUFFER_MAX(LIMIT_TEXT),
                        .header_object = jv_object()};
    bool ok = put_uri(run, f, &q) && put_method(run, f, &q) && put_headers(run, f, &q) &&
              put_body(run, f, &q) && put_text(run, f, &a->username, &q.username) &&
              put_text(run, f, &a->password, &q.password) && send(run, s, f, &q);
    request_free(&q);
    return ok;
}
