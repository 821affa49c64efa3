/* notify: the datagrams of sd_notify(3) by hand. Called by sallyportd. Must never fail the daemon: who started it may not be
 * systemd. */
#include "supervisor/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/slice.h"

#define LISTEN_FDS_MAX 8

void notify_send(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t len = path ? strlen(path) : 0;
    if (len < 2 || len >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@'))
        return;
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = 0;
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

static bool is_for_us(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t pid;
    return text && slice_parse_u64(slice_text(text), &pid) == 0 && (pid_t)pid == getpid();
}

static uint64_t number(const char *variable)
{
    const char *text = getenv(variable);
    uint64_t n;
    return text && slice_parse_u64(slice_text(text), &n) == 0 ? n : 0;
}

int64_t notify_watchdog_ms(void)
{
    if (getenv("WATCHDOG_PID") && !is_for_us("WATCHDOG_PID"))
        return 0;
    uint64_t us = number("WATCHDOG_USEC");
    return us > 86400000000ull ? 0 : (int64_t)(us / 2000);
}

bool notify_is_journal(int fd)
{
    const char *stream = getenv("JOURNAL_STREAM");
    char own[64];
    struct stat st;
    if (!stream || fstat(fd, &st) < 0)
        return false;
    (void)snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(own, stream) == 0;
}

unsigned notify_listen_fds(void)
{
    uint64_t n = is_for_us("LISTEN_PID") ? number("LISTEN_FDS") : 0;
    return n > LISTEN_FDS_MAX ? LISTEN_FDS_MAX : (unsigned)n;
}
