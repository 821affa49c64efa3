/* rate: GCRA over a bounded table. Called by the engine's loop; the table is a fixed array of entries, chained by a hash and
 * held in order of use. What must hold: an entry is in exactly one chain and once in the order; the memory is taken at the
 * start; a key costs the same however full the table is. */
#include "policy/rate.h"

#include <errno.h>
#include <sodium.h>

#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"

#define NONE UINT32_MAX

struct entry {
    uint64_t hash;
    int64_t arrival_us;     /* the theoretical arrival time of the next event */
    uint32_t chain;         /* next in the same bucket */
    uint32_t newer, older;  /* in the order of use */
};

struct rate_table {
    uint8_t seed[crypto_shorthash_siphash24_KEYBYTES];
    size_t n, max;
    uint32_t mask;
    uint32_t newest, oldest;
    uint32_t *buckets;
    struct entry *entries;
};

int rate_table_new(size_t max_keys, const uint8_t seed[16], struct rate_table **ret)
{
    must(max_keys > 0 && max_keys <= LIMIT_RATE_KEYS);
    uint32_t n_buckets = 1;
    while (n_buckets < max_keys)
        n_buckets *= 2;
    struct rate_table *t = calloc(1, sizeof *t);
    if (!t)
        return -ENOMEM;
    *t = (struct rate_table){.max = max_keys, .mask = n_buckets - 1, .newest = NONE, .oldest = NONE};
    t->buckets = malloc(n_buckets * sizeof *t->buckets);
    t->entries = calloc(max_keys, sizeof *t->entries);
    if (!t->buckets || !t->entries) {
        rate_table_free(t);
        return -ENOMEM;
    }
    memset(t->buckets, 0xff, n_buckets * sizeof *t->buckets);
    memcpy(t->seed, seed, sizeof t->seed);
    *ret = t;
    return 0;
}

void rate_table_free(struct rate_table *t)
{
    if (!t)
        return;
    free(t->buckets);
    free(t->entries);
    free(t);
}

size_t rate_table_n(const struct rate_table *t)
{
    return t->n;
}

static void order_remove(struct rate_table *t, uint32_t at)
{
    const struct entry *e = &t->entries[at];
    *(e->newer == NONE ? &t->newest : &t->entries[e->newer].older) = e->older;
    *(e->older == NONE ? &t->oldest : &t->entries[e->older].newer) = e->newer;
}

static void order_push(struct rate_table *t, uint32_t at)
{
    struct entry *e = &t->entries[at];
    e->newer = NONE;
    e->older = t->newest;
    *(t->newest == NONE ? &t->oldest : &t->entries[t->newest].newer) = at;
    t->newest = at;
}

static void chain_remove(struct rate_table *t, uint32_t at)
{
    uint32_t *place = &t->buckets[t->entries[at].hash & t->mask];
    while (*place != at)
        place = &t->entries[*place].chain;
    *place = t->entries[at].chain;
}

/* The entry of this hash, made if need be at the cost of the stalest, and now the newest. */
static struct entry *entry_take(struct rate_table *t, uint64_t hash)
{
    uint32_t at = t->buckets[hash & t->mask];
    while (at != NONE && t->entries[at].hash != hash)
        at = t->entries[at].chain;
    if (at != NONE) {
        order_remove(t, at);
    } else {
        if (t->n < t->max) {
            at = (uint32_t)t->n++;
        } else {
            at = t->oldest;
            order_remove(t, at);
            chain_remove(t, at);
        }
        t->entries[at] = (struct entry){.hash = hash, .arrival_us = INT64_MIN, .chain = t->buckets[hash & t->mask]};
        t->buckets[hash & t->mask] = at;
    }
    order_push(t, at);
    return &t->entries[at];
}

static int64_t interval_of(uint32_t limit, int64_t period_us)
{
    return period_us / limit > 0 ? period_us / limit : 1;
}

/* How far ahead of the clock the arrivals may be, so that `burst` events may come at once. */
static int64_t tolerance_of(int64_t interval, uint32_t burst)
{
    int64_t tolerance;
    return __builtin_mul_overflow(interval, (int64_t)burst - 1, &tolerance) ? INT64_MAX / 4 : tolerance;
}

int rate_check(struct rate_table *t, struct slice key, int64_t now_us, uint32_t limit, int64_t period_us, uint32_t burst,
               int64_t *ret_retry_after_ms, uint32_t *ret_remaining)
{
    return rate_check_weight(t, key, now_us, 1, limit, period_us, burst, ret_retry_after_ms, ret_remaining);
}

int rate_check_weight(struct rate_table *t, struct slice key, int64_t now_us, uint32_t weight, uint32_t limit, int64_t period_us,
                      uint32_t burst, int64_t *ret_retry_after_ms, uint32_t *ret_remaining)
{
    must(limit > 0 && burst > 0 && period_us > 0 && weight > 0);
    uint64_t hash;
    crypto_shorthash_siphash24((uint8_t *)&hash, key.p, key.len, t->seed);
    struct entry *e = entry_take(t, hash);

    int64_t interval = interval_of(limit, period_us), tolerance = tolerance_of(interval, burst);
    int64_t arrival = e->arrival_us > now_us ? e->arrival_us : now_us;
    int64_t ahead = arrival - now_us;
    if (ahead > tolerance) {
        *ret_retry_after_ms = (ahead - tolerance + 999) / 1000;
        *ret_remaining = 0;
        return -SP_ERATE;
    }
    int64_t cost;
    if (__builtin_mul_overflow(interval, (int64_t)weight, &cost) || cost > INT64_MAX / 4)
        cost = INT64_MAX / 4;
    e->arrival_us = arrival + cost;
    ahead += cost;
    *ret_retry_after_ms = 0;
    *ret_remaining = ahead > tolerance ? 0 : (uint32_t)((tolerance - ahead) / interval) + 1;
    return 0;
}

bool rate_is_exhausted(const struct rate_table *t, struct slice key, int64_t now_us, uint32_t limit, int64_t period_us,
                       uint32_t burst, int64_t *ret_retry_after_ms)
{
    uint64_t hash;
    crypto_shorthash_siphash24((uint8_t *)&hash, key.p, key.len, t->seed);
    uint32_t at = t->buckets[hash & t->mask];
    while (at != NONE && t->entries[at].hash != hash)
        at = t->entries[at].chain;
    int64_t ahead = at == NONE ? 0 : t->entries[at].arrival_us - now_us;
    int64_t tolerance = tolerance_of(interval_of(limit, period_us), burst);
    if (at == NONE || t->entries[at].arrival_us == INT64_MIN || ahead <= tolerance)
        return false;
    *ret_retry_after_ms = (ahead - tolerance + 999) / 1000;
    return true;
}
