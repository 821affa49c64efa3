/* The rates of clients, principals and workflows (GCRA, policy/rate.h), with the configured figures. On by default. */
#ifndef ENGINE_LIMITER_H
#define ENGINE_LIMITER_H

#include "engine/request.h"

struct limiter_config {
    uint32_t address_per_s, address_burst;     /* requests from one client address (an IPv6 /64 counts as one) */
    uint32_t principal_per_s, principal_burst; /* requests of one principal */
    uint32_t logins_per_min;                   /* failed sign-ins from one client address */
};
#define LIMITER_DEFAULTS                                                                                         \
    ((struct limiter_config){.address_per_s = 200, .address_burst = 400, .principal_per_s = 100, .principal_burst = 200,  \
                             .logins_per_min = 10})

[[gnu::warn_unused_result]] int limiter_start(const struct limiter_config *config);
void limiter_configure(const struct limiter_config *config);

/* False when it is too much; then `ret` says for how long. */
bool limiter_allow_address(const uint8_t peer[16], struct rate_answer *ret);
bool limiter_allow_principal(const char *name, struct rate_answer *ret);
bool limiter_allow_login(const uint8_t peer[16], struct rate_answer *ret); /* looks, does not count */
void limiter_count_failed_login(const uint8_t peer[16]);
/* As limiter_allow_workflow, but only looks. */
bool limiter_has_room(uint32_t workflow_id, uint32_t limit, int64_t period_ms, uint32_t burst, struct rate_answer *ret);
bool limiter_allow_workflow(uint32_t workflow_id, uint32_t limit, int64_t period_ms, uint32_t burst, struct rate_answer *ret);

#endif
