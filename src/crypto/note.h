/* Signed notes and checkpoints (C2SP signed-note, tlog-checkpoint), with Ed25519 signatures:
 *
 *   sallyport/0011223344556677        origin, which is also the key's name
 *   12345                             size of the tree
 *   4wHCn8…=                          base64 of its root
 *                                     an empty line
 *   — sallyport/0011223344556677 Zk…  base64 of key hash (4 bytes) and signature (64 bytes)
 */
#ifndef CRYPTO_NOTE_H
#define CRYPTO_NOTE_H

#include "crypto/crypto.h"

struct checkpoint {
    uint64_t size;
    uint8_t root[CRYPTO_HASH_LEN];
};

/* First 4 bytes of SHA-256(name, 0x0a, 0x01, public key). */
void note_key_hash(struct slice name, const uint8_t public_key[32], uint8_t ret[4]);

/* Appends the verifier key as tools take it: NAME+HASH+BASE64 (golang.org/x/mod/sumdb/note). */
int note_append_verifier(struct slice name, const uint8_t public_key[32], struct buffer *ret);

/* Appends the name of an instance's log: "sallyport/" and 16 hex digits of SHA-256(public key). */
int note_append_origin(const uint8_t public_key[32], struct buffer *ret);

/* Appends the signed checkpoint. `origin` is a key's name: no spaces, no '+', not empty. -SP_EINVALID. */
[[gnu::warn_unused_result]] int note_sign_checkpoint(const uint8_t seed[32], struct slice origin,
                                                     const struct checkpoint *checkpoint, struct buffer *ret);

/* The text of a note (borrowed from it, with its last newline) that carries a good signature by this key: 0;
 * -SP_ESYNTAX for what is no note, -SP_EKEY if this key did not sign it, -SP_ETAMPERED if its signature is not good.
 * Signatures by other keys (witnesses) are passed over. */
[[gnu::warn_unused_result]] int note_open(struct slice note, struct slice name, const uint8_t public_key[32],
                                          struct slice *ret_text);

/* note_open, and its text as a checkpoint of this origin. Extension lines are allowed and ignored. */
[[gnu::warn_unused_result]] int note_open_checkpoint(struct slice note, struct slice origin, const uint8_t public_key[32],
                                                     struct checkpoint *ret);

#endif
