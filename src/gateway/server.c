/* server: libmicrohttpd on the role's loop, without threads. Its epoll descriptor is one descriptor of ours; it runs when that is
 * readable or its own timeout is over. A request is suspended while the engine has it. Called by main.c, by the listeners with
 * each accepted socket, and by whoever has an answer. Must hold: no callback blocks; each connection of the library has one
 * place in our table from its start to its end. */
#include <errno.h>
#include <ev.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/must.h"
#include "gateway/gateway.h"
#include "gateway/tls.h"

static struct {
    struct MHD_Daemon *daemon;
    struct ev_loop *loop;
    ev_io readable;
    ev_prepare before_wait;
    ev_timer timeout;
    struct connection *adopted; /* whose start the library has yet to tell */
} server;

/* --- one request ----------------------------------------------------------------------------------------------------- */

static enum MHD_Result answer(struct connection *c)
{
    if (c->state == CONNECTION_RECEIVING)
        connection_set_state(c, CONNECTION_ANSWERING);
    connection_drop_body(c);
    c->is_queued = true;
    if (c->problem) {
        struct MHD_Response *r = answer_problem(c->problem, connection_must_end(c));
        return MHD_queue_response(c->mhd, refusal_status(c->problem), r);
    }
    must(c->answer);
    enum MHD_Result result = MHD_queue_response(c->mhd, c->status, c->answer);
    /* The library holds its own reference now; its length stays counted until the client has read it. */
    MHD_destroy_response(TAKE_PTR(c->answer));
    return result;
}

/* Sent in chunks, so that its head did not tell that it is large. What comes of it waits in the kernel. */
static void hold_body(struct connection *c)
{
    c->problem = PROBLEM_PATIENCE;
    if (!patience_ends(c, false))
        return;
    server_hold(c);
    MHD_suspend_connection(c->mhd);
}

static enum MHD_Result take_body(struct connection *c, const char *data, size_t *len)
{
    bool was_small = c->received <= LIMIT_BODY_SMALL;
    c->received += *len;
    if (!c->problem && c->is_chunked && was_small && c->received > LIMIT_BODY_SMALL && patience_is_out(&c->client))
        hold_body(c);
    if (!c->problem) {
        int r = connection_append_body(c, data, *len, gateway_config.max_body);
        if (r < 0)
            c->problem = r == -SP_ELIMIT ? PROBLEM_BODY_LIMIT : PROBLEM_OVERLOAD;
    }
    if (c->problem) {
        /* The library takes no answer before the body's end. Read on for a while so that the client sees the refusal. */
        connection_drop_body(c);
        c->discarded += *len;
    }
    *len = 0;
    size_t most = c->problem == PROBLEM_PATIENCE ? LIMIT_CONNECTION_UNREAD : gateway_config.max_body;
    return c->discarded > most ? MHD_NO : MHD_YES;
}

/* The library takes an answer before the body only now; held, it sends nothing of it until the connection goes on. */
static enum MHD_Result refuse_head(struct connection *c)
{
    if (!patience_ends(c, false))
        return answer(c);
    server_hold(c);
    enum MHD_Result r = answer(c);
    if (r == MHD_YES)
        MHD_suspend_connection(c->mhd);
    return r;
}

/* Held, the answer follows when the connection goes on. */
static enum MHD_Result refuse(struct connection *c)
{
    if (!patience_ends(c, false))
        return answer(c);
    connection_drop_body(c);
    server_hold(c);
    MHD_suspend_connection(c->mhd);
    return MHD_YES;
}

/* The whole request is there: over to the engine. */
static enum MHD_Result hand_over(struct connection *c)
{
    int r = link_send(c);
    if (r < 0) {
        c->problem = r == -SP_EOVERLOAD ? PROBLEM_OVERLOAD : PROBLEM_UNAVAILABLE;
        return refuse(c);
    }
    if (r == 0)
        connection_drop_body(c);
    connection_set_state(c, CONNECTION_PENDING);
    MHD_suspend_connection(c->mhd);
    return MHD_YES;
}

/* The library calls this with the head, then with each piece of the body, then without data, and again after each resume. */
static enum MHD_Result on_request(void *user, struct MHD_Connection *mhd, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **of_request)
{
    (void)user, (void)mhd, (void)url;
    struct connection *c = *of_request;
    if (!c)
        return MHD_NO;
    if (c->state == CONNECTION_RECEIVING && !c->method && !c->problem) {
        intake_head(c, method, version);
        return c->problem ? refuse_head(c) : MHD_YES;
    }
    if (*len)
        return take_body(c, data, len);
    if (c->state == CONNECTION_RECEIVING)
        return c->problem ? refuse(c) : hand_over(c);
    if (c->is_queued)
        return MHD_YES; /* some versions of the library ask once more when a held one goes on */
    return c->problem || c->answer ? answer(c) : MHD_NO;
}

/* --- a connection's events ------------------------------------------------------------------------------------------- */

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

/* The request line is there, as it came: the library changes it in place right after this. */
static void *on_request_line(void *user, const char *uri, struct MHD_Connection *mhd)
{
    (void)user;
    struct connection *c = connection_of(mhd);
    /* Without a finished request before it there is none to begin: on_request then ends the connection. */
    if (!c || c->state != CONNECTION_IDLE)
        return NULL;
    connection_set_state(c, CONNECTION_RECEIVING);
    (void)buffer_append_text(&c->target, uri);
    c->target_at = uri;
    return c;
}

static void on_completed(void *user, struct MHD_Connection *mhd, void **of_request, enum MHD_RequestTerminationCode how)
{
    (void)user, (void)mhd, (void)how;
    struct connection *c = *of_request;
    if (!c)
        return;
    if (c->state == CONNECTION_PENDING)
        link_gone(c);
    if (c->state == CONNECTION_RECEIVING)
        patience_note_unfinished(c);
    connection_reset_request(c);
    connection_set_state(c, CONNECTION_IDLE);
    *of_request = NULL;
}

/* From version 1.0 on the library starts a connection in its next run and not at once: its socket tells whose it is. */
static struct connection *take_adopted(int fd)
{
    struct connection **place = &server.adopted;
    while (*place && (*place)->fd != fd)
        place = &(*place)->next_adopted;
    struct connection *c = *place;
    if (c)
        *place = c->next_adopted;
    return c;
}

static void on_connection(void *user, struct MHD_Connection *mhd, void **context, enum MHD_ConnectionNotificationCode what)
{
    (void)user;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        struct connection *started = take_adopted(MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd);
        must(started);
        *context = started;
        started->mhd = mhd;
        return;
    }
    struct connection *c = *context;
    *context = NULL;
    if (c)
        connection_close(c);
}

/* The path goes on as it came: who matches it decides what an escape means, once. */
static size_t keep_escapes(void *user, struct MHD_Connection *mhd, char *text)
{
    (void)user, (void)mhd;
    return strlen(text);
}

/* --- on the loop ----------------------------------------------------------------------------------------------------- */

void server_run(void)
{
    (void)MHD_run(server.daemon);
    /* What it could not start it has closed, without a word. */
    while (server.adopted) {
        struct connection *c = server.adopted;
        server.adopted = c->next_adopted;
        connection_close(c);
    }
}

static void on_readable(struct ev_loop *loop, ev_io *w, int events)
{
    (void)loop, (void)w, (void)events;
    server_run();
}

static void on_timeout(struct ev_loop *loop, ev_timer *w, int events)
{
    (void)loop, (void)w, (void)events;
    server_run();
}

static void on_before_wait(struct ev_loop *loop, ev_prepare *w, int events)
{
    (void)w, (void)events;
    MHD_UNSIGNED_LONG_LONG ms;
    if (MHD_get_timeout(server.daemon, &ms) != MHD_YES) {
        ev_timer_stop(loop, &server.timeout);
        return;
    }
    /* Exact only when there is work now; an inactive connection may end up to a second late. */
    if (ms > 0 && ev_is_active(&server.timeout) && ev_timer_remaining(loop, &server.timeout) < (double)ms / 1000.)
        return;
    ev_timer_stop(loop, &server.timeout);
    ev_timer_set(&server.timeout, ms ? (double)ms / 1000. : 0., 0.);
    ev_timer_start(loop, &server.timeout);
}

static struct MHD_Daemon *daemon_start(void)
{
    unsigned flags = MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME;
#if MHD_VERSION >=                                                                                                                 \
    0x00097707 /* else a connection that we hand over is only queued, and begins when we have forgotten which it is */
    flags |= MHD_USE_NO_THREAD_SAFETY;
#endif
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_CONNECTION_LIMIT, LIMIT_CONNECTIONS, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, LIMIT_CONNECTION_MEMORY, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, LIMIT_REQUEST_TIMEOUT_S, NULL},
        {MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, NULL},
#if MHD_VERSION >= 0x00097701 /* before, intake.c checks all that the strict mode would, and answers better */
        {MHD_OPTION_CLIENT_DISCIPLINE_LVL, 1, NULL}, /* 2 refuses the empty line that RFC 9112, 2.2 wants ignored */
#endif
        {MHD_OPTION_URI_LOG_CALLBACK, (intptr_t)on_request_line, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, NULL},
        {MHD_OPTION_UNESCAPE_CALLBACK, (intptr_t)keep_escapes, NULL},
        {MHD_OPTION_END, 0, NULL}, /* for TLS */
        {MHD_OPTION_END, 0, NULL},
        {MHD_OPTION_END, 0, NULL},
    };
    size_t n = sizeof options / sizeof options[0];
    if (gateway_config.is_tls) {
        flags |= MHD_USE_TLS;
        /* The interface is older than const. */
        options[n - 3] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)TLS_PRIORITIES};
        options[n - 2] = (struct MHD_OptionItem){MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)tls_retrieve};
    }
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, NULL, MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

int server_start(struct ev_loop *loop)
{
    server.daemon = daemon_start();
    const union MHD_DaemonInfo *info = server.daemon ? MHD_get_daemon_info(server.daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info || info->epoll_fd < 0)
        return -SP_EUNAVAILABLE;
    server.loop = loop;
    ev_io_init(&server.readable, on_readable, info->epoll_fd, EV_READ);
    ev_prepare_init(&server.before_wait, on_before_wait);
    ev_timer_init(&server.timeout, on_timeout, 0., 0.);
    ev_io_start(loop, &server.readable);
    ev_prepare_start(loop, &server.before_wait);
    return 0;
}

int server_adopt(struct connection *c, int fd, const struct sockaddr_storage *from, socklen_t len)
{
    c->fd = fd;
    c->next_adopted = server.adopted;
    server.adopted = c;
    enum MHD_Result r = MHD_add_connection(server.daemon, fd, (const struct sockaddr *)from, len);
    if (r == MHD_YES)
        return 0;
    (void)take_adopted(fd);
    /* The library has closed the socket, and told of the end if it had told of the start. */
    if (c->state != CONNECTION_FREE)
        connection_close(c);
    return -SP_EOVERLOAD;
}

void server_resume(struct connection *c)
{
    connection_set_state(c, CONNECTION_ANSWERING);
    MHD_resume_connection(c->mhd);
    /* With an outer loop the library wakes nobody. It runs once for all that this round resumed. */
    ev_feed_event(server.loop, &server.readable, EV_READ);
}

void server_hold(struct connection *c)
{
    connection_set_state(c, CONNECTION_HELD);
}

void server_cut(struct connection *c)
{
    /* The library finds the end on the socket and tidies up; the descriptor is its own. */
    if (c->fd >= 0)
        (void)shutdown(c->fd, SHUT_RDWR);
    c->is_cut = true;
    if (c->state == CONNECTION_HELD)
        server_resume(c);
}
