/* Memory that lives as long as one compiled schema: taken piece by piece, freed at once, bounded by LIMIT_SCHEMA_MEMORY. */
#ifndef SCHEMA_ARENA_H
#define SCHEMA_ARENA_H

#include "base/slice.h"

struct schema_arena {
    struct schema_arena_chunk *chunks;
    size_t used;  /* of all chunks together */
    bool is_full; /* the limit was met, and not the end of the memory */
};

/* `len` zeroed bytes, aligned for any object; NULL without memory or over the limit. */
void *schema_arena_take(struct schema_arena *a, size_t len);

/* A copy of the bytes with a NUL behind them that is not counted; `p` is NULL without memory. */
struct slice schema_arena_copy(struct schema_arena *a, struct slice s);

void schema_arena_free(struct schema_arena *a);

#endif
