/* What a run was given and what came of it, as answers of the API have it: as much as one answer has room for. */
#ifndef ENGINE_RUN_DATA_H
#define ENGINE_RUN_DATA_H

#include "base/json_writer.h"
#include "base/slice.h"

/* P(part, name) in the order of their members. */
#define RUN_PARTS(P)                                                                                             \
    P(PART_INPUT, "input")                                                                                       \
    P(PART_OUTPUT, "output")                                                                                     \
    P(PART_ERROR, "error")                                                                                       \
    P(PART_CONTEXT, "context")

enum run_part {
#define P(PART, name) PART,
    RUN_PARTS(P)
#undef P
        RUN_PART_COUNT
};

struct run_data {
    struct slice part[RUN_PART_COUNT]; /* JSON; empty: there is none */
};

const char *run_part_text(int part); /* NULL when it is none */
int run_part_parse(struct slice name); /* -1 when it is none */

/* Which parts have room in `room` bytes together, as bits: 1 << part. Those that tell most of the run come first. */
unsigned run_data_fitting(const struct run_data *d, size_t room);
/* The bytes that run_data_write adds. */
size_t run_data_len(const struct run_data *d, unsigned which);
/* Members of the object that is begun: the parts of `which`, and `omitted` with the names of the others that there are. */
void run_data_write(struct json_writer *w, const struct run_data *d, unsigned which);

#endif
