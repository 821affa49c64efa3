/* Ids, each a struct of one member so that they cannot be swapped.
 * A run's id orders by time: 41 bits of milliseconds since 2020, 22 random bits; its text is "r" and 13 characters of
 * Crockford's base32 in lower case (r + 65 bits, of which 63 are used). */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdint.h>

#include "base/slice.h"

struct run_id {
    uint64_t n;
};

struct leaf_index {
    uint64_t n;
};

#define RUN_ID_LEN 14

/* A new id, greater than `last`; random bits come from the kernel. */
struct run_id run_id_new(int64_t wall_ms, struct run_id last);
void run_id_text(struct run_id id, char ret[RUN_ID_LEN + 1]);
[[gnu::warn_unused_result]] int run_id_parse(struct slice s, struct run_id *ret);

/* Fills `p` with random bytes from the kernel (getrandom(2)); does not return without them. */
void random_bytes(void *p, size_t len);

/* True for a DNS-label-like name of the DSL: namespace and workflow (RFC 1123 label, case kept). */
bool name_is_dsl(struct slice s);

/* True for a credential's name: 1-64 of [A-Za-z0-9_.-], beginning with a letter or digit. */
bool name_is_credential(struct slice s);

#endif
