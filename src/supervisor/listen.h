/* The listening sockets of the gateway, which it is given ready-made: it may not make any. */
#ifndef SUPERVISOR_LISTEN_H
#define SUPERVISOR_LISTEN_H

#include <stdbool.h>

#include "base/diag.h"

#define LISTEN_NAME_MAX 96

/* Listens on "ADDRESS:PORT" or "[ADDRESS]:PORT". 0 and the socket (non-blocking, close-on-exec), or why not. */
[[gnu::warn_unused_result]] int listen_open(const char *where, int *ret_fd, struct diag *reterr);

/* "127.0.0.1:8700" of a listening socket, and whether only this machine can reach it. */
void listen_describe(int fd, char ret_name[LISTEN_NAME_MAX], bool *ret_is_local);

/* The same of "ADDRESS:PORT", on which nobody listens yet; or why nobody can. */
[[gnu::warn_unused_result]] int listen_foresee(const char *where, char ret_name[LISTEN_NAME_MAX], bool *ret_is_local,
                                               struct diag *reterr);

#endif
