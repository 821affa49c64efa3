/* A credential on its way in: the value is sealed to the vault together with what it is for, so that nobody who carries the
 * box (gateway, engine, a proxy) can give it another name or let it go to other origins (docs/formats/credential.md).
 *
 * The box holds SHA-256("sallyport/credential-box/1" ‖ 0 ‖ each of namespace, name, kind, policy with its u32 length before it,
 * little-endian) and then the value. The policy is canonical: minimal JSON with sorted keys. */
#ifndef CRYPTO_CREDENTIAL_BOX_H
#define CRYPTO_CREDENTIAL_BOX_H

#include "crypto/crypto.h"

struct credential_purpose {
    struct slice ns, name, kind, policy;
};

/* Appends the sealed box. */
[[gnu::warn_unused_result]] int credential_box_seal(const uint8_t public_key[32], const struct credential_purpose *purpose,
                                                    struct slice value, struct buffer *ret);

/* Appends the value to `ret`, which should be a secret buffer. -SP_ETAMPERED: not sealed to this key; -SP_EINVALID: sealed for
 * another purpose. */
[[gnu::warn_unused_result]] int credential_box_open(const uint8_t seed[32], const struct credential_purpose *purpose,
                                                    struct slice box, struct buffer *ret);

#endif
