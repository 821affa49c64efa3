/* table: linear probing at a load of at most one half, so that a lookup that misses ends soon. */
#include "schema/table.h"

#include <errno.h>
#include <stdlib.h>

static void place(struct table *t, struct table_entry entry)
{
    uint32_t at = entry.hash & (t->capacity - 1);
    while (t->entries[at].value)
        at = (at + 1) & (t->capacity - 1);
    t->entries[at] = entry;
}

static int grow(struct table *t)
{
    struct table larger = {.capacity = t->capacity ? t->capacity * 2 : 8, .n = t->n};
    larger.entries = calloc(larger.capacity, sizeof *larger.entries);
    if (!larger.entries)
        return -ENOMEM;
    for (uint32_t i = 0; i < t->capacity; i++)
        if (t->entries[i].value)
            place(&larger, t->entries[i]);
    free(t->entries);
    *t = larger;
    return 0;
}

int table_put(struct table *t, uint32_t hash, struct slice key, void *value)
{
    if ((t->n + 1) * 2 > t->capacity && grow(t) < 0)
        return -ENOMEM;
    place(t, (struct table_entry){.key = key, .value = value, .hash = hash});
    t->n++;
    return 0;
}

void table_free(struct table *t)
{
    free(t->entries);
    *t = (struct table){0};
}
