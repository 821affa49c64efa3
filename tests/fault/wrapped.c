/* wrapped: the allocators that ld's --wrap puts in the place of the true ones (`fault_wraps` in meson.build). Each asks fault_now()
 * first, which who links this defines: faults.c or lean_memory.c. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stddef.h>

#include "faults.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__real_sodium_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_sodium_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return fault_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fault_now() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t size)
{
    return fault_now() ? NULL : __real_realloc(p, size);
}

char *__wrap_strdup(const char *text)
{
    return fault_now() ? NULL : __real_strdup(text);
}

void *__wrap_sodium_malloc(size_t size)
{
    return fault_now() ? NULL : __real_sodium_malloc(size);
}

void faults_init_gnutls(void)
{
    /* Variables of the library: what it frees with is free(). */
    gnutls_malloc = __wrap_malloc;
    gnutls_calloc = __wrap_calloc;
    gnutls_realloc = __wrap_realloc;
}
