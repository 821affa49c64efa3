/* A local run, from its definition to its end: what run.c and run_end.c share. */
#ifndef CLI_LOCAL_RUN_H
#define CLI_LOCAL_RUN_H

#include "base/buffer.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "cli/ephemeral.h"

#define LOCAL_RUN_PARTS 3 /* output, error, context */

struct local_run {
    const struct cli_args *args;
    struct ephemeral *server;
    struct buffer definition, input, answer, parts[LOCAL_RUN_PARTS];
    char ns[LIMIT_NAME + 1], name[LIMIT_NAME + 1], id[LIMIT_NAME + 1];
};

/* Tells a problem of the API: its findings, as check prints them, else one line. The exit code that fits the status. */
int local_run_refused(struct slice body, unsigned status, const char *file);
/* Asks for /api/v1/runs/ID and `what` behind it; as ephemeral_request. */
int local_run_get(struct local_run *run, const char *what, unsigned *ret_status, struct slice *ret_body, struct diag *reterr);

/* Tells what the run, whose last answer is `body`, ended with; the exit code. */
int local_run_end(struct local_run *run, struct slice body);

#endif
