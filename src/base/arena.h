/* Memory that lives as long as a request, a commit or a compile, and goes all at once. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/slice.h"

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t used, capacity; /* of the newest block */
};

/* Zeroed memory, aligned for any object; NULL without memory. It lives until arena_free. */
void *arena_alloc(struct arena *a, size_t size);

/* A copy of the bytes; `*ok` becomes false without memory and stays as it is otherwise. An empty slice stays as it is. */
struct slice arena_copy(struct arena *a, struct slice s, bool *ok);

/* Wipes and frees everything. */
void arena_free(struct arena *a);

#endif
