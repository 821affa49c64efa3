/* What leaf.c and leaf_decode.c share: the members of a leaf as a table. */
#ifndef AUDIT_LEAF_FIELDS_H
#define AUDIT_LEAF_FIELDS_H

#include "audit/leaf.h"

enum leaf_kind {
    LEAF_text,
    LEAF_digest,
    LEAF_list,
    LEAF_number,
    LEAF_effect,
    LEAF_run,
    LEAF_time,
    LEAF_action,
    LEAF_outcome,
};

struct leaf_field {
    enum leaf_kind kind;
    size_t key_len;
    const char *key;
    size_t offset; /* in struct audit_event */
};

extern const struct leaf_field leaf_fields[];
extern const size_t leaf_fields_n;

/* Whether leaves of this action carry the number of an effect. */
bool leaf_has_effect(enum audit_action action);

#endif
