/* What the files that compile a schema share: compile.c (the queue of nodes), resource.c (URIs, anchors, references),
 * keyword.c (the table of keywords and the form of their values), rule.c (a keyword's value becomes rules). */
#ifndef SCHEMA_COMPILER_H
#define SCHEMA_COMPILER_H

#include "schema/node.h"

struct compiler {
    struct schema *schema;
    const struct schema_options *options;
    struct diag *diag;
    struct node **nodes; /* in the order of discovery; a node is first indexed, then compiled */
    jv *values;          /* of each node */
    size_t n, capacity, indexed, compiled;
    struct table children;  /* parent's id and token → struct node */
    struct table documents; /* URI → struct node, the root of a resource */
    struct table anchors;   /* resource's id and name → struct anchor */
    struct table names;     /* dynamic anchor → its number, as a pointer into the arena */
    uint32_t n_resources;
};

/* The forms that a keyword's value may have. */
enum shape {
    SHAPE_ANY,
    SHAPE_STRING,
    SHAPE_BOOLEAN,
    SHAPE_COUNT,
    SHAPE_NUMBER,
    SHAPE_POSITIVE,
    SHAPE_ARRAY,
    SHAPE_OBJECT,
    SHAPE_TYPE,
    SHAPE_STRINGS,
    SHAPE_STRINGS_MAP,
    SHAPE_DEPENDENCIES,
    SHAPE_SCHEMA,
    SHAPE_SCHEMAS,
    SHAPE_SCHEMA_MAP,
};

struct keyword;
typedef int rule_function(struct compiler *c, struct node *n, const struct keyword *k, jv value);

struct keyword {
    const char *name;
    unsigned vocabulary;
    enum shape shape;
    rule_function *rule; /* NULL: an annotation, or handled by resource.c */
    enum group group;
    size_t offset; /* of what the rule fills, in the group's rules */
};

/* The keyword, if it is known and one of `vocabularies` has it; else NULL. */
const struct keyword *keyword_find(struct slice name, unsigned vocabularies);

/* Checks the form of the value; -SP_EINVALID with the reason in `ret_why`, -ENOMEM. */
[[gnu::warn_unused_result]] int keyword_check(const struct keyword *k, jv value, const char **ret_why);

/* Fills the diagnostic with the place of `keyword` (may be NULL) in `n` and returns `code`. */
[[gnu::format(printf, 5, 6)]] int compiler_fail(struct compiler *c, const struct node *n, const char *keyword, int code,
                                                const char *format, ...);

/* A node for the subschema `value` (borrowed) at `token` below `parent`, made once; NULL with `*ret_error` set. */
struct node *compiler_child(struct compiler *c, const struct node *parent, struct slice token, jv value, int *ret_error);

/* The child that indexing has made; never NULL for a keyword that holds schemas. */
struct node *compiler_find_child(const struct compiler *c, const struct node *parent, struct slice token);

/* Makes a document's root known and returns it. */
struct node *compiler_document(struct compiler *c, struct slice uri, bool is_main, jv value, int *ret_error);

/* Indexes every node that is not yet: identifiers, anchors, subschemas. */
[[gnu::warn_unused_result]] int compiler_index(struct compiler *c);

/* Appends a token of a JSON Pointer: a keyword, and a key or index below it, escaped. */
int token_append(struct buffer *out, struct slice key);

/* `len` bytes of the arena, or NULL. */
void *compiler_take(struct compiler *c, size_t len);

/* The rules of a group, made when first asked for; NULL without memory. */
void *compiler_rules(struct compiler *c, struct node *n, enum group group);

/* Keeps a value (consumed) or compiles a pattern for as long as the schema lives. */
[[gnu::warn_unused_result]] int compiler_keep(struct compiler *c, jv value);
[[gnu::warn_unused_result]] int compiler_keep_table(struct compiler *c, struct table *t);
[[gnu::warn_unused_result]] int compiler_pattern(struct compiler *c, const struct node *n, const char *keyword,
                                                 struct slice text, const struct pattern **ret);

/* resource.c: reads `$schema`, `$id`, `$anchor` and `$dynamicAnchor` of the node. */
[[gnu::warn_unused_result]] int resource_identify(struct compiler *c, struct node *n, jv value);

/* resource.c: the node that `reference`, the value of `keyword` in `n`, leads to. `*ret_dynamic` is the number of the
 * dynamic anchor that it names, or 0. */
[[gnu::warn_unused_result]] int resource_resolve(struct compiler *c, const struct node *n, const char *keyword,
                                                 struct slice reference, struct node **ret, uint32_t *ret_dynamic);

rule_function rule_type, rule_const, rule_enum, rule_bound, rule_multiple_of, rule_pattern, rule_format, rule_flag,
    rule_required, rule_properties, rule_pattern_properties, rule_dependent, rule_schema, rule_schemas, rule_reference;

#endif
