/* Findings as a SARIF 2.1.0 log (OASIS), for code hosts and editors. */
#ifndef CLI_SARIF_H
#define CLI_SARIF_H

#include <jansson.h>

#include "base/json_writer.h"

struct sarif {
    struct json_writer *w;
    json_t *rules; /* id → its index, in the order of first use */
};

/* One document: begin, results of each file, end. -ENOMEM. */
[[gnu::warn_unused_result]] int sarif_begin(struct sarif *s, struct json_writer *w);
[[gnu::warn_unused_result]] int sarif_results(struct sarif *s, const char *file, const json_t *findings);
void sarif_end(struct sarif *s);

#endif
