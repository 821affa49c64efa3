/* arena: a list of chunks, each at least ARENA_CHUNK bytes. Nothing is given back before the whole is. Used while a schema is
 * compiled; validation never takes from it. */
#include "schema/arena.h"

#include <stdlib.h>

#include "base/limits.h"

#define ARENA_CHUNK (16u << 10)

struct schema_arena_chunk {
    struct schema_arena_chunk *next;
    size_t size;
    size_t used;
    _Alignas(max_align_t) uint8_t bytes[];
};

static struct schema_arena_chunk *chunk_new(struct schema_arena *a, size_t len)
{
    size_t size = len > ARENA_CHUNK ? len : ARENA_CHUNK;
    a->is_full |= size > LIMIT_SCHEMA_MEMORY - a->used;
    if (a->is_full)
        return NULL;
    struct schema_arena_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = a->chunks;
    a->chunks = chunk;
    a->used += size;
    return chunk;
}

void *schema_arena_take(struct schema_arena *a, size_t len)
{
    a->is_full |= len > LIMIT_SCHEMA_MEMORY;
    if (a->is_full)
        return NULL;
    len = (len + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
    struct schema_arena_chunk *chunk = a->chunks;
    if (!chunk || chunk->size - chunk->used < len)
        chunk = chunk_new(a, len);
    if (!chunk)
        return NULL;
    void *p = chunk->bytes + chunk->used;
    chunk->used += len;
    return p;
}

struct slice schema_arena_copy(struct schema_arena *a, struct slice s)
{
    uint8_t *p = schema_arena_take(a, s.len + 1);
    if (!p)
        return (struct slice){NULL, 0};
    if (s.len)
        memcpy(p, s.p, s.len);
    return slice_of(p, s.len);
}

void schema_arena_free(struct schema_arena *a)
{
    while (a->chunks) {
        struct schema_arena_chunk *next = a->chunks->next;
        free(a->chunks);
        a->chunks = next;
    }
    a->used = 0;
}
