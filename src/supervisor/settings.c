/* settings: from the configuration to open descriptors and JSON for each role. Called by sallyportd at its start and on
 * SIGHUP. Must hold: what is missing is an error before any role starts, with the key to set. */
#include "supervisor/settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sched.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json_writer.h"
#include "supervisor/files.h"
#include "supervisor/listen.h"
#include "supervisor/notify.h"

#define DEFAULT_LISTEN  "127.0.0.1:8700"
#define FIRST_LISTEN_FD 3

void settings_free(struct settings *s)
{
    const int fds[] = {s->root_key_fd, s->certificate_fd, s->key_fd, s->ca_fd};
    for (size_t i = 0; i < sizeof fds / sizeof fds[0]; i++)
        closep(&fds[i]);
    for (unsigned i = 0; i < s->n_listeners; i++)
        close(s->listeners[i]);
    config_free(&s->config);
    *s = (struct settings){.root_key_fd = -1, .certificate_fd = -1, .key_fd = -1, .ca_fd = -1};
}

static int read_file(const struct options *o, struct settings *s, struct diag *reterr)
{
    char path[PATHS_MAX];
    if (o->config_file)
        (void)snprintf(path, sizeof path, "%s", o->config_file);
    else if (paths_config("sallyport.yaml", path) < 0 || access(path, F_OK) < 0)
        return 0;
    int r = config_read(&s->config, path, reterr);
    if (r < 0 && reterr->line) {
        struct diag inner = *reterr;
        (void)diag_set(reterr, r, "%s:%u:%u: %s", path, inner.line, inner.column, inner.text);
    }
    return r;
}

static unsigned default_workers(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n > LIMIT_WORKERS ? LIMIT_WORKERS : (unsigned)n;
}

/* The engine is told the number that is meant, also when nobody wrote it down. */
static int take_workers(struct settings *s, struct diag *reterr)
{
    struct config_value *workers = &s->config.values[CONFIG_WORKERS];
    if (workers->is_set && (workers->number < 1 || workers->number > LIMIT_WORKERS))
        return diag_set(reterr, -SP_EINVALID, "workers: must be from 1 to %u", LIMIT_WORKERS);
    s->n_workers = workers->is_set ? (unsigned)workers->number : default_workers();
    workers->number = s->n_workers;
    workers->is_set = true;
    return 0;
}

static int take_log_level(struct settings *s, struct diag *reterr)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    const char *level = config_text(&s->config, CONFIG_LOG_LEVEL);
    s->log_level = LOG_LEVEL_INFO;
    for (unsigned i = 0; level && i < sizeof levels / sizeof levels[0]; i++)
        if (strcmp(level, levels[i]) == 0) {
            s->log_level = (enum log_level)i;
            return 0;
        }
    return level ? diag_set(reterr, -SP_EINVALID, "log.level: must be debug, info, warn or error") : 0;
}

static int take_paths(const struct options *o, struct settings *s, struct diag *reterr)
{
    const char *data = config_text(&s->config, CONFIG_DATA_DIR);
    int r = data ? 0 : paths_data_dir(s->data_dir);
    if (r < 0)
        return diag_set(reterr, r, "there is no default data folder: give dataDir or --data");
    /* The engine runs elsewhere (its working folder is /), so a relative path must be made absolute here. */
    char here[PATHS_MAX] = "";
    if (data && data[0] != '/' && !getcwd(here, sizeof here))
        return diag_set(reterr, -errno, "%s: %s", data, error_text(-errno));
    if (data && snprintf(s->data_dir, PATHS_MAX, "%s%s%s", here, *here ? "/" : "", data) >= PATHS_MAX)
        return diag_set(reterr, -ENAMETOOLONG, "%s: the path is too long", data);
    return paths_libexec(o->libexec, s->libexec_dir);
}

/* A key file, a credential of systemd, or the key file at its default place. */
static int open_root_key(struct settings *s, struct diag *reterr)
{
    char path[PATHS_MAX];
    const char *file = config_text(&s->config, CONFIG_ROOT_KEY_FILE);
    const char *credential = config_text(&s->config, CONFIG_ROOT_KEY_CREDENTIAL);
    const char *folder = getenv("CREDENTIALS_DIRECTORY");
    if (file && credential)
        return diag_set(reterr, -SP_EINVALID, "rootKey: give file or credential, not both");
    if (credential && (!folder || strchr(credential, '/')))
        return diag_set(reterr, -SP_EKEY, "rootKey.credential: systemd gave no credential of the name %s", credential);
    int r = 0;
    if (credential)
        (void)snprintf(path, sizeof path, "%s/%s", folder, credential);
    else if (file)
        (void)snprintf(path, sizeof path, "%s", file);
    else
        r = paths_config("root.key", path);
    if (r < 0)
        return diag_set(reterr, r, "there is no default root key: give rootKey.file or --root-key");
    r = files_open_secret(path, &s->root_key_fd, reterr);
    if (r == -ENOENT)
        diag_hint(reterr, "make it with: sallyport init");
    return r;
}

static int open_tls(struct settings *s, struct diag *reterr)
{
    const char *certificate = config_text(&s->config, CONFIG_TLS_CERTIFICATE), *key = config_text(&s->config, CONFIG_TLS_KEY);
    const char *ca = config_text(&s->config, CONFIG_EGRESS_CA_BUNDLE);
    if (!certificate != !key)
        return diag_set(reterr, -SP_EINVALID, "tls: certificate and key belong together");
    int r = certificate ? files_open_public(certificate, &s->certificate_fd, reterr) : 0;
    if (r >= 0 && key)
        r = files_open_secret(key, &s->key_fd, reterr);
    if (r >= 0 && ca)
        r = files_open_public(ca, &s->ca_fd, reterr);
    return r;
}

int settings_load(const struct options *o, struct settings *ret, struct diag *reterr)
{
    struct settings s = {.root_key_fd = -1, .certificate_fd = -1, .key_fd = -1, .ca_fd = -1};
    int r = read_file(o, &s, reterr);
    if (r >= 0)
        r = options_apply(o, &s.config, reterr);
    if (r >= 0)
        r = take_workers(&s, reterr);
    if (r >= 0)
        r = take_log_level(&s, reterr);
    if (r >= 0)
        r = take_paths(o, &s, reterr);
    if (r >= 0)
        r = open_root_key(&s, reterr);
    if (r >= 0)
        r = open_tls(&s, reterr);
    if (r < 0)
        settings_free(&s);
    else
        *ret = s;
    return r;
}

static int check_reach(const struct settings *s, const char *name, bool is_local, struct diag *reterr)
{
    if (is_local || s->key_fd >= 0 || s->config.values[CONFIG_BEHIND_PROXY].flag)
        return 0;
    (void)diag_set(reterr, -SP_EDENIED, "%s can be reached from other machines, and there is no TLS", name);
    diag_hint(reterr, "give tls.certificate and tls.key, or behindProxy: true if a proxy has TLS");
    return -SP_EDENIED;
}

static int check_count(unsigned n, struct diag *reterr)
{
    return n > SETTINGS_LISTENERS ? diag_set(reterr, -SP_ELIMIT, "listen: at most %u addresses", SETTINGS_LISTENERS) : 0;
}

int settings_check_listen(const struct settings *s, struct diag *reterr)
{
    const struct config_value *list = &s->config.values[CONFIG_LISTEN];
    char name[LISTEN_NAME_MAX];
    bool is_local;
    int r = check_count(list->n_list, reterr);
    for (unsigned i = 0; i < list->n_list && r == 0; i++) {
        r = listen_foresee(list->list[i], name, &is_local, reterr);
        if (r == 0)
            r = check_reach(s, name, is_local, reterr);
    }
    return r;
}

int settings_listen(struct settings *s, struct diag *reterr)
{
    char name[LISTEN_NAME_MAX];
    bool is_local;
    const struct config_value *list = &s->config.values[CONFIG_LISTEN];
    unsigned given = notify_listen_fds(), wanted = given ? given : list->n_list ? list->n_list : 1;
    int too_many = check_count(wanted, reterr);
    if (too_many < 0)
        return too_many;
    for (unsigned i = 0; i < wanted; i++) {
        int fd = -1, r = 0;
        if (given)
            fd = fcntl(FIRST_LISTEN_FD + (int)i, F_DUPFD_CLOEXEC, 0);
        else
            r = listen_open(list->n_list ? list->list[i] : DEFAULT_LISTEN, &fd, reterr);
        if (r < 0 || fd < 0)
            return r < 0 ? r : diag_set(reterr, -EBADF, "systemd gave no socket %u", i);
        s->listeners[s->n_listeners++] = fd;
        listen_describe(fd, name, &is_local);
        r = check_reach(s, name, is_local, reterr);
        if (r < 0)
            return r;
    }
    return 0;
}

/* The vault alone is told; it is in no configuration. */
static int add_passphrase(const struct settings *s, struct buffer *json)
{
    struct json_writer w = {.out = json, .need_comma = json->len > 2};
    buffer_truncate(json, json->len - 1);
    json_key_string(&w, "root_key_passphrase", buffer_slice(s->passphrase));
    return buffer_append_byte(json, '}');
}

static int give_json(const struct settings *s, struct supervisor *to)
{
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++) {
        _cleanup_(buffer_free) struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
        b.secret = role == ROLE_VAULT;
        int r = config_role_json(&s->config, (enum role)role, &b);
        if (r >= 0 && role == ROLE_VAULT && s->passphrase)
            r = add_passphrase(s, &b);
        if (r >= 0)
            r = supervisor_configure(to, (enum role)role, buffer_slice(&b));
        if (r < 0)
            return r;
    }
    return 0;
}

int settings_give(const struct settings *s, struct supervisor *to, bool with_listeners)
{
    const struct {
        enum role role;
        enum control_file_kind kind;
        int fd;
    } files[] = {
        {ROLE_VAULT, CONTROL_FILE_ROOT_KEY, with_listeners ? s->root_key_fd : -1},
        {ROLE_GATEWAY, CONTROL_FILE_TLS_CERTIFICATE, s->certificate_fd},
        {ROLE_GATEWAY, CONTROL_FILE_TLS_KEY, s->key_fd},
        {ROLE_EGRESS, CONTROL_FILE_CA_BUNDLE, s->ca_fd},
    };
    int r = give_json(s, to);
    for (size_t i = 0; i < sizeof files / sizeof files[0] && r >= 0; i++)
        if (files[i].fd >= 0)
            r = supervisor_give_file(to, files[i].role, files[i].kind, 0, files[i].fd);
    for (unsigned i = 0; i < s->n_listeners && with_listeners && r >= 0; i++)
        r = supervisor_give_file(to, ROLE_GATEWAY, CONTROL_FILE_LISTENER, (uint16_t)i, s->listeners[i]);
    return r;
}
