/* The root key's file (docs/formats/root-key.md): made by `init`, read by the vault, as a file or as a systemd credential.
 * Either holds the key in clear, protected by the file's mode, or wrapped under a passphrase. */
#ifndef CRYPTO_ROOT_KEY_H
#define CRYPTO_ROOT_KEY_H

#include "base/buffer.h"
#include "crypto/secret.h"

#define ROOT_KEY_FILE_MAX 512 /* bytes of the file; a longer one is no root key */
#define ROOT_KEY_PASSPHRASE_MIN 12
#define ROOT_KEY_PASSPHRASE_MAX 1024

/* Appends the text of a file with a new random key; wrapped if `passphrase` is not empty. `ret` should be a secret buffer.
 * -SP_EINVALID for a passphrase that is too short or too long. Wrapping takes about a second and 256 MiB. */
[[gnu::warn_unused_result]] int root_key_create(struct slice passphrase, struct buffer *ret);

/* The 32 bytes of the key. -SP_EFORMAT: not such a file, or of another version; -SP_ETAMPERED: its check line does not fit;
 * -SP_EKEY: the passphrase is wrong, missing, or given for a file that needs none. */
[[gnu::warn_unused_result]] int root_key_open(struct slice file, struct slice passphrase, struct secret **ret);

/* What the audit log's signing seed is derived under: by the vault, which signs, and by init, which shows the public key. */
#define ROOT_KEY_LABEL_AUDIT "sallyport 1 audit signing"

/* True if the file needs a passphrase to open; says nothing about whether it is well-formed otherwise. */
bool root_key_needs_passphrase(struct slice file);

#endif
