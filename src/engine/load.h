/* A run's journal in memory, in clear: read on the slow thread, used on the loop. */
#ifndef ENGINE_LOAD_H
#define ENGINE_LOAD_H

#include "base/arena.h"
#include "store/seal.h"
#include "store/store.h"
#include "wire/messages.h"

struct journal_row {
    struct journal_row *next;
    enum journal_kind kind;
    uint32_t effect;
    int64_t at_ms;
    struct slice data;
};

struct journal_copy {
    const struct seal_key *key;
    struct arena memory;
    struct buffer input;
    struct journal_row *first, **last;
    uint32_t n_results, next_seq;
    size_t len;
    enum run_state state;
    int64_t started_ms;
    enum run_trigger trigger;
    char actor[LIMIT_NAME];
};

/* `key` is kept. */
void journal_copy_begin(struct journal_copy *j, const struct seal_key *key);
[[gnu::warn_unused_result]] int journal_copy_read(struct journal_copy *j, struct store_reader *reader);
void journal_copy_free(struct journal_copy *j);
/* Gives the run to a worker with all that is in its journal. `m` lacks only input and `replayed`. On failure the worker does
 * not have it. */
[[gnu::warn_unused_result]] int journal_copy_send(const struct journal_copy *j, int worker, struct msg_worker_start *m,
                                                  uint64_t *ret_ticket);

#endif
