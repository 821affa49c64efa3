/* auth: bearer tokens of principals (RFC 6750). Looks a token up by its hash; what a token looks like is compared nowhere. */
#include "engine/auth.h"

#include <errno.h>

#include "base/clock.h"
#include "base/error.h"
#include "crypto/crypto.h"

struct principal_row {
    uint8_t token_hash[CRYPTO_HASH_LEN];
    struct principal principal;
    int64_t expires_ms;
    bool is_disabled;
};

static struct principal_row rows[LIMIT_PRINCIPALS];
static size_t n_rows;

static int add(struct slice name, int role, const uint8_t token_hash[CRYPTO_HASH_LEN], int64_t expires_ms, bool is_disabled)
{
    if (n_rows == LIMIT_PRINCIPALS || name.len >= LIMIT_NAME)
        return -SP_ELIMIT;
    if (role < 0)
        return -SP_EFORMAT;
    struct principal_row *row = &rows[n_rows++];
    *row = (struct principal_row){.expires_ms = expires_ms, .is_disabled = is_disabled};
    memcpy(row->token_hash, token_hash, sizeof row->token_hash);
    memcpy(row->principal.name, name.p, name.len);
    row->principal.role = (enum access_role)role;
    return 0;
}

static int on_principal(void *user, const struct store_principal *row)
{
    (void)user;
    return add(row->name, access_role_parse(row->role), row->token_hash, row->expires_ms, row->is_disabled);
}

int auth_load(struct store_reader *reader)
{
    n_rows = 0;
    return store_principals(reader, on_principal, NULL);
}

int auth_add_ephemeral(struct slice name, enum access_role role, struct slice token)
{
    uint8_t hash[CRYPTO_HASH_LEN];
    crypto_sha256(token, hash);
    return add(name, (int)role, hash, 0, false);
}

static bool bearer_token(struct slice headers, struct slice *ret)
{
    struct slice value;
    if (!wire_pairs_find(headers, "authorization", &value) || value.len < 8)
        return false;
    if (!slice_equal_nocase(slice_of(value.p, 7), SLICE_LITERAL("bearer ")))
        return false;
    *ret = slice_of(value.p + 7, value.len - 7);
    return true;
}

int auth_check(struct request *r)
{
    struct slice token;
    uint8_t hash[CRYPTO_HASH_LEN];
    if (!bearer_token(r->headers, &token))
        return -SP_EUNAUTHENTICATED;
    crypto_sha256(token, hash);
    for (size_t i = 0; i < n_rows; i++) {
        const struct principal_row *row = &rows[i];
        if (!crypto_equal(slice_of(hash, sizeof hash), slice_of(row->token_hash, sizeof hash)))
            continue;
        if (row->is_disabled || (row->expires_ms && row->expires_ms <= clock_wall_ms()))
            return -SP_EUNAUTHENTICATED;
        r->who = row->principal;
        return 0;
    }
    return -SP_EUNAUTHENTICATED;
}
