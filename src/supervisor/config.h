/* The configuration file (YAML, docs/manual/configuration.md) and the options that override it. One table lists every key:
 * its place in the file, its form, and the role whose configuration JSON it goes to, if it is for a role. */
#ifndef SUPERVISOR_CONFIG_H
#define SUPERVISOR_CONFIG_H

#include "base/buffer.h"
#include "base/diag.h"
#include "supervisor/paths.h"
#include "wire/roles.h"

#define CONFIG_LIST_MAX 64

/* K(ID, group, key, form, role, JSON key, value, standard, meaning): `group` is "" at the top of the file; ROLE_SUPERVISOR keeps
 * it to itself. The last three are for people, in sallyport.yaml(5), sallyportd --help and docs/manual/configuration.md:
 * what its value (or each item of its list) is, what holds without it, and what it does. */
#define CONFIG_KEYS(K)                                                                                          \
    K(LISTEN, "", "listen", LIST, SUPERVISOR, "", "ADDRESS:PORT", "127.0.0.1:8700",                             \
      "where to listen, at most 8; [::1]:8700 for IPv6; port 0 takes a free one. An address that is "           \
      "not loopback needs tls or behindProxy. Sockets from systemd go before it")                               \
    K(DATA_DIR, "", "dataDir", TEXT, SUPERVISOR, "", "PATH", PATHS_DATA,                                    \
      "the data folder, which only the engine reaches; mode 0700 or stricter")                                  \
    K(WORKERS, "", "workers", NUMBER, ENGINE, "workers", "NUMBER", "one for each processor",                    \
      "how many workers run workflows, 1 to 64")                                                                \
    K(BEHIND_PROXY, "", "behindProxy", BOOL, GATEWAY, "behindProxy", "BOOLEAN", "false",                        \
      "a reverse proxy has TLS and names the client")                                                           \
    K(TRUSTED_PROXIES, "", "trustedProxies", LIST, GATEWAY, "trustedProxies", "NETWORK", "none",                \
      "requests from these networks (CIDR) may carry Forwarded or X-Forwarded-For; at most 32; an "             \
      "error without behindProxy")                                                                              \
    K(TLS_CERTIFICATE, "tls", "certificate", TEXT, SUPERVISOR, "", "PATH", "none",                              \
      "PEM chain of the listener, at most 8 certificates")                                                      \
    K(TLS_KEY, "tls", "key", TEXT, SUPERVISOR, "", "PATH", "none",                                              \
      "its key, PEM, mode 0600")                                                                                \
    K(ROOT_KEY_FILE, "rootKey", "file", TEXT, SUPERVISOR, "", "PATH", PATHS_CONFIG("root.key"),                 \
      "the root key, kept apart from the data; mode 0600")                                                      \
    K(ROOT_KEY_CREDENTIAL, "rootKey", "credential", TEXT, SUPERVISOR, "", "NAME", "none",                       \
      "a credential that systemd gave (LoadCredential=), instead of rootKey.file")                              \
    K(ROOT_KEY_PASSPHRASE, "rootKey", "passphraseCredential", TEXT, SUPERVISOR, "", "NAME", "none",             \
      "a systemd credential with the passphrase of a root key that has one; else --passphrase asks")            \
    K(EGRESS_CONNECT_TO, "egress", "connectTo", ROUTES, EGRESS, "connectTo", "HOST:PORT:ADDRESS:PORT", "none",  \
      "calls to the first pair connect to the second, which needs no grant of its own; at most 64")             \
    K(EGRESS_ALLOW_HTTP, "egress", "allowHttp", BOOL, EGRESS, "allowHttp", "BOOLEAN", "true",                   \
      "false refuses http:// even where it is granted")                                                         \
    K(EGRESS_CA_BUNDLE, "egress", "caBundle", TEXT, SUPERVISOR, "", "PATH", "none",                             \
      "certificate authorities in PEM, in addition to the system's")                                            \
    K(LIMIT_CONNECTIONS, "limits", "connections", NUMBER, GATEWAY, "connections", "NUMBER", "4096",             \
      "open connections; when they run short, those that have sent nothing whole give way to others")            \
    K(LIMIT_PER_ADDRESS, "limits", "connectionsPerAddress", NUMBER, GATEWAY, "connectionsPerAddress", "NUMBER", "1024", \
      "open connections of one client address")                                                                 \
    K(LIMIT_TIMEOUT, "limits", "requestTimeoutMs", NUMBER, GATEWAY, "requestTimeoutMs", "NUMBER", "20000",      \
      "milliseconds from a request's first line to its last byte; at most 20000")                               \
    K(LIMIT_MAX_BODY, "limits", "maxBody", NUMBER, GATEWAY, "maxBody", "NUMBER", "4194304",                     \
      "bytes of a request's body; at most 4 MiB")                                                               \
    K(LIMIT_CONNECT_RATE, "limits", "connectionsPerSecond", NUMBER, GATEWAY, "connectionsPerSecond", "NUMBER", "50", \
      "new connections of one client address in a second, ten times as many at once; on each further one the "   \
      "first answer comes a second late, unless its sender proves who he is")                                                                       \
    K(LIMIT_REFUSALS, "limits", "refusalsPerSecond", NUMBER, GATEWAY, "refusalsPerSecond", "NUMBER", "20",      \
      "refusals of one client address in a second, and pieces of 64 KiB of refused bodies, each ten times as "   \
      "many at once; each further refusal comes a second late, and large bodies get 429")                                                   \
    K(LIMIT_ADDRESS_RATE, "limits", "addressPerSecond", NUMBER, ENGINE, "addressPerSecond", "NUMBER", "200",    \
      "requests of one client address in a second; an IPv6 /64 counts as one; more are refused with "           \
      "429")                                                                                                    \
    K(LIMIT_ADDRESS_BURST, "limits", "addressBurst", NUMBER, ENGINE, "addressBurst", "NUMBER", "400",           \
      "requests of one client address at once")                                                                 \
    K(LIMIT_PRINCIPAL_RATE, "limits", "principalPerSecond", NUMBER, ENGINE, "principalPerSecond", "NUMBER", "100", \
      "requests of one principal in a second")                                                                  \
    K(LIMIT_PRINCIPAL_BURST, "limits", "principalBurst", NUMBER, ENGINE, "principalBurst", "NUMBER", "200",     \
      "requests of one principal at once")                                                                      \
    K(LOG_LEVEL, "log", "level", TEXT, SUPERVISOR, "", "LEVEL", "info",                                         \
      "the lowest level that is logged: debug, info, warn or error")                                            \
    K(RETENTION_DAYS, "retention", "days", NUMBER, ENGINE, "retentionDays", "NUMBER", "90",                     \
      "ended runs are deleted so many days after their end, unless the workflow says otherwise; the "           \
      "audit log stays")                                                                                        \
    K(RETENTION_NAMESPACES, "retention", "namespaces", LIST, ENGINE, "retentionNamespaces", "NAMESPACE=DAYS", "none", \
      "runs of this namespace are kept at most so long, whatever a definition says; at most 64")

enum config_key {
#define K(ID, ...) CONFIG_##ID,
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
