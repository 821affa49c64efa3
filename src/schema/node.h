/* A compiled schema: a graph of nodes, one for each subschema, each with only the rules that are present. Everything but
 * the values, patterns and tables (listed in `owned`) lives in the schema's arena. Made by compile.c, walked by validate.c. */
#ifndef SCHEMA_NODE_H
#define SCHEMA_NODE_H

#include "schema/arena.h"
#include "schema/decimal.h"
#include "schema/format.h"
#include "schema/regex.h"
#include "schema/regex_quick.h"
#include "schema/schema.h"
#include "schema/table.h"
#include "schema/view.h"

/* The order of evaluation. */
enum group {
    GROUP_TYPE,
    GROUP_VALUES,
    GROUP_NUMBER,
    GROUP_STRING,
    GROUP_ARRAY,
    GROUP_OBJECT,
    GROUP_REFERENCE,
    GROUP_LOGIC,
    GROUP_DEPENDENT,
    GROUP_UNEVALUATED,
    GROUP_COUNT,
    GROUP_NONE = GROUP_COUNT,
};

enum vocabulary {
    VOCABULARY_CORE = 1,
    VOCABULARY_APPLICATOR = 2,
    VOCABULARY_UNEVALUATED = 4,
    VOCABULARY_VALIDATION = 8,
    VOCABULARY_META_DATA = 16,
    VOCABULARY_FORMAT_ANNOTATION = 32,
    VOCABULARY_FORMAT_ASSERTION = 64,
    VOCABULARY_CONTENT = 128,
    VOCABULARY_FORMAT = VOCABULARY_FORMAT_ANNOTATION | VOCABULARY_FORMAT_ASSERTION,
    VOCABULARY_DEFAULT = 255 & ~VOCABULARY_FORMAT_ASSERTION,
};

/* A dynamic anchor of a resource. */
struct dynamic_anchor {
    struct dynamic_anchor *next;
    uint32_t name; /* interned, from 1 */
    struct node *node;
};

/* A schema resource: a document's root, or a subschema with an `$id`. */
struct resource {
    uint32_t id;
    struct slice uri;      /* the document's: "" for the main one, so that places are told from its root */
    struct slice base;     /* absolute, without fragment */
    unsigned vocabularies; /* enum vocabulary */
    struct dynamic_anchor *dynamic_anchors;
};

struct node {
    uint32_t id;
    const struct node *parent;  /* NULL at a document's root */
    struct slice token;         /* the way from the parent, as in a JSON Pointer: "properties/name" */
    struct resource *resource;
    bool never;                 /* the schema `false` */
    uint8_t types;              /* enum type_bit */
    uint16_t groups;            /* bit n: group n is present */
    void *rules[GROUP_COUNT];   /* of the types below; NULL for GROUP_TYPE */
};

struct node_list {
    struct node **items;
    size_t n;
};

/* One of the bounds, of numbers or counts. */
struct bound {
    bool is_set;
    double limit;
};

struct value_rules {
    struct view *constant; /* or NULL */
    bool has_values;
    struct enum_value {
        uint32_t hash;
        struct view value;
    } *values; /* sorted by hash */
    size_t n_values;
};

struct number_rules {
    struct bound maximum, exclusive_maximum, minimum, exclusive_minimum, multiple;
    struct decimal multiple_decimal;
};

struct pattern {
    struct regex_quick quick;
    const pcre2_code *code;
};

struct string_rules {
    struct bound max_length, min_length;
    const struct pattern *pattern;
    format_check *format;
    struct slice format_name;
};

struct array_rules {
    struct bound max_items, min_items, max_contains, min_contains;
    bool unique;
    struct node_list prefix;
    struct node *items, *contains;
};

struct name {
    struct slice text;
    uint32_t hash; /* view_hash_name */
};

struct name_list {
    struct name *names;
    size_t n;
};

struct pattern_rule {
    const struct pattern *pattern;
    struct node *node;
};

struct object_rules {
    struct bound max_properties, min_properties;
    struct name_list required;
    struct table properties; /* hashed with view_hash_name */
    struct pattern_rule *patterns;
    size_t n_patterns;
    struct node *additional, *names;
};

struct dependent {
    struct dependent *next;
    struct name trigger;
    struct name_list required;
    struct node *node;   /* or NULL */
    const char *keyword; /* that it stands under */
};

struct dependent_rules {
    struct dependent *first;
};

struct reference_rules {
    struct node *target;
    struct node *dynamic_target;
    uint32_t dynamic_name; /* 0: the dynamic reference is a plain one */
};

struct logic_rules {
    struct node_list all, any, one;
    struct node *negated, *when, *then, *otherwise;
};

struct unevaluated_rules {
    struct node *items, *properties;
};

/* What schema_free must give back one by one. */
struct owned {
    struct owned *next;
    enum { OWNED_VALUE, OWNED_PATTERN, OWNED_TABLE } kind;
    jv value;
    pcre2_code *pattern;
    struct table *table;
};

struct schema {
    struct schema_arena arena;
    struct room room; /* of the views of `const` and `enum`, open to their ends */
    struct node *root;
    struct owned *owned;
    pcre2_match_context *match_context;
    pcre2_match_context *quick_context; /* with a small match limit, enough for most */
    size_t pattern_bytes;               /* of all patterns, compiled */
    bool has_dynamic; /* there is a dynamic reference, so the dynamic scope is kept */
};

/* Writes the place of `node`, and of `keyword` in it unless NULL, into `ret`; a place that is too long loses its front. */
void node_place(const struct node *node, const char *keyword, char *ret, size_t size);

#endif
