/* Every system call by its number, in each role's jail, against the table in src/sandbox/calls.h: what is let
 * through, refused or fatal has to be what the table says, argument by argument, in both directions. The
 * numbers go beyond what the kernel has, through the other ABI of the processor (x32), and in by the 32-bit
 * gate.
 *
 * Nothing that is tried is carried out: a filter that is set before the jail answers PROBED to every call
 * whose sixth argument is MARK, and the jail's verdict still shows. Of all filters the hardest verdict counts
 * (end, then error, then leave), and between two errors that of the filter set later: the jail's. So PROBED
 * means that the jail lets the call through. A child goes on until a call ends it; the next child goes on
 * after that call. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"
#include "sandbox/calls.h"
#include "sandbox/sandbox.h"
#include "verdict.h"

#define N(table) (sizeof(table) / sizeof(table)[0])

#define PROBED    3210 /* no error of the kernel */
#define MARK      0x5a11f04770a7e511ull
#define N_NUMBERS 600 /* Linux 6.12 has 467 */
#define X32_BIT   0x40000000
#define N_TRIALS  20000
#define N_ARGS    VERDICT_ARGS /* the sixth is the mark's */

struct trial {
    int call;
    uint64_t args[N_ARGS];
    enum verdict verdict;
    int error;
};

/* Shared with the children. */
static struct shared {
    unsigned n, at;
    pid_t pid; /* of the child that tries */
    struct trial trials[N_TRIALS];
} * shared;

/* --- what is tried
 * ----------------------------------------------------------------------------------------------------- */

static void add_trial(int call, const uint64_t args[N_ARGS])
{
    assert_true(shared->n < N_TRIALS);
    struct trial *t = &shared->trials[shared->n++];
    *t = (struct trial){.call = call};
    memcpy(t->args, args, sizeof t->args);
}

/* What is around the value that a condition speaks of: itself, one bit off, more bits than an int has,
 * everything. */
static unsigned values_around(const struct scmp_arg_cmp *c, uint64_t values[8])
{
    uint64_t value = c->op == SCMP_CMP_MASKED_EQ ? c->datum_b : c->datum_a;
    unsigned n = 0;
    values[n++] = value;
    values[n++] = value | 1ull << 32;
    values[n++] = value ^ 1;
    values[n++] = value ^ 1ull << 20;
    values[n++] = 0;
    values[n++] = UINT64_MAX;
    if (c->op == SCMP_CMP_MASKED_EQ) {
        values[n++] = value | ~c->datum_a;
        values[n++] = value ^ c->datum_a;
    }
    return n;
}

static void add_trials_of_rule(const struct argument_rule *r)
{
    uint64_t first[8], second[8], args[N_ARGS] = {0};
    unsigned n_first = values_around(&r->args[0], first);
    unsigned n_second = r->args[1].op ? values_around(&r->args[1], second) : 0;
    for (unsigned i = 0; i < n_first; i++) {
        args[r->args[0].arg] = first[i];
        add_trial(r->call, args);
        for (unsigned k = 0; k < n_second; k++) {
            args[r->args[1].arg] = second[k];
            add_trial(r->call, args);
        }
    }
}

/* Each small value of the argument that selects what the call does. */
static void add_sweeps(void)
{
    static const struct {
        int call;
        unsigned arg, n;
        uint64_t others[N_ARGS];
    } sweeps[] = {
        {C(prctl), 0, 80, {0}},
        {C(fcntl), 1, 41, {0}},
        {C(fcntl), 1, 16, {[1] = 1024}},
        {C(socket), 0, 47, {[1] = SOCK_STREAM}},
        {C(socket), 1, 11, {[0] = AF_INET}},
        {C(socket), 1, 11, {[0] = AF_INET6}},
    };
    for (size_t i = 0; i < N(sweeps); i++)
        for (unsigned value = 0; value < sweeps[i].n; value++) {
            uint64_t args[N_ARGS];
            memcpy(args, sweeps[i].others, sizeof args);
            args[sweeps[i].arg] += value;
            add_trial(sweeps[i].call, args);
        }
}

/* uretprobe and uprobe: from Linux 6.14 on the kernel asks no filter about them, as it makes these calls
 * itself from pages that it maps for its probes. From elsewhere the one ends the process and the other is an
 * error. */
static bool is_beyond_filters(int call)
{
#ifdef __x86_64__
    return call == 335 || call == 336;
#else
    return false;
#endif
}

static void collect_trials(enum role role)
{
    static const uint64_t zeros[N_ARGS],
        ones[N_ARGS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    static const int beyond[] = {1000, 4096, 0x7fff, 0xfffff, 0x3fffffff, INT_MAX, INT_MIN + 1, -1};
    shared->n = 0;
    for (int call = 0; call < N_NUMBERS; call++)
        if (!is_beyond_filters(call))
            add_trial(call, zeros);
    for (size_t i = 0; i < N(beyond); i++)
        add_trial(beyond[i], zeros);
    for (size_t i = 0; i < N(allowed); i++)
        for (const int *c = allowed[i].calls; *c != END; c++)
            add_trial(*c, ones);
    for (size_t i = 0; i < N(argument_rules); i++)
        add_trials_of_rule(&argument_rules[i]);
    add_sweeps();
#ifdef __x86_64__
    /* x32 has calls of its own from 512 on, and the others under the same numbers with the bit. */
    for (int call = 0; call < N_NUMBERS; call++) {
        struct trial plain = {.call = call};
        int error;
        if (call >= 512 || verdict_expect(role, 0, plain.call, plain.args, &error) != FATAL)
            add_trial(call | X32_BIT, zeros);
    }
#endif
}

/* --- trying
 * ------------------------------------------------------------------------------------------------------------
 */

static void set_probe(void)
{
    const unsigned low = offsetof(struct seccomp_data, args[5]), high = low + 4;
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, low),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)MARK, 0, 3),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, high),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(MARK >> 32), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | PROBED),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {.len = N(code), .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
        _exit(201);
}

[[gnu::noreturn]] static void try_until_the_end(enum role role)
{
    struct diag why = {0};
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    set_probe();
    if (sandbox_enter(role, "/tmp", &why) < 0)
        _exit(200);
    shared->pid = getpid();
    for (; shared->at < shared->n; shared->at++) {
        struct trial *t = &shared->trials[shared->at];
        /* The test cannot know the child's id when it makes the list. */
        for (unsigned i = 0; i < N_ARGS; i++)
            if (t->args[i] == OWN_PID)
                t->args[i] = (uint64_t)shared->pid;
        t->verdict = FATAL;
        long r = syscall(t->call, t->args[0], t->args[1], t->args[2], t->args[3], t->args[4], MARK);
        t->verdict = r == -1 && errno == PROBED ? LET_THROUGH : REFUSED;
        t->error = r == -1 ? errno : 0;
    }
    _exit(0);
}

static bool check(enum role role, const struct trial *t)
{
    static const char *const texts[] = {"was not tried", "let through", "refused", "fatal"};
    int error;
    enum verdict expected = verdict_expect(role, shared->pid, t->call, t->args, &error);
    if (t->verdict == expected && (expected != REFUSED || t->error == error))
        return true;
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, t->call);
    print_error("%s: %s (%#x)(%#llx, %#llx, %#llx, %#llx) is %s (%d), and %s (%d) by the table\n",
                role_name(role), name ? name : "?", (unsigned)t->call, (unsigned long long)t->args[0],
                (unsigned long long)t->args[1], (unsigned long long)t->args[2],
                (unsigned long long)t->args[3], texts[t->verdict], t->error, texts[expected], error);
    free(name);
    return false;
}

static void try_all(enum role role)
{
    unsigned n_wrong = 0, n_of[4] = {0};
    collect_trials(role);
    for (shared->at = 0; shared->at < shared->n; shared->at++) {
        unsigned begin = shared->at;
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            try_until_the_end(role);
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (WIFSIGNALED(status) ? WTERMSIG(status) != SIGSYS : WEXITSTATUS(status) != 0)
            fail_msg("%s: a child ended with status %x at trial %u", role_name(role), (unsigned)status,
                     shared->at);
        for (unsigned i = begin; i <= shared->at && i < shared->n; i++) {
            n_wrong += !check(role, &shared->trials[i]);
            n_of[shared->trials[i].verdict]++;
        }
    }
    print_message("%s: %u let through, %u refused, %u fatal\n", role_name(role), n_of[LET_THROUGH],
                  n_of[REFUSED], n_of[FATAL]);
    assert_int_equal(n_wrong, 0);
    assert_int_equal(n_of[NOT_TRIED], 0);
}

/* --- tests
 * -------------------------------------------------------------------------------------------------------------
 */

static enum role tested;

static void every_call_is_as_the_table_says(void **state)
{
    (void)state;
    try_all(tested);
}

/* The gate of 32-bit programs, whose numbers are others: 20 is getpid there, 11 execve, 5 open. */
static void gate_of_32_bit_programs_is_fatal(void **state)
{
    (void)state;
#ifdef __x86_64__
    static const int numbers[] = {20, 11, 5, 1, 120, 0};
    for (size_t i = 0; i < N(numbers); i++) {
        pid_t pid = fork();
        if (pid == 0) {
            struct diag why = {0};
            for (int s = 1; s < NSIG; s++)
                (void)signal(s, SIG_DFL);
            if (sandbox_enter(tested, "/tmp", &why) < 0)
                _exit(200);
            int r = numbers[i];
            __asm__ volatile("int $0x80" : "+a"(r) : "b"(0), "c"(0), "d"(0), "S"(0), "D"(0) : "memory");
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        /* SIGSEGV from a kernel without that gate. */
        assert_true(WIFSIGNALED(status) && (WTERMSIG(status) == SIGSYS || WTERMSIG(status) == SIGSEGV));
    }
#else
    skip();
#endif
}

/* libseccomp would let one row win silently over another one for the same call. */
static void rows_do_not_contradict_each_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < N(argument_rules); i++) {
        assert_true(argument_rules[i].args[0].op != _SCMP_CMP_MIN);
        assert_true(argument_rules[i].args[0].arg < N_ARGS && argument_rules[i].args[1].arg < N_ARGS);
        for (size_t k = 0; k < N(allowed); k++)
            assert_false((allowed[k].roles & argument_rules[i].roles) &&
                         verdict_has_call(allowed[k].calls, argument_rules[i].call));
    }
}

/* The table is held against itself above, and against Landlock nowhere: what it must never come to say. */
static void table_gives_nobody_what_jails_are_against(void **state)
{
    static const struct {
        int call;
        uint32_t roles;
    } most[] = {
        {C(execve), 0},
        {C(execveat), 0},
        {C(fork), 0},
        {C(vfork), 0},
        {C(clone3), 0},
        {C(ptrace), 0},
        {C(process_vm_readv), 0},
        {C(kill), 0},
        {C(tkill), 0},
        {C(pidfd_getfd), 0},
        {C(mount), 0},
        {C(unshare), 0},
        {C(setns), 0},
        {C(bpf), 0},
        {C(io_uring_setup), 0},
        {C(userfaultfd), 0},
        {C(process_vm_writev), 0},
        {C(bind), 0},
        {C(listen), 0},
        {C(getdents64), 0},
        {C(connect), EGRESS},
        {C(socket), EGRESS},
        {C(accept4), GATEWAY},
        {C(accept), 0},
        {C(rename), 0},
        {C(openat), PATHS},
        {C(open), 0},
        {C(openat2), 0},
        {C(link), 0},
        {C(symlink), 0},
        {C(unlink), ENGINE},
        {C(unlinkat), ENGINE},
        {C(fchmod), ENGINE},
        {C(chmod), 0},
        {C(truncate), 0},
        {C(ftruncate), ENGINE},
        {C(pwrite64), ENGINE},
        {C(clone), PATHS},
        {C(seccomp), 0},
        {C(shmget), 0},
    };
    (void)state;
    for (size_t m = 0; m < N(most); m++) {
        uint32_t roles = 0;
        for (size_t i = 0; i < N(allowed); i++)
            roles |= verdict_has_call(allowed[i].calls, most[m].call) ? allowed[i].roles : 0;
        for (size_t i = 0; i < N(argument_rules); i++)
            roles |= argument_rules[i].call == most[m].call && !argument_rules[i].error
                         ? argument_rules[i].roles
                         : 0;
        if (roles & ~most[m].roles)
            fail_msg("call %d is given to the roles %#x, and may be to %#x", most[m].call, roles,
                     most[m].roles);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_do_not_contradict_each_other),
        cmocka_unit_test(table_gives_nobody_what_jails_are_against),
        cmocka_unit_test(every_call_is_as_the_table_says),
        cmocka_unit_test(gate_of_32_bit_programs_is_fatal),
    };
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++)
        if (argc > 1 && strcmp(argv[1], role_name((enum role)role)) == 0)
            tested = (enum role)role;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared == MAP_FAILED ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
