/* What a leaf says of the row that it tells of: a digest of all its columns (docs/formats/audit-leaf.md).
 * Inside store/ alone. */
#ifndef STORE_VOUCH_H
#define STORE_VOUCH_H

#include "store/sqlite.h"

#define VOUCH_KEYS                                                                                           \
    3 /* the first columns of each VOUCH_* statement: namespace, name, version; not part of the digest */

/* The digest of the row that `q`, a query of `which`, stands on; not for runs that have ended. */
void vouch_row(enum statement which, const struct query *q, uint8_t ret[CRYPTO_HASH_LEN]);

/* The same for VOUCH_RUNS_ENDED, row after row, with journal and events read beside it in the order of runs. */
#define VOUCH_BESIDE 2
struct vouch_walk {
    struct query rows[VOUCH_BESIDE];
    int state[VOUCH_BESIDE]; /* 1 with a row, 0 at the end */
};
[[gnu::warn_unused_result]] int vouch_walk_begin(struct connection *c, struct vouch_walk *walk);
[[gnu::warn_unused_result]] int vouch_walk_row(struct vouch_walk *walk, const struct query *q,
                                               uint8_t ret[CRYPTO_HASH_LEN]);
void vouch_walk_end(struct vouch_walk *walk);

/* The digest of the row that a leaf tells of, as it is now: 1, or 0 when it tells of none or there is none. `is_row_alone`: the
 * run has neither journal nor events, so that they need not be looked for. */
[[gnu::warn_unused_result]] int vouch_event(struct connection *c, const struct audit_event *e, bool is_row_alone,
                                            uint8_t ret[CRYPTO_HASH_LEN]);

#endif
