/* net: drives libcurl from libev (curl_multi_socket_action), and sets what holds for every call: only http and https, no
 * proxy, no netrc, no cookies, no redirects of libcurl's own, TLS 1.2 or later with verified names. Called by transfer.c. */
#include "egress/net.h"

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <sys/mman.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/limits.h"
#include "base/must.h"
#include "base/version.h"
#include "egress/memory.h"

#define SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

struct net {
    struct ev_loop *loop;
    net_done *done;
    CURLM *multi;
    ev_timer timer;
    int authorities_fd, former_authorities_fd; /* a memfd: GnuTLS takes files alone, and the role has none */
    char authorities_path[32];
};

/* Takes the ended transfers out. `done` may add new ones, which is allowed here and not in libcurl's callbacks. */
static void drain(struct net *n)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(n->multi, &left))) {
        if (message->msg != CURLMSG_DONE)
            continue;
        CURL *easy = message->easy_handle;
        CURLcode result = message->data.result; /* `message` dies with the removal */
        void *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        curl_multi_remove_handle(n->multi, easy);
        n->done(easy, result, private);
    }
}

static void on_socket(struct ev_loop *loop, ev_io *io, int events)
{
    struct net *n = io->data;
    int action = (events & EV_READ ? CURL_CSELECT_IN : 0) | (events & EV_WRITE ? CURL_CSELECT_OUT : 0);
    int running;
    curl_multi_socket_action(n->multi, io->fd, action, &running); /* may free `io` */
    drain(n);
}

static void on_timer(struct ev_loop *loop, ev_timer *timer, int events)
{
    struct net *n = timer->data;
    int running;
    curl_multi_socket_action(n->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    drain(n);
}

static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *watcher)
{
    struct net *n = user;
    ev_io *io = watcher;
    if (io)
        ev_io_stop(n->loop, io);
    if (what == CURL_POLL_REMOVE) {
        free(io);
        return 0;
    }
    if (!io) {
        io = calloc(1, sizeof *io);
        if (!io)
            return -1;
        curl_multi_assign(n->multi, fd, io);
    }
    int events = (what & CURL_POLL_IN ? EV_READ : 0) | (what & CURL_POLL_OUT ? EV_WRITE : 0);
    ev_io_init(io, on_socket, fd, events);
    io->data = n;
    ev_io_start(n->loop, io);
    return 0;
}

static int watch_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct net *n = user;
    ev_timer_stop(n->loop, &n->timer);
    if (timeout_ms >= 0) {
        ev_timer_set(&n->timer, (double)timeout_ms / 1000, 0);
        ev_timer_start(n->loop, &n->timer);
    }
    return 0;
}

int net_new(struct ev_loop *loop, net_done *done, struct net **ret)
{
    int r = memory_init_curl();
    if (r < 0)
        return r;
    struct net *n = calloc(1, sizeof *n);
    if (!n)
        return -ENOMEM;
    *n = (struct net){.loop = loop, .done = done, .authorities_fd = -1, .former_authorities_fd = -1,
                      .multi = curl_multi_init()};
    if (!n->multi) {
        free(n);
        return -ENOMEM;
    }
    ev_timer_init(&n->timer, on_timer, 0, 0);
    n->timer.data = n;
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
    curl_multi_setopt(n->multi, CURLMOPT_SOCKETDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERFUNCTION, watch_timer);
    curl_multi_setopt(n->multi, CURLMOPT_TIMERDATA, n);
    curl_multi_setopt(n->multi, CURLMOPT_MAXCONNECTS, (long)LIMIT_EGRESS_CONNECTIONS);
    curl_multi_setopt(n->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)LIMIT_EGRESS_OPEN);
    *ret = n;
    return 0;
}

void net_free(struct net *n)
{
    if (!n)
        return;
    curl_multi_cleanup(n->multi); /* ends the watchers of idle connections */
    ev_timer_stop(n->loop, &n->timer);
    closep(&n->authorities_fd);
    closep(&n->former_authorities_fd);
    free(n);
}

/* --- certificate authorities ------------------------------------------------------------------------------------------ */

static int file_append(const char *path, struct buffer *b)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return -errno;
    uint8_t block[16384];
    ssize_t got;
    while ((got = read(fd, block, sizeof block)) > 0)
        (void)buffer_append(b, block, (size_t)got);
    return got < 0 ? -errno : buffer_error(b);
}

static int write_all(int fd, struct slice s)
{
    while (s.len) {
        ssize_t put = write(fd, s.p, s.len);
        if (put < 0)
            return -errno;
        s = slice_of(s.p + put, s.len - (size_t)put);
    }
    return 0;
}

int net_set_authorities(struct net *n, struct slice extra)
{
    _cleanup_buffer_ struct buffer pem = BUFFER_MAX(LIMIT_CA_BUNDLE);
    int r = file_append(SYSTEM_AUTHORITIES, &pem);
    if (r < 0 && r != -ENOENT)
        return r;
    (void)buffer_append_byte(&pem, '\n');
    if ((r = buffer_append_slice(&pem, extra)) < 0)
        return r;
    _cleanup_close_ int fd = memfd_create("authorities", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    if ((r = write_all(fd, buffer_slice(&pem))) < 0)
        return r;
    /* Calls under way still open the last one by its path. */
    closep(&n->former_authorities_fd);
    n->former_authorities_fd = n->authorities_fd;
    n->authorities_fd = TAKE_FD(fd);
    snprintf(n->authorities_path, sizeof n->authorities_path, "/proc/self/fd/%d", n->authorities_fd);
    return 0;
}

/* --- easy handles ------------------------------------------------------------------------------------------------------ */

CURL *net_easy(struct net *n)
{
    CURL *easy = curl_easy_init();
    if (!easy)
        return NULL;
    bool ok = true;
#define SET(option, value) ok = ok && curl_easy_setopt(easy, option, value) == CURLE_OK
    SET(CURLOPT_PROTOCOLS_STR, "http,https");
    SET(CURLOPT_FOLLOWLOCATION, 0L); /* each hop is judged by call.c */
    SET(CURLOPT_PROXY, "");          /* and none from the environment */
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_NOSIGNAL, 1L);
    SET(CURLOPT_PATH_AS_IS, 1L); /* the path that was judged is the path that is sent */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_CAPATH, (char *)NULL);
    SET(CURLOPT_CAINFO, n->authorities_fd >= 0 ? n->authorities_path : "/proc/self/fd/-1");
    SET(CURLOPT_ACCEPT_ENCODING, "gzip, deflate, br");
    SET(CURLOPT_CONNECTTIMEOUT_MS, (long)LIMIT_EGRESS_CONNECT_MS);
    SET(CURLOPT_USERAGENT, "sallyport/" SALLYPORT_VERSION);
    SET(CURLOPT_BUFFERSIZE, 65536L);
#undef SET
    if (!ok) {
        curl_easy_cleanup(easy);
        return NULL;
    }
    return easy;
}

int net_add(struct net *n, CURL *easy)
{
    return curl_multi_add_handle(n->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void net_remove(struct net *n, CURL *easy)
{
    curl_multi_remove_handle(n->multi, easy);
}
