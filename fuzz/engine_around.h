/* What stands around a whole engine in a harness: a page for its worker, a real vault, and a look at what it answers. */
#ifndef FUZZ_ENGINE_AROUND_H
#define FUZZ_ENGINE_AROUND_H

#include "crypto/secret.h"
#include "wire/messages.h"

struct ev_loop;

void around_give_page(void);

/* The vault of this root key, in this process. */
void around_connect_vault(struct ev_loop *loop, const struct secret *root);

/* An answer has a status, headers of one line and, where it says so, JSON. */
void around_check_response(const struct msg_http_response *m);

#endif
