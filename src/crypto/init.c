/* init: both libraries made ready before a role locks itself down, and the small helpers that have no family. Every role
 * that links crypto calls crypto_init once, first. */
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <sodium.h>

#include "base/error.h"
#include "crypto/crypto.h"

int crypto_init(void)
{
    if (sodium_init() < 0)
        return -SP_EUNAVAILABLE;
    if (gnutls_global_init() < 0)
        return -SP_EUNAVAILABLE;
    /* GnuTLS opens its random generator at first use; do that while the system calls for it are still allowed. */
    uint8_t byte;
    if (gnutls_rnd(GNUTLS_RND_NONCE, &byte, sizeof byte) < 0)
        return -SP_EUNAVAILABLE;
    return 0;
}

bool crypto_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.p, b.p, a.len) == 0);
}

void crypto_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}
