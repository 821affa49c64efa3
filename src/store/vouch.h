/* What a leaf says of the row that it tells of: a digest of all its columns (docs/formats/audit-leaf.md).
 * Inside store/ alone. */
#ifndef STORE_VOUCH_H
#define STORE_VOUCH_H

#include "store/sqlite.h"

#define VOUCH_KEYS                                                                                           \
    3 /* the first columns of each VOUCH_* statement: namespace, name, version; not part of the digest */

/* A row on its way to its digest: begin, then the fields that are not NULL in the order of their numbers, then end. What is
 * given is borrowed until then. A query whose `fields` is set adds what it binds, the first parameter as number 0; for that,
 * STATEMENT_RUN_PUT has its columns in the order of VOUCH_OF_RUN_END. */
#define VOUCH_FIELDS   24
#define VOUCH_HEAD_LEN 10
struct vouch_fields {
    unsigned n;
    uint8_t heads[VOUCH_FIELDS][VOUCH_HEAD_LEN], integers[VOUCH_FIELDS][8];
    struct slice parts[2 + 2 * VOUCH_FIELDS];
};
void vouch_row_begin(struct vouch_fields *row, enum statement which);
void vouch_field_i64(struct vouch_fields *row, int number, int64_t value);
void vouch_field_bytes(struct vouch_fields *row, int number, bool is_text, struct slice value);
void vouch_row_end(const struct vouch_fields *row, uint8_t ret[CRYPTO_HASH_LEN]);

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

/* The digest of the row that a leaf tells of, as it is now: 1, or 0 when it tells of none or there is none. `last`: a run whose
 * digest is known, since it was inserted last and has neither journal nor events. */
[[gnu::warn_unused_result]] int vouch_event(struct connection *c, const struct audit_event *e, const struct vouched_run *last,
                                            uint8_t ret[CRYPTO_HASH_LEN]);

#endif
