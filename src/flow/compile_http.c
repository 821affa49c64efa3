/* compile_http: calls: of HTTP endpoints and of the definition's functions, and authentication policies.
 * Called by compile_task through its table and by compile.c for `use`. */
#include "base/error.h"
#include "flow/compile.h"
#include "flow/uri_template.h"

static const char *const unsupported_calls[] = {"asyncapi", "grpc", "openapi", "a2a", "mcp"};

static bool is_loopback(struct slice host)
{
    return slice_equal_nocase(host, SLICE_LITERAL("localhost")) || slice_is(host, "127.0.0.1") ||
           slice_is(host, "::1") || slice_starts(host, "127.");
}

/* "scheme://authority" of a URI text; false when it does not begin so. */
static bool split_origin(struct slice text, struct slice *ret_scheme, struct slice *ret_authority)
{
    const uint8_t *colon = memmem(text.p, text.len, "://", 3);
    if (!colon || colon == text.p)
        return false;
    *ret_scheme = slice_of(text.p, (size_t)(colon - text.p));
    struct slice rest = slice_of(colon + 3, text.len - ret_scheme->len - 3);
    size_t n = 0;
    while (n < rest.len && !strchr("/?#", rest.p[n]))
        n++;
    *ret_authority = slice_of(rest.p, n);
    return true;
}

static void check_origin(struct compiler *c, struct slice scheme, struct slice authority)
{
    if (memchr(scheme.p, '{', scheme.len) || memchr(authority.p, '{', authority.len)) {
        advise(c, "dynamic-host", "write scheme and host out", "data decides which host is called");
        return;
    }
    if (memchr(authority.p, '@', authority.len)) {
        complain(c, "hardcoded-secret", "use `authentication`", "a URI carries no user or password");
        return;
    }
    struct slice host = authority;
    if (host.len && host.p[0] == '[') {
        const uint8_t *end = memchr(host.p, ']', host.len);
        host = slice_of(host.p + 1, end ? (size_t)(end - host.p) - 1 : host.len - 1);
    } else {
        const uint8_t *colon = memchr(host.p, ':', host.len);
        host = slice_of(host.p, colon ? (size_t)(colon - host.p) : host.len);
    }
    if (host.len == 0)
        advise(c, "invalid-value", NULL, "the URI has no host: the call will fail");
    if (slice_equal_nocase(scheme, SLICE_LITERAL("http"))) {
        if (!is_loopback(host))
            advise(c, "plaintext-http", "use https", "the call is neither encrypted nor authenticated");
    } else if (!slice_equal_nocase(scheme, SLICE_LITERAL("https"))) {
        complain(c, "invalid-value", "use https", "the scheme of an HTTP endpoint is http or https");
    }
}

/* An expression that begins with a literal: ${ "https://host/\(…)" }. */
static void check_dynamic(struct compiler *c, struct slice inner)
{
    while (inner.len && (inner.p[0] == ' ' || inner.p[0] == '\t' || inner.p[0] == '\n'))
        inner = slice_of(inner.p + 1, inner.len - 1);
    struct slice scheme, authority;
    if (inner.len && inner.p[0] == '"') {
        inner = slice_of(inner.p + 1, inner.len - 1);
        size_t n = 0;
        while (n < inner.len && inner.p[n] != '"' && inner.p[n] != '\\')
            n++;
        struct slice literal = slice_of(inner.p, n);
        if (split_origin(literal, &scheme, &authority) &&
            authority.p + authority.len < literal.p + literal.len) {
            check_origin(c, scheme, authority);
            return;
        }
    }
    advise(c, "dynamic-host", "write scheme and host out: ${ \"https://api.example.com/\\(.id)\" }",
           "data decides which host is called");
}

static void compile_uri(struct compiler *c, jv v, struct http_call *h)
{
    if (!is_kind(v, JV_KIND_STRING))
        return;
    struct slice text = text_of(v), inner, scheme, authority;
    struct diag diag = {0};
    if (flow_text_is_expression(text, &inner)) {
        check_dynamic(c, inner);
        compile_expression(c, v, SCOPE_TASK, &h->endpoint);
        return;
    }
    h->uri_template = text;
    if (flow_uri_template_check(text, &diag) < 0)
        complain(c, "invalid-value", diag.hint[0] ? diag.hint : NULL, "%s", diag.text);
    else if (split_origin(text, &scheme, &authority))
        check_origin(c, scheme, authority);
    else
        complain(c, "invalid-value", "begin it with https://", "the URI of an endpoint is absolute");
}

/* `{use: SECRET}`, or fields that are given. */
static void compile_credential(struct compiler *c, jv v, const char *first, const char *second,
                               struct authentication *ret)
{
    const struct property table[] = {
        {"use", P_STRING, false}, {first, P_STRING, false}, {second, P_STRING, false}, {0}};
    if (!check_properties(c, v, table, NULL))
        return;
    jv use = property(v, "use", P_STRING);
    if (is_kind(use, JV_KIND_STRING)) {
        size_t mark = enter(c, "use");
        ret->use = text_of(use);
        compile_secret(c, ret->use);
        leave(c, mark);
        return;
    }
    const char *const names[] = {first, second};
    for (size_t i = 0; i < 2 && names[i]; i++) {
        size_t mark = enter(c, names[i]);
        jv field = property(v, names[i], P_STRING);
        if (!jv_is_valid(field))
            complain(c, "missing-property", "or name a secret: { use: NAME }", "the property `%s` is missing",
                     names[i]);
        if (strcmp(names[i], "username") != 0)
            lint_credential(c, field, names[i]);
        compile_template(c, field, SCOPE_TASK,
                         strcmp(names[i], "username") == 0 ? &ret->username : &ret->password);
        leave(c, mark);
    }
}

static void compile_oauth2(struct compiler *c, jv v, const char *scheme)
{
    jv grant = property(v, "grant", P_STRING);
    char rule[64];
    (void)snprintf(rule, sizeof rule, "unsupported-%s", scheme);
    complain(c, rule, "use `bearer` with a secret", "`%s` authentication is not supported yet", scheme);
    size_t mark = enter(c, "grant");
    if (is_kind(grant, JV_KIND_STRING) && slice_is(text_of(grant), "password"))
        complain(c, "oauth2-password-grant", "use client_credentials",
                 "the password grant hands a person's password to this server");
    leave(c, mark);
    mark = enter(c, "client");
    (void)enter(c, "secret");
    lint_credential(c, peek(peek(v, "client"), "secret"), "secret");
    leave(c, mark);
}

void compile_authentication(struct compiler *c, jv v, bool may_use, struct authentication *ret)
{
    static const struct property use_table[] = {{"use", P_STRING, false}, {0}};
    static const struct property table[] = {{"basic", P_OBJECT, false},  {"bearer", P_OBJECT, false},
                                            {"digest", P_OBJECT, false}, {"oauth2", P_OBJECT, false},
                                            {"oidc", P_OBJECT, false},   {0}};
    static const enum auth_scheme schemes[] = {AUTH_BASIC, AUTH_BEARER, AUTH_DIGEST};
    if (is_kind(v, JV_KIND_INVALID) || !check_properties(c, v, table, may_use ? use_table : NULL))
        return;
    if (jv_object_length(jv_copy(v)) != 1)
        complain(c, "invalid-value", NULL, "an authentication has one scheme");
    jv use = may_use ? property(v, "use", P_STRING) : jv_invalid();
    if (is_kind(use, JV_KIND_STRING)) {
        size_t mark = enter(c, "use");
        jv named = compile_use(c, "authentications", text_of(use));
        if (jv_is_valid(named)) {
            struct buffer old = enter_use(c, "authentications", text_of(use));
            compile_authentication(c, named, false, ret);
            leave_use(c, &old);
        }
        leave(c, mark);
        return;
    }
    for (size_t i = 0; table[i].name; i++) {
        jv policy = property(v, table[i].name, P_OBJECT);
        size_t mark = enter(c, table[i].name);
        if (is_kind(policy, JV_KIND_OBJECT) && i < 3) {
            ret->scheme = schemes[i];
            compile_credential(c, policy, i == 1 ? "token" : "username", i == 1 ? NULL : "password", ret);
        } else if (is_kind(policy, JV_KIND_OBJECT)) {
            compile_oauth2(c, policy, table[i].name);
        }
        leave(c, mark);
    }
}

static void compile_endpoint(struct compiler *c, jv v, struct http_call *h)
{
    static const struct property table[] = {
        {"uri", P_STRING, true}, {"authentication", P_OBJECT, false}, {0}};
    if (is_kind(v, JV_KIND_STRING)) {
        compile_uri(c, v, h);
        return;
    }
    if (!is_kind(v, JV_KIND_OBJECT))
        return;
    (void)check_properties(c, v, table, NULL);
    size_t mark = enter(c, "uri");
    compile_uri(c, property(v, "uri", P_STRING), h);
    leave(c, mark);
    mark = enter(c, "authentication");
    compile_authentication(c, property(v, "authentication", P_OBJECT), true, &h->authentication);
    leave(c, mark);
}

static void lint_headers(struct compiler *c, jv headers)
{
    if (is_kind(headers, JV_KIND_OBJECT))
        for (int i = jv_object_iter(headers); jv_object_iter_valid(headers, i);
             i = jv_object_iter_next(headers, i)) {
            jv key = jv_object_iter_key(headers, i), value = jv_object_iter_value(headers, i);
            struct slice k = text_of(key);
            size_t mark = enter_name(c, k);
            if (slice_equal_nocase(k, SLICE_LITERAL("authorization")) ||
                slice_equal_nocase(k, SLICE_LITERAL("x-api-key")) ||
                slice_equal_nocase(k, SLICE_LITERAL("proxy-authorization")) ||
                slice_equal_nocase(k, SLICE_LITERAL("cookie")))
                lint_credential(c, value, "header");
            leave(c, mark);
            jv_free(key);
            jv_free(value);
        }
}

/* Of those that egress sends, in either case. */
static bool is_http_method(struct slice text)
{
    uint8_t upper[16];
    if (text.len > sizeof upper)
        return false;
    for (size_t i = 0; i < text.len; i++)
        upper[i] = text.p[i] >= 'a' && text.p[i] <= 'z' ? (uint8_t)(text.p[i] - 32) : text.p[i];
    return http_method_parse(slice_of(upper, text.len)) >= 0;
}

static void compile_method(struct compiler *c, jv method, struct http_call *h)
{
    size_t mark = enter(c, "method");
    compile_template(c, method, SCOPE_TASK, &h->method);
    if (is_kind(method, JV_KIND_STRING) && h->method.kind == EXPR_CONSTANT && !is_http_method(text_of(method)))
        complain(c, "invalid-value", "use get, post, put, patch, delete, head or options",
                 "this is not an HTTP method that may be sent");
    leave(c, mark);
}

static void compile_call_http(struct compiler *c, jv with, struct http_call *h)
{
    static const struct property table[] = {{"method", P_STRING, true},
                                            {"endpoint", P_STRING | P_OBJECT, true},
                                            {"headers", P_OBJECT | P_STRING, false},
                                            {"query", P_OBJECT | P_STRING, false},
                                            {"body", P_ANY, false},
                                            {"output", P_STRING, false},
                                            {"redirect", P_BOOL, false},
                                            {0}};
    if (!check_properties(c, with, table, NULL))
        return;
    compile_method(c, property(with, "method", P_STRING), h);
    size_t mark = enter(c, "endpoint");
    compile_endpoint(c, property(with, "endpoint", P_STRING | P_OBJECT), h);
    leave(c, mark);
    mark = enter(c, "headers");
    lint_headers(c, property(with, "headers", P_OBJECT));
    compile_template(c, property(with, "headers", P_OBJECT | P_STRING), SCOPE_TASK, &h->headers);
    leave(c, mark);
    mark = enter(c, "query");
    compile_template(c, property(with, "query", P_OBJECT | P_STRING), SCOPE_TASK, &h->query);
    leave(c, mark);
    mark = enter(c, "body");
    compile_template(c, peek(with, "body"), SCOPE_TASK, &h->body);
    leave(c, mark);
    jv output = property(with, "output", P_STRING);
    mark = enter(c, "output");
    if (is_kind(output, JV_KIND_STRING) && slice_is(text_of(output), "raw"))
        h->output = HTTP_OUTPUT_RAW;
    else if (is_kind(output, JV_KIND_STRING) && slice_is(text_of(output), "response"))
        h->output = HTTP_OUTPUT_RESPONSE;
    else if (is_kind(output, JV_KIND_STRING) && !slice_is(text_of(output), "content"))
        complain(c, "invalid-value", NULL, "`output` is raw, content or response");
    leave(c, mark);
    h->redirect = is_kind(peek(with, "redirect"), JV_KIND_TRUE);
}

static void compile_call_function(struct compiler *c, jv with, struct slice name, struct task *t)
{
    t->kind = TASK_FUNCTION;
    jv functions = peek(c->use, "functions");
    size_t mark = enter(c, "call");
    bool is_cataloged = memchr(name.p, '@', name.len) || memmem(name.p, name.len, "://", 3);
    if (is_cataloged)
        complain(c, "unsupported-catalogs", "define the function in `use.functions`",
                 "functions of catalogs are not supported yet");
    bool is_there = !is_cataloged && jv_is_valid(compile_use(c, "functions", name));
    leave(c, mark);
    if (!is_there)
        return;
    /* For now the number of its key; compile_functions puts the index of the task there. */
    jv keys = jv_keys(jv_copy(functions));
    for (int i = 0, n = jv_array_length(jv_copy(keys)); i < n; i++)
        if (slice_equal(text_of(peek_item(keys, i)), name))
            t->function = (uint16_t)i;
    jv_free(keys);
    mark = enter(c, "with");
    compile_template(c, with, SCOPE_TASK, &t->value);
    leave(c, mark);
}

void compile_call(struct compiler *c, jv v, struct task *t)
{
    jv call = property(v, "call", P_STRING), with = property(v, "with", P_OBJECT);
    if (!is_kind(call, JV_KIND_STRING))
        return;
    struct slice name = text_of(call);
    for (size_t i = 0; i < sizeof unsupported_calls / sizeof unsupported_calls[0]; i++)
        if (slice_is(name, unsupported_calls[i])) {
            char rule[64];
            (void)snprintf(rule, sizeof rule, "unsupported-call-%s", unsupported_calls[i]);
            complain(c, rule, "use `call: http`", "`call: %s` is not supported yet", unsupported_calls[i]);
            return;
        }
    if (!slice_is(name, "http")) {
        compile_call_function(c, with, name, t);
        return;
    }
    if (!jv_is_valid(with)) {
        complain(c, "missing-property", NULL, "the property `with` is missing");
        return;
    }
    size_t mark = enter(c, "with");
    compile_call_http(c, with, &t->http);
    leave(c, mark);
}
