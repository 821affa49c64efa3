/* Inside a flow_program: its entries (what has an index) and their parts (each text that is code). Shared by program.c, which
 * adds and evaluates, and expression.c, which writes the jq program and compiles it. */
#ifndef FLOW_PROGRAM_H
#define FLOW_PROGRAM_H

#include <jq.h>
#include <jv.h>

#include "base/buffer.h"
#include "base/diag.h"

/* One text that is code. */
struct program_part {
    size_t at;         /* where it goes in its entry's skeleton */
    char *pointer;     /* where it stands in its template, "" for a plain expression */
    char *binds;       /* jq text that binds the variables it uses: "$__v.context as $context|" */
    char *text;
    bool is_loose;     /* an error makes it its own text */
    bool is_text;      /* loose, and jq did not take it */
    uint32_t first_line, last_line; /* of the jq program; where an error is this part's */
};

struct program_entry {
    jv constant;            /* a template without expressions; invalid otherwise */
    struct buffer skeleton; /* jq text in which the parts are missing */
    size_t first_part, n_parts;
    uint32_t branch; /* its number among the entries that are not constant, by which the program finds it */
};

struct flow_program {
    struct program_entry *entries;
    struct program_part *parts;
    size_t n_entries, n_parts, entries_size, parts_size;
    uint32_t n_branches;
    jv functions; /* names of jq's functions, for loose mode; invalid until needed */
    jq_state *jq; /* NULL until compiled, and when everything is constant */
};

/* Writes the program of all entries that are not constant, and notes the lines of the parts. */
[[gnu::warn_unused_result]] int flow_program_write(struct flow_program *p, struct buffer *out);

/* A jq that reads nothing, prints nothing and hands the first error message to `*ret_message` (may be NULL), which must be
 * an invalid or owned jv and outlive the jq. */
jq_state *flow_jq_new(jv *ret_message);

/* The names of jq's functions as the keys of an object; invalid when memory ends. */
jv flow_jq_functions(void);

#endif
