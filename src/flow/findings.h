/* The findings of one check: what is wrong with a definition, each with its place; docs/formats/findings.md
 * is their format. */
#ifndef FLOW_FINDINGS_H
#define FLOW_FINDINGS_H

#include "base/buffer.h"
#include "base/json_writer.h"
#include "flow/document.h"

enum finding_level { FINDING_ERROR, FINDING_WARNING, FINDING_NOTE };

struct findings {
    struct json_writer writer;
    const struct flow_document *document; /* for places; NULL before it is parsed */
    unsigned n, errors;
    bool is_full;
    uint64_t seen[LIMIT_FINDINGS]; /* hashes of what was added: a shared component is reported once */
};

void findings_begin(struct findings *f, struct buffer *out);
void findings_end(struct findings *f);

/* Adds a finding about the node at `pointer`, or about its key. `hint` may be NULL. */
void findings_add(struct findings *f, enum finding_level level, const char *rule, const char *pointer,
                  bool of_key, const char *message, const char *hint);

/* Adds one whose place is already known: that of `diag`. */
void findings_add_diag(struct findings *f, const char *rule, const struct diag *diag);

#endif
