/* The few options that the supervisor gives a role on its command line. */
#ifndef ROLE_OPTIONS_H
#define ROLE_OPTIONS_H

#include "base/log.h"

struct role_options {
    const char *data_dir; /* --data DIR; NULL without */
    uint16_t index;       /* --index N */
    enum log_level level; /* --log LEVEL */
};

/* 0, or -SP_EINVALID for anything that the supervisor would not say. Texts are borrowed from `argv`. */
[[gnu::warn_unused_result]] int role_options_parse(int argc, char **argv, struct role_options *ret);

#endif
