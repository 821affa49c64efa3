/* A credential's policy: byte 0 is the kind, the rest the JSON; and the value of a basic credential. */
#include <stdlib.h>

#include "vault/policy.h"
#include "vault/value.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    enum credential_kind kind = (enum credential_kind)(data[0] % 6);
    struct slice json = slice_of(data + 1, size - 1);
    struct credential_policy policy;
    struct diag why = {0};
    if (credential_policy_parse(json, kind, &policy, &why) == 0) {
        if ((kind == CREDENTIAL_WEBHOOK_KEY) != (policy.n_origins == 0) || policy.n_origins > LIMIT_ORIGINS)
            abort();
        credential_policy_clear(&policy);
    } else if (!why.text[0]) {
        abort();
    }
    _cleanup_buffer_ struct buffer username = {.max = LIMIT_CREDENTIAL, .secret = true};
    _cleanup_buffer_ struct buffer value = {.max = LIMIT_CREDENTIAL, .secret = true};
    if (value_check(kind, json, &username, &value, &why) == 0) {
        struct slice all[] = {buffer_slice(&username), buffer_slice(&value)};
        for (size_t i = 0; i < 2; i++)
            if (all[i].len && (memchr(all[i].p, '\n', all[i].len) || memchr(all[i].p, '\r', all[i].len) || memchr(all[i].p, 0, all[i].len)))
                abort();
    }
    return 0;
}
