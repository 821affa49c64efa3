/* What is random in a run, from its seed [I4]: jitter and event ids. Not for secrets. */
#ifndef FLOW_RANDOM_H
#define FLOW_RANDOM_H

#include <stdint.h>

struct flow_random {
    uint64_t s[4];
};

void flow_random_init(struct flow_random *r, const uint8_t seed[32]);

/* A number of [0, bound); 0 when `bound` is 0. */
uint64_t flow_random_below(struct flow_random *r, uint64_t bound);

#define FLOW_UUID_LEN 36
/* A version 4 UUID (RFC 9562), NUL-terminated. */
void flow_random_uuid(struct flow_random *r, char ret[FLOW_UUID_LEN + 1]);

#endif
