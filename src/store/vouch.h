/* What a leaf says of the row that it tells of: a digest of all its columns (docs/formats/audit-leaf.md).
 * Inside store/ alone. */
#ifndef STORE_VOUCH_H
#define STORE_VOUCH_H

#include "store/sqlite.h"

#define VOUCH_KEYS                                                                                           \
    3 /* the first columns of each VOUCH_* statement: namespace, name, version; not part of the digest */

/* The digest of the row that `q`, a query of `which`, stands on. */
[[gnu::warn_unused_result]] int vouch_row(struct connection *c, enum statement which, const struct query *q,
                                          uint8_t ret[CRYPTO_HASH_LEN]);

/* The digest of the row that a leaf tells of, as it is now: 1, or 0 when it tells of none or there is none.
 */
[[gnu::warn_unused_result]] int vouch_event(struct connection *c, const struct audit_event *e,
                                            uint8_t ret[CRYPTO_HASH_LEN]);

#endif
