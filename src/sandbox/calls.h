/* The system calls of each role: one table, with a reason beside each group. What no row names ends the
 * process. Included by filter.c, which makes the filter of it, and by tests/jail, which hold every call of
 * the kernel against it. */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <asm/termbits.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
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

/* The C library's choice among calls that do the same. */
#ifdef __x86_64__
#define EPOLL_WAIT C(epoll_wait)
#define POLL       C(poll)
#define ACCESS     C(access)
#define UNLINK     C(unlink)
#define READLINK   C(readlink)
#else
#define EPOLL_WAIT C(epoll_pwait)
#define POLL       C(ppoll)
#define ACCESS     C(faccessat)
#define UNLINK     C(unlinkat)
#define READLINK   C(readlinkat)
#endif

/* tests/jail/trace shows which of these the system's tests call. What they do not call has its reason. */
static const struct {
    const char *reason;
    uint32_t roles;
    int calls[40];
} allowed[] = {
    {"channels: framed messages on descriptors that we were given", ALL, {C(recvmsg), C(sendmsg), C(close), END}},
    {"the event loop", ALL, {EPOLL_WAIT, C(epoll_ctl), C(epoll_create1), C(eventfd2), END}},
    {"the last words to the supervisor when its channel is full; connections to name servers", ALL, {POLL, END}},
    {"memory; making it executable is refused below", ALL, {C(brk), C(munmap), C(mremap), C(madvise), END}},
    {"clocks, on a machine where the kernel's page for them (vDSO) cannot answer", ALL,
     {C(clock_gettime), C(gettimeofday), C(time), END}},
    {"signal handlers, the budget's tick among them; restart_syscall is the kernel's own, after a stop", ALL,
     {C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn), C(restart_syscall), END}},
    {"locks of our own process", ALL, {C(futex), END}},
    {"abort(), with what a broken invariant says before it", ALL, {C(getpid), C(gettid), C(write), END}},
    {"keys, nonces, the seeds of hash tables", ALL, {C(getrandom), END}},
    {"the size and kind of an open file; fstat is a call of its own from glibc 2.39 on", ALL, {C(fstat), END}},
    {"qsort of glibc before 2.37 asks how much memory there is when it sorts much", ALL, {C(sysinfo), END}},
    {"the end", ALL, {C(exit_group), END}},
    {"files that came as a descriptor: TLS files, root key, certificate authorities; the database", GATEWAY | ENGINE | VAULT | EGRESS,
     {C(pread64), END}},
    {"guarded memory for secrets", VAULT, {C(mlock), C(munlock), END}},
    {"threads of the engine and of egress's resolver; the allocator counts processors when there are many", ENGINE | EGRESS,
     {C(exit), C(rseq), C(set_robust_list), C(sched_getaffinity), END}},
    {"what wakes the loop from another thread; files", ENGINE | EGRESS, {C(read), END}},
    {"connections that clients made to the listener that we were given", GATEWAY,
     {C(accept4), C(recvfrom), C(sendto), C(shutdown), C(getsockname), END}},
    {"connections to other people's servers, and to name servers", EGRESS,
     {C(connect), C(recvfrom), C(sendto), C(sendmmsg), C(writev), C(getsockname), C(getpeername), C(socketpair), C(memfd_create), END}},
    {"resolver configuration and certificate authorities, which Landlock bounds", EGRESS,
     {C(newfstatat), C(lseek), C(uname), END}},
    {"SQLite in the data folder, which Landlock bounds; access and readlink when the folder is behind a link", ENGINE,
     {C(newfstatat), C(pwrite64), C(fsync), C(fdatasync), C(ftruncate), C(flock), C(geteuid), C(clock_nanosleep), UNLINK, ACCESS,
      READLINK, END}},
#if SANDBOX_SANITIZED
    {"sanitizers: their reports, their allocator, their look at stacks", ALL,
     {C(read), C(sigaltstack), C(sched_yield), C(mincore), C(getrlimit), C(getppid), C(lseek), C(exit), C(sched_getaffinity),
      C(nanosleep), C(set_robust_list), C(rseq), C(mlock), C(munlock), C(getuid), END}},
#endif
};

/* Calls that depend on arguments, none of which is in a row of `allowed` for the same role. Where no row fits, the call ends the
 * process. */
// clang-format off
#define EQUAL(n, value)      {(n), SCMP_CMP_EQ, (scmp_datum_t)(value), 0}
#define UNEQUAL(n, value)    {(n), SCMP_CMP_NE, (scmp_datum_t)(value), 0}
#define BITS(n, mask, value) {(n), SCMP_CMP_MASKED_EQ, (scmp_datum_t)(mask), (scmp_datum_t)(value)}
// clang-format on
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
    {"W^X to the end: what is executable was so before the lock-down", ALL, C(mmap), 0, {BITS(2, PROT_EXEC, 0)}},
    {"", ALL, C(mmap), EPERM, {BITS(2, PROT_EXEC, PROT_EXEC)}},
    {"", ALL, C(mprotect), 0, {BITS(2, PROT_EXEC, 0)}},
    {"", ALL, C(mprotect), EPERM, {BITS(2, PROT_EXEC, PROT_EXEC)}},

    {"descriptors that do not block, and close on an exec that never comes", ALL, C(fcntl), 0, {EQUAL(1, F_GETFL)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_SETFL)}},
    {"", ALL, C(fcntl), 0, {EQUAL(1, F_SETFD)}},
    {"SQLite locks its files", ENGINE, C(fcntl), 0, {EQUAL(1, F_GETLK)}},
    {"", ENGINE, C(fcntl), 0, {EQUAL(1, F_SETLK)}},
    {"the resolver asks how long an answer is", EGRESS, C(ioctl), 0, {EQUAL(1, FIONREAD)}},
    {"the C library asks whether a stream is a terminal", ALL, C(ioctl), ENOTTY, {EQUAL(1, TCGETS)}},

    {"fstat is this before glibc 2.39; with a path beside the flag it tells of a file's size and dates, not of its content",
     ALL & ~PATHS, C(newfstatat), 0, {EQUAL(3, AT_EMPTY_PATH)}},
    {"", ALL & ~PATHS, C(newfstatat), EACCES, {UNEQUAL(3, AT_EMPTY_PATH)}},

    {"abort(); nobody else", ALL, C(tgkill), 0, {EQUAL(0, OWN_PID)}},
    {"threads of the engine and of egress's resolver", ENGINE | EGRESS, C(clone), 0, {EQUAL(0, THREAD_FLAGS)}},

    {"answers go out at once, or whole", GATEWAY | EGRESS, C(setsockopt), 0, {EQUAL(1, IPPROTO_TCP), EQUAL(2, TCP_NODELAY)}},
    {"", GATEWAY, C(setsockopt), 0, {EQUAL(1, IPPROTO_TCP), EQUAL(2, TCP_CORK)}},
    {"libmicrohttpd 1.0 asks what a connection is", GATEWAY, C(getsockopt), 0, {EQUAL(1, SOL_SOCKET), EQUAL(2, SO_DOMAIN)}},
    {"whether a connection came about", EGRESS, C(getsockopt), 0, {EQUAL(1, SOL_SOCKET), EQUAL(2, SO_ERROR)}},
    {"the resolver wants to hear that no name server is there", EGRESS, C(setsockopt), 0, {EQUAL(1, IPPROTO_IP), EQUAL(2, IP_RECVERR)}},
    {"", EGRESS, C(setsockopt), 0, {EQUAL(1, IPPROTO_IPV6), EQUAL(2, IPV6_RECVERR)}},

    {"connections to other people's servers, and to name servers", EGRESS, C(socket), 0,
     {EQUAL(0, AF_INET), BITS(1, 0xF, SOCK_STREAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET), BITS(1, 0xF, SOCK_DGRAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET6), BITS(1, 0xF, SOCK_STREAM)}},
    {"", EGRESS, C(socket), 0, {EQUAL(0, AF_INET6), BITS(1, 0xF, SOCK_DGRAM)}},
    {"the resolver looks for a name-service cache and for the machine's addresses, and does without", EGRESS, C(socket),
     EAFNOSUPPORT, {EQUAL(0, AF_UNIX)}},
    {"", EGRESS, C(socket), EAFNOSUPPORT, {EQUAL(0, AF_NETLINK)}},

    /* To open for neither (O_ACCMODE) passes by Landlock, and what is open is good for fchmod. */
    {"SQLite opens files for reading, or for both", ENGINE, C(openat), 0, {BITS(2, O_WRONLY, 0)}},
    {"", ENGINE, C(openat), EACCES, {BITS(2, O_WRONLY, O_WRONLY)}},
    {"SQLite gives a file the mode of its database; who runs it does not become us", ENGINE, C(fchmod), 0,
     {BITS(1, S_ISUID | S_ISGID, 0)}},
    /* A mask can only be tested for its value, so each writing flag has a row. */
    {"egress reads what Landlock lets it read", EGRESS, C(openat), 0, {BITS(2, WRITING, 0)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_WRONLY, O_WRONLY)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_RDWR, O_RDWR)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_CREAT, O_CREAT)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_TRUNC, O_TRUNC)}},
    {"", EGRESS, C(openat), EACCES, {BITS(2, O_APPEND, O_APPEND)}},
#if SANDBOX_SANITIZED
    {"sanitizers ask for the limit of the stack, and name memory", ALL, C(prlimit64), 0, {EQUAL(0, 0), EQUAL(2, 0)}},
    {"", ALL, C(prctl), 0, {EQUAL(0, PR_SET_VMA)}},
#endif
};

/* Libraries ask for these on their way and live well without: a time zone, a locale, a policy file, a folder of modules, a
 * socket pair. Refused with an error to roles that have no row for the call; the answer tells nothing, the call does nothing. */
static const struct {
    int error;
    int calls[24];
} refused[] = {
    {EACCES,
     {C(openat), C(open), C(newfstatat), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink),
      C(readlinkat), C(getcwd), END}},
    /* Unlike clone, its flags are out of a filter's sight; the C library falls back to clone. */
    {ENOSYS, {C(clone3), END}},
    {EAFNOSUPPORT, {C(socketpair), END}},
#if SANDBOX_SANITIZED
    /* A report looks for a symbolizer. */
    {EPERM, {C(clone), END}},
#endif
};

#endif
