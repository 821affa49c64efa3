/* A JSON value as validation walks it. libjq counts a reference at each access, through calls that cannot be
 * inlined; a property at which five branches of a schema look would pay five times. So an array or object is
 * opened once, when a keyword first looks into it, into plain memory of this validation (or of the schema,
 * for the constants that it gives). */
#ifndef SCHEMA_VIEW_H
#define SCHEMA_VIEW_H

#include <jv.h>

#include "base/slice.h"
#include "schema/table.h"

/* Memory for views, given back at once; at most LIMIT_SCHEMA_VIEWS. */
struct room {
    uint8_t *next, *end;
    struct room_chunk *chunks;
    size_t used; /* of all chunks together */
};

/* Takes `first` (borrowed, aligned for any object) before it allocates. */
static inline struct room room_in(void *first, size_t len)
{
    return (struct room){.next = first, .end = (uint8_t *)first + len};
}

void room_free(struct room *room);

enum type_bit {
    TYPE_NULL = 1,
    TYPE_BOOLEAN = 2,
    TYPE_INTEGER = 4,
    TYPE_NUMBER = 8, /* with a fraction, or not finite */
    TYPE_STRING = 16,
    TYPE_ARRAY = 32,
    TYPE_OBJECT = 64,
};

struct view {
    jv source;    /* borrowed: the instance or the schema holds it */
    uint8_t type; /* enum type_bit; 0: no JSON value */
    bool is_open; /* below are what the type has */
    uint32_t n;   /* bytes, items or properties */
    union {
        double number; /* of a boolean: 0 or 1 */
        const uint8_t *text;
        struct view *items;
        struct view_member *members;
    };
};

struct view_member {
    struct slice name;
    uint32_t hash; /* view_hash_name */
    struct view value;
};

void view_init(struct view *v, jv source);

/* Each visited or opened value takes from `*steps`: -SP_EBUDGET when there are none left. Also -ENOMEM. */
struct view_budget {
    struct room *room;
    long *steps;
};

[[gnu::warn_unused_result]] int view_open_now(struct view_budget b, struct view *v);

/* To be called before `n` and what the type has are read. */
[[gnu::warn_unused_result]] static inline int view_open(struct view_budget b, struct view *v)
{
    return v->is_open ? 0 : view_open_now(b, v);
}

static inline uint32_t view_hash_name(struct slice name)
{
    return table_hash(5, name);
}

static inline struct slice view_text(const struct view *open)
{
    return slice_of(open->text, open->n);
}

/* The member of an open object, or NULL. Looks from `*at` on first, and leaves there the place behind what
 * was found: names that are asked for in the object's order are found at once. */
struct view_member *view_find(const struct view *open, struct slice name, uint32_t hash, uint32_t *at);

/* Deep equality and hashing as JSON Schema compares values: 1 equals 1.0, the order of properties does not
 * matter. -SP_EBUDGET also at a nesting of more than LIMIT_JSON_DEPTH. What was hashed is open to its ends.
 */
[[gnu::warn_unused_result]] int view_equal(struct view_budget budget, struct view *a,
                                           struct view *b); /* 1, 0 or negative */
[[gnu::warn_unused_result]] int view_hash(struct view_budget budget, struct view *v, uint32_t *ret);

#endif
