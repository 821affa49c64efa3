/* What a leaf says about a row of a state table, so that `verify` can hold the table against the log. The engine puts these
 * digests into `.digest` of the leaf that it commits with the row:
 *
 *   credential.set       .ns, .object = name, .version = decimal number, .digest = audit_digest_credential
 *   credential.revoked   .ns, .object = name
 *   token.created        .object = principal's name, .digest = audit_digest_principal   (also when a token is replaced)
 *   token.revoked        .object = principal's name
 *   workflow.deployed    .ns, .workflow, .version, .definition
 *   workflow.enabled     .ns, .workflow, .version   (and workflow.disabled: what the row's `enabled` says then)
 *   run.started          .run, .ns   (with the insertion of the run's row; not for a run that ends in the same commit)
 *   run.completed        .run, .ns   (run.faulted, run.cancelled: with the row's terminal state)
 *   retention.applied    .ns ("" for all), .before_ms */
#ifndef AUDIT_STATE_H
#define AUDIT_STATE_H

#include "audit/leaf.h"
#include "crypto/crypto.h"

/* SHA-256 over the fields, each with its length before it. */
void audit_digest_credential(struct slice ns, struct slice name, uint64_t version, unsigned kind, struct slice policy,
                             struct slice wrapped, uint8_t ret[CRYPTO_HASH_LEN]);
void audit_digest_principal(struct slice name, struct slice role, int64_t expires_ms,
                            const uint8_t token_hash[CRYPTO_HASH_LEN], uint8_t ret[CRYPTO_HASH_LEN]);

#endif
