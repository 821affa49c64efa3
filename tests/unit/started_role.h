/* An executable of a role that a test has started, and whose supervisor it plays. */
#ifndef TESTS_STARTED_ROLE_H
#define TESTS_STARTED_ROLE_H

#include <ev.h>

#include "wire/channel.h"

struct started_role {
    enum role role;
    pid_t pid;
    struct ev_loop *loop;
    struct channel *control;
    bool is_ready, has_failed, has_ended;
    char reason[1024]; /* of the failure */
};

void started_role_begin(struct started_role *s, enum role role, const char *program);

/* Waits until the flag is set, or the channel to the role is closed; at most some seconds. */
void started_role_run(struct started_role *s, const bool *flag);

void started_role_config(struct started_role *s, const char *json);
void started_role_file(struct started_role *s, uint8_t kind, int fd); /* closes it */
struct channel *started_role_channel(struct started_role *s, enum role self, const struct channel_handlers *handlers, void *user);
void started_role_go(struct started_role *s); /* START, and waits for READY or FAILED */

/* STOP, if it has not failed; frees all and gives its exit status. */
int started_role_end(struct started_role *s);

/* A file in memory with this text. */
int started_role_memory_file(const void *p, size_t len);

#endif
