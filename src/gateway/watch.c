/* watch: deadlines, clients that left while their run goes on, and the end. One timer for all: a deadline is met to a quarter of a
 * second. libmicrohttpd's own timeout counts inactivity, which a client that sends a byte now and then never has. */
#include <ev.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/tls.h"
#include "role/role.h"

#define TICK_S       0.25
#define DRAIN_TICK_S 0.02

static struct {
    struct ev_loop *loop;
    ev_timer tick;
    int64_t drain_since_ms; /* 0: not draining */
    struct pollfd polled[LIMIT_CONNECTIONS];
    struct connection *connections[LIMIT_CONNECTIONS];
} watch;

static void cut_older(enum connection_state state, int64_t limit_ms, int64_t now_ms)
{
    for (struct connection *c = connections_oldest(state); c && now_ms - c->since_ms > limit_ms; c = c->next)
        server_cut(c);
}

static void give_up(struct connection *c)
{
    link_gone(c);
    c->problem = PROBLEM_TIMEOUT;
    server_resume(c);
}

static void time_out_answers(int64_t now_ms)
{
    struct connection *c;
    while ((c = connections_oldest(CONNECTION_PENDING)) && now_ms - c->since_ms > LIMIT_ANSWER_TIMEOUT_S * 1000)
        give_up(c);
}

static void release_held(int64_t now_ms)
{
    struct connection *c;
    while ((c = connections_oldest(CONNECTION_HELD)) && (watch.drain_since_ms || now_ms - c->since_ms >= LIMIT_HELD_MS))
        server_resume(c);
}

/* Asks the kernel whose clients send no more; how many there are to look at. Most requests leave their state before the next tick and
 * cost nothing here. */
static nfds_t poll_ends(enum connection_state state, int64_t now_ms)
{
    nfds_t n = 0;
    for (struct connection *c = connections_oldest(state);
         c && n < LIMIT_CONNECTIONS && now_ms - c->since_ms >= (int64_t)(TICK_S * 1000); c = c->next) {
        watch.connections[n] = c;
        watch.polled[n++] = (struct pollfd){.fd = c->fd, .events = POLLRDHUP};
    }
    return n > 0 && poll(watch.polled, n, 0) > 0 ? n : 0;
}

/* A suspended connection is not in libmicrohttpd's epoll set, so nobody sees its client leave. */
static void find_gone(int64_t now_ms)
{
    nfds_t n = poll_ends(CONNECTION_PENDING, now_ms);
    for (nfds_t i = 0; i < n; i++)
        if (watch.polled[i].revents) {
            server_cut(watch.connections[i]);
            give_up(watch.connections[i]);
        }
}

/* Where libmicrohttpd read the last bytes and the end at once it waits for an edge that never comes, and half a body would keep its
 * room until the request's time is over. What is still unread comes first. */
static void find_broken_off(int64_t now_ms)
{
    nfds_t n = poll_ends(CONNECTION_RECEIVING, now_ms);
    char byte;
    for (nfds_t i = 0; i < n; i++)
        if (watch.polled[i].revents && recv(watch.polled[i].fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
            server_cut(watch.connections[i]);
}

static void drain(int64_t now_ms)
{
    size_t in_hand = connections_count(CONNECTION_RECEIVING) + connections_count(CONNECTION_PENDING) +
                     connections_count(CONNECTION_HELD) + connections_count(CONNECTION_ANSWERING);
    cut_older(CONNECTION_IDLE, -1, now_ms);
    if (in_hand && now_ms - watch.drain_since_ms < LIMIT_STOP_TIMEOUT_S * 1000)
        return;
    if (in_hand)
        log_event(LOG_LEVEL_WARN, "gateway.requests-abandoned", "count", LOG_U64(in_hand), NULL);
    ev_timer_stop(watch.loop, &watch.tick);
    role_exit(0);
}

static void on_tick(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
    int64_t now_ms = clock_monotonic_ms();
    cut_older(CONNECTION_IDLE, LIMIT_IDLE_TIMEOUT_S * 1000, now_ms);
    cut_older(CONNECTION_RECEIVING, gateway_config.request_timeout_ms, now_ms);
    cut_older(CONNECTION_ANSWERING, LIMIT_DELIVERY_TIMEOUT_S * 1000, now_ms);
    time_out_answers(now_ms);
    release_held(now_ms);
    find_gone(now_ms);
    find_broken_off(now_ms);
    tls_sweep(now_ms);
    if (watch.drain_since_ms)
        drain(now_ms);
}

void watch_start(struct ev_loop *loop)
{
    watch.loop = loop;
    ev_timer_init(&watch.tick, on_tick, TICK_S, TICK_S);
    ev_timer_start(loop, &watch.tick);
}

void watch_drain(void)
{
    if (watch.drain_since_ms)
        return;
    watch.drain_since_ms = clock_monotonic_ms();
    ev_timer_stop(watch.loop, &watch.tick);
    ev_timer_set(&watch.tick, 0., DRAIN_TICK_S);
    ev_timer_start(watch.loop, &watch.tick);
}

bool watch_is_draining(void)
{
    return watch.drain_since_ms != 0;
}
