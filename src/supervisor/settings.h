/* The configuration made real: every default filled in, every file and socket open. */
#ifndef SUPERVISOR_SETTINGS_H
#define SUPERVISOR_SETTINGS_H

#include "base/log.h"
#include "supervisor/config.h"
#include "supervisor/options.h"
#include "supervisor/paths.h"
#include "supervisor/supervisor.h"

#define SETTINGS_LISTENERS 8

struct settings {
    struct config config;
    char data_dir[PATHS_MAX], libexec_dir[PATHS_MAX];
    unsigned n_workers;
    enum log_level log_level;
    int root_key_fd, certificate_fd, key_fd, ca_fd; /* -1: none */
    int listeners[SETTINGS_LISTENERS];
    unsigned n_listeners;
    const struct buffer *passphrase; /* of the root key; borrowed; NULL: it has none */
};

/* Reads the file and the options and opens the files; not the listeners. On failure everything is closed again. */
[[gnu::warn_unused_result]] int settings_load(const struct options *o, struct settings *ret, struct diag *reterr);
void settings_free(struct settings *s);

/* Opens what `listen` says, or takes the sockets that systemd gives. An address that others can reach needs TLS, or a proxy
 * that has it. */
[[gnu::warn_unused_result]] int settings_listen(struct settings *s, struct diag *reterr);

/* Whether settings_listen would take what `listen` says, without listening. */
[[gnu::warn_unused_result]] int settings_check_listen(const struct settings *s, struct diag *reterr);

/* Gives configuration and files to the supervisor; `with_listeners` at the first time. */
[[gnu::warn_unused_result]] int settings_give(const struct settings *s, struct supervisor *to, bool with_listeners);

#endif
