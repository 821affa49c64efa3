/* The channels of egress, and its dispatch tables. */
#ifndef EGRESS_SERVE_H
#define EGRESS_SERVE_H

#include "egress/egress.h"

/* Takes `fd` over (also on failure); an earlier channel to the same peer is dead. */
[[gnu::warn_unused_result]] int serve_connect(struct ev_loop *loop, enum role peer, int fd);

/* Calls are taken from here on; `e` is kept until serve_close, which comes before egress_free. */
void serve_open(struct egress *e);
void serve_close(void);

/* What egress_new wants. */
const struct egress_peers *serve_peers(void);

#endif
