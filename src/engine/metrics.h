/* Counters and gauges of the engine, one list, shown at /metrics in the Prometheus text format (version 0.0.4). */
#ifndef ENGINE_METRICS_H
#define ENGINE_METRICS_H

#include "base/buffer.h"

/* M(NAME, "name", "help") */
#define METRICS(M)                                                                                               \
    M(METRIC_REQUESTS, "sallyport_http_requests_total", "Requests that the gateway passed on.")                  \
    M(METRIC_WEBHOOKS, "sallyport_webhooks_total", "Webhook deliveries that were accepted.")                     \
    M(METRIC_WEBHOOKS_REFUSED, "sallyport_webhooks_refused_total", "Webhook deliveries that were refused.")      \
    M(METRIC_RATE_LIMITED, "sallyport_rate_limited_total", "Requests that were refused by a rate limit.")        \
    M(METRIC_LOGINS_FAILED, "sallyport_logins_failed_total", "Requests with a wrong or missing token.")          \
    M(METRIC_RUNS_STARTED, "sallyport_runs_started_total", "Runs that were started.")                            \
    M(METRIC_RUNS_COMPLETED, "sallyport_runs_completed_total", "Runs that completed.")                           \
    M(METRIC_RUNS_FAULTED, "sallyport_runs_faulted_total", "Runs that faulted.")                                 \
    M(METRIC_RUNS_CANCELLED, "sallyport_runs_cancelled_total", "Runs that were cancelled.")                      \
    M(METRIC_RUNS_REPLAYED, "sallyport_runs_replayed_total", "Runs that were brought back from their journal.")  \
    M(METRIC_CALLS, "sallyport_calls_total", "HTTP calls of workflows that were sent to egress.")                \
    M(METRIC_CALLS_DENIED, "sallyport_calls_denied_total", "HTTP calls of workflows that egress refused.")       \
    M(METRIC_COMMITS, "sallyport_commits_total", "Units of work that became durable.")                           \
    M(METRIC_COMMITS_FAILED, "sallyport_commits_failed_total", "Units of work that could not be made durable.")  \
    M(METRIC_WORKERS_LOST, "sallyport_workers_lost_total", "Workers that died or were ended.")

enum metric {
#define M(NAME, name, help) NAME,
    METRICS(M)
#undef M
        METRIC_COUNT
};

void metrics_count(enum metric metric);

/* Appends all counters, and the gauges that the other parts of the engine know. */
void metrics_write(struct buffer *b);

#endif
