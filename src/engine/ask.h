/* Questions to a peer that are waiting for their answer: tag → what to do with it. Bounded; a tag is used once, so a late or
 * invented answer finds nothing. When the peer's channel dies, all that wait are told so. */
#ifndef ENGINE_ASK_H
#define ENGINE_ASK_H

#include <stdint.h>

/* Called once: with the decoded answer (a struct msg_… of the type that the question has), or with `code` < 0 and NULL
 * when the peer is gone. */
typedef void ask_answered(int code, const void *answer, void *user);

struct ask_slot {
    ask_answered *answered;
    void *user;
    uint32_t generation;
    uint32_t next_free; /* index + 1 */
};

struct ask_table {
    struct ask_slot *slots;
    uint32_t n, n_open, free_list;
};

/* A tag for a question; 0 when too many are open or without memory. */
uint64_t ask_open(struct ask_table *t, ask_answered *answered, void *user);

/* Ends the question `tag` with this answer; -SP_EPROTOCOL when there is none: the peer made the tag up. */
[[gnu::warn_unused_result]] int ask_answer(struct ask_table *t, uint64_t tag, int code, const void *answer);

/* Forgets the question without calling anybody. */
void ask_forget(struct ask_table *t, uint64_t tag);

/* Ends all open questions with `code`. */
void ask_fail_all(struct ask_table *t, int code);

#endif
