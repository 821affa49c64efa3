/* Sign-ins. A token is shown with each request, so a sign-in is its first use from an address, or the first after an hour. */
#ifndef ENGINE_SESSIONS_H
#define ENGINE_SESSIONS_H

#include "engine/request.h"

/* Called with each request that a principal may make; writes the leaf `login.ok` when it begins a session. */
void session_note(const struct request *r);

#endif
