/* The jails: in each role's profile every attempt of attempts.h is made, each in a process of its own. What the table here
 * does not allow to the role must be refused, by an error or by the end of the process; what it allows must work. The same
 * attempt is made outside of the jail first: one that fails there too (no privilege, no such device) proves nothing, and is
 * counted as such. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <seccomp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "attempts.h"
#include "base/clock.h"
#include "base/error.h"
#include "sandbox/parts.h"
#include "sandbox/sandbox.h"

#define GATEWAY (1u << ROLE_GATEWAY)
#define ENGINE  (1u << ROLE_ENGINE)
#define VAULT   (1u << ROLE_VAULT)
#define EGRESS  (1u << ROLE_EGRESS)
#define WORKER  (1u << ROLE_WORKER)
#define CHECKER (1u << ROLE_CHECKER)
#define ALL     (GATEWAY | ENGINE | VAULT | EGRESS | WORKER | CHECKER)

static const struct {
    const char *name;
    uint32_t roles;
} permitted[] = {
    {"read_data", ENGINE},     {"write_data", ENGINE},   {"create_data", ENGINE},   {"unlink_data", ENGINE},
    {"read_resolv", EGRESS},   {"socket_inet", EGRESS},  {"socket_inet6", EGRESS},  {"connect_tcp", EGRESS},
    {"accept", GATEWAY},       {"thread", ENGINE | EGRESS}, {"signal_self", ALL},   {"memory", ALL},
    {"random", ALL},           {"clock", ALL},
    {"fstat", ALL},            {"nonblocking", ALL},     {"stat_outside", ENGINE | EGRESS},
    {"memfd", EGRESS},
};

static const struct {
    const char *name;
    jail_attempt *attempt;
} attempts[] = {
#define A(name) {#name, attempt_##name},
    JAIL_ATTEMPTS(A)
#undef A
};

static struct jail_world world;
static unsigned n_refused, n_worked, n_unproven;

static bool is_permitted(const char *name, enum role role)
{
    for (size_t i = 0; i < sizeof permitted / sizeof permitted[0]; i++)
        if (strcmp(permitted[i].name, name) == 0)
            return permitted[i].roles & 1u << role;
    return false;
}

static void write_file(const char *dir, const char *name, mode_t mode)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "#!/bin/true\n", 12), 12);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void remove_file(const char *dir, const char *name)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    if (unlink(path) < 0)
        (void)rmdir(path);
}

static void refresh_files(void)
{
    static const char *const made[] = {"new", "link", "hard", "dir", "fifo"};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        remove_file(world.data_dir, made[i]);
        remove_file(world.outside_dir, made[i]);
    }
    write_file(world.data_dir, "file", 0600);
    write_file(world.data_dir, "victim", 0600);
    write_file(world.data_dir, "program", 0700);
    write_file(world.outside_dir, "victim", 0600);
}

/* The wait status of the attempt in a process of its own; ROLE_SUPERVISOR is no jail. */
static int try_it(enum role role, jail_attempt *attempt)
{
    refresh_files();
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct diag why = {0};
        (void)signal(SIGSYS, SIG_DFL);
        (void)alarm(20);
        if (role != ROLE_SUPERVISOR && sandbox_enter(role, world.data_dir, &why) < 0) {
            (void)fprintf(stderr, "%s\n", why.text);
            _exit(200);
        }
        _exit(attempt(&world));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static bool worked(int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void try_all(enum role role)
{
    unsigned n_wrong = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        if (!worked(try_it(ROLE_SUPERVISOR, attempts[i].attempt))) {
            n_unproven++;
            continue;
        }
        int status = try_it(role, attempts[i].attempt);
        bool expected = is_permitted(attempts[i].name, role);
        bool is_clear = WIFEXITED(status) ? WEXITSTATUS(status) != 200 : WTERMSIG(status) == SIGSYS;
        if (worked(status) == expected && is_clear) {
            *(expected ? &n_worked : &n_refused) += 1;
            continue;
        }
        n_wrong++;
        print_error("%s: %s %s (status %x)\n", role_name(role), attempts[i].name, expected ? "was refused" : "was possible", status);
    }
    assert_int_equal(n_wrong, 0);
}

#define J(name, ROLE)                                                                                            \
    static void jail_of_##name(void **state)                                                                     \
    {                                                                                                            \
        (void)state;                                                                                             \
        try_all(ROLE);                                                                                           \
    }
J(gateway, ROLE_GATEWAY)
J(engine, ROLE_ENGINE)
J(vault, ROLE_VAULT)
J(egress, ROLE_EGRESS)
J(worker, ROLE_WORKER)
J(checker, ROLE_CHECKER)

static void jail_is_quick(void **state)
{
    (void)state;
    int64_t start = clock_monotonic_us();
    for (unsigned i = 0; i < 10; i++)
        assert_true(worked(try_it(ROLE_WORKER, attempt_clock)));
    int64_t each = (clock_monotonic_us() - start) / 10;
    print_message("sandbox_enter with its process: %lld us\n", (long long)each);
    assert_true(each < 100000);
}

/* --- what the kernel says of a process in a jail ------------------------------------------------------------------------ */

/* As an ordinary user, of whose processes only those that may not be dumped belong to root. */
[[gnu::noreturn]] static void stay_in_jail(enum role role)
{
    struct diag why = {0};
    const uid_t ordinary = 64990;
    const struct rlimit core = {1 << 20, 1 << 20};
    if (setrlimit(RLIMIT_CORE, &core) < 0)
        _exit(201);
    if (geteuid() == 0 && (chown(world.data_dir, ordinary, ordinary) < 0 || setresuid(ordinary, ordinary, ordinary) < 0))
        _exit(201);
    if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0 || dup2(2, 4) < 0 ||
        dup2(2, 55) < 0 || sandbox_enter(role, world.data_dir, &why) < 0)
        _exit(200);
    (void)poll(NULL, 0, 20000);
    _exit(0);
}

static void read_proc(pid_t pid, const char *name, char ret[4096])
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t n = read(fd, ret, 4095);
    assert_true(n >= 0);
    ret[n] = '\0';
    close(fd);
}

/* The first number behind a name in what the kernel says, the soft limit among limits; -1: none, or unlimited. */
static long number_of(const char *text, const char *name)
{
    const char *at = strstr(text, name);
    assert_non_null(at);
    at += strlen(name);
    at += strspn(at, " \t");
    return *at >= '0' && *at <= '9' ? strtol(at, NULL, 10) : -1;
}

static void check_from_outside(enum role role, pid_t pid)
{
    char text[4096], path[64];
    struct stat st;
    for (unsigned i = 0; i < 2000; i++) {
        read_proc(pid, "status", text);
        if (number_of(text, "Seccomp:") == 2)
            break;
        (void)usleep(10000);
    }
    assert_int_equal(number_of(text, "Seccomp:"), 2);
    assert_int_equal(number_of(text, "NoNewPrivs:"), 1);
    read_proc(pid, "limits", text);
    assert_int_equal(number_of(text, "Max core file size"), 0);
    assert_in_range(number_of(text, "Max open files"), 16, LIMIT_CONNECTIONS + 128);
    /* Of who runs jq and who derives a key from a passphrase; the others are bounded by what they count. */
    bool is_jq = role == ROLE_WORKER || role == ROLE_CHECKER;
    assert_int_equal(number_of(text, "Max data size"), is_jq ? (long)LIMIT_WORKER_MEMORY : role == ROLE_VAULT ? 1024l << 20 : -1l);
    (void)snprintf(path, sizeof path, "/proc/%d/environ", pid);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_uid, 0);
    for (int fd = 0; fd < 64; fd++) {
        (void)snprintf(path, sizeof path, "/proc/%d/fd/%d", pid, fd);
        if (geteuid() == 0 && (lstat(path, &st) == 0) && fd > 3)
            fail_msg("%s: descriptor %d is open", role_name(role), fd);
    }
}

static void kernel_knows_the_jail(void **state)
{
    (void)state;
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++) {
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0)
            stay_in_jail((enum role)role);
        check_from_outside((enum role)role, pid);
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
    }
    assert_true(geteuid() != 0 || chown(world.data_dir, 0, 0) == 0);
}

/* --- Landlock alone, as if there were no filter -------------------------------------------------------------------------- */

/* What a kernel of this ABI has to refuse: an attempt, to all roles but those. */
static const struct {
    const char *name;
    jail_attempt *attempt;
    int abi;
    uint32_t permitted;
} by_landlock[] = {
    {"kill_sibling", attempt_kill_sibling, 6, 0},
    {"bind_tcp", attempt_bind_tcp, 4, 0},
    {"connect_tcp", attempt_connect_tcp, 4, EGRESS},
    {"ptrace", attempt_ptrace, 1, 0},
    {"read_sibling_memory", attempt_read_sibling_memory, 1, 0},
};

static int try_by_landlock(enum role role, jail_attempt *attempt)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct diag why = {0};
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || landlock_enter(role, NULL, &why) < 0)
            _exit(200);
        _exit(attempt(&world));
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 200);
    return status;
}

static void landlock_alone_bounds_signals_and_ports(void **state)
{
    (void)state;
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
    for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++)
        for (size_t i = 0; i < sizeof by_landlock / sizeof by_landlock[0]; i++) {
            if (abi < by_landlock[i].abi || !worked(try_it(ROLE_SUPERVISOR, by_landlock[i].attempt)))
                continue;
            bool expected = by_landlock[i].permitted & 1u << role;
            if (worked(try_by_landlock((enum role)role, by_landlock[i].attempt)) != expected)
                fail_msg("%s: %s %s", role_name((enum role)role), by_landlock[i].name, expected ? "was refused" : "was possible");
        }
}

/* --- kernels that lack a part of it ---------------------------------------------------------------------------------------- */

/* What the kernel, or whoever confines the server itself, may refuse. `first` is the first argument that is refused; -1: any. */
static const struct {
    const char *name;
    int call, first, error;
    uint32_t roles;
} missing[] = {
    {"descriptors cannot be closed", SCMP_SYS(close_range), -1, ENOSYS, ALL},
    {"no limits", SCMP_SYS(prlimit64), -1, EPERM, ALL},
    {"privileges can be gained", SCMP_SYS(prctl), PR_SET_NO_NEW_PRIVS, EINVAL, ALL},
    {"memory can be read by others", SCMP_SYS(prctl), PR_SET_DUMPABLE, EINVAL, ALL},
    {"no Landlock", SCMP_SYS(landlock_create_ruleset), -1, ENOSYS, ALL},
    {"Landlock is switched off", SCMP_SYS(landlock_create_ruleset), -1, EOPNOTSUPP, ALL},
    {"Landlock takes no rules", SCMP_SYS(landlock_add_rule), -1, EINVAL, ENGINE | EGRESS},
    {"Landlock cannot be entered", SCMP_SYS(landlock_restrict_self), -1, EPERM, ALL},
    {"no filter of system calls", SCMP_SYS(seccomp), -1, EPERM, ALL},
};

static int take_away(int call, int first, int error)
{
    scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
    const struct scmp_arg_cmp is_first = {0, SCMP_CMP_EQ, (scmp_datum_t)first, 0};
    int r = ctx ? seccomp_rule_add_array(ctx, SCMP_ACT_ERRNO((uint32_t)error), call, first < 0 ? 0 : 1, &is_first) : -ENOMEM;
    r = r < 0 ? r : seccomp_load(ctx);
    seccomp_release(ctx);
    return r;
}

/* [I8] */
static void what_cannot_be_set_up_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        for (unsigned role = ROLE_SUPERVISOR + 1; role < ROLE_COUNT; role++) {
            if (!(missing[i].roles & 1u << role))
                continue;
            pid_t pid = fork();
            if (pid == 0) {
                struct diag why = {0};
                if (take_away(missing[i].call, missing[i].first, missing[i].error) < 0)
                    _exit(2);
                _exit(sandbox_enter((enum role)role, world.data_dir, &why) < 0 && why.text[0] ? 0 : 1);
            }
            int status;
            assert_int_equal(waitpid(pid, &status, 0), pid);
            if (!worked(status))
                fail_msg("%s: %s, and it goes on (%d)", role_name((enum role)role), missing[i].name, status);
        }
}

static void no_profile_for_the_supervisor(void **state)
{
    (void)state;
    struct diag why = {0};
    assert_int_equal(sandbox_enter(ROLE_SUPERVISOR, NULL, &why), -SP_EINVALID);
    assert_int_equal(sandbox_enter(ROLE_ANY, NULL, &why), -SP_EINVALID);
}

static void missing_data_folder_is_said(void **state)
{
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        struct diag why = {0};
        int r = sandbox_enter(ROLE_ENGINE, "/nowhere/at/all", &why);
        _exit(r == -ENOENT && strstr(why.text, "/nowhere/at/all") ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(worked(status));
}

static void make_listener(void)
{
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof any) < 0 || listen(fd, 128) < 0)
        exit(1);
    if (fd != 3 && (dup2(fd, 3) < 0 || close(fd) < 0))
        exit(1);
}

static int set_up(void **state)
{
    static char data[64] = "/tmp/sallyport-jail-data-XXXXXX", outside[64] = "/tmp/sallyport-jail-out-XXXXXX", file[96];
    static char canary = 'c';
    (void)state;
    if (!mkdtemp(data) || !mkdtemp(outside))
        return -1;
    (void)snprintf(file, sizeof file, "%s/file", outside);
    world = (struct jail_world){.data_dir = data, .outside = file, .outside_dir = outside, .sibling_address = &canary, .listener = 3};
    write_file(outside, "file", 0666);
    world.sibling = fork();
    if (world.sibling == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
        for (;;)
            (void)pause();
    }
    return 0;
}

static int tear_down(void **state)
{
    static const char *const names[] = {"file", "victim", "program", "new", "link", "hard", "dir", "fifo"};
    (void)state;
    (void)kill(world.sibling, SIGKILL);
    (void)waitpid(world.sibling, NULL, 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        remove_file(world.data_dir, names[i]);
        remove_file(world.outside_dir, names[i]);
    }
    (void)rmdir(world.data_dir);
    (void)rmdir(world.outside_dir);
    print_message("%u refused, %u worked, %u prove nothing on this machine\n", n_refused, n_worked, n_unproven);
    return 0;
}

/* The listener is descriptor 3, where the constructor of attempts.c and every jail find it. */
int main(int argc, char **argv)
{
    if (argc < 2) {
        char *again[] = {argv[0], (char[]){"inner"}, NULL};
        make_listener();
        (void)execv("/proc/self/exe", again);
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(jail_of_gateway), cmocka_unit_test(jail_of_engine), cmocka_unit_test(jail_of_vault),
        cmocka_unit_test(jail_of_egress),  cmocka_unit_test(jail_of_worker),
        cmocka_unit_test(jail_of_checker), cmocka_unit_test(jail_is_quick),
        cmocka_unit_test(kernel_knows_the_jail),
        cmocka_unit_test(landlock_alone_bounds_signals_and_ports),
        cmocka_unit_test(what_cannot_be_set_up_is_an_error),
        cmocka_unit_test(no_profile_for_the_supervisor), cmocka_unit_test(missing_data_folder_is_said),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
