/* look: see look.h. Called on the loop by the API's reads of runs and of the audit log. */
#include "engine/look.h"

#include "base/error.h"
#include "engine/commit.h"
#include "engine/committer.h"

bool look_record(struct request *r, enum audit_action action, struct run_id run, struct slice detail)
{
    struct commit *c = committer_error() ? NULL : commit_new(NULL, NULL);
    if (!c) {
        respond_problem(r, -SP_EUNAVAILABLE, "The audit log cannot be written now.");
        return false;
    }
    commit_leaf(c, &(struct audit_event){.action = action, .time_ms = r->at_ms, .run = run, .detail = detail,
                                         .actor_kind = SLICE_LITERAL("principal"), .actor = slice_text(r->who.name),
                                         .auth = SLICE_LITERAL("token")});
    commit_submit(c);
    return true;
}
