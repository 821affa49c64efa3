/* What the main of every role shares: take the control channel on descriptor 3, lock down, then serve what the supervisor
 * sends: configuration, channels to peers, files, start, reload, stop. Log lines go to the supervisor.
 * A role that cannot lock itself down does not serve [I8]: it says CONTROL_FAILED and exits. */
#ifndef ROLE_ROLE_H
#define ROLE_ROLE_H

#include "wire/channel.h"

struct role_handlers {
    enum role self;
    /* Its part of the configuration, JSON. May be NULL. A negative code with `role_fail` ends the role. */
    int (*configure)(struct slice json);
    /* A new channel to a peer, now owned by the role: an earlier one to the same peer and index is dead. The role gives
     * its handlers with channel_new on `fd`. */
    int (*connect)(enum role peer, uint16_t index, int fd);
    /* A descriptor, now owned by the role. May be NULL. */
    int (*file)(enum control_file_kind kind, uint16_t index, int fd);
    /* Everything that is there at the start has come: begin to serve, then call role_ready (now or later). NULL: ready at
     * once. */
    int (*start)(void);
    int (*reload)(void); /* may be NULL */
    /* Finish what is in hand, then call role_exit. NULL: exits at once. */
    void (*stop)(void);
};

/* The whole main of a role: parses `--data DIR` and the like, locks down, runs the loop. Returns the exit status. */
int role_main(int argc, char **argv, const struct role_handlers *handlers);

struct ev_loop *role_loop(void);
const char *role_data_dir(void);  /* of `--data`; NULL without */
uint16_t role_index(void);        /* of `--index`, a worker's number */
void role_ready(void);
[[gnu::format(printf, 2, 3)]] int role_fail(int code, const char *format, ...); /* CONTROL_FAILED; returns `code`; the loop ends */
void role_exit(int status);       /* flushes and ends the loop */
int role_ask_restart(enum role role, uint16_t index); /* CONTROL_RESTART, for those whom the supervisor lets */

/* A role's dispatch table: for each message type the one handler, which decodes it. A type without one closes the channel. */
typedef int role_message_handler(struct channel *channel, struct slice payload, int fd);
int role_dispatch(role_message_handler *const *table, size_t n, struct channel *channel, uint16_t type, struct slice payload,
                  int fd);

#endif
