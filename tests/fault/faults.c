/* faults: the loop of faults.h. Counts on any thread. */
#include "faults.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
#include <string.h>
#include <unistd.h>

[[gnu::weak]] int __lsan_do_recoverable_leak_check(void);
[[gnu::weak]] void __sanitizer_print_stack_trace(void);

static _Atomic unsigned count, fail_at; /* fail_at 0: nothing fails */
static _Atomic bool is_armed, has_happened;

/* GnuTLS 3.7 forgets the handle that it has made when the context inside it gets no memory. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:gnutls_hash_init\nleak:gnutls_hmac_init\n";
}

bool fault_now(void)
{
    if (!is_armed || ++count != fail_at)
        return false;
    has_happened = true;
    if (getenv("FAULT_TRACE") && __sanitizer_print_stack_trace)
        __sanitizer_print_stack_trace();
    return true;
}

void faults_init(void)
{
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1); /* thousands of syncs */
    faults_init_gnutls();
}

static unsigned step_of(const struct fault_loop *f)
{
    const char *text = getenv("FAULT_STEPS");
    unsigned most = text ? (unsigned)strtoul(text, NULL, 10) : 61;
    unsigned dense = f->dense ? f->dense : 300;
    unsigned far = 1 + (f->n - dense) / 32;
    return f->n < dense ? 1 : far < most ? far : most;
}

bool fault_next(struct fault_loop *f)
{
    if (f->is_over) {
        if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
            fail_msg("%s: memory is lost", f->what);
        print_message("%s: %u allocations\n", f->what, f->n);
        return false;
    }
    f->n = f->n == UINT32_MAX ? 0 : f->n + step_of(f);
    count = 0;
    fail_at = f->n;
    has_happened = false;
    is_armed = true;
    return true;
}

static bool may_be(const struct fault_loop *f, int code)
{
    bool may = code == -ENOMEM;
    for (size_t i = 0; i < sizeof f->also / sizeof f->also[0]; i++)
        may = may || code == f->also[i];
    return may;
}

void fault_judge(struct fault_loop *f, int code)
{
    is_armed = false;
    if (code != 0 && (!has_happened || !may_be(f, code)))
        fail_msg("%s: with allocation %u failing it answered %d", f->what, f->n, code);
    f->is_over = f->n > 0 && !has_happened;
}

void fault_pause(void)
{
    is_armed = false;
}

void fault_resume(void)
{
    is_armed = true;
}
