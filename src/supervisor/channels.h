/* The one table of channels: which roles talk. Each line is one socketpair (for a worker, one for each worker); what is not
 * here cannot talk. Every role also has its control channel to the supervisor. docs/architecture.md draws the same table,
 * and a test holds one against the other. */
#ifndef SUPERVISOR_CHANNELS_H
#define SUPERVISOR_CHANNELS_H

/* C(A, B) */
#define SUPERVISOR_CHANNELS(C)                                                                                   \
    C(GATEWAY, ENGINE)                                                                                           \
    C(ENGINE, VAULT)                                                                                             \
    C(ENGINE, EGRESS)                                                                                            \
    C(EGRESS, VAULT)                                                                                             \
    C(ENGINE, WORKER)                                                                                            \
    C(ENGINE, CHECKER)

#endif
