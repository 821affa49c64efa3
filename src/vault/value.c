/* value: refuses at the door what would fail, or do harm, at every use: control characters that could end a header, values too
 * short to be a secret. Called when a credential is wrapped. */
#include "vault/value.h"

#include <malloc.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/limits.h"

static void wiping_free(void *p)
{
    if (p)
        explicit_bzero(p, malloc_usable_size(p));
    free(p);
}

void value_init(void)
{
    json_set_alloc_funcs(json_read_malloc, wiping_free);
}

/* Visible ASCII; `space` allows spaces inside. */
static bool is_visible(struct slice s, bool space)
{
    for (size_t i = 0; i < s.len; i++) {
        bool inside = space && i > 0 && i + 1 < s.len;
        if (!(s.p[i] > ' ' && s.p[i] < 0x7f) && !(inside && s.p[i] == ' '))
            return false;
    }
    return s.len > 0;
}

static bool is_text(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < ' ' || s.p[i] == 0x7f)
            return false;
    return slice_is_utf8(s);
}

/* A short value cannot be told from other text: to take it out of answers would destroy them, to leave it would tell it. */
static int check_length(struct slice secret, const char *what, struct diag *reterr)
{
    if (secret.len >= VALUE_SCRUBBED_MIN)
        return 0;
    return diag_set(reterr, -SP_EINVALID, "%s has at least %d bytes; a shorter one cannot be found in answers", what,
                    VALUE_SCRUBBED_MIN);
}

static int check_pair(const json_t *object, struct buffer *ret_username, struct buffer *ret_value, struct diag *reterr)
{
    const json_t *username = json_object_get(object, "username"), *password = json_object_get(object, "password");
    if (!json_is_string(username) || !json_is_string(password) || json_object_size(object) != 2)
        return diag_set(reterr, -SP_EINVALID, "a basic credential is {\"username\": \"...\", \"password\": \"...\"}");
    struct slice u = slice_of(json_string_value(username), json_string_length(username));
    struct slice p = slice_of(json_string_value(password), json_string_length(password));
    if (u.len + p.len > VALUE_BASIC_MAX)
        return diag_set(reterr, -SP_EINVALID, "user name and password are longer than %u bytes", VALUE_BASIC_MAX);
    if (!is_text(u) || !is_text(p) || (u.len && memchr(u.p, ':', u.len)))
        return diag_set(reterr, -SP_EINVALID, "a user name or password has a control character, or a user name a colon");
    /* Some services take their key as a user name without a password. */
    int r = check_length(p.len ? p : u, p.len ? "a password" : "a user name without a password", reterr);
    if (r < 0)
        return r;
    buffer_append_slice(ret_username, u);
    buffer_append_slice(ret_value, p);
    return buffer_error(ret_username) ? buffer_error(ret_username) : buffer_error(ret_value);
}

static int check_basic(struct slice value, struct buffer *ret_username, struct buffer *ret_value, struct diag *reterr)
{
    json_error_t error;
    json_t *object = json_read(value, JSON_ALLOW_NUL, &error);
    bool has_memory = object || json_read_failure(&error) != -ENOMEM;
    explicit_bzero(&error, sizeof error); /* it quotes the text */
    if (!has_memory)
        return diag_set(reterr, -ENOMEM, "there is no memory to read the value");
    int r = check_pair(object, ret_username, ret_value, reterr);
    json_decref(object);
    return r;
}

static int check_webhook_key(struct slice value, struct diag *reterr)
{
    if (!is_text(value))
        return diag_set(reterr, -SP_EINVALID, "a webhook-key is text without control characters; is there a newline at its end?");
    _cleanup_buffer_ struct buffer decoded = {.max = LIMIT_CREDENTIAL, .secret = true};
    size_t len = value.len, prefix = sizeof VALUE_WHSEC - 1;
    /* Stripe's keys have the same prefix and are used as they stand, so one that does not decode is still a key. */
    if (slice_starts(value, VALUE_WHSEC))
        len = buffer_append_base64_decoded(&decoded, slice_of(value.p + prefix, value.len - prefix)) == 0 ? decoded.len
                                                                                                          : value.len - prefix;
    if (buffer_error(&decoded) == -ENOMEM)
        return diag_set(reterr, -ENOMEM, "there is no memory to look at the key");
    if (len < VALUE_WEBHOOK_KEY_MIN)
        return diag_set(reterr, -SP_EINVALID, "a webhook-key has at least %d bytes (behind whsec_: decoded); this one can be guessed",
                        VALUE_WEBHOOK_KEY_MIN);
    return 0;
}

int value_check(enum credential_kind kind, struct slice value, struct buffer *ret_username, struct buffer *ret_value,
                struct diag *reterr)
{
    int r = 0;
    if (value.len == 0 || value.len > LIMIT_CREDENTIAL)
        return diag_set(reterr, -SP_EINVALID, "a value has 1 to %u bytes", LIMIT_CREDENTIAL);
    switch (kind) {
    case CREDENTIAL_BEARER:
        if (!is_visible(value, false))
            r = diag_set(reterr, -SP_EINVALID, "a token is visible ASCII without spaces; is there a newline at its end?");
        else
            r = check_length(value, "a token", reterr);
        break;
    case CREDENTIAL_API_KEY:
        if (!is_visible(value, true))
            r = diag_set(reterr, -SP_EINVALID, "an api-key is visible ASCII; is there a newline at its end?");
        else
            r = check_length(value, "an api-key", reterr);
        break;
    case CREDENTIAL_BASIC:
        return check_basic(value, ret_username, ret_value, reterr);
    case CREDENTIAL_WEBHOOK_KEY:
        r = check_webhook_key(value, reterr);
        break;
    default:
        r = diag_set(reterr, -SP_EINVALID, "there is no such kind of credential");
    }
    return r < 0 ? r : buffer_append_slice(ret_value, value);
}
