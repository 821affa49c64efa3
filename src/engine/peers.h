/* The engine's channels to its peers, and the questions that it asks them. A peer may be gone at any time: then questions
 * end with -SP_EUNAVAILABLE, and the role that the supervisor starts in its place comes with a new channel. */
#ifndef ENGINE_PEERS_H
#define ENGINE_PEERS_H

#include "engine/ask.h"
#include "wire/channel.h"

/* Takes a new channel up; an earlier one to the same peer is dead. */
[[gnu::warn_unused_result]] int peers_connect(enum role peer, uint16_t index, int fd);

/* Asks the vault. `m->tag` is set here. The answer is the struct msg_… that belongs to the question. 0, or a negative code
 * and then `answered` is not called. */
[[gnu::warn_unused_result]] int vault_ask_identity(ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_namespace(struct msg_vault_namespace *m, ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_wrap(struct msg_vault_wrap *m, ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_load(struct msg_vault_load *m, ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_revoke(struct msg_vault_revoke *m, ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_verify(struct msg_vault_verify *m, ask_answered *answered, void *user);
[[gnu::warn_unused_result]] int vault_ask_sign(struct msg_vault_sign *m, ask_answered *answered, void *user);

/* Sends a call to egress; the answer is a struct msg_egress_result. `ret_tag` serves to cancel it. */
[[gnu::warn_unused_result]] int egress_ask_call(struct msg_egress_call *m, ask_answered *answered, void *user, uint64_t *ret_tag);
void egress_cancel(uint64_t tag);

/* At the end: hands over the answers of what became durable last, as far as the gateway takes them. */
void peers_flush(void);

bool peers_has_vault(void);
/* The vault has its credentials: until then it would refuse what it will allow. `vault_unlocked` is said by who loaded them. */
void vault_unlocked(void);
bool vault_is_unlocked(void);
bool vault_was_away(int64_t since_ms); /* at any time since then, monotonic */
bool peers_has_egress(void);

/* Called whenever a channel to this peer came up (again). */
void vault_connected(void);  /* credentials.c: loads keys and credentials */
void egress_connected(void); /* runs.c: calls that were lost are decided */

#endif
