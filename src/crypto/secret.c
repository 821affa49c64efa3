/* secret: one guarded allocation for each value. Holds: `bytes` is never NULL, also for a secret of no bytes. Never copies
 * a value anywhere but into another secret. */
#include "crypto/secret.h"

#include <sodium.h>

#include "crypto/crypto.h"

struct secret {
    size_t len;
    uint8_t *bytes; /* sodium_malloc */
};

struct secret *secret_new(size_t len)
{
    struct secret *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    s->len = len;
    s->bytes = sodium_malloc(len ? len : 1);
    if (!s->bytes) {
        free(s);
        return NULL;
    }
    memset(s->bytes, 0, len ? len : 1);
    return s;
}

struct secret *secret_copy(struct slice from)
{
    struct secret *s = secret_new(from.len);
    if (s && from.len)
        memcpy(s->bytes, from.p, from.len);
    return s;
}

void secret_free(struct secret *s)
{
    if (!s)
        return;
    sodium_free(s->bytes);
    free(s);
}

struct slice secret_slice(const struct secret *s)
{
    return slice_of(s->bytes, s->len);
}

uint8_t *secret_bytes(struct secret *s)
{
    return s->bytes;
}

bool secret_equal(const struct secret *s, struct slice other)
{
    return crypto_equal(secret_slice(s), other);
}
