/* The attempts on files, sockets and processes. Each uses the system call itself where the C library would do something
 * first. Run in a child that has entered the jail, and once outside of it to see that the attempt could work at all. */
#include "attempts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static int result(long r)
{
    return r < 0 ? errno : 0;
}

static int open_path(const char *dir, const char *name, int flags)
{
    char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return result(open(path, flags | O_CLOEXEC, 0600));
}

static const char *path_in(const char *dir, const char *name)
{
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

/* --- files ------------------------------------------------------------------------------------------------------------- */

int attempt_read_outside(const struct jail_world *w) { return result(open(w->outside, O_RDONLY)); }
int attempt_write_outside(const struct jail_world *w) { return result(open(w->outside, O_WRONLY)); }
int attempt_create_outside(const struct jail_world *w) { return open_path(w->outside_dir, "new", O_WRONLY | O_CREAT); }
int attempt_unlink_outside(const struct jail_world *w) { return result(unlink(path_in(w->outside_dir, "victim"))); }
int attempt_list_root(const struct jail_world *w) { (void)w; return result(open("/", O_RDONLY | O_DIRECTORY)); }
int attempt_read_passwd(const struct jail_world *w) { (void)w; return result(open("/etc/passwd", O_RDONLY)); }
int attempt_read_proc_self(const struct jail_world *w) { (void)w; return result(open("/proc/self/maps", O_RDONLY)); }
int attempt_read_data(const struct jail_world *w) { return open_path(w->data_dir, "file", O_RDONLY); }
int attempt_write_data(const struct jail_world *w) { return open_path(w->data_dir, "file", O_RDWR); }
int attempt_create_data(const struct jail_world *w) { return open_path(w->data_dir, "new", O_RDWR | O_CREAT); }
int attempt_unlink_data(const struct jail_world *w) { return result(unlink(path_in(w->data_dir, "victim"))); }
int attempt_symlink_data(const struct jail_world *w) { return result(symlink("/etc/passwd", path_in(w->data_dir, "link"))); }
int attempt_link_data(const struct jail_world *w) { return result(link(w->outside, path_in(w->data_dir, "hard"))); }
int attempt_mkdir_data(const struct jail_world *w) { return result(mkdir(path_in(w->data_dir, "dir"), 0700)); }
int attempt_mknod_data(const struct jail_world *w) { return result(mknod(path_in(w->data_dir, "fifo"), S_IFIFO | 0600, 0)); }
int attempt_chmod_data(const struct jail_world *w) { return result(chmod(path_in(w->data_dir, "file"), 04755)); }
int attempt_read_resolv(const struct jail_world *w) { (void)w; return result(open("/etc/hosts", O_RDONLY)); }

int attempt_exec_data(const struct jail_world *w)
{
    char *argv[] = {(char[]){"program"}, NULL};
    (void)execve(path_in(w->data_dir, "program"), argv, argv + 1);
    return errno;
}

int attempt_name_to_handle(const struct jail_world *w)
{
    union {
        struct file_handle handle;
        char room[sizeof(struct file_handle) + 128];
    } u = {.handle = {.handle_bytes = 128}};
    int mount_id;
    return result(name_to_handle_at(AT_FDCWD, w->outside, &u.handle, &mount_id, 0));
}

int attempt_fanotify(const struct jail_world *w) { (void)w; return result(syscall(SYS_fanotify_init, 0, O_RDONLY)); }
int attempt_inotify(const struct jail_world *w) { (void)w; return result(syscall(SYS_inotify_init1, 0)); }
int attempt_fstat(const struct jail_world *w)
{
    struct stat st;
    return result(fstat(w->listener, &st));
}

int attempt_stat_outside(const struct jail_world *w)
{
    struct stat st;
    return result(stat(w->outside, &st));
}

int attempt_nonblocking(const struct jail_world *w)
{
    return result(fcntl(w->listener, F_SETFL, O_NONBLOCK));
}

int attempt_thread_name(const struct jail_world *w)
{
    (void)w;
    return result(prctl(PR_SET_NAME, "name", 0, 0, 0));
}

int attempt_read_library(const struct jail_world *w)
{
    (void)w;
    int fd = open("/usr/lib/os-release", O_RDONLY | O_CLOEXEC);
    return fd < 0 ? errno : mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}

int attempt_memfd(const struct jail_world *w) { (void)w; return result(memfd_create("x", 0)); }

/* --- sockets ----------------------------------------------------------------------------------------------------------- */

int attempt_socket_inet(const struct jail_world *w) { (void)w; return result(socket(AF_INET, SOCK_STREAM, 0)); }
int attempt_socket_inet6(const struct jail_world *w) { (void)w; return result(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)); }
int attempt_socket_unix(const struct jail_world *w) { (void)w; return result(socket(AF_UNIX, SOCK_STREAM, 0)); }
int attempt_socket_netlink(const struct jail_world *w) { (void)w; return result(socket(AF_NETLINK, SOCK_RAW, 0)); }
int attempt_socket_packet(const struct jail_world *w) { (void)w; return result(socket(AF_PACKET, SOCK_RAW, 0)); }
int attempt_socket_raw(const struct jail_world *w) { (void)w; return result(socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }

static struct sockaddr_in loopback(int listener)
{
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;
    (void)getsockname(listener, (struct sockaddr *)&a, &len);
    return a;
}

/* The address is asked for outside of the jail. */
static struct sockaddr_in target;

__attribute__((constructor)) static void remember_target(void)
{
    target = loopback(3);
}

int attempt_connect_tcp(const struct jail_world *w)
{
    (void)w;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(connect(fd, (const struct sockaddr *)&target, sizeof target));
}

int attempt_bind_tcp(const struct jail_world *w)
{
    (void)w;
    const struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd < 0 ? errno : result(bind(fd, (const struct sockaddr *)&any, sizeof any));
}

int attempt_accept(const struct jail_world *w)
{
    int r = result(accept4(w->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC));
    return r == EAGAIN ? 0 : r;
}

/* --- processes --------------------------------------------------------------------------------------------------------- */

int attempt_exec(const struct jail_world *w)
{
    (void)w;
    char *argv[] = {(char[]){"true"}, NULL};
    (void)execve("/bin/true", argv, argv + 1);
    return errno;
}

static int made(long pid)
{
    if (pid == 0)
        _exit(0);
    /* Not waited for: that call would end us, and hide that there was a process. */
    return pid < 0 ? errno : 0;
}

int attempt_fork(const struct jail_world *w) { (void)w; return made(syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL)); }
int attempt_vfork(const struct jail_world *w) { (void)w; return made(syscall(SYS_clone, SIGCHLD | CLONE_VFORK, NULL, NULL, NULL, NULL)); }
int attempt_clone_namespace(const struct jail_world *w) { (void)w; return made(syscall(SYS_clone, SIGCHLD | CLONE_NEWNS, NULL, NULL, NULL, NULL)); }
int attempt_unshare(const struct jail_world *w) { (void)w; return result(unshare(CLONE_NEWNS)); }

int attempt_setns(const struct jail_world *w)
{
    int fd = (int)syscall(SYS_pidfd_open, w->sibling, 0);
    return fd < 0 ? errno : result(setns(fd, CLONE_NEWNS));
}

static void *thread_main(void *user)
{
    return user;
}

int attempt_thread(const struct jail_world *w)
{
    (void)w;
    pthread_t t;
    int r = pthread_create(&t, NULL, thread_main, NULL);
    return r ? r : pthread_join(t, NULL);
}

int attempt_ptrace(const struct jail_world *w)
{
    int r = result(ptrace(PTRACE_SEIZE, w->sibling, NULL, NULL));
    if (r == 0)
        (void)ptrace(PTRACE_DETACH, w->sibling, NULL, NULL);
    return r;
}

int attempt_read_sibling_memory(const struct jail_world *w)
{
    char c;
    struct iovec to = {&c, 1}, from = {w->sibling_address, 1};
    return result(process_vm_readv(w->sibling, &to, 1, &from, 1, 0));
}

int attempt_open_sibling_memory(const struct jail_world *w)
{
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/%d/mem", w->sibling);
    return result(open(path, O_RDONLY));
}

int attempt_kill_sibling(const struct jail_world *w) { return result(kill(w->sibling, 0)); }

int attempt_signal_self(const struct jail_world *w)
{
    (void)w;
    (void)signal(SIGUSR1, SIG_IGN);
    return result(raise(SIGUSR1));
}

int attempt_pidfd_getfd(const struct jail_world *w)
{
    int fd = (int)syscall(SYS_pidfd_open, w->sibling, 0);
    return fd < 0 ? errno : result(syscall(SYS_pidfd_getfd, fd, 0, 0));
}

int attempt_process_madvise(const struct jail_world *w)
{
    int fd = (int)syscall(SYS_pidfd_open, w->sibling, 0);
    struct iovec part = {w->sibling_address, 1};
    return fd < 0 ? errno : result(syscall(SYS_process_madvise, fd, &part, 1, MADV_COLD, 0));
}

/* --- memory ------------------------------------------------------------------------------------------------------------ */

int attempt_mmap_exec(const struct jail_world *w)
{
    (void)w;
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}

int attempt_mprotect_exec(const struct jail_world *w)
{
    (void)w;
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED ? 0 : result(mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

int attempt_memfd_exec(const struct jail_world *w)
{
    (void)w;
    int fd = memfd_create("x", 0);
    if (fd < 0 || write(fd, "\xc3", 1) != 1)
        return errno;
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED ? errno : 0;
}

int attempt_memory(const struct jail_world *w)
{
    (void)w;
    void *p = malloc(8 << 20);
    if (!p)
        return ENOMEM;
    memset(p, 1, 8 << 20);
    free(p);
    return 0;
}

int attempt_userfaultfd(const struct jail_world *w) { (void)w; return result(syscall(SYS_userfaultfd, 0)); }
int attempt_shm(const struct jail_world *w) { (void)w; return result(syscall(SYS_shmget, 0, 4096, 01600)); }
int attempt_msgq(const struct jail_world *w) { (void)w; return result(syscall(SYS_msgget, 0, 01600)); }

/* --- the kernel -------------------------------------------------------------------------------------------------------- */

int attempt_mount(const struct jail_world *w) { return result(mount("none", w->outside_dir, "tmpfs", 0, NULL)); }
int attempt_chroot(const struct jail_world *w) { return result(chroot(w->outside_dir)); }
int attempt_pivot_root(const struct jail_world *w) { (void)w; return result(syscall(SYS_pivot_root, ".", ".")); }
int attempt_keyctl(const struct jail_world *w) { (void)w; return result(syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_PROCESS_KEYRING, 1)); }
int attempt_add_key(const struct jail_world *w) { (void)w; return result(syscall(SYS_add_key, "user", "x", "y", 1, KEY_SPEC_PROCESS_KEYRING)); }

int attempt_io_uring(const struct jail_world *w)
{
    (void)w;
    char params[256] = {0};
    return result(syscall(SYS_io_uring_setup, 4, params));
}

int attempt_bpf(const struct jail_world *w)
{
    (void)w;
    const struct {
        uint32_t type, key_size, value_size, max_entries;
        char rest[112];
    } map = {.type = 2, .key_size = 4, .value_size = 4, .max_entries = 1};
    return result(syscall(SYS_bpf, 0, &map, sizeof map));
}

int attempt_perf(const struct jail_world *w)
{
    (void)w;
    struct perf_event_attr a = {.type = PERF_TYPE_SOFTWARE, .size = sizeof a, .config = PERF_COUNT_SW_TASK_CLOCK};
    return result(syscall(SYS_perf_event_open, &a, 0, -1, -1, 0));
}

int attempt_personality(const struct jail_world *w) { (void)w; return result(personality(READ_IMPLIES_EXEC)); }
int attempt_setuid(const struct jail_world *w) { (void)w; return result(syscall(SYS_setuid, getuid())); }

int attempt_capset(const struct jail_world *w)
{
    (void)w;
    struct {
        uint32_t version;
        int pid;
    } header = {0x20080522, 0};
    uint32_t data[6] = {0};
    return result(syscall(SYS_capset, &header, data));
}

int attempt_raise_limit(const struct jail_world *w)
{
    (void)w;
    const struct rlimit l = {64, 64};
    return result(syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, &l, NULL));
}

int attempt_become_dumpable(const struct jail_world *w) { (void)w; return result(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)); }
int attempt_prctl_mm(const struct jail_world *w) { (void)w; return result(prctl(PR_SET_MM, PR_SET_MM_BRK, sbrk(0), 0, 0)); }
int attempt_reboot(const struct jail_world *w) { (void)w; return result(syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL)); }
int attempt_module(const struct jail_world *w) { (void)w; return result(syscall(SYS_delete_module, "sallyport_none", O_NONBLOCK)); }

int attempt_settime(const struct jail_world *w)
{
    (void)w;
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return result(syscall(SYS_clock_settime, CLOCK_REALTIME, &now));
}

int attempt_sethostname(const struct jail_world *w)
{
    (void)w;
    return result(syscall(SYS_setdomainname, "(none)", 6));
}

int attempt_seccomp(const struct jail_world *w)
{
    (void)w;
    const uint32_t action = 0x7fff0000u;
    return result(syscall(SYS_seccomp, 2 /* GET_ACTION_AVAIL */, 0, &action));
}

int attempt_iopl(const struct jail_world *w)
{
    (void)w;
#ifdef SYS_iopl
    return result(syscall(SYS_iopl, 0));
#else
    return ENOSYS;
#endif
}

int attempt_tiocsti(const struct jail_world *w)
{
    (void)w;
    return result(ioctl(w->listener, FIOASYNC, &(int){0}));
}

/* The same call by the number of another ABI must not slip through. */
int attempt_x32_call(const struct jail_world *w)
{
    (void)w;
    return result(syscall(0x40000000 | 39 /* getpid */));
}

/* --- what every role needs ---------------------------------------------------------------------------------------------- */

int attempt_random(const struct jail_world *w)
{
    (void)w;
    char c;
    return result(getrandom(&c, 1, 0));
}

int attempt_clock(const struct jail_world *w)
{
    (void)w;
    struct timespec t;
    return result(syscall(SYS_clock_gettime, CLOCK_REALTIME, &t));
}

int attempt_pipe(const struct jail_world *w)
{
    (void)w;
    int p[2];
    char c = 0;
    if (pipe2(p, O_CLOEXEC | O_NONBLOCK) < 0 || write(p[1], "x", 1) != 1)
        return errno;
    struct pollfd f = {.fd = p[0], .events = POLLIN};
    return poll(&f, 1, 1000) == 1 && read(p[0], &c, 1) == 1 && c == 'x' ? 0 : EIO;
}

int attempt_timer(const struct jail_world *w)
{
    (void)w;
    timer_t t;
    struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGVTALRM};
    return result(timer_create(CLOCK_THREAD_CPUTIME_ID, &e, &t));
}
