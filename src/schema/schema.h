/* JSON Schema 2020-12 (draft-bhutton-json-schema-01 and -validation-01) over libjq's values: compiled once, validated many
 * times. A schema never reaches the network: what it refers to is in it, among `resources`, or is the 2020-12 metaschema,
 * which is built in. Linked by the worker alone. */
#ifndef SCHEMA_SCHEMA_H
#define SCHEMA_SCHEMA_H

#include <jv.h>

#include <stdbool.h>
#include <stddef.h>

#include "base/diag.h"
#include "base/limits.h"

struct schema;

/* Another document that `$ref`, `$dynamicRef` and `$schema` may name by `uri`; borrowed until schema_compile returns. */
struct schema_resource {
    const char *uri;
    jv document;
};

struct schema_options {
    const struct schema_resource *resources;
    size_t n_resources;
    bool assert_formats; /* `format` is checked, and not an annotation alone */
};

/* Compiles `document` (consumed also on failure); `options` may be NULL. Refuses with -SP_EINVALID what the metaschema
 * refuses, a pattern that is not ECMA-262 and a reference that leads nowhere, with -SP_EUNSUPPORTED another dialect or an
 * unknown vocabulary that is required, with -SP_ELIMIT what is too large; `reterr->pointer` tells where. Also -ENOMEM. */
[[gnu::warn_unused_result]] int schema_compile(jv document, const struct schema_options *options, struct schema **ret,
                                               struct diag *reterr);

/* NULL is allowed. */
void schema_free(struct schema *s);

/* One thing that is wrong with an instance. What does not fit is cut. */
struct schema_error {
    char instance[512]; /* JSON Pointer (RFC 6901) into the instance; "" for its root */
    char keyword[512];  /* JSON Pointer into the schema, after the URI and "#" if it is in another document */
    char text[512];     /* a sentence without the instance's values, which may be confidential */
};

struct schema_errors {
    size_t n;
    struct schema_error items[LIMIT_SCHEMA_ERRORS];
};

/* Validates `instance` (borrowed). 0: valid; -SP_EINVALID: it is not, and `ret` (may be NULL, which is faster) has the
 * errors, at least one; -SP_EBUDGET: a limit of depth, steps or matching was met, which also happens with a schema that
 * refers to itself without end; -ENOMEM. `ret` is filled only with -SP_EINVALID. */
[[gnu::warn_unused_result]] int schema_validate(const struct schema *s, jv instance, struct schema_errors *ret);

#endif
