/* config: the configuration file against the table of its keys. Called by sallyportd. Must hold: what is not in the table is
 * refused, so that a mistyped key cannot leave a default standing where someone believes that they set it. */
#include "supervisor/config.h"

#include <errno.h>
#include <fcntl.h>
#include <libfyaml.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "supervisor/route.h"

enum form {
    FORM_TEXT,
    FORM_NUMBER,
    FORM_BOOL,
    FORM_LIST,
    FORM_ROUTES, /* a list of "HOST:PORT:ADDRESS:PORT" */
};

static const struct {
    const char *group, *key;
    enum form form;
    enum role role;
    const char *json;
} keys[CONFIG_KEY_COUNT] = {
#define K(ID, group, key, form, role, json, ...) [CONFIG_##ID] = {group, key, FORM_##form, ROLE_##role, json},
    CONFIG_KEYS(K)
#undef K
};

/* The least that a number may be is 1; this is the most. */
static const uint64_t most[CONFIG_KEY_COUNT] = {
    [CONFIG_WORKERS] = LIMIT_WORKERS,
    [CONFIG_LIMIT_CONNECTIONS] = LIMIT_CONNECTIONS,
    [CONFIG_LIMIT_PER_ADDRESS] = LIMIT_CONNECTIONS_PER_IP,
    [CONFIG_LIMIT_TIMEOUT] = LIMIT_REQUEST_TIMEOUT_S * 1000,
    [CONFIG_LIMIT_MAX_BODY] = LIMIT_BODY,
    [CONFIG_LIMIT_CONNECT_RATE] = LIMIT_SETTING,
    [CONFIG_LIMIT_REFUSALS] = LIMIT_SETTING,
    [CONFIG_LIMIT_ADDRESS_RATE] = LIMIT_SETTING,
    [CONFIG_LIMIT_ADDRESS_BURST] = LIMIT_SETTING,
    [CONFIG_LIMIT_PRINCIPAL_RATE] = LIMIT_SETTING,
    [CONFIG_LIMIT_PRINCIPAL_BURST] = LIMIT_SETTING,
    [CONFIG_RETENTION_DAYS] = LIMIT_SETTING,
};

/* --- values ---------------------------------------------------------------------------------------------------------- */

void config_clear(struct config *c, enum config_key key)
{
    struct config_value *v = &c->values[key];
    free(v->text);
    for (unsigned i = 0; i < v->n_list; i++)
        free(v->list[i]);
    *v = (struct config_value){0};
}

void config_free(struct config *c)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        config_clear(c, (enum config_key)i);
}

int config_set_text(struct config *c, enum config_key key, const char *text)
{
    char *copy = strdup(text);
    if (!copy)
        return -ENOMEM;
    config_clear(c, key);
    c->values[key].text = copy;
    c->values[key].is_set = true;
    return 0;
}

int config_add(struct config *c, enum config_key key, const char *text)
{
    struct config_value *v = &c->values[key];
    char *copy = v->n_list < CONFIG_LIST_MAX ? strdup(text) : NULL;
    if (!copy)
        return v->n_list < CONFIG_LIST_MAX ? -ENOMEM : -SP_ELIMIT;
    v->list[v->n_list++] = copy;
    v->is_set = true;
    return 0;
}

const char *config_text(const struct config *c, enum config_key key)
{
    return c->values[key].text;
}

/* --- reading --------------------------------------------------------------------------------------------------------- */

static int fail_at(struct fy_node *node, struct diag *reterr, const char *what, const char *key)
{
    struct fy_token *token = fy_node_is_scalar(node) ? fy_node_get_scalar_token(node) : NULL;
    const struct fy_mark *mark = token ? fy_token_start_mark(token) : NULL;
    (void)diag_set(reterr, -SP_EINVALID, "%s: %s", key, what);
    if (mark)
        diag_place(reterr, (uint32_t)mark->line + 1, (uint32_t)mark->column + 1);
    return -SP_EINVALID;
}

static char *scalar_text(struct fy_node *node)
{
    size_t len = 0;
    const char *p = fy_node_is_scalar(node) ? fy_node_get_scalar(node, &len) : NULL;
    return p ? slice_dup(slice_of(p, len)) : NULL;
}

static int read_list(struct config *c, enum config_key key, struct fy_node *node)
{
    void *at = NULL;
    if (!fy_node_is_sequence(node))
        return -SP_EINVALID;
    for (struct fy_node *item; (item = fy_node_sequence_iterate(node, &at));) {
        _cleanup_free_ char *text = scalar_text(item);
        int r = text ? 0 : -SP_EINVALID;
        if (r == 0 && keys[key].form == FORM_ROUTES)
            r = route_check(text);
        if (r == 0)
            r = config_add(c, key, text);
        if (r < 0)
            return r;
    }
    c->values[key].is_set = true;
    return 0;
}

static int read_value(struct config *c, enum config_key key, struct fy_node *node)
{
    struct config_value *v = &c->values[key];
    if (keys[key].form == FORM_LIST || keys[key].form == FORM_ROUTES)
        return read_list(c, key, node);
    char *text = scalar_text(node);
    if (!text)
        return -SP_EINVALID;
    v->text = text;
    v->is_set = true;
    if (keys[key].form == FORM_NUMBER)
        return slice_parse_u64(slice_text(text), &v->number);
    if (keys[key].form == FORM_BOOL) {
        v->flag = strcmp(text, "true") == 0;
        return v->flag || strcmp(text, "false") == 0 ? 0 : -SP_EINVALID;
    }
    return *text ? 0 : -SP_EINVALID;
}

static int find_key(const char *group, const char *key)
{
    for (int i = 0; i < CONFIG_KEY_COUNT; i++)
        if (strcmp(keys[i].group, group) == 0 && strcmp(keys[i].key, key) == 0)
            return i;
    return -1;
}

static int check_number(const struct config *c, enum config_key k, struct fy_node *name, struct diag *reterr)
{
    char what[64];
    if (keys[k].form != FORM_NUMBER || (c->values[k].number >= 1 && c->values[k].number <= most[k]))
        return 0;
    (void)snprintf(what, sizeof what, "must be from 1 to %llu", (unsigned long long)most[k]);
    return fail_at(name, reterr, what, keys[k].key);
}

static bool is_group(const char *key)
{
    for (int i = 0; i < CONFIG_KEY_COUNT; i++)
        if (strcmp(keys[i].group, key) == 0)
            return true;
    return false;
}

static int read_mapping(struct config *c, const char *group, struct fy_node *node, struct diag *reterr)
{
    static const char *const forms[] = {"must be a text that is not empty", "must be a whole number", "must be true or false",
                                        "must be a list of texts", "must be a list of HOST:PORT:ADDRESS:PORT"};
    void *at = NULL;
    for (struct fy_node_pair *pair; (pair = fy_node_mapping_iterate(node, &at));) {
        struct fy_node *name = fy_node_pair_key(pair), *value = fy_node_pair_value(pair);
        _cleanup_free_ char *key = scalar_text(name);
        if (!key)
            return fail_at(node, reterr, "a key must be a text", *group ? group : "the file");
        if (!*group && *key && is_group(key)) {
            if (fy_node_is_null(value))
                continue;
            if (!fy_node_is_mapping(value))
                return fail_at(name, reterr, "must hold keys of its own", key);
            int r = read_mapping(c, key, value, reterr);
            if (r < 0)
                return r;
            continue;
        }
        int k = find_key(group, key);
        if (k < 0)
            return fail_at(name, reterr, "there is no such key here", key);
        if (c->values[k].is_set)
            return fail_at(name, reterr, "is given twice", key);
        if (read_value(c, (enum config_key)k, value) < 0)
            return fail_at(name, reterr, forms[keys[k].form], key);
        if (check_number(c, (enum config_key)k, name, reterr) < 0)
            return -SP_EINVALID;
    }
    return 0;
}

DEFINE_CLEANUP(struct fy_document *, fy_document_destroy)
DEFINE_CLEANUP(struct fy_diag *, fy_diag_destroy)

static int syntax_error(struct fy_diag *log, struct diag *reterr)
{
    void *at = NULL;
    struct fy_diag_error *error = fy_diag_errors_iterate(log, &at);
    if (!error)
        return 0; /* no document at all: an empty file, or comments */
    (void)diag_set(reterr, -SP_ESYNTAX, "%s", error->msg);
    diag_place(reterr, (uint32_t)error->line, (uint32_t)error->column);
    return -SP_ESYNTAX;
}

int config_parse(struct config *c, struct slice yaml, struct diag *reterr)
{
    /* libfyaml 0.7 does not come to an end on some bytes that are no text. */
    if (!slice_is_utf8(yaml))
        return diag_set(reterr, -SP_ESYNTAX, "the file is not UTF-8");
    struct fy_diag_cfg log_cfg;
    fy_diag_cfg_default(&log_cfg);
    log_cfg.fp = NULL;
    log_cfg.colorize = false;
    _cleanup_(fy_diag_destroyp) struct fy_diag *log = fy_diag_create(&log_cfg);
    if (!log)
        return diag_set(reterr, -ENOMEM, "%s", error_text(-ENOMEM));
    fy_diag_set_collect_errors(log, true);
    const struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG, .diag = log};
    _cleanup_(fy_document_destroyp) struct fy_document *doc =
        fy_document_build_from_string(&cfg, (const char *)yaml.p, yaml.len);
    if (!doc)
        return syntax_error(log, reterr);
    struct fy_node *root = fy_document_root(doc);
    if (!root || (fy_node_is_scalar(root) && fy_node_is_null(root)))
        return 0;
    if (!fy_node_is_mapping(root))
        return diag_set(reterr, -SP_EINVALID, "the file must be a mapping of keys");
    return read_mapping(c, "", root, reterr);
}

int config_read(struct config *c, const char *path, struct diag *reterr)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    _cleanup_(buffer_free) struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
    if (fd < 0)
        return diag_set(reterr, -errno, "%s: %s", path, error_text(-errno));
    for (;;) {
        uint8_t chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0)
            return diag_set(reterr, -errno, "%s: %s", path, error_text(-errno));
        if (n == 0)
            break;
        if (buffer_append(&b, chunk, (size_t)n) < 0)
            return diag_set(reterr, buffer_error(&b), "%s: it is longer than %u bytes", path, LIMIT_CONFIG);
    }
    return config_parse(c, buffer_slice(&b), reterr);
}

/* --- for the roles --------------------------------------------------------------------------------------------------- */

static void write_value(struct json_writer *w, enum config_key key, const struct config_value *v)
{
    switch (keys[key].form) {
    case FORM_TEXT:
        json_text(w, v->text);
        break;
    case FORM_NUMBER:
        json_u64(w, v->number);
        break;
    case FORM_BOOL:
        json_bool(w, v->flag);
        break;
    case FORM_LIST:
        json_array_begin(w);
        for (unsigned i = 0; i < v->n_list; i++)
            json_text(w, v->list[i]);
        json_array_end(w);
        break;
    case FORM_ROUTES:
        json_array_begin(w);
        for (unsigned i = 0; i < v->n_list; i++)
            route_write(w, v->list[i]);
        json_array_end(w);
        break;
    }
}

/* The engine is told all that is set, to have each change of it in the audit log. None of it is secret: keys and passphrases
 * are named by their files and credentials. */
static void write_settings(struct json_writer *w, const struct config *c)
{
    json_key_object(w, "settings");
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        char name[LIMIT_NAME];
        if (!c->values[i].is_set)
            continue;
        (void)snprintf(name, sizeof name, "%s%s%s", keys[i].group, *keys[i].group ? "." : "", keys[i].key);
        json_key(w, name);
        write_value(w, (enum config_key)i, &c->values[i]);
    }
    json_object_end(w);
}

int config_role_json(const struct config *c, enum role role, struct buffer *b)
{
    struct json_writer w = JSON_WRITER(b);
    json_object_begin(&w);
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++)
        if (keys[i].role == role && role != ROLE_SUPERVISOR && c->values[i].is_set) {
            json_key(&w, keys[i].json);
            write_value(&w, (enum config_key)i, &c->values[i]);
        }
    if (role == ROLE_ENGINE)
        write_settings(&w, c);
    if (role == ROLE_GATEWAY)
        json_key_bool(&w, "tls", c->values[CONFIG_TLS_KEY].is_set);
    json_object_end(&w);
    return buffer_error(b);
}
