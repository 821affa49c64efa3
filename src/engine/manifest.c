/* manifest: what a checker found in a definition, as the engine's terms. The checker is hostile by assumption: the manifest
 * decides about the workflow's own rate and grants only, every value is checked again, and what is missing gets a default. */
#include "engine/manifest.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "policy/grant.h"

#define DEFAULT_RATE_LIMIT  100
#define DEFAULT_RATE_BURST  200
#define DEFAULT_CONCURRENCY 1024
#define DEFAULT_TOLERANCE_S 300

static struct slice text_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    return json_is_string(value) ? slice_of(json_string_value(value), json_string_length(value)) : (struct slice){0};
}

static bool copy_text(struct slice s, char *to, size_t size)
{
    if (s.len == 0 || s.len >= size || memchr(s.p, 0, s.len))
        return false;
    memcpy(to, s.p, s.len);
    to[s.len] = 0;
    return true;
}

static int64_t number_of(const json_t *object, const char *key, int64_t fallback, int64_t low, int64_t high)
{
    const json_t *value = json_object_get(object, key);
    int64_t n = json_is_integer(value) ? json_integer_value(value) : fallback;
    if (json_is_real(value)) {
        /* Compared as it is: a conversion of what does not fit is undefined. */
        double real = json_real_value(value);
        return real <= (double)low ? low : real >= (double)high ? high : (int64_t)real;
    }
    return n < low ? low : n > high ? high : n;
}

static int read_webhook(const json_t *webhook, struct workflow *w)
{
    if (!json_is_object(webhook))
        return 0;
    int scheme = webhook_scheme_parse(text_of(webhook, "scheme"));
    if (scheme < 0)
        return -SP_EINVALID;
    w->has_webhook = true;
    w->scheme = (enum webhook_scheme)scheme;
    w->answers_at_once = slice_is(text_of(webhook, "answer"), "accepted");
    w->tolerance_s = (uint32_t)(number_of(webhook, "toleranceMs", DEFAULT_TOLERANCE_S * 1000, 1000, LIMIT_TOLERANCE_MS) / 1000);
    if (scheme != WEBHOOK_NONE && (!copy_text(text_of(webhook, "key"), w->key_name, sizeof w->key_name) ||
                                   !name_is_credential(slice_text(w->key_name))))
        return -SP_EINVALID;
    return 0;
}

/* The array as JSON text that policy/grant.h accepts; an absent one grants nothing [I7]. */
static int read_grants(const json_t *origins, struct workflow *w)
{
    char *text = origins ? json_dumps(origins, JSON_COMPACT) : strdup("[]");
    if (!text)
        return -ENOMEM;
    struct policy_grants *grants = NULL;
    struct diag diag;
    int r = policy_grants_parse(slice_text(text), &grants, &diag);
    policy_grants_free(grants);
    if (r < 0) {
        free(text);
        return r;
    }
    w->grants = slice_text(text);
    return 0;
}

static int read_secrets(const json_t *secrets, struct workflow *w)
{
    _cleanup_buffer_ struct buffer pairs = BUFFER_MAX(LIMIT_SECRETS * 132);
    size_t i;
    const json_t *name;
    json_array_foreach(secrets, i, name) {
        struct slice s = json_is_string(name) ? slice_of(json_string_value(name), json_string_length(name)) : (struct slice){0};
        if (i == LIMIT_SECRETS || !name_is_credential(s))
            return -SP_EINVALID;
        wire_pairs_put(&pairs, s, SLICE_LITERAL(""));
    }
    size_t len = 0;
    uint8_t *p = buffer_take(&pairs, &len);
    w->secrets = slice_of(p, len);
    return p ? 0 : -ENOMEM;
}

static int read_all(const json_t *root, struct workflow *w)
{
    const json_t *settings = json_object_get(root, "sallyport"), *rate = json_object_get(settings, "rate");
    if (!copy_text(text_of(root, "name"), w->name, sizeof w->name) || !name_is_dsl(slice_text(w->name)) ||
        !copy_text(text_of(root, "version"), w->version, sizeof w->version))
        return -SP_EINVALID;
    w->rate_limit = (uint32_t)number_of(rate, "limit", DEFAULT_RATE_LIMIT, 1, 1000000);
    w->rate_period_ms = number_of(rate, "periodMs", 1000, 1, 86400000);
    w->rate_burst = (uint32_t)number_of(rate, "burst", json_is_object(rate) ? w->rate_limit : DEFAULT_RATE_BURST, 1, 1000000);
    /* 0: the definition says nothing. */
    w->concurrency = (uint32_t)number_of(settings, "concurrency", 0, 0, LIMIT_RUNS_WAITING);
    w->concurrency = w->concurrency ? w->concurrency : DEFAULT_CONCURRENCY;
    w->retention_ms = number_of(settings, "retentionMs", 0, 0, LIMIT_DURATION_MS * 10);
    int r = read_webhook(json_object_get(settings, "webhook"), w);
    r = r < 0 ? r : read_grants(json_object_get(settings, "origins"), w);
    return r < 0 ? r : read_secrets(json_object_get(root, "secrets"), w);
}

int manifest_read(struct slice manifest, struct workflow *w, char ret_ns[64])
{
    json_error_t error;
    json_t *root = json_read(manifest, 0, &error);
    if (!json_is_object(root)) {
        int code = root ? -SP_ESYNTAX : json_read_failure(&error);
        json_decref(root);
        return code;
    }
    int r = read_all(root, w);
    if (r == 0 && (!copy_text(text_of(root, "namespace"), ret_ns, 64) || !name_is_dsl(slice_text(ret_ns))))
        r = -SP_EINVALID;
    json_decref(root);
    uint8_t *copy = r == 0 ? malloc(manifest.len) : NULL;
    if (r == 0 && !copy)
        r = -ENOMEM;
    if (r < 0) {
        manifest_release(w);
        return r;
    }
    memcpy(copy, manifest.p, manifest.len);
    w->manifest = slice_of(copy, manifest.len);
    return 0;
}

void manifest_release(struct workflow *w)
{
    slice_owned_free(&w->manifest);
    slice_owned_free(&w->grants);
    slice_owned_free(&w->secrets);
}

bool workflow_task(struct workflow *w, unsigned index, const char **ret_reference, const char **ret_name)
{
    static json_t *parsed;
    static const struct workflow *parsed_of;
    static struct slice parsed_text;
    if (parsed_of != w || parsed_text.p != w->manifest.p) {
        json_decref(parsed);
        parsed = json_read(w->manifest, 0, NULL);
        parsed_of = w;
        parsed_text = w->manifest;
    }
    const json_t *task = json_array_get(json_object_get(parsed, "tasks"), index);
    *ret_reference = json_string_value(json_object_get(task, "reference"));
    *ret_name = json_string_value(json_object_get(task, "name"));
    return *ret_reference && *ret_name;
}
