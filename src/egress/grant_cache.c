/* grant_cache: a table of as many entries as there may be open calls, so that one can always be evicted: the one that was
 * used the longest ago and that no call holds. Entries are compared by all their bytes, since a digest that collides would
 * be a grant that nobody gave. Called by call.c. */
#include "egress/grant_cache.h"

#include <errno.h>

#include "base/error.h"
#include "base/must.h"

struct grant_entry {
    uint8_t *json;
    size_t len;
    struct policy_grants *grants;
    unsigned n_held;
    uint64_t used_at;
};

struct grant_cache {
    uint64_t clock;
    size_t n;
    struct grant_entry *entries[LIMIT_EGRESS_OPEN];
};

int grant_cache_new(struct grant_cache **ret)
{
    *ret = calloc(1, sizeof **ret);
    return *ret ? 0 : -ENOMEM;
}

static void entry_free(struct grant_entry *e)
{
    if (!e)
        return;
    must(e->n_held == 0);
    policy_grants_free(e->grants);
    free(e->json);
    free(e);
}

void grant_cache_free(struct grant_cache *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->n; i++)
        entry_free(c->entries[i]);
    free(c);
}

static struct grant_entry *find(const struct grant_cache *c, struct slice json)
{
    for (size_t i = 0; i < c->n; i++)
        if (slice_equal(json, slice_of(c->entries[i]->json, c->entries[i]->len)))
            return c->entries[i];
    return NULL;
}

static int entry_new(struct slice json, struct grant_entry **ret, struct diag *reterr)
{
    struct grant_entry *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->json = malloc(json.len ? json.len : 1);
    int r = e->json ? policy_grants_parse(json, &e->grants, reterr) : -ENOMEM;
    if (r < 0) {
        entry_free(e);
        return r;
    }
    if (json.len)
        memcpy(e->json, json.p, json.len);
    e->len = json.len;
    *ret = e;
    return 0;
}

/* A place for one more entry: a free one, or that of the stalest entry that is not held. */
static struct grant_entry **place_take(struct grant_cache *c)
{
    if (c->n < LIMIT_EGRESS_OPEN)
        return &c->entries[c->n++];
    struct grant_entry **stalest = NULL;
    for (size_t i = 0; i < c->n; i++)
        if (c->entries[i]->n_held == 0 && (!stalest || c->entries[i]->used_at < (*stalest)->used_at))
            stalest = &c->entries[i];
    must(stalest); /* who asks is an open call that holds none yet */
    entry_free(*stalest);
    return stalest;
}

int grant_cache_hold(struct grant_cache *c, struct slice json, struct grant_entry **ret, struct diag *reterr)
{
    struct grant_entry *e = find(c, json);
    if (!e) {
        int r = entry_new(json, &e, reterr);
        if (r < 0)
            return r;
        *place_take(c) = e;
    }
    e->n_held++;
    e->used_at = ++c->clock;
    *ret = e;
    return 0;
}

void grant_cache_release(struct grant_entry *e)
{
    if (!e)
        return;
    must(e->n_held > 0);
    e->n_held--;
}

const struct policy_grants *grant_entry_grants(const struct grant_entry *e)
{
    return e->grants;
}
