/* arena: blocks of bump-allocated memory. Called by whoever builds something of many small parts. */
#include "base/arena.h"

#include <stddef.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t size;
    _Alignas(max_align_t) uint8_t bytes[];
};

#define BLOCK_SIZE 4000

void *arena_alloc(struct arena *a, size_t size)
{
    size_t need = (size + sizeof(max_align_t) - 1) & ~(sizeof(max_align_t) - 1);
    if (need < size)
        return NULL;
    if (!a->blocks || a->capacity - a->used < need) {
        size_t capacity = need > BLOCK_SIZE ? need : BLOCK_SIZE;
        struct arena_block *block = calloc(1, sizeof *block + capacity);
        if (!block)
            return NULL;
        block->size = capacity;
        block->next = a->blocks;
        a->blocks = block;
        a->capacity = capacity;
        a->used = 0;
    }
    void *p = a->blocks->bytes + a->used;
    a->used += need;
    return p;
}

struct slice arena_copy(struct arena *a, struct slice s, bool *ok)
{
    if (s.len == 0)
        return s;
    void *p = arena_alloc(a, s.len);
    if (!p) {
        *ok = false;
        return (struct slice){NULL, 0};
    }
    memcpy(p, s.p, s.len);
    return slice_of(p, s.len);
}

void arena_free(struct arena *a)
{
    while (a->blocks) {
        struct arena_block *block = a->blocks;
        a->blocks = block->next;
        /* Of the newest block only what was given away can hold anything. */
        explicit_bzero(block->bytes, a->used < block->size ? a->used : block->size);
        a->used = SIZE_MAX;
        free(block);
    }
    a->used = a->capacity = 0;
}
