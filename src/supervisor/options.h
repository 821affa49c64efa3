/* The command line of sallyportd. */
#ifndef SUPERVISOR_OPTIONS_H
#define SUPERVISOR_OPTIONS_H

#include "supervisor/config.h"

struct options {
    const char *config_file;  /* NULL: the default one, if it is there */
    const char *libexec;
    const char *data, *root_key, *workers, *log_level;
    const char *listen[CONFIG_LIST_MAX];
    unsigned n_listen;
    bool ask_passphrase, check_only;
};

/* 1 when the program is done (--help, --version), 0, or -SP_EINVALID and why. Texts are borrowed from `argv`. */
[[gnu::warn_unused_result]] int options_parse(int argc, char **argv, struct options *ret, struct diag *reterr);

/* Puts what the command line says over what the file said. */
[[gnu::warn_unused_result]] int options_apply(const struct options *o, struct config *c, struct diag *reterr);

#endif
