/* Group commit [I1, I3]: what belongs together is collected in a `struct commit`, and many of them go to disk in one
 * transaction on the committer's thread. `done` is called on the loop when it is durable, or could not be made so.
 * Payloads are given in clear and sealed on the way: nothing else reaches the database. */
#ifndef ENGINE_COMMIT_H
#define ENGINE_COMMIT_H

#include "store/seal.h"
#include "store/store.h"

struct commit;

/* `code` 0: durable. Else nothing of this commit is on disk. `new_id`: the row id of a namespace or workflow that was put. */
typedef void commit_done(int code, uint32_t new_id, void *user);

/* A new commit; NULL without memory, when too many are queued, or at the end. */
struct commit *commit_new(commit_done *done, void *user);
/* One of the log itself, a question about its head or a checkpoint, of which there is one at a time: NULL without memory alone. */
struct commit *commit_new_of_log(commit_done *done, void *user);
/* Payloads of this commit are sealed under this key of their run. */
void commit_seal_for(struct commit *c, const struct seal_key *key);

/* Each copies what it is given. Rows are written first, in the order in which they were added, then journal and events, then
 * leaves, which vouch for them. What cannot be copied makes commit_submit fail, through `done`. */
void commit_leaf(struct commit *c, const struct audit_event *e);
void commit_run_insert(struct commit *c, const struct store_run *row);            /* input, output, error, context in clear */
void commit_run_update(struct commit *c, const struct store_run_change *change);  /* output, error, context in clear */
void commit_journal(struct commit *c, const struct store_journal *row);           /* data in clear */
void commit_event(struct commit *c, const struct store_event *row, uint32_t seq); /* data in clear */
void commit_delivery(struct commit *c, const uint8_t hash[16], int64_t seen_ms);
void commit_meta(struct commit *c, const char *key, struct slice value); /* `key` is kept */
void commit_namespace(struct commit *c, const struct store_namespace *row);
void commit_workflow(struct commit *c, const struct store_workflow *row, struct slice definition);
void commit_workflow_enable(struct commit *c, uint32_t id, bool is_enabled);
void commit_credential(struct commit *c, const struct store_credential *row);
void commit_credential_revoke(struct commit *c, const struct store_credential *row);
void commit_checkpoint(struct commit *c, uint64_t size, struct slice note, int64_t at_ms);
/* Forgets the webhook deliveries that were seen before this. */
void commit_deliveries_prune(struct commit *c, int64_t before_ms);
/* `leaf` is written only if runs were deleted; its texts must outlive the commit. `new_id` of `done` is how many went. */
void commit_retention(struct commit *c, uint32_t workflow_id, int64_t before_ms, const struct audit_event *leaf);

/* Hands it over; `done` is called exactly once, never from within. */
void commit_submit(struct commit *c);
/* Frees a commit that is not submitted. */
void commit_drop(struct commit *c);

#endif
