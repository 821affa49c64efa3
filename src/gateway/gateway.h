/* What the parts of the gateway share: the configuration in force and the duties of each file. */
#ifndef GATEWAY_GATEWAY_H
#define GATEWAY_GATEWAY_H

#include "gateway/config.h"
#include "gateway/connections.h"

struct ev_loop;

extern struct gateway_config gateway_config; /* replaced as a whole at start and reload */

/* server.c: libmicrohttpd on the role's loop. */
[[gnu::warn_unused_result]] int server_start(struct ev_loop *loop);
[[gnu::warn_unused_result]] int server_adopt(struct connection *c, int fd, const struct sockaddr_storage *from, socklen_t len);
/* Lets a suspended connection go on with c->answer or c->problem. */
void server_resume(struct connection *c);
/* Keeps the answer of a suspended connection back for LIMIT_HELD_MS. */
void server_hold(struct connection *c);
/* Ends a connection at once. */
void server_cut(struct connection *c);
/* Lets the library work on what is there now; not from within its calls. */
void server_run(void);

/* listener.c: the listening sockets and the accept policy. */
[[gnu::warn_unused_result]] int listener_add(uint16_t index, int fd); /* takes fd; it waits for listeners_start */
/* Listens on what was added, in place of an earlier socket of the same index. -SP_EINVALID when a socket is reachable from other
 * machines without TLS and without a proxy before it. */
[[gnu::warn_unused_result]] int listeners_start(struct ev_loop *loop, struct diag *reterr);
void listeners_stop(void);

/* intake.c: a request's head, from libmicrohttpd's parse to what the engine will see. Sets c->problem when it is refused. */
void intake_head(struct connection *c, const char *method, const char *version);

/* link.c: the channel to the engine. */
[[gnu::warn_unused_result]] int link_connect(struct ev_loop *loop, int fd); /* takes fd; an earlier channel is dead */
/* Sends the request in hand: 0, and 1 when its body is large and has to wait for its turn, or the code of channel_send. */
[[gnu::warn_unused_result]] int link_send(struct connection *c);
void link_gone(const struct connection *c);

/* patience.c: addresses that had much refused of late, or connect all the time. */
[[gnu::warn_unused_result]] int patience_init(void);
/* Whether this client's large bodies are not taken now. */
bool patience_is_out(const struct address *client);
/* Counts a new connection; false when there were too many. */
[[gnu::warn_unused_result]] bool patience_welcomes(const struct address *peer);
/* Whether the answer, c->problem or c->status, has to be held. A refusal is counted, but not of somebody who proved who he is. */
[[gnu::warn_unused_result]] bool patience_ends(struct connection *c, bool is_proven);
/* Counts a body that was not sent to its end. */
void patience_note_unfinished(const struct connection *c);

/* answer.c: responses. */
[[gnu::warn_unused_result]] int answer_init(void); /* makes the problems */
struct MHD_Response *answer_problem(enum problem p, bool closes); /* borrowed */
/* A response of the engine's, checked; -SP_EPROTOCOL, -SP_ELIMIT or -ENOMEM. */
[[gnu::warn_unused_result]] int answer_build(unsigned status, struct slice headers, struct slice body, bool closes,
                                             struct MHD_Response **ret);

/* watch.c: deadlines, and clients that left. */
void watch_start(struct ev_loop *loop);
/* Ends idle connections, lets the others finish, then calls role_exit. */
void watch_drain(void);
bool watch_is_draining(void);

/* Whether the connection must end with this answer. 0.9.75 reads chunk framing leniently (a bare LF ends a line), so after a
 * chunked body nothing on that connection is read as a request: there is no second request to smuggle. */
static inline bool connection_must_end(const struct connection *c)
{
    return c->is_chunked || watch_is_draining();
}

#endif
