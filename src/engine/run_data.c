/* run_data: see run_data.h. Each part may be as large as an answer, so all of them together need not fit into one: what is left out is
 * named, and is to be had by itself. Called by what answers with a run: answer.c, api_runs_read.c. */
#include "engine/run_data.h"

#define MEMBER_LEN  (sizeof ",\"context\":")
#define OMITTED_LEN (sizeof ",\"omitted\":[\"input\",\"output\",\"error\",\"context\"]")

static const char *const names[] = {
#define P(PART, name) [PART] = (name),
    RUN_PARTS(P)
#undef P
};

const char *run_part_text(int part)
{
    return part >= 0 && part < RUN_PART_COUNT ? names[part] : NULL;
}

int run_part_parse(struct slice name)
{
    for (int i = 0; i < RUN_PART_COUNT; i++)
        if (slice_is(name, names[i]))
            return i;
    return -1;
}

size_t run_data_len(const struct run_data *d, unsigned which)
{
    size_t len = OMITTED_LEN;
    for (unsigned i = 0; i < RUN_PART_COUNT; i++)
        len += which >> i & 1 ? MEMBER_LEN + d->part[i].len : 0;
    return len;
}

unsigned run_data_fitting(const struct run_data *d, size_t room)
{
    static const enum run_part order[] = {PART_ERROR, PART_OUTPUT, PART_INPUT, PART_CONTEXT};
    unsigned which = 0;
    for (size_t i = 0; i < RUN_PART_COUNT; i++)
        if (run_data_len(d, which | 1u << order[i]) <= room)
            which |= 1u << order[i];
    return which;
}

void run_data_write(struct json_writer *w, const struct run_data *d, unsigned which)
{
    unsigned omitted = 0;
    for (unsigned i = 0; i < RUN_PART_COUNT; i++) {
        if (d->part[i].len == 0)
            continue;
        if (which >> i & 1) {
            json_key(w, names[i]);
            json_raw(w, d->part[i]);
        } else {
            omitted |= 1u << i;
        }
    }
    if (!omitted)
        return;
    json_key_array(w, "omitted");
    for (unsigned i = 0; i < RUN_PART_COUNT; i++)
        if (omitted >> i & 1)
            json_text(w, names[i]);
    json_array_end(w);
}
