/* random: xoshiro256** (Blackman and Vigna) seeded with the run's seed. Called by the interpreter. What must
 * hold: the same seed gives the same sequence on every machine. Nobody's safety rests on it. */
#include "flow/random.h"

#include <stdio.h>

static uint64_t rotate(uint64_t x, int k)
{
    return x << k | x >> (64 - k);
}

static uint64_t next(struct flow_random *r)
{
    uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

void flow_random_init(struct flow_random *r, const uint8_t seed[32])
{
    for (int i = 0; i < 4; i++) {
        r->s[i] = 0;
        for (int j = 7; j >= 0; j--)
            r->s[i] = r->s[i] << 8 | seed[8 * i + j];
    }
    r->s[0] ^= 0x9e3779b97f4a7c15u; /* a seed of zeros must not give zeros for ever */
    for (int i = 0; i < 16; i++)
        (void)next(r);
}

uint64_t flow_random_below(struct flow_random *r, uint64_t bound)
{
    return bound ? next(r) % bound : 0;
}

void flow_random_uuid(struct flow_random *r, char ret[FLOW_UUID_LEN + 1])
{
    uint64_t a = next(r), b = next(r);
    (void)snprintf(ret, FLOW_UUID_LEN + 1, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
                   (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 48 & 0x3fff) | 0x8000,
                   (unsigned long long)(b & 0xffffffffffffu));
}
