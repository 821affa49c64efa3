/* The system calls of each role: one table, with a reason beside each group. What is in no group ends the process. Included
 * by filter.c alone. */
#ifndef SANDBOX_CALLS_H
#define SANDBOX_CALLS_H

#include <limits.h>
#include <seccomp.h>

#include "wire/roles.h"

#define END    INT_MIN
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
    {"channels: framed messages on descriptors that we were given", ALL,
     {C(read), C(write), C(readv), C(writev), C(recvmsg), C(sendmsg), C(close), END}},
    {"the event loop", ALL,
     {C(epoll_wait), C(epoll_pwait), C(epoll_pwait2), C(epoll_ctl), C(epoll_create1), C(eventfd2), C(poll), C(ppoll), C(select),
      C(pselect6), C(pipe2), END}},
    {"memory; making it executable is refused below", ALL,
     {C(brk), C(munmap), C(mremap), C(madvise), C(mlock), C(mlock2), C(munlock), C(mincore), END}},
    {"clocks, timers and the budget of a step", ALL,
     {C(clock_gettime), C(clock_getres), C(clock_nanosleep), C(nanosleep), C(gettimeofday), C(time), C(timer_create),
      C(timer_settime), C(timer_gettime), C(timer_delete), C(getitimer), C(setitimer), END}},
    {"signal handlers and locks of our own process", ALL,
     {C(rt_sigaction), C(rt_sigprocmask), C(rt_sigreturn), C(sigaltstack), C(restart_syscall), C(futex), C(sched_yield),
      C(membarrier), C(rseq), C(set_robust_list), C(get_robust_list), END}},
    {"what a process may know of itself", ALL,
     {C(getpid), C(gettid), C(getppid), C(getuid), C(geteuid), C(getgid), C(getegid), C(getrusage), C(times), C(uname), C(sysinfo),
      C(sched_getaffinity), C(getcpu), C(getrandom), C(fstat), C(lseek), C(getrlimit), END}},
    {"the end", ALL, {C(exit), C(exit_group), END}},
    {"files that came as a descriptor: TLS files, root key, the database", GATEWAY | ENGINE | VAULT | EGRESS | WORKER,
     {C(pread64), END}},
    {"connections that clients made to the listener that we were given", GATEWAY,
     {C(accept4), C(accept), C(recvfrom), C(sendto), C(sendfile), C(shutdown), C(getsockopt), C(setsockopt), C(getsockname),
      C(getpeername), END}},
    {"connections to other people's servers, and to name servers", EGRESS,
     {C(connect), C(recvfrom), C(sendto), C(sendmmsg), C(recvmmsg), C(shutdown), C(getsockopt), C(setsockopt), C(getsockname),
      C(getpeername), C(socketpair), C(memfd_create), END}},
    {"SQLite in the data folder, which Landlock bounds", ENGINE,
     {C(openat), C(open), C(newfstatat), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink),
      C(readlinkat), C(getcwd), C(unlink), C(unlinkat), C(pwrite64), C(pwritev), C(preadv), C(fsync), C(fdatasync), C(ftruncate),
      C(fallocate), C(fchmod), C(fstatfs), C(statfs), C(umask), C(getdents64), C(dup), C(rename), C(renameat), C(fadvise64), C(flock), END}},
    {"resolver configuration and certificate authorities, which Landlock bounds, read-only below", EGRESS,
     {C(newfstatat), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2), C(readlink), C(readlinkat),
      C(getdents64), C(fstatfs), C(statfs), C(getcwd), C(uname), END}},
};

/* Libraries ask for these on their way and live well without: a time zone, a locale, a policy file, a socket pair. Refused with an error; the answer tells nothing and the call does nothing. */
static const struct {
    int error;
    int calls[24]; /* each without a rule about its arguments: libseccomp would let the whole call win over such a rule */
} refused[] = {
    {EACCES,
     {C(openat), C(open), C(openat2), C(stat), C(lstat), C(statx), C(access), C(faccessat), C(faccessat2),
      C(readlink), C(readlinkat), C(statfs), C(getcwd), END}},
    {EPERM, {C(sched_setaffinity), C(sched_getparam), C(sched_getscheduler), C(sched_setscheduler), C(setpriority), END}},
    /* Unlike clone, its flags are out of a filter's sight; the C library falls back to clone. */
    {ENOSYS, {C(clone3), END}},
    {EAFNOSUPPORT, {C(socketpair), END}},
};

#endif
