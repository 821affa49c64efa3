/* The system calls of each role: one table, with a reason beside each group. What no row names ends the
 * process. Included by filter.c, which makes the filter of it, and by tests/jail, which hold every call of
 * the kernel against it. */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sandbox/parts.h"

#define END     INT_MIN
#define GATEWAY (1u << ROLE_GATEWAY)
#define ENGINE  (1u << ROLE_ENGINE)
#define VAULT   (1u << ROLE_VAULT)
#define EGRESS  (1u << ROLE_EGRESS)
#define WORKER  (1u << ROLE_WORKER)
#define CHECKER (1u << ROLE_CHECKER)
#define ALL     (GATEWAY | ENGINE | VAULT | EGRESS | WORKER | CHECKER)
#define C(name) SCMP_SYS(name)

static const struct {
    const char *reason;
    uint32_t roles;
    int calls[40];
} allowed[] = {
    {"channels: framed messages on descriptors that we were given",
     ALL,
     {C(read), C(write), C(readv), C(writev), C(recvmsg), C(sendmsg), C(close), END}},
    {"the event loop",
     ALL,
     {C(epoll_wait), C(epoll_pwait), C(epoll_pwait2), C(epoll_ctl), C(epoll_create1), C(eventfd2), C(poll),
      C(ppoll), C(select), C(pselect6), C(pipe2), END}},
    {"memory; making it executable is refused below",
     ALL,
     {C(brk), C(munmap), C(mremap), C(madvise), C(mlock), C(mlock2), C(munlock), C(mincore), END}},
    {"clocks, timers and the budget of a step",
     ALL,
     {C(clock_gettime), C(clock_getres), C(clock_nanosleep), C(nanosleep), C(gettimeofday), C(time),
      C(timer_create), C(timer_settime), C(timer_gettime), C(timer_delete), C(getitimer), C(setitimer), END}},
    {"signal handlers and locks of our own process",
     ALL,
     {C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn), C(sigaltstack), C(restart_syscall), C(futex),
      C(sched_yield), C(membarrier), C(rseq), C(set_robust_list), C(get_robust_list), END}},
    {"what a process may know of itself",
     ALL,
     {C(getpid), C(gettid), C(getppid), C(getuid), C(geteuid), C(getgid), C(getegid), C(getrusage), C(times),
      C(uname), C(sysinfo), C(sched_getaffinity), C(getcpu), C(getrandom), C(fstat), C(lseek), C(getrlimit),
      END}},
    {"threads of the engine and of egress's resolver", ENGINE | EGRESS, {C(set_tid_address), END}},
    {"the end", ALL, {C(exit), C(exit_group), END}},
    {"files that came as a descriptor: TLS files, root key, the database",
     GATEWAY | ENGINE | VAULT | EGRESS | WORKER,
     {C(pread64), END}},
    {"connections that clients made to the listener that we were given",
     GATEWAY,
     {C(accept4), C(accept), C(recvfrom), C(sendto), C(sendfile), C(shutdown), C(getsockopt), C(setsockopt),
      C(getsockname), C(getpeername), END}},
    {"connections to other people's servers, and to name servers",
     EGRESS,
     {C(connect), C(recvfrom), C(sendto), C(sendmmsg), C(recvmmsg), C(shutdown), C(getsockopt), C(setsockopt),
      C(getsockname), C(getpeername), C(socketpair), C(memfd_create), END}},
    {"SQLite in the data folder, which Landlock bounds",
     ENGINE,
     {C(openat),     C(open),   C(newfstatat), C(stat),       C(lstat),
      C(statx),      C(access), C(faccessat),  C(faccessat2), C(readlink),
      C(readlinkat), C(getcwd), C(unlink),     C(unlinkat),   C(pwrite64),
      C(pwritev),    C(preadv), C(fsync),      C(fdatasync),  C(ftruncate),
      C(fallocate),  C(fchmod), C(fstatfs),    C(statfs),     C(umask),
      C(getdents64), C(dup),    C(rename),     C(renameat),   C(fadvise64),
      C(flock),      END}},
    {"resolver configuration and certificate authorities, which Landlock bounds, read-only below",
     EGRESS,
     {C(newfstatat), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink),
      C(readlinkat), C(getdents64), C(fstatfs), C(statfs), C(getcwd), C(uname), END}},
};

/* Calls that depend on arguments, none of which is in a row of `allowed` for the same role. Where no row
 * fits, the call is looked for in `refused`. */
#define EQUAL(n, value)                                                                                      \
    {                                                                                                        \
        (n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0                                                           \
    }
#define UNEQUAL(n, value)                                                                                    \
    {                                                                                                        \
        (n), SCMP_CMP_NE, (scmp_datum_t)(value), 0                                                           \
    }
#define BITS(n, mask, value)                                                                                 \
    {                                                                                                        \
        (n), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)                                 \
    }
#define OWN_PID 0x4f574e5f504944 /* stands for the process's id */
#define PATHS   (ENGINE | EGRESS)
#define WRITING (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND)
/* Those with which the C library makes a thread; a process would lack some, a namespace has others. */
#define THREAD_FLAGS                                                                                         \
    (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SYSVSEM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS |       \
     CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID)

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

static const struct argument_rule {
    const char *reason;
    uint32_t roles;
    int call, error;             /* 0: allowed */
    struct scmp_arg_cmp args[2]; /* both must fit; an op of 0 is no condition */
} argument_rules[] = {
    {"W^X to the end: what is executable was so before the lock-down",
     ALL,
     C(mmap),
     0,
     {BITS(2, PROT_EXEC, 0)}},
    {"", ALL, C(mmap), EPERM, {BITS(2, PROT_EXEC, PROT_EXEC)}},
    {"", ALL, C(mprotect), 0, {BITS(2, PROT_EXEC, 0)}},
    {"", ALL, C(mprotect), EPERM, {BITS(2, PROT_EXEC, PROT_EXEC)}},

    {"descriptors that do not block", ALL, C(fcntl), 0, {EQUAL(1, F_GETFL)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_SETFL)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_GETFD)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_SETFD)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_DUPFD_CLOEXEC)}},
    {"", ALL, C(ioctl), 0, {EQUAL(1, FIONBIO)}},
    {"", ALL, C(ioctl), 0, {EQUAL(1, FIONREAD)}},
    {"the C library asks whether a stream is a terminal", ALL, C(ioctl), ENOTTY, {EQUAL(1, TCGETS)}},

    {"SQLite locks its files", ENGINE, C(fcntl), 0, {EQUAL(1, F_GETLK)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_SETLK)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_SETLKW)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_OFD_GETLK)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_OFD_SETLK)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_OFD_SETLKW)}},

    {"fstat is this in the C library; with a path beside the flag it tells of a file's size and dates, not "
     "of its content",
     ALL & ~PATHS,
     C(newfstatat),
     0,
     {EQUAL(3, AT_EMPTY_PATH)}},
    {"", ALL & ~PATHS, C(newfstatat), EACCES, {UNEQUAL(3, AT_EMPTY_PATH)}},

    {"abort(), and the signals of timers; nobody else", ALL, C(tgkill), 0, {EQUAL(0, OWN_PID)}},
    {"names of threads, and of memory by newer C libraries", ALL, C(prctl), 0, {EQUAL(0, PR_SET_NAME)}},
    {"", ALL, C(prctl), 0, {EQUAL(0, PR_SET_VMA)}},
    {"reading limits: a new one would be the third argument",
     ALL,
     C(prlimit64),
     0,
     {EQUAL(0, 0), EQUAL(2, 0)}},

    {"threads of the engine and of egress's resolver",
     ENGINE | EGRESS,
     C(clone),
     0,
     {EQUAL(0, THREAD_FLAGS)}},

    {"connections to other people's servers, and to name servers",
     EGRESS,
     C(socket),
     0,
     {EQUAL(0, AF_INET), BITS(1, 0xF, SOCK_STREAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET), BITS(1, 0xF, SOCK_DGRAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET6), BITS(1, 0xF, SOCK_STREAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET6), BITS(1, 0xF, SOCK_DGRAM)}},
    {"the resolver looks for a name-service cache and for the machine's addresses, and does without",
     ALL,
     C(socket),
     EAFNOSUPPORT,
     {EQUAL(0, AF_UNIX)}},
    {"", ALL, C(socket), EAFNOSUPPORT, {EQUAL(0, AF_NETLINK)}},

    /* A mask can only be tested for its value, so each writing flag has a row. */
    {"egress reads what Landlock lets it read", EGRESS, C(openat), 0, {BITS(2, WRITING, 0)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_WRONLY, O_WRONLY)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_RDWR, O_RDWR)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_CREAT, O_CREAT)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_TRUNC, O_TRUNC)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_APPEND, O_APPEND)}},
};

/* Libraries ask for these on their way and live well without: a time zone, a locale, a policy file, a socket
 * pair. Refused with an error where the role has no other row for the call; the answer tells nothing and the
 * call does nothing. */
static const struct {
    int error;
    int calls[24];
} refused[] = {
    {EACCES,
     {C(openat), C(open), C(openat2), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2),
      C(readlink), C(readlinkat), C(statfs), C(getcwd), END}},
    {EPERM,
     {C(sched_setaffinity), C(sched_getparam), C(sched_getscheduler), C(sched_setscheduler), C(setpriority),
      END}},
    /* Unlike clone, its flags are out of a filter's sight; the C library falls back to clone. */
    {ENOSYS, {C(clone3), END}},
    {EAFNOSUPPORT, {C(socketpair), END}},
#if SANDBOX_SANITIZED
    /* A report looks for a symbolizer. */
    {EPERM, {C(clone), END}},
#endif
};

#endif
