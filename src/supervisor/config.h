/* The configuration file (YAML, docs/manual/configuration.md) and the options that override it. One table lists every key:
 * its place in the file, its form, and the role whose configuration JSON it goes to, if it is for a role. */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include "base/buffer.h"
#include "base/diag.h"
#include "wire/roles.h"

#define CONFIG_LIST_MAX 64

/* K(ID, group, key, form, role, JSON key): `group` is "" at the top of the file; ROLE_SUPERVISOR keeps it to itself. */
#define CONFIG_KEYS(K)                                                                                           \
    K(LISTEN, "", "listen", LIST, SUPERVISOR, "")                                                                \
    K(DATA_DIR, "", "dataDir", TEXT, SUPERVISOR, "")                                                             \
    K(WORKERS, "", "workers", NUMBER, ENGINE, "workers")                                                         \
    K(BEHIND_PROXY, "", "behindProxy", BOOL, GATEWAY, "behindProxy")                                             \
    K(TRUSTED_PROXIES, "", "trustedProxies", LIST, GATEWAY, "trustedProxies")                                    \
    K(TLS_CERTIFICATE, "tls", "certificate", TEXT, SUPERVISOR, "")                                               \
    K(TLS_KEY, "tls", "key", TEXT, SUPERVISOR, "")                                                               \
    K(ROOT_KEY_FILE, "rootKey", "file", TEXT, SUPERVISOR, "")                                                    \
    K(ROOT_KEY_CREDENTIAL, "rootKey", "credential", TEXT, SUPERVISOR, "")                                        \
    K(ROOT_KEY_PASSPHRASE, "rootKey", "passphraseCredential", TEXT, SUPERVISOR, "")                              \
    K(EGRESS_CONNECT_TO, "egress", "connectTo", ROUTES, EGRESS, "connectTo")                                     \
    K(EGRESS_ALLOW_HTTP, "egress", "allowHttp", BOOL, EGRESS, "allowHttp")                                       \
    K(EGRESS_CA_BUNDLE, "egress", "caBundle", TEXT, SUPERVISOR, "")                                              \
    K(LIMIT_CONNECTIONS, "limits", "connections", NUMBER, GATEWAY, "connections")                                \
    K(LIMIT_PER_ADDRESS, "limits", "connectionsPerAddress", NUMBER, GATEWAY, "connectionsPerAddress")            \
    K(LIMIT_TIMEOUT, "limits", "requestTimeoutMs", NUMBER, GATEWAY, "requestTimeoutMs")                          \
    K(LIMIT_MAX_BODY, "limits", "maxBody", NUMBER, GATEWAY, "maxBody")                                           \
    K(LIMIT_ADDRESS_RATE, "limits", "addressPerSecond", NUMBER, ENGINE, "addressPerSecond")                      \
    K(LIMIT_ADDRESS_BURST, "limits", "addressBurst", NUMBER, ENGINE, "addressBurst")                             \
    K(LIMIT_PRINCIPAL_RATE, "limits", "principalPerSecond", NUMBER, ENGINE, "principalPerSecond")                \
    K(LIMIT_PRINCIPAL_BURST, "limits", "principalBurst", NUMBER, ENGINE, "principalBurst")                       \
    K(LOG_LEVEL, "log", "level", TEXT, SUPERVISOR, "")                                                           \
    K(RETENTION_DAYS, "retention", "days", NUMBER, ENGINE, "retentionDays")                                      \
    K(RETENTION_NAMESPACES, "retention", "namespaces", LIST, ENGINE, "retentionNamespaces")

enum config_key {
#define K(ID, group, key, form, role, json) CONFIG_##ID,
    CONFIG_KEYS(K)
#undef K
        CONFIG_KEY_COUNT
};

struct config_value {
    bool is_set;
    bool flag;
    uint64_t number;
    char *text;
    char *list[CONFIG_LIST_MAX];
    unsigned n_list;
};

struct config {
    struct config_value values[CONFIG_KEY_COUNT];
};

void config_free(struct config *c);

/* Reads the file at `path` into `c`, which holds nothing yet. An unknown key, a wrong form or a key that is given twice is
 * an error with line and column. */
[[gnu::warn_unused_result]] int config_read(struct config *c, const char *path, struct diag *reterr);
[[gnu::warn_unused_result]] int config_parse(struct config *c, struct slice yaml, struct diag *reterr);

/* What stands on the command line: replaces a text, or appends to a list after config_clear. */
void config_clear(struct config *c, enum config_key key);
[[gnu::warn_unused_result]] int config_set_text(struct config *c, enum config_key key, const char *text);
[[gnu::warn_unused_result]] int config_add(struct config *c, enum config_key key, const char *text);

const char *config_text(const struct config *c, enum config_key key); /* NULL when it is not set */

/* Appends the configuration JSON of `role`. */
int config_role_json(const struct config *c, enum role role, struct buffer *b);

#endif
