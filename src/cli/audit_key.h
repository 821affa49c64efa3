/* The public key of a log's signer as text. */
#ifndef CLI_AUDIT_KEY_H
#define CLI_AUDIT_KEY_H

#include "audit/verify.h"

#define AUDIT_KEY_FILE "audit.vkey" /* in the data folder: the key that init made, for those who kept no copy elsewhere */

/* 32 bytes in base64, or a C2SP verifier key NAME+HASH+BASE64; white space at the ends is passed over. Only the public key is
 * taken: the name follows from it. -SP_ESYNTAX, or -SP_EKEY when name or hash are not those of the key. */
[[gnu::warn_unused_result]] int audit_key_parse(struct slice text, struct audit_key *ret);

/* Appends the verifier key. */
[[gnu::warn_unused_result]] int audit_key_print(const struct audit_key *key, struct buffer *ret);

#endif
