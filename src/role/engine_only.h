/* The one channel of a role that serves the engine and nobody else: worker and checker. When the engine is gone, what such a
 * role holds is worthless: it ends, and the supervisor starts a fresh one. */
#ifndef ROLE_ENGINE_ONLY_H
#define ROLE_ENGINE_ONLY_H

#include "wire/channel.h"

/* Takes the channel over, for `connect` of struct role_handlers; `handlers` must outlive it. A second engine ends the role;
 * -SP_EPROTOCOL for another peer. */
[[gnu::warn_unused_result]] int engine_only_connect(enum role self, enum role peer, int fd, const struct channel_handlers *handlers);

/* Ends the role: `closed` of such handlers. */
void engine_only_closed(struct channel *channel, const char *reason, void *user);

#endif
