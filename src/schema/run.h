/* What the files that validate share: validate.c (nodes in order, references, logic), check.c (types, values, numbers, strings),
 * check_array.c, check_object.c, report.c (errors), marks.c (evaluated items and properties). */
#ifndef SCHEMA_RUN_H
#define SCHEMA_RUN_H

#include "base/error.h"
#include "schema/node.h"

/* Where in the instance: a chain on the stack from the current value to the root. */
struct at {
    const struct at *up; /* NULL at the root */
    const struct slice *key; /* a property's name, or NULL: an item */
    size_t index;
};

/* Which items or properties (by their order of iteration) of one value have been evaluated, for `unevaluated*`. */
struct marks {
    size_t n;
    bool all;
    uint64_t *bits;
    uint64_t few[4]; /* where `bits` points while n is small */
};

struct run {
    const struct schema *schema;
    struct schema_errors *errors;  /* NULL: stop at the first failure */
    pcre2_match_data *match_data;  /* made for the first match that needs PCRE2 */
    const struct resource **scope; /* the dynamic scope, outermost first; kept if the schema has dynamic references */
    size_t n_scope;
    unsigned depth;
    long steps;
    struct room room;
};

/* A check answers VALID, INVALID or a negative error. With `errors` it goes on after a failure, to find more. */
enum { VALID = 0, INVALID = 1 };

/* Evaluates the node; `marks` (may be NULL) takes what it evaluated if it is valid. */
int run_node(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks);

/* The same without reporting errors. */
int run_quiet(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks);

/* Pays for `n` steps; -SP_EBUDGET. */
static inline int run_pay(struct run *r, size_t n)
{
    r->steps -= (long)(n > LIMIT_SCHEMA_STEPS ? LIMIT_SCHEMA_STEPS : n);
    return r->steps < 0 ? -SP_EBUDGET : 0;
}

/* Makes the view's `n` and what its type has readable. */
[[gnu::warn_unused_result]] static inline int run_open(struct run *r, struct view *v)
{
    return view_open((struct view_budget){&r->room, &r->steps}, v);
}

/* Adds an error, if errors are wanted, and returns INVALID. */
[[gnu::format(printf, 5, 6)]] int run_report(struct run *r, const struct node *n, const char *keyword,
                                             const struct at *at, const char *format, ...);

int run_match(struct run *r, const struct pattern *pattern, struct slice text);

typedef int check_function(struct run *r, const struct node *n, struct view *v, const struct at *at, struct marks *marks);
check_function check_type, check_values, check_number, check_string, check_array, check_object, check_dependent,
    check_unevaluated;

/* Empty marks for the items or properties of `v`, paid for; on an error there is nothing to close. */
int marks_open(struct run *r, struct marks *m, struct view *v);
void marks_close(struct marks *m);
void marks_set(struct marks *m, size_t i);
bool marks_has(const struct marks *m, size_t i);
void marks_merge(struct marks *into, const struct marks *from);

/* True if the check that answered `result` should go on. */
static inline bool run_goes_on(const struct run *r, int result)
{
    return result == VALID || (result == INVALID && r->errors);
}

#endif
