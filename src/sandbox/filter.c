/* filter: the seccomp filter of a role, from the table in calls.h and the rules about arguments here. Called by
 * sandbox_enter, last. Must hold: what no rule names ends the process, and the kernel logs it; another architecture's calls
 * too. Nothing can become executable memory, start a process or reach a file that the role's row does not name. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <asm/termbits.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "sandbox/calls.h"
#include "sandbox/parts.h"

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* A filter under construction: the first error sticks. */
struct filter {
    scmp_filter_ctx ctx;
    uint32_t bit; /* of the role */
    int error;
};

static void add(struct filter *f, uint32_t action, int call, unsigned n, const struct scmp_arg_cmp *args)
{
    if (f->error)
        return;
    int r = seccomp_rule_add_array(f->ctx, action, call, n, args);
    if (r < 0)
        f->error = r;
}

static void allow_if(struct filter *f, int call, struct scmp_arg_cmp arg)
{
    add(f, SCMP_ACT_ALLOW, call, 1, &arg);
}

static void refuse_if(struct filter *f, int error, int call, struct scmp_arg_cmp arg)
{
    add(f, SCMP_ACT_ERRNO((uint16_t)error), call, 1, &arg);
}

static bool is_allowed_whole(uint32_t bit, int call)
{
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        for (const int *c = allowed[i].calls; *c != END; c++)
            if ((allowed[i].roles & bit) && *c == call)
                return true;
    return false;
}

static void add_tables(struct filter *f)
{
    for (size_t i = 0; i < sizeof allowed / sizeof allowed[0]; i++)
        for (const int *c = allowed[i].calls; (allowed[i].roles & f->bit) && *c != END; c++)
            add(f, SCMP_ACT_ALLOW, *c, 0, NULL);
}

/* --- rules about arguments --------------------------------------------------------------------------------------------- */

static void add_memory(struct filter *f)
{
    /* W^X to the end: what is executable was so before the lock-down. */
    allow_if(f, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
    allow_if(f, SCMP_SYS(mprotect), SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static void add_descriptors(struct filter *f)
{
    static const unsigned commands[] = {F_GETFL, F_SETFL, F_GETFD, F_SETFD, F_DUPFD_CLOEXEC};
    static const unsigned locks[] = {F_GETLK, F_SETLK, F_SETLKW, F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW};
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
        allow_if(f, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, commands[i]));
    for (size_t i = 0; i < sizeof locks / sizeof locks[0] && f->bit == ENGINE; i++)
        allow_if(f, SCMP_SYS(fcntl), SCMP_A1(SCMP_CMP_EQ, locks[i]));
    /* fstat is this in the C library. A path with the flag tells of a file's size and dates, not of its content. */
    if (!is_allowed_whole(f->bit, SCMP_SYS(newfstatat))) {
        allow_if(f, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_EQ, AT_EMPTY_PATH));
        refuse_if(f, EACCES, SCMP_SYS(newfstatat), SCMP_A3(SCMP_CMP_NE, AT_EMPTY_PATH));
    }
    allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONBIO));
    allow_if(f, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, FIONREAD));
    /* The C library asks whether a stream is a terminal. */
    refuse_if(f, ENOTTY, SCMP_SYS(ioctl), SCMP_A1(SCMP_CMP_EQ, TCGETS));
}

static void add_own_process(struct filter *f)
{
    /* abort(), and the signals of timers; nobody else. */
    allow_if(f, SCMP_SYS(tgkill), SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
    allow_if(f, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    allow_if(f, SCMP_SYS(prctl), SCMP_A0(SCMP_CMP_EQ, PR_SET_VMA));
    /* Reading limits: a new one would be the third argument. */
    const struct scmp_arg_cmp read_only[] = {SCMP_A0(SCMP_CMP_EQ, 0), SCMP_A2(SCMP_CMP_EQ, 0)};
    add(f, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, read_only);
}

/* Threads of the engine and of egress's resolver; a new process would lack these flags. */
static void add_threads(struct filter *f)
{
    const scmp_datum_t needed = CLONE_VM | CLONE_THREAD | CLONE_SIGHAND;
    if (f->bit & (ENGINE | EGRESS)) {
        allow_if(f, SCMP_SYS(clone), SCMP_A0(SCMP_CMP_MASKED_EQ, needed, needed));
        add(f, SCMP_ACT_ALLOW, SCMP_SYS(set_tid_address), 0, NULL);
    }
}

static void add_sockets(struct filter *f)
{
    static const int domains[] = {AF_INET, AF_INET6};
    static const int kinds[] = {SOCK_STREAM, SOCK_DGRAM};
    for (size_t d = 0; d < sizeof domains / sizeof domains[0] && f->bit == EGRESS; d++)
        for (size_t k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
            const struct scmp_arg_cmp args[] = {SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)domains[d]),
                                                SCMP_A1(SCMP_CMP_MASKED_EQ, 0xF, (scmp_datum_t)kinds[k])};
            add(f, SCMP_ACT_ALLOW, SCMP_SYS(socket), 2, args);
        }
    /* The resolver looks for a name-service cache and for the machine's addresses, and does without. */
    refuse_if(f, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_UNIX));
    refuse_if(f, EAFNOSUPPORT, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_EQ, AF_NETLINK));
}

/* Egress reads what Landlock lets it read. A mask can only be tested for its value, so each writing flag has a rule. */
static void add_reading(struct filter *f)
{
    static const scmp_datum_t writing[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND};
    const scmp_datum_t all = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND;
    if (f->bit != EGRESS)
        return;
    allow_if(f, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, all, 0));
    allow_if(f, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, all, 0));
    for (size_t i = 0; i < sizeof writing / sizeof writing[0]; i++) {
        refuse_if(f, EACCES, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, writing[i], writing[i]));
        refuse_if(f, EACCES, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, writing[i], writing[i]));
    }
}

static bool has_argument_rule(uint32_t bit, int call)
{
    return bit == EGRESS && (call == SCMP_SYS(openat) || call == SCMP_SYS(open));
}

static void add_refusals(struct filter *f)
{
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        for (const int *c = refused[i].calls; *c != END; c++)
            if (!is_allowed_whole(f->bit, *c) && !has_argument_rule(f->bit, *c))
                add(f, SCMP_ACT_ERRNO((uint16_t)refused[i].error), *c, 0, NULL);
    const struct scmp_arg_cmp executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC);
    add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mmap), 1, &executable);
    add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(mprotect), 1, &executable);
    /* Under a sanitizer fork is refused rather than fatal: its report looks for a symbolizer. */
    if (SANDBOX_SANITIZED && !(f->bit & (ENGINE | EGRESS)))
        add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 0, NULL);
}

static void set_attribute(struct filter *f, enum scmp_filter_attr attribute, uint32_t value)
{
    if (!f->error)
        f->error = seccomp_attr_set(f->ctx, attribute, value);
}

static void ctx_release(scmp_filter_ctx *ctx)
{
    if (*ctx)
        seccomp_release(*ctx);
}

int filter_enter(enum role role, struct diag *reterr)
{
    _cleanup_(ctx_release) scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_KILL_PROCESS);
    struct filter f = {.ctx = ctx, .bit = 1u << role, .error = ctx ? 0 : -ENOMEM};
    set_attribute(&f, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    set_attribute(&f, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A binary tree: the hot calls cost the same wherever they stand. */
    set_attribute(&f, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    add_tables(&f);
    add_memory(&f);
    add_descriptors(&f);
    add_own_process(&f);
    add_threads(&f);
    add_sockets(&f);
    add_reading(&f);
    add_refusals(&f);
    if (!f.error)
        f.error = seccomp_load(ctx);
    return f.error ? diag_set(reterr, f.error, "the system-call filter cannot be set: %s", error_text(f.error)) : 0;
}
