/* main: the engine opens the database, takes its channels, has the vault unlock what is sealed and sign its start, brings back
 * the runs that had not ended, and serves. The order is a chain of steps, each begun when the one before it is done. */
#include <errno.h>
#include <ev.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/error.h"
#include "base/json_reader.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "engine/auth.h"
#include "engine/checkpoints.h"
#include "engine/commit.h"
#include "engine/committer.h"
#include "engine/credentials.h"
#include "engine/deliveries.h"
#include "engine/limiter.h"
#include "engine/peers.h"
#include "engine/resumed.h"
#include "engine/retention.h"
#include "engine/routes.h"
#include "engine/runs.h"
#include "engine/settings.h"
#include "engine/slow.h"
#include "engine/workflows.h"
#include "role/role.h"

static struct limiter_config limits = LIMITER_DEFAULTS;
static struct store_reader *loader; /* for the start only */
static bool is_started, is_ready, is_stopping;

/* --- configuration ------------------------------------------------------------------------------------------------- */

static void read_u32(const json_t *root, const char *key, uint32_t *place)
{
    json_int_t n = json_integer_value(json_object_get(root, key));
    if (n > 0 && n <= LIMIT_SETTING)
        *place = (uint32_t)n;
}

static int read_ephemeral(const json_t *root)
{
    const char *owner = json_string_value(json_object_get(root, "owner"));
    json_t *allow = json_object_get(root, "allow");
    if (owner && auth_add_ephemeral(SLICE_LITERAL("owner"), ACCESS_OWNER, slice_text(owner)) < 0)
        return -SP_EINVALID;
    char *grants = allow ? json_dumps(allow, JSON_COMPACT) : NULL;
    if (grants)
        workflows_set_allowed(slice_text(grants));
    free(grants);
    return 0;
}

static int read_retention(const json_t *list)
{
    size_t i;
    const json_t *item;
    int r = 0;
    retention_clear();
    json_array_foreach(list, i, item) {
        const char *text = json_string_value(item);
        r = text ? retention_set(text) : -SP_EINVALID;
        if (r < 0)
            return role_fail(r, "retention.namespaces: write NAMESPACE=DAYS, as in \"billing=30\"");
    }
    return 0;
}

static int on_configure(struct slice json)
{
    json_t *root = json_read(json, 0, NULL);
    uint32_t workers = 1, days = 0;
    read_u32(root, "workers", &workers);
    read_u32(root, "addressPerSecond", &limits.address_per_s);
    read_u32(root, "addressBurst", &limits.address_burst);
    read_u32(root, "principalPerSecond", &limits.principal_per_s);
    read_u32(root, "principalBurst", &limits.principal_burst);
    read_u32(root, "retentionDays", &days);
    if (days)
        retention_set_default(days);
    int r = read_retention(json_object_get(root, "retentionNamespaces"));
    r = r < 0 ? r : settings_take(json_object_get(root, "settings"));
    r = r < 0 ? r : json_is_true(json_object_get(root, "ephemeral")) && !is_started ? read_ephemeral(root) : 0;
    json_decref(root);
    if (is_started)
        limiter_configure(&limits);
    else
        workers_set_count(workers);
    if (is_ready)
        settings_record();
    return r;
}

/* --- the start ----------------------------------------------------------------------------------------------------- */

static void add_leaf_of_server(struct commit *c, enum audit_action action)
{
    struct audit_event e = {.action = action, .time_ms = clock_wall_ms(), .actor_kind = SLICE_LITERAL("server"),
                            .version = SLICE_LITERAL(SALLYPORT_VERSION)};
    commit_leaf(c, &e);
}

static int start_failed(int code, const char *what)
{
    return role_fail(code, "%s: %s", what, error_text(code));
}

/* With the place, if it is one that the store found damaged. */
static int read_failed(int code, const char *what)
{
    const char *place = code == -SP_ETAMPERED ? store_reader_damage(loader) : "";
    return role_fail(code, "the database cannot be read: %s: %s%s%s; `sallyport audit verify` tells what else is wrong with it",
                     what, place, place[0] ? ": " : "", error_text(code));
}

static void serve(void)
{
    int r = runs_recover(loader);
    if (r < 0) {
        (void)read_failed(r, "runs that had not ended");
        return;
    }
    store_reader_close(loader);
    loader = NULL;
    is_ready = true;
    routes_open();
    retention_start();
    settings_record();
    role_ready();
}

static int log_failed(int code, const char *why)
{
    bool is_altered = code == -SP_ETAMPERED || code == -SP_ECONFLICT;
    return role_fail(code, "the audit log cannot be signed: %s%s", why,
                     is_altered ? "; `sallyport audit verify` tells what else is wrong with it" : "");
}

/* A chain of questions to the vault, which each of its lives begins anew. */

static ev_timer again;

static void on_identity(int code, void *user);

static void begin_unlocking(void)
{
    ev_timer_stop(role_loop(), &again);
    checkpoints_vault_restarted();
    identity_learn(on_identity, NULL);
}

static void on_again(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)timer;
    (void)events;
    begin_unlocking();
}

static bool is_passing(int code)
{
    return code == -SP_EUNAVAILABLE || code == -SP_EOVERLOAD || code == -ENOMEM;
}

/* A vault that is away begins the chain again by coming back; a shortage here is waited for. */
static void unlock_later(int code)
{
    log_event(LOG_LEVEL_WARN, "engine.vault-not-ready", "error", error_text(code), NULL);
    if (code == -SP_EUNAVAILABLE || is_stopping)
        return;
    ev_timer_stop(role_loop(), &again);
    ev_timer_init(&again, on_again, 1., 0.);
    ev_timer_start(role_loop(), &again);
}

static void unlock_failed(int code, const char *what)
{
    if (is_passing(code))
        unlock_later(code);
    else
        (void)start_failed(code, what);
}

/* What a crash leaves unsigned begins behind a signed start: a start knows anything else for what it is. */
static void on_start_signed(int code, const char *why)
{
    if (is_stopping || (code == 0 && !vault_is_unlocked()))
        return;
    if (code == 0)
        serve();
    else if (is_passing(code))
        unlock_later(code);
    else
        (void)log_failed(code, why);
}

static void on_start_told(int code, uint32_t id, void *user)
{
    (void)id;
    (void)user;
    if (code < 0)
        (void)start_failed(code, "the leaf of the start cannot be written");
    else
        checkpoints_start(on_start_signed);
}

/* Nothing is added to a log that is not what was signed and what follows: it would be harder to see what became of it. False: not now. */
static bool tell_start(void)
{
    struct diag why = {0};
    int r = checkpoints_check(loader, &why);
    struct commit *c = r < 0 ? NULL : commit_new(on_start_told, NULL);
    if (c) {
        resumed_tell(c);
        add_leaf_of_server(c, AUDIT_SERVER_STARTED);
        commit_submit(c);
        return true;
    }
    if (r < 0 && !is_passing(r))
        (void)log_failed(r, why.text);
    else
        unlock_later(r < 0 ? r : -SP_EOVERLOAD);
    return false;
}

static void on_credentials(int code, void *user)
{
    static bool is_told;
    (void)user;
    if (is_stopping)
        return;
    if (code < 0) {
        unlock_failed(code, "the credentials cannot be unlocked");
        return;
    }
    vault_unlocked();
    if (is_ready)
        return;
    if (is_told)
        checkpoints_start(on_start_signed);
    else
        is_told = tell_start();
}

static void on_namespaces(int code, void *user)
{
    (void)user;
    if (code == 0)
        credentials_unlock(on_credentials, NULL);
    else
        unlock_failed(code, "a namespace's key cannot be unwrapped; this database belongs to another root key");
}

static void on_identity(int code, void *user)
{
    (void)user;
    if (code == 0)
        namespaces_unlock(on_namespaces, NULL);
    else
        unlock_failed(code, "the vault's identity cannot be learned");
}

void vault_connected(void)
{
    if (is_started)
        begin_unlocking();
}

static int load_deliveries(struct store_reader *reader)
{
    return deliveries_load(reader, clock_wall_ms());
}

static int load_tables(void)
{
    static const struct {
        const char *what;
        int (*load)(struct store_reader *reader);
    } tables[] = {
        {"principals", auth_load},         {"namespaces and workflows", workflows_load},
        {"credentials", credentials_load}, {"deliveries", load_deliveries},
        {"checkpoints", checkpoints_load}, {"meta", settings_load},
    };
    struct diag diag;
    int r = store_reader_open(committer_store(), &loader, &diag);
    if (r < 0)
        return role_fail(r, "%s", diag.text);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        r = tables[i].load(loader);
        if (r < 0)
            return read_failed(r, tables[i].what);
    }
    return 0;
}

static int on_start(void)
{
    struct diag diag = {0};
    char path[4096];
    const char *dir = role_data_dir();
    if (dir)
        (void)snprintf(path, sizeof path, "%s/sallyport.db", dir);
    int r = committer_start(dir ? path : NULL, &diag);
    r = r < 0 ? r : slow_start(committer_store(), &diag);
    if (r < 0)
        return role_fail(r, "%s%s%s", diag.text, diag.hint[0] ? "; " : "", diag.hint);
    r = limiter_start(&limits);
    if (r < 0)
        return start_failed(r, "no memory for the rate limiter");
    if (dir)
        r = load_tables();
    else
        r = store_reader_open(committer_store(), &loader, &diag);
    if (r < 0)
        return r;
    is_started = true;
    if (peers_has_vault())
        begin_unlocking();
    return 0;
}

static int on_file(enum control_file_kind kind, uint16_t index, int fd)
{
    if (kind == CONTROL_FILE_WORKER_PAGE)
        return workers_give_page(index, fd);
    close(fd);
    return -SP_EPROTOCOL;
}

static void end(void)
{
    slow_stop();
    committer_stop();
    peers_flush();
    role_exit(0);
}

/* What ends in good order ends with a signed head, over a leaf that is the last: a start knows others behind it for what they are. */
static void on_stopped(int code, uint32_t id, void *user)
{
    (void)code;
    (void)id;
    (void)user;
    checkpoints_finish(end);
}

static void on_stop(void)
{
    is_stopping = true;
    struct commit *c = is_ready ? commit_new(on_stopped, NULL) : NULL;
    if (!c) {
        end();
        return;
    }
    add_leaf_of_server(c, AUDIT_SERVER_STOPPED);
    commit_submit(c);
    committer_close();
}

int main(int argc, char **argv)
{
    static const struct role_handlers handlers = {.self = ROLE_ENGINE, .configure = on_configure, .connect = peers_connect,
                                                  .file = on_file, .start = on_start, .stop = on_stop};
    if (crypto_init() < 0)
        return 4;
    return role_main(argc, argv, &handlers);
}
