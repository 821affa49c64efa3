/* Runs a definition with scripted results and writes down all that it does, as text: what tests compare. */
#ifndef TESTS_FLOW_TRANSCRIPT_H
#define TESTS_FLOW_TRANSCRIPT_H

#include "flow/flow.h"

/* Appends a file; false when it cannot be read. */
bool read_file(const char *path, struct buffer *out);

struct transcript {
    int code; /* of the compile or of flow_run_new */
    enum step_status status;
    struct buffer findings, manifest, effects, trace, output, context, error;
};

void transcript_free(struct transcript *t);

/* `script` has one result a line, delivered in turn while the run waits:
 *   NUMBER call STATUS [BODY]        a response; JSON unless it begins with "text:"
 *   NUMBER fail CODE [REASON]        no response; CODE is a number of base/error.h
 *   NUMBER timer [MS]                a timer; MS since the start of the run */
void transcript_run(struct slice definition, struct slice input, struct slice script, struct transcript *ret);

#endif
