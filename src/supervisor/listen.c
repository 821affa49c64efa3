/* listen: opens the gateway's listening sockets. Called by sallyportd before any role starts. */
#include "supervisor/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/slice.h"

#define BACKLOG 1024

DEFINE_CLEANUP(struct addrinfo *, freeaddrinfo)

/* Cuts "[::1]:8700" into "::1" and "8700". */
static int split(const char *where, char host[LISTEN_NAME_MAX], const char **ret_port)
{
    const char *colon = strrchr(where, ':');
    size_t len = colon ? (size_t)(colon - where) : 0;
    if (!colon || len == 0 || len >= LISTEN_NAME_MAX || !colon[1])
        return -SP_EINVALID;
    if (where[0] == '[') {
        if (len < 3 || where[len - 1] != ']')
            return -SP_EINVALID;
        where++;
        len -= 2;
    } else if (memchr(where, ':', len)) {
        return -SP_EINVALID;
    }
    memcpy(host, where, len);
    host[len] = 0;
    *ret_port = colon + 1;
    /* getaddrinfo takes the low 16 bits of any number. */
    uint64_t port;
    return slice_parse_u64(slice_text(*ret_port), &port) == 0 && port <= UINT16_MAX ? 0 : -SP_EINVALID;
}

/* What the kernel holds of a connection that we or its client do not read: by itself megabytes, which nothing of ours would count
 * [I6]. Connections inherit it. */
static int limit_unread(int fd)
{
    static const int len = LIMIT_CONNECTION_UNREAD / 2; /* the kernel doubles it for its own use */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len, sizeof len) < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len, sizeof len) < 0)
        return -errno;
    return 0;
}

static int bind_to(const struct addrinfo *a, int *ret_fd)
{
    static const int on = 1;
    _cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return -errno;
    if (a->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) < 0)
        return -errno;
    int r = limit_unread(fd);
    if (r < 0)
        return r;
    if (bind(fd, a->ai_addr, a->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    *ret_fd = TAKE_FD(fd);
    return 0;
}

static int resolve(const char *where, struct addrinfo **ret, struct diag *reterr)
{
    char host[LISTEN_NAME_MAX];
    const char *port;
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    if (split(where, host, &port) == 0 && getaddrinfo(host, port, &hints, ret) == 0 && *ret)
        return 0;
    (void)diag_set(reterr, -SP_EINVALID, "\"%s\" is no address to listen on", where);
    diag_hint(reterr, "write ADDRESS:PORT, as in 127.0.0.1:8700 or [::1]:8700");
    return -SP_EINVALID;
}

int listen_open(const char *where, int *ret_fd, struct diag *reterr)
{
    _cleanup_(freeaddrinfop) struct addrinfo *found = NULL;
    int r = resolve(where, &found, reterr);
    if (r < 0)
        return r;
    r = bind_to(found, ret_fd);
    if (r == -EADDRINUSE) {
        (void)diag_set(reterr, r, "another program listens on %s already", where);
        diag_hint(reterr, "find it with: ss -ltnp, or choose another address with --listen");
    } else if (r < 0) {
        (void)diag_set(reterr, r, "cannot listen on %s: %s", where, error_text(r));
    }
    return r;
}

union own_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static void describe(const union own_address *a, char ret_name[LISTEN_NAME_MAX], bool *ret_is_local)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (a->any.sa_family == AF_INET) {
        (void)inet_ntop(AF_INET, &a->v4.sin_addr, text, sizeof text);
        *ret_is_local = ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
        (void)snprintf(ret_name, LISTEN_NAME_MAX, "%s:%u", text, ntohs(a->v4.sin_port));
    } else {
        (void)inet_ntop(AF_INET6, &a->v6.sin6_addr, text, sizeof text);
        *ret_is_local = a->any.sa_family == AF_UNIX || IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
        (void)snprintf(ret_name, LISTEN_NAME_MAX, "[%s]:%u", text, ntohs(a->v6.sin6_port));
    }
}

void listen_describe(int fd, char ret_name[LISTEN_NAME_MAX], bool *ret_is_local)
{
    union own_address a = {0};
    socklen_t len = sizeof a;
    (void)getsockname(fd, &a.any, &len);
    describe(&a, ret_name, ret_is_local);
}

int listen_foresee(const char *where, char ret_name[LISTEN_NAME_MAX], bool *ret_is_local, struct diag *reterr)
{
    _cleanup_(freeaddrinfop) struct addrinfo *found = NULL;
    union own_address a = {0};
    int r = resolve(where, &found, reterr);
    if (r < 0)
        return r;
    memcpy(&a, found->ai_addr, found->ai_addrlen < sizeof a ? found->ai_addrlen : sizeof a);
    describe(&a, ret_name, ret_is_local);
    return 0;
}
