/* policy: a credential's list of origins, methods and places: read once, strictly, when it is wrapped and again when it is
 * loaded; asked at every use. Holds: what is not allowed in so many words is refused [I7]; origins are compared by their
 * parts, exactly, never by prefix or suffix. */
#include "vault/policy.h"

#include <errno.h>
#include <stdlib.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/json_reader.h"

#define BIT(n) (1u << (n))

static struct slice string_slice(const json_t *s)
{
    return slice_of(json_string_value(s), json_string_length(s));
}

static int take_origins(const json_t *list, struct credential_policy *policy, struct diag *reterr)
{
    if (!json_is_array(list) || json_array_size(list) == 0 || json_array_size(list) > LIMIT_ORIGINS)
        return diag_set(reterr, -SP_EINVALID, "`origins` is an array of 1 to %d origins", LIMIT_ORIGINS);
    policy->origins = calloc(json_array_size(list), sizeof *policy->origins);
    if (!policy->origins)
        return diag_set(reterr, -ENOMEM, "there is no memory for the policy");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *origin = json_array_get(list, i);
        if (!json_is_string(origin))
            return diag_set(reterr, -SP_EINVALID, "an origin is a string, as in \"https://api.example.com\"");
        int r = policy_origin_parse(string_slice(origin), &policy->origins[policy->n_origins], reterr);
        if (r < 0)
            return r;
        policy->n_origins++;
    }
    return 0;
}

static int take_methods(const json_t *list, struct credential_policy *policy, struct diag *reterr)
{
    if (!json_is_array(list) || json_array_size(list) == 0)
        return diag_set(reterr, -SP_EINVALID, "`methods` is an array of at least one HTTP method");
    policy->methods = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *method = json_array_get(list, i);
        int number = json_is_string(method) ? http_method_parse(string_slice(method)) : -1;
        if (number < 0)
            return diag_set(reterr, -SP_EINVALID, "a method is one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
        policy->methods |= BIT(number);
    }
    return 0;
}

static int take_places(const json_t *list, struct credential_policy *policy, struct diag *reterr)
{
    if (!json_is_array(list) || json_array_size(list) == 0)
        return diag_set(reterr, -SP_EINVALID, "`places` is an array of at least one place");
    policy->places = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *place = json_array_get(list, i);
        int number = json_is_string(place) ? credential_place_parse(string_slice(place)) : -1;
        if (number < 0)
            return diag_set(reterr, -SP_EINVALID, "a place is one of \"header\", \"query\", \"body\"");
        policy->places |= BIT(number);
    }
    return 0;
}

static bool is_token(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.p[i];
        bool alphanumeric = (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z');
        if (!alphanumeric && (c == 0 || !strchr("!#$%&'*+-.^_`|~", c))) /* RFC 9110, 5.6.2 */
            return false;
    }
    return s.len > 0;
}

static int take_header(const json_t *name, struct credential_policy *policy, struct diag *reterr)
{
    /* A value in one of these would change where or how the request is read. */
    static const char *const framing[] = {"Host",    "Connection", "Content-Length", "Transfer-Encoding", "TE", "Trailer",
                                          "Upgrade", "Expect",     "Content-Type",   "Proxy-Authorization"};
    struct slice text = json_is_string(name) ? string_slice(name) : (struct slice){NULL, 0};
    if (!is_token(text) || text.len > POLICY_HEADER_MAX)
        return diag_set(reterr, -SP_EINVALID, "`header` is the name of a header, of at most %d characters", POLICY_HEADER_MAX);
    for (size_t i = 0; i < sizeof framing / sizeof *framing; i++)
        if (slice_equal_nocase(text, slice_text(framing[i])))
            return diag_set(reterr, -SP_EINVALID, "a credential cannot be sent as %s", framing[i]);
    memcpy(policy->header, text.p, text.len);
    policy->header[text.len] = '\0';
    return 0;
}

static int take_member(const char *key, const json_t *value, enum credential_kind kind, struct credential_policy *policy,
                       struct diag *reterr)
{
    if (kind == CREDENTIAL_WEBHOOK_KEY)
        return diag_set(reterr, -SP_EINVALID, "a webhook-key is never sent, so its policy is {}");
    if (strcmp(key, "origins") == 0)
        return take_origins(value, policy, reterr);
    if (strcmp(key, "methods") == 0)
        return take_methods(value, policy, reterr);
    if (strcmp(key, "places") == 0)
        return take_places(value, policy, reterr);
    if (strcmp(key, "header") == 0 && kind == CREDENTIAL_API_KEY)
        return take_header(value, policy, reterr);
    if (strcmp(key, "header") == 0)
        return diag_set(reterr, -SP_EINVALID, "`header` is for an api-key alone");
    return diag_set(reterr, -SP_EINVALID, "there is a key that is none of origins, methods, places, header");
}

static int take_object(json_t *object, enum credential_kind kind, struct credential_policy *policy, struct diag *reterr)
{
    if (!json_is_object(object))
        return diag_set(reterr, -SP_EINVALID, "a policy is a JSON object");
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        int r = take_member(key, value, kind, policy, reterr);
        if (r < 0)
            return r;
    }
    if (kind != CREDENTIAL_WEBHOOK_KEY && policy->n_origins == 0)
        return diag_set(reterr, -SP_EINVALID, "`origins` is missing: where may the credential be sent?");
    return 0;
}

void credential_policy_clear(struct credential_policy *policy)
{
    free(policy->origins);
    *policy = (struct credential_policy){0};
}

int credential_policy_parse(struct slice json, enum credential_kind kind, struct credential_policy *ret, struct diag *reterr)
{
    if (json.len > LIMIT_CREDENTIAL_POLICY)
        return diag_set(reterr, -SP_ELIMIT, "the policy is longer than %u bytes", LIMIT_CREDENTIAL_POLICY);
    json_error_t error;
    json_t *object = json.len ? json_read(json, 0, &error) : NULL;
    if (json.len && !object && json_read_failure(&error) == -ENOMEM)
        return diag_set(reterr, -ENOMEM, "there is no memory to read the policy");
    if (!object)
        return diag_set(reterr, -SP_ESYNTAX, "the policy is not JSON, or has a key twice");
    struct credential_policy policy = {.methods = UINT32_MAX, .places = BIT(CREDENTIAL_IN_HEADER)};
    int r = take_object(object, kind, &policy, reterr);
    json_decref(object);
    if (r < 0)
        credential_policy_clear(&policy);
    else
        *ret = policy;
    return r;
}

/* Through the same parser as the policy's own origins, so that there is one reading of a host. */
static int asked_origin(const struct credential_ask *ask, struct policy_origin *ret)
{
    _cleanup_buffer_ struct buffer text = BUFFER_MAX(POLICY_ORIGIN_TEXT);
    buffer_append_slice(&text, ask->scheme);
    buffer_append_text(&text, "://");
    buffer_append_slice(&text, ask->host);
    buffer_append_byte(&text, ':');
    int r = buffer_append_u64(&text, ask->port);
    if (r < 0)
        return r;
    if (policy_origin_parse(buffer_slice(&text), ret, NULL) < 0)
        return -SP_EINVALID;
    /* No part may have spilled over into another. */
    bool same = slice_equal_nocase(slice_text(ret->scheme), ask->scheme) &&
                slice_equal_nocase(slice_text(ret->host), ask->host) && ret->port == ask->port;
    return same ? 0 : -SP_EINVALID;
}

int credential_policy_may(const struct credential_policy *policy, const struct credential_ask *ask, struct diag *reterr)
{
    struct policy_origin origin;
    int r = asked_origin(ask, &origin);
    if (r == -ENOMEM)
        return diag_set(reterr, r, "there is no memory to look at the address");
    if (r < 0)
        return diag_set(reterr, -SP_EDENIED, "the address that it would be sent to is not well-formed");
    bool found = false;
    for (size_t i = 0; i < policy->n_origins && !found; i++)
        found = policy_origin_equal(&policy->origins[i], &origin);
    if (!found)
        return diag_set(reterr, -SP_EDENIED, "its policy does not allow %s://%s:%u", origin.scheme, origin.host,
                        (unsigned)origin.port);
    int method = http_method_parse(ask->method);
    if (method < 0 || !(policy->methods & BIT(method)))
        return diag_set(reterr, -SP_EDENIED, "its policy does not allow this method");
    if (!credential_place_text(ask->place) || !(policy->places & BIT(ask->place)))
        return diag_set(reterr, -SP_EDENIED, "its policy does not allow it in the %s",
                        credential_place_text(ask->place) ? credential_place_text(ask->place) : "place asked for");
    return 0;
}
