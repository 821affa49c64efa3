/* The schemas of what the API takes and gives, as one table: openapi.c writes it down, body.c holds requests
 * against it. */
#ifndef ENGINE_SCHEMAS_H
#define ENGINE_SCHEMAS_H

#include "base/buffer.h"

enum schema {
    SCHEMA_NONE,
    SCHEMA_ANY,
    SCHEMA_TEXT,
    SCHEMA_BOOL,
    SCHEMA_COUNT,
    SCHEMA_TIME,
    SCHEMA_URI,
    SCHEMA_HEX_DIGEST,
    SCHEMA_BASE64,
    SCHEMA_PAGE_SIZE,
    SCHEMA_OBJECT,
    SCHEMA_NAME,
    SCHEMA_CREDENTIAL_NAME,
    SCHEMA_RUN_ID,
    SCHEMA_RUN_STATE,
    SCHEMA_RUN_PART,
    SCHEMA_RUN_TRIGGER,
    SCHEMA_STEP_STATUS,
    SCHEMA_TRACE_STATUS,
    SCHEMA_CREDENTIAL_KIND,
    SCHEMA_CREDENTIAL_STATE,
    SCHEMA_FINDING_LEVEL,
    SCHEMA_AUDIT_ACTION,
    SCHEMA_AUDIT_OUTCOME,
    SCHEMA_PROBLEM,
    SCHEMA_FAULT,
    SCHEMA_FAULT_TOLD,
    SCHEMA_FINDING,
    SCHEMA_HEALTH,
    SCHEMA_IDENTITY,
    SCHEMA_MANIFEST,
    SCHEMA_TASK,
    SCHEMA_WORKFLOW,
    SCHEMA_WORKFLOW_LISTED,
    SCHEMA_WORKFLOW_LIST,
    SCHEMA_WORKFLOW_SHOWN,
    SCHEMA_WORKFLOW_DEPLOYED,
    SCHEMA_CREDENTIAL_POLICY,
    SCHEMA_CREDENTIAL,
    SCHEMA_CREDENTIAL_LIST,
    SCHEMA_CREDENTIAL_SEALED,
    SCHEMA_CREDENTIAL_CHANGED,
    SCHEMA_RUN_REQUEST,
    SCHEMA_RUN_ACCEPTED,
    SCHEMA_RUN_ENDED,
    SCHEMA_RUN,
    SCHEMA_RUN_PAGE,
    SCHEMA_RUN_SHOWN,
    SCHEMA_RUN_TRACED,
    SCHEMA_TRACE_ENTRY,
    SCHEMA_REPLAY,
    SCHEMA_LEAF,
    SCHEMA_LEAF_AT,
    SCHEMA_LEAF_PAGE,
    SCHEMA_PROVEN_LEAF,
    SCHEMA_PROOF,
    SCHEMA_COUNT_OF_ALL
};

enum member_flags {
    IS_REQUIRED = 1,
    IS_LIST = 2, /* an array of such values */
};

struct schema_member {
    const char *name;
    enum schema schema;
    unsigned flags;
    const char *about; /* or NULL */
};

struct schema_row {
    const char *name; /* under which others refer to it; NULL: it is written out where it is used */
    const char *type; /* of JSON; NULL: any */
    const char *about;
    const char *pattern, *format, *encoding;
    int64_t min, max;            /* of a number; max 0: none */
    bool (*takes)(struct slice); /* what the pattern says, of a text */
    const char *(*text)(int);    /* of an enumeration: the texts of its values, NULL for those between */
    enum schema base;            /* an object that has the members of this one, too */
    const struct schema_member *members;
    size_t n_members;
};

const struct schema_row *schema_row(enum schema schema);

/* Whether a text has the form that the schema wants: a number within its bounds, a value of its enumeration,
 * what its pattern says. `ret_number` gets the number if it is one. */
bool schema_takes_text(enum schema schema, struct slice text, uint64_t *ret_number);

/* What a value has to be, as the end of a sentence: "a number from 1 to 1000". */
void schema_describe(enum schema schema, struct buffer *to);

#define SCHEMA_ENUM_MAX 64 /* values of an enumeration, numbered from 0 */

#endif
