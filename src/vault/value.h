/* The value of a credential: what each kind may be. Pure but for the memory of the JSON reader. */
#ifndef VAULT_VALUE_H
#define VAULT_VALUE_H

#include "base/buffer.h"
#include "base/diag.h"
#include "wire/roles.h"

#define VALUE_SCRUBBED_MIN    8            /* bytes of what egress takes out of answers */
#define VALUE_WEBHOOK_KEY_MIN 16           /* bytes of a webhook-key, decoded */
#define VALUE_BASIC_MAX       (32u << 10)  /* bytes of user name and password: base64 of both must fit a header */
#define VALUE_WHSEC           "whsec_"     /* Standard Webhooks' prefix of a key in base64 */

/* Makes the JSON reader wipe its memory, since it reads user names and passwords. Once, before value_check. */
void value_init(void);

/* Checks `value` for the kind and appends its parts, to two secret buffers: for basic user name and password, for the others
 * nothing and the value. -SP_EINVALID and why; the reason never holds a part of the value. */
[[gnu::warn_unused_result]] int value_check(enum credential_kind kind, struct slice value, struct buffer *ret_username,
                                            struct buffer *ret_value, struct diag *reterr);

#endif
