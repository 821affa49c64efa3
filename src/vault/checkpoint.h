/* Signing of the audit log's heads: only what continues what was signed before, so that not even the engine can have two
 * histories signed while the vault runs. */
#ifndef VAULT_CHECKPOINT_H
#define VAULT_CHECKPOINT_H

#include "base/diag.h"
#include "crypto/note.h"
#include "vault/keys.h"

struct checkpoint_signer {
    bool is_set;            /* false until the first signature after a start */
    struct checkpoint last; /* what was signed last */
};

/* Checks that the tree at `next` continues the last one signed (`proof`: RFC 6962 consistency proof; none is needed for
 * the same head again, and from the empty tree it is empty), and appends the signed note. Before the first signature `last`, a note by this very key, gives
 * the state; without one it is the empty tree. -SP_ECONFLICT for what does not continue, -SP_ETAMPERED for a bad proof or a
 * `last` that this key did not sign. */
[[gnu::warn_unused_result]] int checkpoint_sign(struct checkpoint_signer *signer, const struct vault_keys *keys,
                                                const struct checkpoint *next, struct slice proof, struct slice last,
                                                struct buffer *ret, struct diag *reterr);

/* Appends the note that was signed last, or nothing before the first: Ed25519 makes the same one again. */
[[gnu::warn_unused_result]] int checkpoint_last(const struct checkpoint_signer *signer, const struct vault_keys *keys,
                                                struct buffer *ret);

#endif
