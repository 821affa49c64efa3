/* Text → value: YAML 1.2 (or JSON, which it contains) with the place of each node, and strict JSON for data.
 *
 * A definition is read as YAML 1.2 with the core schema. Refused, each with its place: tags other than the core ones,
 * merge keys, duplicate keys, keys that are not scalars, several documents, numbers that are not finite, malformed UTF-8,
 * NUL, and whatever exceeds LIMIT_DEFINITION, LIMIT_YAML_DEPTH, LIMIT_YAML_NODES or LIMIT_YAML_ALIASES. */
#ifndef FLOW_DOCUMENT_H
#define FLOW_DOCUMENT_H

#include <jv.h>

#include "base/cleanup.h"
#include "base/diag.h"
#include "base/slice.h"

struct flow_document;

/* Parses one document; an empty text is null. -SP_ESYNTAX (malformed), -SP_EINVALID (refused on purpose), -SP_ELIMIT,
 * -ENOMEM; the diag has line, column and text, and a hint where one helps. The document copies what it needs. */
[[gnu::warn_unused_result]] int flow_document_parse(struct slice text, struct flow_document **ret, struct diag *reterr);
void flow_document_free(struct flow_document *d);
DEFINE_CLEANUP(struct flow_document *, flow_document_free)

/* A new reference to the value. */
jv flow_document_value(const struct flow_document *d);

/* The place of the node that the pointer (RFC 6901) names, or of its key in its mapping; what is absent has the place of
 * its nearest ancestor, and then the result is false. Line and column count from 1, columns in characters. */
bool flow_document_place(const struct flow_document *d, const char *json_pointer, bool of_key, uint32_t *ret_line,
                         uint32_t *ret_column);

/* Strict JSON (RFC 8259): one value in well-formed UTF-8 without byte-order mark, no duplicate keys, no lone surrogates,
 * numbers that a double can hold, nesting of at most LIMIT_JSON_DEPTH. -SP_ESYNTAX, -SP_EINVALID (a duplicate key), -SP_ELIMIT;
 * the diag has line and column. */
[[gnu::warn_unused_result]] int flow_json_parse(struct slice text, jv *ret, struct diag *reterr);

#endif
