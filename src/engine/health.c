/* health: what needs no principal, and says nothing about what is inside. */
#include "base/error.h"
#include "engine/commit.h"
#include "engine/committer.h"
#include "engine/peers.h"
#include "engine/request.h"
#include "engine/workers.h"

void api_health(struct request *r)
{
    respond(r, 200, "application/json", SLICE_LITERAL("{\"status\":\"ok\"}"), (struct slice){0});
}

void api_ready(struct request *r)
{
    if (committer_error())
        respond_problem(r, -SP_EUNAVAILABLE, "The database can no longer be written; nothing runs.");
    else if (committer_is_late())
        respond_problem(r, -SP_EUNAVAILABLE, "The disk does not keep up; nothing new begins until it does.");
    else if (!vault_is_unlocked() || !peers_has_egress() || !workers_any())
        respond_problem(r, -SP_EUNAVAILABLE, "A part of the server is being restarted.");
    else
        respond(r, 200, "application/json", SLICE_LITERAL("{\"status\":\"ready\"}"), (struct slice){0});
}
