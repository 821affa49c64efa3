/* What the vault answers: one handler for each message, on the channels of the engine and of egress. */
#ifndef VAULT_SERVE_H
#define VAULT_SERVE_H

#include "crypto/secret.h"
#include "wire/channel.h"

/* Takes the key that all others come from; nothing is answered before. 0 or a negative code. */
[[gnu::warn_unused_result]] int serve_open(const struct secret *root);

/* Takes over a channel to the engine or to egress. An earlier one to the same peer is closed; with a new engine all
 * credentials are forgotten until it loads them again, since it may have revoked one that we still know. What comes in before
 * serve_open waits. */
[[gnu::warn_unused_result]] int serve_connect(struct ev_loop *loop, enum role peer, int fd);

/* Forgets everything. */
void serve_close(void);

#endif
