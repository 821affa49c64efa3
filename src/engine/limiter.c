/* limiter: three tables, so that a flood of addresses cannot push out the counters of workflows or failed sign-ins. */
#include "engine/limiter.h"

#include "base/clock.h"
#include "base/id.h"
#include "engine/metrics.h"
#include "policy/rate.h"

static struct limiter_config config;
static struct rate_table *addresses, *workflows, *logins;

int limiter_start(const struct limiter_config *given)
{
    uint8_t seed[16];
    random_bytes(seed, sizeof seed);
    config = *given;
    int r = rate_table_new(LIMIT_RATE_KEYS, seed, &addresses);
    r = r < 0 ? r : rate_table_new(LIMIT_WORKFLOWS, seed, &workflows);
    return r < 0 ? r : rate_table_new(LIMIT_RATE_KEYS / 4, seed, &logins);
}

void limiter_configure(const struct limiter_config *given)
{
    config = *given;
}

static bool allow(struct rate_table *table, struct slice key, uint32_t limit, int64_t period_ms, uint32_t burst,
                  struct rate_answer *ret)
{
    *ret = (struct rate_answer){.limit = limit, .period_ms = period_ms};
    uint32_t remaining = 0;
    if (rate_check(table, key, clock_monotonic_us(), limit, period_ms * 1000, burst, &ret->retry_after_ms, &remaining) < 0) {
        metrics_count(METRIC_RATE_LIMITED);
        return false;
    }
    ret->remaining = remaining;
    return true;
}

/* Who has one IPv6 address has a /64 of them. */
static struct slice address_key(const uint8_t peer[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    return slice_of(peer, memcmp(peer, mapped, sizeof mapped) == 0 ? 16 : 8);
}

bool limiter_allow_address(const uint8_t peer[16], struct rate_answer *ret)
{
    return allow(addresses, address_key(peer), config.address_per_s, 1000, config.address_burst, ret);
}

bool limiter_allow_principal(const char *name, struct rate_answer *ret)
{
    return allow(addresses, slice_text(name), config.principal_per_s, 1000, config.principal_burst, ret);
}

bool limiter_allow_workflow(uint32_t workflow_id, uint32_t limit, int64_t period_ms, uint32_t burst, struct rate_answer *ret)
{
    return allow(workflows, slice_of(&workflow_id, sizeof workflow_id), limit, period_ms, burst, ret);
}

bool limiter_has_room(uint32_t workflow_id, uint32_t limit, int64_t period_ms, uint32_t burst, struct rate_answer *ret)
{
    *ret = (struct rate_answer){.limit = limit, .period_ms = period_ms};
    if (!rate_is_exhausted(workflows, slice_of(&workflow_id, sizeof workflow_id), clock_monotonic_us(), limit, period_ms * 1000,
                           burst, &ret->retry_after_ms))
        return true;
    metrics_count(METRIC_RATE_LIMITED);
    return false;
}

bool limiter_allow_login(const uint8_t peer[16], struct rate_answer *ret)
{
    *ret = (struct rate_answer){.limit = config.logins_per_min, .period_ms = 60000, .retry_after_ms = 60000};
    return !rate_is_exhausted(logins, address_key(peer), clock_monotonic_us(), config.logins_per_min, 60000000,
                              config.logins_per_min, &ret->retry_after_ms);
}

void limiter_count_failed_login(const uint8_t peer[16])
{
    struct rate_answer unused;
    metrics_count(METRIC_LOGINS_FAILED);
    (void)allow(logins, address_key(peer), config.logins_per_min, 60000, config.logins_per_min, &unused);
}
