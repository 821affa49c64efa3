/* A secret value that is kept: in guarded memory of its own (libsodium's sodium_malloc: guard pages on both sides, locked,
 * left out of core dumps), wiped when it is freed, compared in constant time, with no way to print it [I2].
 * crypto_init comes first. Guarded memory needs mmap, mprotect, mlock, munlock, madvise and munmap after the lock-down. */
#ifndef CRYPTO_SECRET_H
#define CRYPTO_SECRET_H

#include "base/cleanup.h"
#include "base/slice.h"

struct secret;

/* `len` zero bytes, or a copy of the bytes; NULL without memory. The length is not secret. */
struct secret *secret_new(size_t len);
struct secret *secret_copy(struct slice s);

/* Wipes and frees; NULL is allowed. */
void secret_free(struct secret *s);
DEFINE_CLEANUP(struct secret *, secret_free)
#define _cleanup_secret_ _cleanup_(secret_freep)

/* The bytes, borrowed as long as the secret lives; `secret_bytes` may be written to. */
struct slice secret_slice(const struct secret *s);
uint8_t *secret_bytes(struct secret *s);

/* Equality in constant time for equal lengths. */
bool secret_equal(const struct secret *s, struct slice other);

#endif
