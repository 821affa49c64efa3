/* A few locked-down roles of our own, with which the command speaks as the role that it plays: the engine for `check`, the
 * gateway for `run`. One question at a time. */
#ifndef CLI_LOCAL_H
#define CLI_LOCAL_H

#include "supervisor/supervisor.h"

struct local;

/* `plays` speaks with `peer`; `roles` as in supervisor_options. */
[[gnu::warn_unused_result]] int local_new(enum role plays, enum role peer, uint32_t roles, bool verbose, struct local **ret,
                                          struct diag *reterr);
void local_free(struct local *l); /* ends the roles at once: nothing of theirs is kept */
static inline void local_freep(struct local **l)
{
    local_free(*l);
}

/* For configuration and files, before local_start. */
struct supervisor *local_supervisor(struct local *l);

/* Waits until the roles are ready. */
[[gnu::warn_unused_result]] int local_start(struct local *l, struct diag *reterr);

/* Sends a message and waits for one of type `answer`, whose payload is borrowed until the next call. -SP_EBUDGET when the
 * peer ended instead of answering; it is started again for the next question. */
[[gnu::warn_unused_result]] int local_ask(struct local *l, uint16_t type, channel_encoder *encode, const void *message,
                                          uint16_t answer, struct slice *ret_payload, struct diag *reterr);

#endif
