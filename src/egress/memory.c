/* memory: libcurl copies URLs, headers and passwords, and frees the copies without wiping them. So each block carries its
 * size in front and is wiped before it goes back [I2]. libcurl's resolver threads use it too: malloc is thread-safe and
 * there is no state here. Called once by net.c. */
#include "egress/memory.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct block {
    _Alignas(max_align_t) size_t size;
};

static void *wiping_malloc(size_t size)
{
    if (size > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *b = malloc(sizeof *b + size);
    if (!b)
        return NULL;
    b->size = size;
    return b + 1;
}

static void wiping_free(void *p)
{
    if (!p)
        return;
    struct block *b = (struct block *)p - 1;
    explicit_bzero(p, b->size);
    free(b);
}

static void *wiping_realloc(void *p, size_t size)
{
    void *fresh = wiping_malloc(size);
    if (!fresh || !p)
        return fresh;
    size_t old = ((struct block *)p - 1)->size;
    memcpy(fresh, p, old < size ? old : size);
    wiping_free(p);
    return fresh;
}

static void *wiping_calloc(size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    void *p = wiping_malloc(total);
    if (p)
        memset(p, 0, total);
    return p;
}

static char *wiping_strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = wiping_malloc(size);
    if (copy)
        memcpy(copy, text, size);
    return copy;
}

int memory_init_curl(void)
{
    static bool is_done;
    if (is_done)
        return 0;
    if (curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiping_malloc, wiping_free, wiping_realloc, wiping_strdup, wiping_calloc) !=
        CURLE_OK)
        return -SP_EUNAVAILABLE;
    is_done = true;
    return 0;
}
