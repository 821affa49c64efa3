/* request: turns a worker's call and the vault's values into one request. What must hold: a value comes only from a want of
 * its own place (header, query, body), so the vault has agreed to exactly this use [I2]; after the values are in, the URI
 * still names the same origin and the headers are still single lines; what would confuse the framing or the host is refused.
 * Called by call.c for each hop. */
#include "egress/request.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"

void wants_free(struct wants *w)
{
    for (size_t i = 0; i < w->n; i++)
        buffer_free(&w->list[i].value);
    free(w->list);
    *w = (struct wants){0};
}

void request_free(struct request *r)
{
    buffer_free(&r->uri);
    buffer_free(&r->body);
    buffer_free(&r->username);
    buffer_free(&r->password);
    for (struct curl_slist *line = r->headers; line; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(r->headers);
    *r = (struct request){0};
}

static int refuse(int code, const char *reason, const char **ret_reason)
{
    *ret_reason = reason;
    return code;
}

/* --- which credentials -------------------------------------------------------------------------------------------------- */

static int want_add(struct wants *w, const struct request_source *s, unsigned slot, uint8_t place, uint8_t form)
{
    struct want *list = realloc(w->list, (w->n + 1) * sizeof *list);
    if (!list)
        return -ENOMEM;
    w->list = list;
    w->list[w->n++] = (struct want){.slot = slot, .place = place, .form = form, .value = BUFFER_MAX(2 * LIMIT_CREDENTIAL),
                                    .name = slot == HANDLE_AUTHORIZATION ? s->call->auth_use : s->secrets[slot]};
    w->list[w->n - 1].value.secret = true;
    return 0;
}

/* The worker may be in hostile hands: it names its authentication, but only from what the workflow was given [I7]. */
static bool may_use(const struct request_source *s, struct slice name)
{
    for (size_t i = 0; i < s->pattern->n_secrets; i++)
        if (slice_equal(s->secrets[i], name))
            return true;
    return false;
}

static int place_wants(const struct request_source *s, const bool used[HANDLE_SLOTS], uint8_t place, struct wants *w,
                       const char **ret_reason)
{
    if (used[HANDLE_AUTHORIZATION] && s->call->auth_use.len == 0)
        return refuse(-SP_EINVALID, "$authorization is used, but the call has no authentication from `use`", ret_reason);
    for (unsigned slot = 0; slot < HANDLE_SLOTS; slot++)
        if (used[slot]) {
            int r = want_add(w, s, slot, place, CREDENTIAL_FORM_VALUE);
            if (r < 0)
                return r;
        }
    return 0;
}

static int authentication_wants(const struct request_source *s, struct wants *w, const char **ret_reason)
{
    const struct msg_effect_call *call = s->call;
    if (call->auth > AUTH_DIGEST)
        return refuse(-SP_EINVALID, "the call has an unknown authentication", ret_reason);
    if (call->auth_use.len == 0)
        return 0;
    if (!may_use(s, call->auth_use))
        return refuse(-SP_EDENIED, "the authentication uses a secret that was not given to the workflow", ret_reason);
    if (call->auth == AUTH_NONE)
        return 0;
    if (call->auth != AUTH_DIGEST)
        return want_add(w, s, HANDLE_AUTHORIZATION, CREDENTIAL_IN_HEADER, CREDENTIAL_FORM_HEADER);
    int r = want_add(w, s, HANDLE_AUTHORIZATION, CREDENTIAL_IN_HEADER, CREDENTIAL_FORM_USERNAME);
    return r < 0 ? r : want_add(w, s, HANDLE_AUTHORIZATION, CREDENTIAL_IN_HEADER, CREDENTIAL_FORM_PASSWORD);
}

static int collect_headers(const struct request_source *s, bool used[HANDLE_SLOTS], const char **ret_reason)
{
    struct slice rest = s->call->headers;
    struct slice name, value;
    int r;
    while ((r = wire_pairs_next(&rest, &name, &value)) > 0)
        if (handle_collect(s->pattern, value, used) < 0)
            return refuse(-SP_EINVALID, "a header holds the handle of no secret", ret_reason);
    if (r == 0 && s->call->auth_use.len == 0 && s->call->auth != AUTH_NONE &&
        (handle_collect(s->pattern, s->call->auth_username, used) < 0 ||
         handle_collect(s->pattern, s->call->auth_password, used) < 0))
        return refuse(-SP_EINVALID, "the authentication holds the handle of no secret", ret_reason);
    return r < 0 ? refuse(-SP_EINVALID, "the headers of the call are malformed", ret_reason) : 0;
}

/* The URI behind its origin: a handle in the host is text, and no grant names it. */
static struct slice uri_tail(const struct hop *hop)
{
    struct slice uri = buffer_slice(&hop->uri);
    size_t tail = hop->at.path.len + (hop->at.query.p ? hop->at.query.len + 1 : 0);
    return slice_of(uri.p + uri.len - tail, tail);
}

int request_wants(const struct request_source *s, const struct hop *hop, struct wants *ret, const char **ret_reason)
{
    bool in_header[HANDLE_SLOTS] = {0}, in_query[HANDLE_SLOTS] = {0}, in_body[HANDLE_SLOTS] = {0};
    if (hop->is_foreign)
        return 0;
    if (!hop->is_redirected && handle_collect(s->pattern, uri_tail(hop), in_query) < 0)
        return refuse(-SP_EINVALID, "the URI holds the handle of no secret", ret_reason);
    if (hop->has_body && handle_collect(s->pattern, s->call->body, in_body) < 0)
        return refuse(-SP_EINVALID, "the body holds the handle of no secret", ret_reason);
    int r = collect_headers(s, in_header, ret_reason);
    if (r == 0)
        r = authentication_wants(s, ret, ret_reason);
    if (r == 0)
        r = place_wants(s, in_header, CREDENTIAL_IN_HEADER, ret, ret_reason);
    if (r == 0)
        r = place_wants(s, in_query, CREDENTIAL_IN_QUERY, ret, ret_reason);
    return r < 0 ? r : place_wants(s, in_body, CREDENTIAL_IN_BODY, ret, ret_reason);
}

bool request_body_has_handles(const struct request_source *s)
{
    bool used[HANDLE_SLOTS] = {0};
    return handle_collect(s->pattern, s->call->body, used) != 0;
}

/* --- the request -------------------------------------------------------------------------------------------------------- */

static void values_of(const struct wants *w, uint8_t place, struct slice ret[HANDLE_SLOTS])
{
    memset(ret, 0, HANDLE_SLOTS * sizeof *ret);
    for (size_t i = 0; i < w->n; i++)
        if (w->list[i].place == place && w->list[i].form == CREDENTIAL_FORM_VALUE)
            ret[w->list[i].slot] = w->list[i].value.len ? buffer_slice(&w->list[i].value) : SLICE_LITERAL("");
}

static const struct want *find_form(const struct wants *w, uint8_t form)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->list[i].form == form)
            return &w->list[i];
    return NULL;
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        bool is_alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!is_alnum && !(c && strchr("!#$%&'*+-.^_`|~", c)))
            return false;
    }
    return s.len > 0 && s.len <= LIMIT_NAME;
}

static bool is_one_of(struct slice name, const char *const *names)
{
    for (; *names; names++)
        if (slice_equal_nocase(name, slice_text(*names)))
            return true;
    return false;
}

/* Appends "name: value"; libcurl's form for an empty value is "name;". */
static int line_add(struct request *ret, struct slice name, struct slice value, const char **ret_reason)
{
    for (size_t i = 0; i < value.len; i++)
        if ((value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return refuse(-SP_EINVALID, "the value of a header holds a line break or control character", ret_reason);
    _cleanup_buffer_ struct buffer line = BUFFER_MAX(LIMIT_HEADERS + 2 * LIMIT_CREDENTIAL);
    line.secret = true;
    (void)buffer_append_slice(&line, name);
    (void)buffer_append_text(&line, value.len ? ": " : ";");
    (void)buffer_append_slice(&line, value);
    const char *text = buffer_text(&line);
    struct curl_slist *list = text ? curl_slist_append(ret->headers, text) : NULL;
    if (!list)
        return text ? -ENOMEM : buffer_error(&line);
    ret->headers = list;
    return 0;
}

/* These are ours or libcurl's: from a workflow they could name another host, or smuggle a second request. */
static const char *const forbidden[] = {"host", "content-length", "transfer-encoding", "connection", "keep-alive", "te",
                                        "trailer", "upgrade", "expect", "proxy-authorization", "proxy-connection", NULL};
/* All that follows to another origin: anything else may be a key in plain text. */
static const char *const harmless[] = {"accept", "accept-language", "content-type", "user-agent", NULL};

static int header_build(const struct request_source *s, const struct hop *hop, const struct slice values[HANDLE_SLOTS],
                        struct slice name, struct slice value, struct request *ret, const char **ret_reason)
{
    if (!is_token(name))
        return refuse(-SP_EINVALID, "the name of a header is malformed", ret_reason);
    if (is_one_of(name, forbidden))
        return refuse(-SP_EINVALID, "a header of the call is one that only the client itself may set (Host, Content-Length…)",
                      ret_reason);
    if (slice_equal_nocase(name, SLICE_LITERAL("accept-encoding")))
        return 0;
    bool used[HANDLE_SLOTS] = {0};
    if (hop->is_foreign && (!is_one_of(name, harmless) || handle_collect(s->pattern, value, used) != 0))
        return 0;
    if (!hop->has_body && slice_equal_nocase(name, SLICE_LITERAL("content-type")))
        return 0;
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(LIMIT_HEADERS + LIMIT_CREDENTIAL);
    text.secret = true;
    int r = handle_substitute(s->pattern, value, HANDLE_RAW, values, &text);
    return r < 0 ? refuse(r, "a header could not be built", ret_reason)
                 : line_add(ret, name, buffer_slice(&text), ret_reason);
}

/* Username, password or token of the call itself, handles resolved: "Basic …" or "Bearer …". */
static int authorization_from_texts(const struct request_source *s, const struct slice values[HANDLE_SLOTS],
                                    struct request *ret, const char **ret_reason)
{
    _cleanup_buffer_ struct buffer plain = BUFFER_MAX(4 * LIMIT_CREDENTIAL);
    _cleanup_buffer_ struct buffer value = BUFFER_MAX(8 * LIMIT_CREDENTIAL);
    plain.secret = value.secret = true;
    bool is_basic = s->call->auth == AUTH_BASIC;
    int r = 0;
    if (is_basic) {
        r = handle_substitute(s->pattern, s->call->auth_username, HANDLE_RAW, values, &plain);
        (void)buffer_append_byte(&plain, ':');
    }
    if (r == 0)
        r = handle_substitute(s->pattern, s->call->auth_password, HANDLE_RAW, values, &plain);
    if (r < 0)
        return refuse(r, "the authentication could not be built", ret_reason);
    (void)buffer_append_text(&value, is_basic ? "Basic " : "Bearer ");
    r = is_basic ? buffer_append_base64(&value, buffer_slice(&plain)) : buffer_append_slice(&value, buffer_slice(&plain));
    return r < 0 ? r : line_add(ret, SLICE_LITERAL("Authorization"), buffer_slice(&value), ret_reason);
}

static int digest_build(const struct request_source *s, const struct wants *w, const struct slice values[HANDLE_SLOTS],
                        struct request *ret)
{
    const struct want *username = find_form(w, CREDENTIAL_FORM_USERNAME);
    const struct want *password = find_form(w, CREDENTIAL_FORM_PASSWORD);
    if (username) {
        must(password); /* they are asked for together */
        (void)buffer_append_slice(&ret->username, buffer_slice(&username->value));
        (void)buffer_append_slice(&ret->password, buffer_slice(&password->value));
    } else {
        int r = handle_substitute(s->pattern, s->call->auth_username, HANDLE_RAW, values, &ret->username);
        if (r == 0)
            r = handle_substitute(s->pattern, s->call->auth_password, HANDLE_RAW, values, &ret->password);
        if (r < 0)
            return r;
    }
    return buffer_text(&ret->username) && buffer_text(&ret->password) ? 0 : -ENOMEM;
}

static int authentication_build(const struct request_source *s, const struct wants *w,
                                const struct slice values[HANDLE_SLOTS], struct request *ret, const char **ret_reason)
{
    if (s->call->auth == AUTH_NONE)
        return 0;
    if (s->call->auth == AUTH_DIGEST)
        return digest_build(s, w, values, ret);
    const struct want *header = find_form(w, CREDENTIAL_FORM_HEADER);
    if (!header)
        return authorization_from_texts(s, values, ret, ret_reason);
    if (!is_token(slice_text(header->header)))
        return refuse(-SP_EPROTOCOL, "the credential has no header", ret_reason);
    return line_add(ret, slice_text(header->header), buffer_slice(&header->value), ret_reason);
}

/* A header that the authentication writes is not written a second time by the call. */
static bool is_authentications(const struct request_source *s, const struct wants *w, struct slice name)
{
    if (s->call->auth == AUTH_NONE)
        return false;
    const struct want *header = find_form(w, CREDENTIAL_FORM_HEADER);
    return slice_equal_nocase(name, slice_text(header ? header->header : "Authorization"));
}

static bool is_safe_to_repeat(struct slice method)
{
    return !slice_is(method, "POST") && !slice_is(method, "PATCH");
}

static int headers_build(const struct request_source *s, const struct hop *hop, const struct wants *w, struct request *ret,
                         const char **ret_reason)
{
    struct slice values[HANDLE_SLOTS];
    values_of(w, CREDENTIAL_IN_HEADER, values);
    struct slice rest = s->call->headers;
    struct slice name, value, ignored;
    int r;
    while ((r = wire_pairs_next(&rest, &name, &value)) > 0) {
        if (is_authentications(s, w, name))
            continue;
        r = header_build(s, hop, values, name, value, ret, ret_reason);
        if (r < 0)
            return r;
    }
    must(r == 0); /* request_wants has walked them, at the first hop */
    ret->is_repeatable = is_safe_to_repeat(slice_text(hop->method));
    if (!ret->is_repeatable && !hop->is_foreign && wire_pairs_find(s->call->headers, "idempotency-key", &ignored)) {
        ret->is_repeatable = true;
    } else if (!ret->is_repeatable && s->idempotency_key.len) {
        ret->is_repeatable = true;
        r = line_add(ret, SLICE_LITERAL("Idempotency-Key"), s->idempotency_key, ret_reason);
    }
    /* Without these two libcurl would add a form's content type, and wait for a "100 Continue". */
    struct curl_slist *list = r == 0 ? curl_slist_append(ret->headers, "Expect:") : NULL;
    if (list && hop->has_body && !wire_pairs_find(s->call->headers, "content-type", &ignored)) {
        ret->headers = list;
        list = curl_slist_append(ret->headers, "Content-Type:");
    }
    if (!list)
        return r < 0 ? r : -ENOMEM;
    ret->headers = list;
    return hop->is_foreign ? 0 : authentication_build(s, w, values, ret, ret_reason);
}

static int uri_build(const struct request_source *s, const struct hop *hop, const struct wants *w, struct request *ret,
                     const char **ret_reason)
{
    struct slice uri = buffer_slice(&hop->uri);
    struct slice tail = uri_tail(hop);
    struct slice values[HANDLE_SLOTS];
    values_of(w, CREDENTIAL_IN_QUERY, values);
    (void)buffer_append(&ret->uri, uri.p, uri.len - tail.len);
    int r = hop->is_redirected ? buffer_append_slice(&ret->uri, tail)
                               : handle_substitute(s->pattern, tail, HANDLE_PERCENT, values, &ret->uri);
    if (r < 0)
        return refuse(r, "the URI could not be built", ret_reason);
    struct policy_uri built;
    if (policy_uri_parse(buffer_slice(&ret->uri), &built, NULL) < 0)
        return refuse(-SP_EINVALID, "a secret does not fit into the URI", ret_reason);
    must(policy_origin_equal(&built.origin, &hop->at.origin));
    return buffer_text(&ret->uri) ? 0 : -ENOMEM;
}

static enum handle_escape body_escape(struct slice headers)
{
    struct slice type, media;
    if (!wire_pairs_find(headers, "content-type", &type) || !slice_split(&type, ';', &media))
        return HANDLE_RAW;
    while (media.len && (media.p[media.len - 1] == ' ' || media.p[media.len - 1] == '\t'))
        media.len--;
    if (slice_equal_nocase(media, SLICE_LITERAL("application/x-www-form-urlencoded")))
        return HANDLE_PERCENT;
    size_t end = media.len < 5 ? media.len : 5;
    bool is_json = slice_equal_nocase(media, SLICE_LITERAL("application/json")) ||
                   slice_equal_nocase(slice_of(media.p + media.len - end, end), SLICE_LITERAL("+json"));
    return is_json ? HANDLE_JSON : HANDLE_RAW;
}

int request_build(const struct request_source *s, const struct hop *hop, const struct wants *wants, struct request *ret,
                  const char **ret_reason)
{
    *ret = (struct request){.uri = BUFFER_MAX(LIMIT_URI + 1), .body = BUFFER_MAX(LIMIT_BODY),
                            .username = BUFFER_MAX(LIMIT_CREDENTIAL), .password = BUFFER_MAX(2 * LIMIT_CREDENTIAL)};
    ret->uri.secret = ret->body.secret = ret->username.secret = ret->password.secret = true;
    int r = uri_build(s, hop, wants, ret, ret_reason);
    if (r == 0)
        r = headers_build(s, hop, wants, ret, ret_reason);
    if (r == 0 && hop->has_body && hop->is_foreign)
        r = buffer_append_slice(&ret->body, s->call->body);
    else if (r == 0 && hop->has_body) {
        struct slice values[HANDLE_SLOTS];
        values_of(wants, CREDENTIAL_IN_BODY, values);
        r = handle_substitute(s->pattern, s->call->body, body_escape(s->call->headers), values, &ret->body);
        if (r < 0)
            *ret_reason = "a secret does not fit into the body";
    }
    if (r < 0)
        request_free(ret);
    return r;
}
