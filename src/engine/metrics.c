/* metrics: the counters, and the route that shows them. Only the loop counts. */
#include "engine/metrics.h"

#include "engine/commit.h"
#include "engine/committer.h"
#include "engine/request.h"
#include "engine/runs.h"

static uint64_t counters[METRIC_COUNT];

static const struct {
    const char *name, *help;
} rows[] = {
#define M(NAME, name, help) [NAME] = {name, help},
    METRICS(M)
#undef M
};

void metrics_count(enum metric metric)
{
    counters[metric]++;
}

static void write_one(struct buffer *b, const char *name, const char *help, const char *type, uint64_t value)
{
    (void)buffer_printf(b, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name, (unsigned long long)value);
}

void metrics_write(struct buffer *b)
{
    for (unsigned i = 0; i < METRIC_COUNT; i++)
        write_one(b, rows[i].name, rows[i].help, "counter", counters[i]);
    write_one(b, "sallyport_runs_active", "Runs that have not ended.", "gauge", runs_active());
    write_one(b, "sallyport_store_failed", "1 when the database can no longer be written.", "gauge", committer_error() ? 1 : 0);
}

void api_metrics(struct request *r)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(LIMIT_CONFIG);
    metrics_write(&b);
    respond(r, 200, "text/plain; version=0.0.4; charset=utf-8", buffer_slice(&b), (struct slice){0});
}
