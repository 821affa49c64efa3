/* grant: reads grants and decides by them. Pure: jansson is the reader. Called by the vault for a credential's own list, by
 * egress for a workflow's. What must hold: a decision never depends on the spelling of what is asked: origins are compared
 * by parts, methods exactly, paths segment by segment [I7]. */
#include "policy/grant.h"

#include <errno.h>

#include "base/error.h"
#include "base/json_reader.h"
#include "policy/address.h"
#include "policy/uri.h"

#define MAX_METHODS 16
#define MAX_PATHS   64
#define MAX_METHOD  32

/* The texts are borrowed from `root` of the set. */
struct grant {
    struct policy_origin origin;
    const char *methods[MAX_METHODS];
    size_t n_methods; /* 0: all */
    struct slice paths[MAX_PATHS];
    size_t n_paths; /* 0: all */
};

struct policy_grants {
    json_t *root;
    size_t n;
    struct grant grants[];
};

static struct slice json_slice(const json_t *text)
{
    return slice_of(json_string_value(text), json_string_length(text));
}

static bool is_method(struct slice s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.p[i] < 'A' || s.p[i] > 'Z')
            return false;
    return s.len > 0 && s.len <= MAX_METHOD;
}

static int methods_parse(const json_t *list, struct grant *grant, struct diag *reterr)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > MAX_METHODS)
        return diag_set(reterr, -SP_EINVALID, "`methods` is an array of 1 to %d methods", MAX_METHODS);
    for (size_t i = 0; i < n; i++) {
        const json_t *method = json_array_get(list, i);
        if (!json_is_string(method) || !is_method(json_slice(method)))
            return diag_set(reterr, -SP_EINVALID, "a method is written in capital letters, as in \"GET\"");
        grant->methods[i] = json_string_value(method);
    }
    grant->n_methods = n;
    return 0;
}

/* A slash at the end means the same as none: prefixes are of whole segments. */
static struct slice path_trim(struct slice path)
{
    while (path.len && path.p[path.len - 1] == '/')
        path.len--;
    return path;
}

/* True if servers may disagree on the segments of this path. */
static bool path_is_ambiguous(struct slice path)
{
    for (size_t i = 0; i + 1 < path.len; i++)
        if (path.p[i] == '/' && path.p[i + 1] == '/')
            return true;
    for (size_t i = 0; i + 2 < path.len; i++) {
        if (path.p[i] != '%')
            continue;
        uint8_t low = path.p[i + 2] | 0x20;
        if ((path.p[i + 1] == '2' && (low == 'f' || low == 'e')) || (path.p[i + 1] == '5' && low == 'c') ||
            (path.p[i + 1] == '2' && path.p[i + 2] == '5'))
            return true;
    }
    return memchr(path.p, '\\', path.len) || policy_path_check(path, NULL) < 0;
}

static int paths_parse(const json_t *list, struct grant *grant, struct diag *reterr)
{
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0 || n > MAX_PATHS)
        return diag_set(reterr, -SP_EINVALID, "`paths` is an array of 1 to %d path prefixes", MAX_PATHS);
    for (size_t i = 0; i < n; i++) {
        const json_t *path = json_array_get(list, i);
        struct slice text = json_is_string(path) ? json_slice(path) : (struct slice){NULL, 0};
        if (!slice_starts(text, "/") || path_is_ambiguous(text) || memchr(text.p, '?', text.len) || memchr(text.p, '#', text.len))
            return diag_set(reterr, -SP_EINVALID, "a path prefix begins with one slash and has no '.', '..', '?' or encoded slash");
        grant->paths[i] = path_trim(text);
    }
    grant->n_paths = n;
    return 0;
}

static int origin_parse(const json_t *origin, struct grant *grant, struct diag *reterr)
{
    if (!json_is_string(origin))
        return diag_set(reterr, -SP_EINVALID, "a grant has an `origin`, as in \"https://api.example.com\"");
    return policy_origin_parse(json_slice(origin), &grant->origin, reterr);
}

static int grant_parse(json_t *json, struct grant *grant, struct diag *reterr)
{
    if (json_is_string(json))
        return origin_parse(json, grant, reterr);
    if (!json_is_object(json))
        return diag_set(reterr, -SP_EINVALID, "a grant is an origin's text or an object");
    int r = origin_parse(json_object_get(json, "origin"), grant, reterr);
    if (r < 0)
        return r;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value) {
        struct slice name = slice_text(key);
        if (slice_is(name, "methods"))
            r = methods_parse(value, grant, reterr);
        else if (slice_is(name, "paths"))
            r = paths_parse(value, grant, reterr);
        else if (!slice_is(name, "origin"))
            r = diag_set(reterr, -SP_EINVALID, "a grant has the members origin, methods and paths alone");
        if (r < 0)
            return r;
    }
    return 0;
}

int policy_grants_parse(struct slice json, struct policy_grants **ret, struct diag *reterr)
{
    if (json.len > LIMIT_CONFIG)
        return diag_set(reterr, -SP_ELIMIT, "the grants are longer than %u bytes", LIMIT_CONFIG);
    json_error_t error;
    json_t *root = json_read(json, 0, &error);
    if (!root && json_read_failure(&error) == -ENOMEM)
        return diag_set(reterr, -ENOMEM, "there is no memory to read the grants");
    if (!root)
        return diag_set(reterr, -SP_ESYNTAX, "the grants are not JSON: %s", error.text);
    size_t n = json_array_size(root);
    if (!json_is_array(root) || n > LIMIT_ORIGINS) {
        json_decref(root);
        return diag_set(reterr, -SP_EINVALID, "the grants are an array of at most %d", LIMIT_ORIGINS);
    }
    struct policy_grants *g = calloc(1, sizeof *g + n * sizeof g->grants[0]);
    if (!g) {
        json_decref(root);
        return -ENOMEM;
    }
    g->root = root;
    for (; g->n < n; g->n++) {
        int r = grant_parse(json_array_get(root, g->n), &g->grants[g->n], reterr);
        if (r < 0) {
            diag_pointer(reterr, "/%zu", g->n);
            policy_grants_free(g);
            return r;
        }
    }
    *ret = g;
    return 0;
}

void policy_grants_free(struct policy_grants *g)
{
    if (!g)
        return;
    json_decref(g->root);
    free(g);
}

static bool grant_allows_method(const struct grant *grant, struct slice method)
{
    for (size_t i = 0; i < grant->n_methods; i++)
        if (slice_is(method, grant->methods[i]))
            return true;
    return grant->n_methods == 0;
}

static bool path_has_prefix(struct slice path, struct slice prefix)
{
    return path.len >= prefix.len && memcmp(path.p, prefix.p, prefix.len) == 0 &&
           (path.len == prefix.len || path.p[prefix.len] == '/');
}

static bool grant_allows_path(const struct grant *grant, struct slice path)
{
    if (grant->n_paths == 0)
        return true;
    if (path.len == 0)
        path = SLICE_LITERAL("/");
    if (path_is_ambiguous(path))
        return false;
    for (size_t i = 0; i < grant->n_paths; i++)
        if (path_has_prefix(path, grant->paths[i]))
            return true;
    return false;
}

int policy_grants_allow(const struct policy_grants *g, const struct policy_origin *origin, struct slice method,
                        struct slice path, const char **ret_reason)
{
    const char *reason = "no grant names this origin";
    for (size_t i = 0; i < g->n; i++) {
        const struct grant *grant = &g->grants[i];
        if (!policy_origin_equal(&grant->origin, origin))
            continue;
        if (!grant_allows_method(grant, method))
            reason = "the grant for this origin does not allow the method";
        else if (!grant_allows_path(grant, path))
            reason = "the grant for this origin does not allow the path";
        else
            return 0;
    }
    *ret_reason = reason;
    return -SP_EDENIED;
}

bool policy_grants_allow_address(const struct policy_grants *g, const struct policy_origin *origin, struct slice method,
                                 struct slice path, const struct sockaddr *address)
{
    enum policy_address_class class = policy_address_class(address);
    if (class == ADDRESS_PUBLIC)
        return true;
    if (!policy_address_may_be_granted(class))
        return false;
    char host[POLICY_ADDRESS_TEXT];
    policy_address_host(address, host);
    for (size_t i = 0; i < g->n; i++) {
        const struct grant *grant = &g->grants[i];
        struct slice named = slice_text(grant->origin.host);
        bool names_it = slice_is(named, host) || (class == ADDRESS_LOOPBACK && slice_is(named, "localhost"));
        if (names_it && grant->origin.port == origin->port && slice_is(slice_text(grant->origin.scheme), origin->scheme) &&
            grant_allows_method(grant, method) && grant_allows_path(grant, path))
            return true;
    }
    return false;
}
