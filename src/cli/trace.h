/* A run's timeline. */
#ifndef CLI_TRACE_H
#define CLI_TRACE_H

#include <jansson.h>

/* Prints the `trace` of GET /api/v1/runs/{id}/trace on standard output, a line for each task that began. */
void trace_print(const json_t *trace);

#endif
