/* lean_memory: the memory of an engine that only the tests run: of its allocations, counted on all threads from the moment on at which
 * the test writes the file `memory` beside the executable, the N-th fails. What counts is what faults.h tells of. The file is
 * mapped before main, since a role that has locked itself down opens nothing more. Nothing in src/ knows of this. */
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/must.h"
#include "faults.h"

void *__real_malloc(size_t size);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t size);
char *__wrap_strdup(const char *text);
void *__wrap_sodium_malloc(size_t size);
void *__real_sodium_malloc(size_t size);

/* The file, as the test writes and reads it. */
struct order {
    _Atomic uint32_t fail_at; /* 0: none. The test sets it last, and the fault clears it. */
    _Atomic uint32_t count, fired;
};

static struct order *order;

bool fault_now(void)
{
    uint32_t fail_at = order ? order->fail_at : 0;
    if (!fail_at || ++order->count != fail_at)
        return false;
    order->fired = 1;
    order->fail_at = 0;
    return true;
}

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

[[gnu::constructor]] static void take_orders(void)
{
    char path[4096];
    ssize_t len = readlink("/proc/self/exe", path, sizeof path - sizeof "memory");
    must(len > 0);
    path[len] = 0;
    char *slash = strrchr(path, '/');
    must(slash);
    memcpy(slash + 1, "memory", sizeof "memory");
    int fd = open(path, O_RDWR | O_CLOEXEC);
    must(fd >= 0);
    void *page = mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    must(page != MAP_FAILED);
    close(fd);
    order = page;
    must(faults_init_sqlite());
    gnutls_malloc = __wrap_malloc;
    gnutls_calloc = __wrap_calloc;
    gnutls_realloc = __wrap_realloc;
}
