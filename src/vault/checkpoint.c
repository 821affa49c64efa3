/* checkpoint: the vault as the log's conscience. Holds: the sequence of (size, root) that is signed in one life of the
 * process is one append-only history; the state changes only when a note was made. The vault keeps nothing on disk: across a
 * restart the engine brings the last note, and a rollback to an older genuine note is for witnesses and `verify` to find. */
#include "vault/checkpoint.h"

#include "base/error.h"
#include "base/plural.h"
#include "crypto/merkle.h"

static int state_from(const struct vault_keys *keys, struct slice note, struct checkpoint *ret, struct diag *reterr)
{
    if (note.len == 0) {
        ret->size = 0;
        merkle_empty_root(ret->root);
        return 0;
    }
    int r = note_open_checkpoint(note, slice_text(keys->origin), keys->audit_public, ret);
    if (r == -ENOMEM)
        return diag_set(reterr, r, "there is no memory to look at the last checkpoint");
    if (r < 0)
        return diag_set(reterr, -SP_ETAMPERED, "the last checkpoint was not signed by this server's key");
    return 0;
}

static int check_continues(const struct checkpoint *last, const struct checkpoint *next, struct slice proof,
                           struct diag *reterr)
{
    if (next->size < last->size)
        return diag_set(reterr, -SP_ECONFLICT, "the log has %llu %s, but one of %llu was signed before",
                        (unsigned long long)next->size, PLURAL(next->size, "leaf", "leaves"), (unsigned long long)last->size);
    if (next->size == last->size) {
        if (memcmp(next->root, last->root, sizeof next->root) != 0)
            return diag_set(reterr, -SP_ECONFLICT, "another root was signed before for %llu %s",
                            (unsigned long long)next->size, PLURAL(next->size, "leaf", "leaves"));
        return 0; /* the same head again: an engine that crashed before it kept the note asks with an older proof */
    }
    if (last->size == 0)
        return proof.len ? diag_set(reterr, -SP_ETAMPERED, "a proof from the empty log is empty") : 0;
    if (merkle_verify_consistency(last->size, last->root, next->size, next->root, proof) < 0)
        return diag_set(reterr, -SP_ETAMPERED, "the log of %llu %s is not proven to continue that of %llu",
                        (unsigned long long)next->size, PLURAL(next->size, "leaf", "leaves"), (unsigned long long)last->size);
    return 0;
}

int checkpoint_sign(struct checkpoint_signer *signer, const struct vault_keys *keys, const struct checkpoint *next,
                    struct slice proof, struct slice last, struct buffer *ret, struct diag *reterr)
{
    struct checkpoint before = signer->last;
    int r = signer->is_set ? 0 : state_from(keys, last, &before, reterr);
    if (r == 0)
        r = check_continues(&before, next, proof, reterr);
    if (r < 0)
        return r;
    r = note_sign_checkpoint(keys->audit_seed, slice_text(keys->origin), next, ret);
    if (r < 0)
        return diag_set(reterr, r, "the checkpoint could not be signed: %s", error_text(r));
    signer->last = *next;
    signer->is_set = true;
    return 0;
}

int checkpoint_last(const struct checkpoint_signer *signer, const struct vault_keys *keys, struct buffer *ret)
{
    if (!signer->is_set)
        return 0;
    return note_sign_checkpoint(keys->audit_seed, slice_text(keys->origin), &signer->last, ret);
}
