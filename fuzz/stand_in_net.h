/* A network that ends in this process: whoever connects finds an upstream that has said its next answer
 * already and hears nothing. No packet leaves. The calls of libc that libcurl makes for a connection are
 * taken over (stand_in_net.c). */
#ifndef FUZZ_STAND_IN_NET_H
#define FUZZ_STAND_IN_NET_H

#include "base/slice.h"

/* What upstreams say, one connection after the other, up to and from the separator; the text is borrowed.
 * After the last one connections are refused; one to another place than 127.0.0.1 and this port is a failure.
 * Names are never resolved. */
#define STAND_IN_NET_SEPARATOR 0x1e
void stand_in_net_answers(struct slice answers, uint16_t port);

/* What was asked of the upstreams: the first bytes of each request, one after the other, for a look at what
 * left. */
struct slice stand_in_net_requests(void);

/* Forgets both. */
void stand_in_net_clear(void);

#endif
