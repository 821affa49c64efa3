/* The standard error types of the DSL, and which spellings of their URIs mean the same. */
#ifndef FLOW_ERROR_TYPE_H
#define FLOW_ERROR_TYPE_H

#include <stdbool.h>

#include "base/slice.h"

/* E(NAME, name, default status, title) */
#define FLOW_ERRORS(E)                                                                                           \
    E(CONFIGURATION, "configuration", 400, "Configuration Error")                                                \
    E(VALIDATION, "validation", 400, "Validation Error")                                                         \
    E(EXPRESSION, "expression", 400, "Expression Error")                                                         \
    E(AUTHENTICATION, "authentication", 401, "Authentication Error")                                             \
    E(AUTHORIZATION, "authorization", 403, "Authorization Error")                                                \
    E(TIMEOUT, "timeout", 408, "Timeout Error")                                                                  \
    E(COMMUNICATION, "communication", 500, "Communication Error")                                                \
    E(RUNTIME, "runtime", 500, "Runtime Error")

enum flow_error {
#define E(NAME, name, status, title) FLOW_ERROR_##NAME,
    FLOW_ERRORS(E)
#undef E
        FLOW_ERROR_COUNT
};

/* The canonical URI, default status and title of a type. */
const char *flow_error_type_uri(enum flow_error e);
int flow_error_type_status(enum flow_error e);
const char *flow_error_type_title(enum flow_error e);

/* The standard type that the URI spells, or -SP_ENOTFOUND. Accepted besides the canonical spelling: http for https, the older host,
 * any version 1.x.y, and the conformance kit's `/dsl/errors/types/NAME`. */
int flow_error_type_find(struct slice uri);

/* Whether two URIs mean the same type: the same bytes, or spellings of the same standard type. */
bool flow_error_type_equal(struct slice a, struct slice b);

#endif
