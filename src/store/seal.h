/* Sealed payloads: what the database holds of inputs, outputs, errors, journals and events (docs/formats/database.md).
 *
 * One key for each run, HKDF-SHA-256 of the namespace's data key; then AES-256-GCM for each blob. The nonce is 8 random bytes,
 * kept with the blob, then the column and the sequence number: two blobs of a run never share one, and a column that is
 * written again (a batch that was rolled back, a crash before the commit) does not either. The associated data names
 * table, column, run and sequence number, so that a blob opens in its own place only. */
#ifndef STORE_SEAL_H
#define STORE_SEAL_H

#include "base/buffer.h"
#include "base/id.h"
#include "crypto/crypto.h"

/* C(NAME, number, "table.column"): stored (in the nonce and the associated data), never changed. `seq` is 0 where it says nothing of it. */
#define SEAL_COLUMNS(C)                                                                                          \
    C(SEAL_RUN_RANDOM, 1, "runs.random")                                                                         \
    C(SEAL_RUN_INPUT, 2, "runs.input")                                                                           \
    C(SEAL_RUN_OUTPUT, 3, "runs.output")                                                                         \
    C(SEAL_RUN_ERROR, 4, "runs.error")                                                                           \
    C(SEAL_RUN_CONTEXT, 5, "runs.context")                                                                       \
    C(SEAL_EVENT, 6, "events.data")   /* seq: the event's number within the run */                               \
    C(SEAL_JOURNAL, 7, "journal.data") /* seq: the row's */                                                      \
    C(SEAL_RUN_TRACE, 8, "runs.trace")

enum seal_column {
#define C(NAME, number, text) NAME = number,
    SEAL_COLUMNS(C)
#undef C
};

#define SEAL_OVERHEAD (1 + 8 + CRYPTO_TAG_LEN) /* version, random part of the nonce, tag */

/* The key of one run. Wipe it after use. */
struct seal_key {
    uint8_t bytes[CRYPTO_KEY_LEN];
    struct run_id run;
};

/* Derives the key of a run (events from outside: run 0) from its namespace's data key. */
void seal_key_derive(const uint8_t namespace_key[CRYPTO_KEY_LEN], struct run_id run, struct seal_key *ret);
void seal_key_wipe(struct seal_key *key);
#define _cleanup_seal_key_ _cleanup_(seal_key_wipe)

/* What is random in a run, derived from its key: unguessable without the data key, the same at each replay [I4], and no
 * byte on disk. */
void seal_run_random(const struct seal_key *key, uint8_t ret_nonce[16], uint8_t ret_seed[32]);

/* Seals many payloads of one run: begin once, end always. */
struct sealer {
    struct seal_key key;
    struct crypto_aead aead;
};
[[gnu::warn_unused_result]] int sealer_begin(struct sealer *sealer, const struct seal_key *key);
[[gnu::warn_unused_result]] int sealer_blob(struct sealer *sealer, enum seal_column column, uint32_t seq, struct slice plain,
                                            struct buffer *ret); /* as seal_blob */
void sealer_end(struct sealer *sealer);

/* Appends the sealed blob. */
[[gnu::warn_unused_result]] int seal_blob(const struct seal_key *key, enum seal_column column, uint32_t seq,
                                          struct slice plain, struct buffer *ret);

/* Appends the plaintext; -SP_ETAMPERED when the blob was altered or is not of this place, -SP_EFORMAT for a newer version. */
[[gnu::warn_unused_result]] int seal_open(const struct seal_key *key, enum seal_column column, uint32_t seq,
                                          struct slice sealed, struct buffer *ret);

/* As seal_open, for a column of a run's own row; nothing is appended for one that is NULL. */
[[gnu::warn_unused_result]] static inline int seal_open_column(const struct seal_key *key, enum seal_column column,
                                                               struct slice sealed, struct buffer *ret)
{
    return sealed.len ? seal_open(key, column, 0, sealed, ret) : 0;
}

#endif
