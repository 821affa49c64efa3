/* Stands in for any role, in a copy of the executables' folder: it gives the control channel that the
 * supervisor handed it to the test, which is the role from then on (tests/abuse/taken.py), and lives as long
 * as the test holds on to it. It enters no jail: what a jail leaves to a role is the matter of tests/jail,
 * what the channels leave to it is that of this folder.
 *
 * The test listens on an abstract Unix socket whose name is the end of the folder's path. One message: the
 * command line, its arguments ended by NUL, with descriptor 3. */
#include <libgen.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define CONTROL_FD 3
#define NAME_LEN   100

static int meet_test(char *folder)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t len = strlen(folder), n = len < NAME_LEN ? len : NAME_LEN;
    memcpy(a.sun_path + 1, folder + len - n, n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&a,
                              (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + n)) == 0
               ? fd
               : -1;
}

static size_t join(char *to, size_t size, const char *name, int argc, char **argv)
{
    size_t used = 0;
    for (int i = 0; i < argc; i++) {
        const char *text = i == 0 ? name : argv[i];
        size_t len = strlen(text) + 1;
        if (used + len > size)
            break;
        memcpy(to + used, text, len);
        used += len;
    }
    return used;
}

static int hand_over(int fd, char *line, size_t len)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    struct iovec part = {.iov_base = line, .iov_len = len};
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *h = CMSG_FIRSTHDR(&m);
    *h = (struct cmsghdr){
        .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))};
    memcpy(CMSG_DATA(h), &(int){CONTROL_FD}, sizeof(int));
    return sendmsg(fd, &m, MSG_NOSIGNAL) < 0 ? -1 : close(CONTROL_FD);
}

int main(int argc, char **argv)
{
    char path[4096], name[64], line[4096], byte;
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    if (n <= 0)
        return 1;
    path[n] = 0;
    (void)snprintf(name, sizeof name, "%s", strrchr(path, '/') + 1);
    int fd = meet_test(dirname(path));
    if (fd < 0 || hand_over(fd, line, join(line, sizeof line, name, argc, argv)) < 0)
        return 1;
    return read(fd, &byte, 1) == 1 ? byte : 0; /* the status with which the test has it end */
}
