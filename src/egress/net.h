/* The libcurl multi handle on the role's loop, and the easy handles' common settings. */
#ifndef EGRESS_NET_H
#define EGRESS_NET_H

#include <curl/curl.h>

#include "base/slice.h"

struct ev_loop;
struct net;

/* Called once for each easy handle that was added and has ended; its CURLOPT_PRIVATE is given. The handle has been taken
 * out of the multi handle already. */
typedef void net_done(CURL *easy, CURLcode result, void *private);

/* `loop` is kept. Initialises libcurl with an allocator that wipes what it frees, because URLs, headers and passwords pass
 * through libcurl's own memory. */
[[gnu::warn_unused_result]] int net_new(struct ev_loop *loop, net_done *done, struct net **ret);
void net_free(struct net *n); /* every easy handle must have been removed */

/* The certificate authorities in PEM: the system's and `extra`, which may be empty. Until it is called, https fails. */
[[gnu::warn_unused_result]] int net_set_authorities(struct net *n, struct slice extra);

/* A new easy handle with everything set that is the same for all calls; NULL without memory. */
CURL *net_easy(struct net *n);

[[gnu::warn_unused_result]] int net_add(struct net *n, CURL *easy);
void net_remove(struct net *n, CURL *easy);

#endif
