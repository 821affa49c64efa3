/* listener: accepts, and refuses at once what is beyond the limits, so that neither the backlog nor memory grows. When places run
 * short, those who hold many and send nothing give way to who comes next. Called by main.c. Must hold: without TLS nobody from
 * another machine is served unless a proxy stands before us. */
#include <errno.h>
#include <ev.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "gateway/gateway.h"

#define ACCEPTS_PER_ROUND 64
#define PAUSE_S           0.1 /* without descriptors or memory for another connection */

struct listener {
    int fd, next_fd; /* -1; `next_fd` waits for listeners_start */
    bool is_listening;
    ev_io readable;
    ev_timer pause;
};

static struct {
    struct listener each[LIMIT_LISTENERS];
    size_t n;
    struct ev_loop *loop;
    uint64_t refused;
} listeners;

/* Too many: 503 if the socket takes it at once, and the end. In TLS there is nothing that could be said so early. */
static void turn_away(int fd)
{
    static const char text[] = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 1\r\n"
                               "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n";
    if (!gateway_config.is_tls)
        (void)!send(fd, text, sizeof text - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
    close(fd);
    /* One line for many: the log must not be the flood. */
    if (listeners.refused++ % 1000 == 0)
        log_event(LOG_LEVEL_WARN, "gateway.connections-refused", "total", LOG_U64(listeners.refused), NULL);
}

/* One for one, and before the last place is taken: an end is noticed only when the library works again. Where all were too young to
 * give way until the last was taken, it works now. */
static void make_room(const struct address *newcomer)
{
    unsigned max = gateway_config.connections, spare = max / 4 < LIMIT_CONNECTIONS_SPARE ? max / 4 : LIMIT_CONNECTIONS_SPARE;
    if (connections_count(CONNECTION_FREE) + spare < max)
        return;
    struct connection *c = connection_to_give_way(newcomer);
    if (!c)
        return;
    server_cut(c);
    if (connections_count(CONNECTION_FREE) >= max)
        server_run();
}

static void welcome(int fd, const struct sockaddr_storage *from, socklen_t len)
{
    struct address peer = address_of(from);
    bool is_proxy = gateway_config.is_behind_proxy && networks_have(gateway_config.trusted, gateway_config.n_trusted, &peer);
    /* A proxy brings everybody's connections: only the total limits it. */
    unsigned share = is_proxy || from->ss_family == AF_UNIX ? 0 : gateway_config.connections_per_address;
    make_room(&peer);
    struct connection *c = connection_open(&peer, gateway_config.connections, share);
    if (c && share)
        c->is_hasty = !patience_welcomes(&peer);
    if (!c)
        turn_away(fd);
    else if (server_adopt(c, fd, from, len) < 0)
        log_event(LOG_LEVEL_WARN, "gateway.connection-refused", "error", error_text(-SP_EOVERLOAD), NULL);
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)events;
    struct listener *l = w->data;
    for (int i = 0; i < ACCEPTS_PER_ROUND; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(l->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            welcome(fd, &from, len);
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            /* The socket stays readable; without a pause this would spin. */
            ev_io_stop(loop, &l->readable);
            ev_timer_set(&l->pause, PAUSE_S, 0.);
            ev_timer_start(loop, &l->pause);
        }
        return;
    }
}

static void on_pause_over(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)events;
    struct listener *l = w->data;
    ev_io_start(loop, &l->readable);
}

int listener_add(uint16_t index, int fd)
{
    if (index >= LIMIT_LISTENERS) {
        close(fd);
        return -SP_ELIMIT;
    }
    for (; listeners.n <= index; listeners.n++)
        listeners.each[listeners.n] = (struct listener){.fd = -1, .next_fd = -1};
    struct listener *l = &listeners.each[index];
    closep(&l->next_fd);
    l->next_fd = fd;
    return 0;
}

static int check_reach(int fd, struct diag *reterr)
{
    struct sockaddr_storage own = {0};
    socklen_t len = sizeof own;
    if (getsockname(fd, (struct sockaddr *)&own, &len) < 0)
        return diag_set(reterr, -errno, "a listening socket has no address: %s", error_text(-errno));
    struct address a = address_of(&own);
    bool is_local = own.ss_family == AF_UNIX;
    if (own.ss_family == AF_INET || own.ss_family == AF_INET6)
        is_local = address_is_loopback(&a);
    if (is_local || gateway_config.is_tls || gateway_config.is_behind_proxy)
        return 0;
    return diag_set(reterr, -SP_EINVALID,
                    "plain HTTP is only served on a loopback address: configure TLS, or behindProxy if a proxy ends it");
}

static void listener_stop(struct listener *l)
{
    if (l->is_listening) {
        ev_io_stop(listeners.loop, &l->readable);
        ev_timer_stop(listeners.loop, &l->pause);
    }
    l->is_listening = false;
    closep(&l->fd);
    l->fd = -1;
}

int listeners_start(struct ev_loop *loop, struct diag *reterr)
{
    listeners.loop = loop;
    for (size_t i = 0; i < listeners.n; i++) {
        struct listener *l = &listeners.each[i];
        int fd = l->next_fd >= 0 ? l->next_fd : l->fd;
        int r = fd >= 0 ? check_reach(fd, reterr) : 0;
        if (r < 0)
            return r;
    }
    for (size_t i = 0; i < listeners.n; i++) {
        struct listener *l = &listeners.each[i];
        if (l->next_fd < 0)
            continue;
        listener_stop(l);
        l->fd = TAKE_FD(l->next_fd);
        ev_io_init(&l->readable, on_readable, l->fd, EV_READ);
        ev_timer_init(&l->pause, on_pause_over, 0., 0.);
        l->readable.data = l->pause.data = l;
        ev_io_start(loop, &l->readable);
        l->is_listening = true;
    }
    return 0;
}

void listeners_stop(void)
{
    for (size_t i = 0; i < listeners.n; i++)
        listener_stop(&listeners.each[i]);
}
