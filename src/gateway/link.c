/* link: the channel to the engine. Called by server.c with whole requests, by watch.c, and by main.c when the supervisor gives a new
 * channel. Must hold: each request that waits is answered once: by the engine, or with 503 when the channel is lost; of large
 * requests one is on its way at a time and rests follow it, so that small ones pass. */
#include <ev.h>
#include <unistd.h>

#include "base/error.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/validate.h"
#include "role/role.h"

#define REST       3   /* times as long as a large request took to leave, none follows it, */
#define REST_MAX_S 0.2 /* but no longer: an engine that stood still is no reason to wait */

static struct channel *engine;

/* Tags of large requests in the order they came; the tag of one that was given up finds no connection. */
static struct {
    uint64_t tags[LIMIT_CONNECTIONS];
    size_t first, n;
    ev_prepare pump;
    ev_timer rest;       /* active while none may follow */
    double sent_at, len; /* of the one that is on its way; 0: none is */
} turns;

static void refuse(struct connection *c, enum problem p)
{
    c->problem = p;
    server_resume(c);
}

static int on_response(struct channel *channel, struct slice payload, int fd)
{
    (void)channel, (void)fd;
    struct msg_http_response m;
    int r = wire_decode_http_response(payload, &m);
    if (r < 0)
        return r;
    struct connection *c = connection_by_tag(m.tag);
    if (!c)
        return 0; /* the client left while the answer was under way */
    struct MHD_Response *response = NULL;
    r = answer_build(m.status, m.headers, m.body, connection_must_end(c), &response);
    if (r < 0) {
        log_event(LOG_LEVEL_ERROR, "gateway.answer-refused", "error", error_text(r), "status", LOG_U64(m.status), NULL);
        refuse(c, PROBLEM_ANSWER);
        return 0;
    }
    c->status = m.status;
    r = connection_keep_answer(c, &response, m.body.len);
    if (r < 0) {
        MHD_destroy_response(response);
        refuse(c, PROBLEM_OVERLOAD);
        return 0;
    }
    if (patience_ends(c, m.is_proven))
        server_hold(c);
    else
        server_resume(c);
    return 0;
}

static role_message_handler *const table[WIRE_TYPE_COUNT] = {[WIRE_HTTP_RESPONSE] = on_response};

static int on_message(struct channel *channel, uint16_t type, struct slice payload, int fd, void *user)
{
    (void)user;
    if (fd >= 0) {
        close(fd);
        return -SP_EPROTOCOL;
    }
    return role_dispatch(table, WIRE_TYPE_COUNT, channel, type, payload, fd);
}

/* --- requests -------------------------------------------------------------------------------------------------------- */

static int send_request(const struct connection *c)
{
    struct target target;
    int r = target_parse(buffer_slice(&c->target), &target);
    if (r < 0)
        return r;
    struct msg_http_request m = {.tag = connection_tag(c),
                                 .method = c->method,
                                 .path = target.path,
                                 .query = target.query,
                                 .headers = buffer_slice(&c->headers),
                                 .body = buffer_slice(&c->body),
                                 .is_tls = gateway_config.is_tls};
    memcpy(m.peer, c->client.bytes, sizeof m.peer);
    return CHANNEL_SEND(engine, HTTP_REQUEST, http_request, &m);
}

static void send_next(void)
{
    struct connection *c = connection_by_tag(turns.tags[turns.first]);
    turns.first = (turns.first + 1) % LIMIT_CONNECTIONS;
    turns.n--;
    if (!c)
        return;
    turns.sent_at = ev_now(role_loop());
    turns.len = (double)c->body.len;
    int r = send_request(c);
    connection_drop_body(c);
    if (r < 0)
        refuse(c, r == -SP_EOVERLOAD ? PROBLEM_OVERLOAD : PROBLEM_UNAVAILABLE);
}

static bool is_free(void)
{
    return engine && channel_queued(engine) < LIMIT_BODY_SMALL;
}

/* By its size, so that all together have a rate, and by its time, so that a busy machine has time for others. */
static void begin_rest(void)
{
    double by_size = turns.len / LIMIT_LARGE_PER_S, by_time = REST * (ev_now(role_loop()) - turns.sent_at);
    by_time = by_time < REST_MAX_S ? by_time : REST_MAX_S;
    turns.sent_at = 0;
    ev_timer_set(&turns.rest, by_time > by_size ? by_time : by_size, 0.);
    ev_timer_start(role_loop(), &turns.rest);
}

static void on_pump(struct ev_loop *loop, ev_prepare *w, int events)
{
    (void)events;
    while (turns.n && !(turns.sent_at > 0) && is_free() && !ev_is_active(&turns.rest)) {
        send_next();
        /* The channel writes in the loop's prepare phase, which is now. */
        (void)channel_flush(engine);
    }
    if (turns.sent_at > 0 && is_free())
        begin_rest();
    if (!turns.n && !(turns.sent_at > 0))
        ev_prepare_stop(loop, w);
}

/* That the loop turns is all that is needed: the pump looks again. */
static void on_rested(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
}

static int take_turn(uint64_t tag)
{
    if (turns.n == LIMIT_CONNECTIONS)
        return -SP_EOVERLOAD;
    turns.tags[(turns.first + turns.n++) % LIMIT_CONNECTIONS] = tag;
    ev_prepare_start(role_loop(), &turns.pump);
    return 1;
}

int link_send(struct connection *c)
{
    if (!engine)
        return -SP_EUNAVAILABLE;
    uint64_t tag = connection_new_tag(c);
    return c->body.len > LIMIT_BODY_SMALL ? take_turn(tag) : send_request(c);
}

/* --- the engine's coming and going ----------------------------------------------------------------------------------- */

static void forget_engine(void)
{
    turns.n = 0;
    ev_prepare_stop(role_loop(), &turns.pump);
    ev_timer_stop(role_loop(), &turns.rest);
    turns.sent_at = 0;
    channel_free(TAKE_PTR(engine));
    while (connections_oldest(CONNECTION_PENDING))
        refuse(connections_oldest(CONNECTION_PENDING), PROBLEM_UNAVAILABLE);
}

static void on_closed(struct channel *channel, const char *reason, void *user)
{
    (void)channel, (void)user;
    log_event(LOG_LEVEL_WARN, "gateway.engine-lost", "reason", reason, NULL);
    forget_engine();
}

int link_connect(struct ev_loop *loop, int fd)
{
    static const struct channel_handlers handlers = {.message = on_message, .closed = on_closed};
    forget_engine();
    ev_prepare_init(&turns.pump, on_pump);
    ev_timer_init(&turns.rest, on_rested, 0., 0.);
    return channel_new(loop, fd, ROLE_GATEWAY, ROLE_ENGINE, &handlers, NULL, &engine);
}

void link_gone(const struct connection *c)
{
    struct msg_http_gone m = {.tag = connection_tag(c)};
    /* A hint that may be lost: the engine's answer to nobody is dropped anyway. */
    if (engine)
        (void)!CHANNEL_SEND(engine, HTTP_GONE, http_gone, &m);
}
