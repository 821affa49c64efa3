/* A hash table from byte strings to pointers that only grows: open addressing, bounded by what is put into it. Keys are
 * borrowed and must outlive it. The caller brings the hash, because an open view has one ready for each of its names. */
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

static inline uint64_t table_load(const uint8_t *p, size_t len)
{
    uint64_t word = 0;
    uint32_t low, high;
    if (len >= 8) {
        memcpy(&word, p, 8);
        return word;
    }
    if (len >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + len - 4, 4);
        return (uint64_t)high << 32 | low;
    }
    for (size_t i = 0; i < len; i++)
        word = word << 8 | p[i];
    return word;
}

/* Spreads the bytes, eight at a time, the last eight perhaps once more: no defence against keys that are chosen to collide,
 * whose number is bounded. */
static inline uint32_t table_hash(uint32_t seed, struct slice key)
{
    uint64_t hash = seed * UINT64_C(0x9E3779B97F4A7C15) + key.len;
    const uint8_t *p = key.p;
    size_t len = key.len;
    for (; len > 8; p += 8, len -= 8) {
        hash = (hash ^ table_load(p, 8)) * UINT64_C(0xFF51AFD7ED558CCD);
        hash ^= hash >> 32;
    }
    hash = (hash ^ table_load(p, len)) * UINT64_C(0xC4CEB9FE1A85EC53);
    return (uint32_t)(hash >> 32);
}

/* slice_equal for short keys, without a call: names are compared more often than anything else. */
static inline bool table_key_equal(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    if (a.len > 16)
        return memcmp(a.p, b.p, a.len) == 0;
    if (a.len >= 8)
        return table_load(a.p, 8) == table_load(b.p, 8) && table_load(a.p + a.len - 8, 8) == table_load(b.p + b.len - 8, 8);
    return table_load(a.p, a.len) == table_load(b.p, b.len);
}

/* The value, or NULL. */
static inline void *table_get(const struct table *t, uint32_t hash, struct slice key)
{
    if (!t->capacity)
        return NULL;
    for (uint32_t at = hash & (t->capacity - 1);; at = (at + 1) & (t->capacity - 1)) {
        const struct table_entry *e = &t->entries[at];
        if (!e->value)
            return NULL;
        if (e->hash == hash && table_key_equal(e->key, key))
            return e->value;
    }
}

/* Adds an entry that is not there yet; -ENOMEM. */
[[gnu::warn_unused_result]] int table_put(struct table *t, uint32_t hash, struct slice key, void *value);

void table_free(struct table *t);

#endif
