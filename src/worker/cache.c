/* cache: compiled definitions by digest, and runs by id. Called by serve.c only. Both are bounded [I6]: the engine knows the
 * bounds, so a full run table means that the engine lies. */
#include <errno.h>
#include <stdlib.h>

#include "base/error.h"
#include "worker/worker.h"

struct cached_definition {
    uint8_t digest[32];
    struct flow_definition *definition;
    uint64_t used;
};

struct definition_cache {
    struct cached_definition items[LIMIT_WORKER_DEFINITIONS];
    size_t n;
    uint64_t clock;
};

int definition_cache_new(struct definition_cache **ret)
{
    struct definition_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return -ENOMEM;
    *ret = cache;
    return 0;
}

void definition_cache_free(struct definition_cache *cache)
{
    for (size_t i = 0; cache && i < cache->n; i++)
        flow_definition_unref(cache->items[i].definition);
    free(cache);
}

static struct cached_definition *cached(struct definition_cache *cache, const uint8_t digest[32])
{
    for (size_t i = 0; i < cache->n; i++)
        if (memcmp(cache->items[i].digest, digest, 32) == 0)
            return &cache->items[i];
    return NULL;
}

struct flow_definition *definition_cache_get(struct definition_cache *cache, const uint8_t digest[32])
{
    struct cached_definition *item = cached(cache, digest);
    if (!item)
        return NULL;
    item->used = ++cache->clock;
    return item->definition;
}

static struct cached_definition *free_item(struct definition_cache *cache)
{
    if (cache->n < LIMIT_WORKER_DEFINITIONS)
        return &cache->items[cache->n++];
    struct cached_definition *oldest = &cache->items[0];
    for (size_t i = 1; i < cache->n; i++)
        if (cache->items[i].used < oldest->used)
            oldest = &cache->items[i];
    flow_definition_unref(oldest->definition);
    return oldest;
}

void definition_cache_take(struct definition_cache *cache, const uint8_t digest[32], struct flow_definition *d)
{
    struct cached_definition *item = cached(cache, digest);
    if (item)
        flow_definition_unref(item->definition);
    else
        item = free_item(cache);
    memcpy(item->digest, digest, 32);
    item->definition = d;
    item->used = ++cache->clock;
}

/* Open addressing with linear probing and backward-shift deletion; half empty at the most. */
#define RUN_SLOTS (2 * LIMIT_WORKER_RUNS)

struct run_table {
    struct run_entry slots[RUN_SLOTS];
    size_t n;
};

int run_table_new(struct run_table **ret)
{
    struct run_table *table = calloc(1, sizeof *table);
    if (!table)
        return -ENOMEM;
    *ret = table;
    return 0;
}

void run_table_free(struct run_table *table)
{
    for (size_t i = 0; table && i < RUN_SLOTS; i++)
        if (table->slots[i].id)
            flow_run_free(table->slots[i].run);
    free(table);
}

static size_t home_slot(uint64_t id)
{
    return (size_t)((id * 0x9E3779B97F4A7C15ull) >> 32) % RUN_SLOTS;
}

static size_t slot_of(const struct run_table *table, uint64_t id)
{
    size_t at = home_slot(id);
    while (table->slots[at].id && table->slots[at].id != id)
        at = (at + 1) % RUN_SLOTS;
    return at;
}

struct run_entry *run_table_find(struct run_table *table, uint64_t id)
{
    struct run_entry *entry = &table->slots[slot_of(table, id)];
    return id && entry->id == id ? entry : NULL;
}

int run_table_add(struct run_table *table, uint64_t id, struct run_entry **ret)
{
    if (id == 0)
        return -SP_EINVALID;
    if (table->n == LIMIT_WORKER_RUNS)
        return -SP_ELIMIT;
    struct run_entry *entry = &table->slots[slot_of(table, id)];
    if (entry->id == id)
        return -EEXIST;
    *entry = (struct run_entry){.id = id};
    table->n++;
    *ret = entry;
    return 0;
}

void run_table_drop(struct run_table *table, uint64_t id)
{
    size_t hole = slot_of(table, id);
    if (id == 0 || table->slots[hole].id != id)
        return;
    flow_run_free(table->slots[hole].run);
    table->slots[hole] = (struct run_entry){0};
    table->n--;
    for (size_t at = (hole + 1) % RUN_SLOTS; table->slots[at].id; at = (at + 1) % RUN_SLOTS) {
        size_t home = home_slot(table->slots[at].id);
        bool may_move = hole <= at ? home <= hole || home > at : home <= hole && home > at;
        if (!may_move)
            continue;
        table->slots[hole] = table->slots[at];
        table->slots[at] = (struct run_entry){0};
        hole = at;
    }
}
