/* The log of a database, as audit/ reads it: for proofs, and for `verify` of a whole database. */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "audit/verify.h"
#include "store/store.h"

/* Leaves and tiles through `r`, which must outlive it. */
struct audit_log store_audit_log(struct store_reader *r);

/* The whole database for audit_verify; call it within store_snapshot_begin/_end. */
struct audit_source store_audit_source(struct store_reader *r);

/* Leaves from <= index < to: for listings. */
[[gnu::warn_unused_result]] int store_leaves(struct store_reader *r, uint64_t from, uint64_t to, audit_leaf_fn *each,
                                             void *user);
/* The number of leaves. */
[[gnu::warn_unused_result]] int store_leaf_count(struct store_reader *r, uint64_t *ret);

/* Appends the proof file of the run's leaves under the newest checkpoint, as audit_proof_export does. Retention takes a run's row and
 * never its leaves: with RUN_GONE_IS_SOUGHT the whole log is searched for them, else a run that is gone is -SP_ENOTFOUND with no
 * `reterr`. */
enum store_run_gone { RUN_GONE_IS_UNKNOWN, RUN_GONE_IS_SOUGHT };
[[gnu::warn_unused_result]] int store_run_proof(struct store_reader *r, struct run_id run, enum store_run_gone gone,
                                                const struct audit_key *key, struct buffer *ret, struct diag *reterr);

#endif
