/* A hash table from byte strings to pointers that only grows: open addressing, bounded by what is put into it. Keys are
 * borrowed and must outlive it. The caller brings the hash, because libjq has one ready for each of its strings. */
#ifndef SCHEMA_TABLE_H
#define SCHEMA_TABLE_H

#include "base/slice.h"

struct table_entry {
    struct slice key;
    void *value; /* never NULL in a used entry */
    uint32_t hash;
};

struct table {
    struct table_entry *entries;
    uint32_t capacity; /* 0 or a power of two */
    uint32_t n;
};

/* FNV-1a, begun at `seed`. */
uint32_t table_hash(uint32_t seed, struct slice key);

void *table_get(const struct table *t, uint32_t hash, struct slice key);

/* Adds an entry that is not there yet; -ENOMEM. */
[[gnu::warn_unused_result]] int table_put(struct table *t, uint32_t hash, struct slice key, void *value);

void table_free(struct table *t);

#endif
