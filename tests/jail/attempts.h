/* What a process in a jail may try: one function for each attempt, 0 when it worked, else a positive errno. */
#ifndef JAIL_ATTEMPTS_H
#define JAIL_ATTEMPTS_H

#include <sys/types.h>

struct jail_world {
    const char *data_dir;     /* holds "file"; the engine's */
    const char *outside;      /* a file that any user may read and write, outside of data_dir */
    const char *outside_dir;
    pid_t sibling;            /* a process of the same user */
    void *sibling_address;    /* readable memory in it */
    int listener;             /* descriptor 3: a listening TCP socket */
};

typedef int jail_attempt(const struct jail_world *w);

/* A(name): each is `attempt_name`. */
#define JAIL_ATTEMPTS(A)                                                                                         \
    A(read_outside) A(write_outside) A(create_outside) A(unlink_outside) A(list_root) A(read_passwd) A(read_proc_self)          \
    A(read_data) A(write_data) A(create_data) A(unlink_data) A(symlink_data) A(link_data) A(mkdir_data) A(mknod_data)           \
    A(exec_data)                                                                                                 \
    A(read_resolv) A(socket_inet) A(socket_inet6) A(socket_unix) A(socket_netlink) A(socket_packet) A(socket_raw)               \
    A(connect_tcp) A(bind_tcp) A(accept) A(exec) A(fork) A(vfork) A(thread) A(clone_namespace) A(unshare) A(setns) A(ptrace)                  \
    A(read_sibling_memory) A(open_sibling_memory) A(kill_sibling) A(signal_self) A(pidfd_getfd) A(mmap_exec)                   \
    A(mprotect_exec) A(memfd_exec) A(memory) A(mount) A(chroot) A(pivot_root) A(keyctl) A(add_key) A(io_uring)                \
    A(userfaultfd) A(bpf) A(perf) A(personality) A(setuid) A(capset) A(raise_limit) A(become_dumpable) A(reboot)               \
    A(module) A(settime) A(sethostname) A(name_to_handle) A(fanotify) A(inotify) A(seccomp) A(iopl) A(prctl_mm)                \
    A(tiocsti) A(chmod_data) A(random) A(clock) A(pipe) A(timer) A(process_madvise) A(shm) A(msgq) A(memfd) A(x32_call)                  \
    A(fstat) A(stat_outside) A(nonblocking) A(thread_name) A(read_library)

#define A(name) jail_attempt attempt_##name;
JAIL_ATTEMPTS(A)
#undef A

#endif
