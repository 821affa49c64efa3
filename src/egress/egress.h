/* The domain of egress, without the role around it: takes calls, asks the vault, answers. All on one loop. */
#ifndef EGRESS_EGRESS_H
#define EGRESS_EGRESS_H

#include "base/diag.h"
#include "wire/messages.h"

struct ev_loop;
struct egress;

struct egress_peers {
    /* Asks the vault; 0 or a negative code when it cannot be asked now. */
    int (*ask)(const struct msg_vault_use *question, void *user);
    /* Answers the engine. The message is borrowed for the call. */
    void (*answer)(const struct msg_egress_result *result, void *user);
};

/* `loop` and `peers` are kept. */
[[gnu::warn_unused_result]] int egress_new(struct ev_loop *loop, const struct egress_peers *peers, void *user,
                                           struct egress **ret);
void egress_free(struct egress *e); /* ends every call without an answer */

/* egress/config.h; for calls that begin afterwards. */
[[gnu::warn_unused_result]] int egress_configure(struct egress *e, struct slice json, struct diag *reterr);

/* More certificate authorities than the system's, PEM, or none; needed once before the first call over https. */
[[gnu::warn_unused_result]] int egress_set_authorities(struct egress *e, struct slice pem);

/* One call: exactly one answer follows, perhaps before the function returns. `payload` is the encoded EGRESS_CALL and is
 * copied. Negative when the payload is not one, or its tag is that of an open call: then the peer is broken. */
[[gnu::warn_unused_result]] int egress_call(struct egress *e, struct slice payload);

/* Breaks an open call off: it is answered with -ECANCELED and whether something was sent. Other tags are ignored, since the
 * answer may have crossed the message. */
void egress_cancel(struct egress *e, uint64_t tag);

/* The vault's answer; one that no call waits for is ignored. */
void egress_value(struct egress *e, const struct msg_vault_value *value);

/* The vault, or the engine, is gone: calls that wait for the one fail, calls of the other end without an answer. */
void egress_vault_lost(struct egress *e);
void egress_engine_lost(struct egress *e);

size_t egress_n_open(const struct egress *e);

#endif
