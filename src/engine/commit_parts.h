/* The inside of a commit, shared by commit.c, which collects, and committer.c, which writes. */
#ifndef ENGINE_COMMIT_PARTS_H
#define ENGINE_COMMIT_PARTS_H

#include "base/arena.h"
#include "engine/commit.h"
#include "engine/committer.h"

struct operation {
    struct operation *next;
    int (*perform)(struct commit *c, struct store *store, const struct operation *op);
    union {
        struct audit_event leaf;
        struct store_run run;
        struct store_run_change change;
        struct store_journal journal;
        struct {
            struct store_event row;
            uint32_t seq;
        } event;
        struct {
            uint8_t hash[16];
            int64_t seen_ms;
        } delivery;
        struct {
            const char *key;
            struct slice value;
        } meta;
        struct store_namespace ns;
        struct {
            struct store_workflow row;
            struct slice definition;
        } workflow;
        struct {
            uint32_t id;
            bool is_enabled;
        } enable;
        struct store_credential credential;
        struct {
            uint64_t size;
            struct slice note;
            int64_t at_ms;
        } checkpoint;
        struct {
            uint32_t workflow_id;
            int64_t before_ms;
            struct audit_event leaf; /* its texts belong to the workflow, which is never freed */
        } retention;
    };
};

/* The order in which a commit's operations are performed, whatever the order in which they were added: journal and
 * events refer to their run's row, and leaves vouch for all of it as it is then. */
enum operation_phase {
    PHASE_ROWS,
    PHASE_JOURNAL,
    PHASE_LEAVES,
    PHASE_COUNT,
};

struct commit {
    struct commit *next;
    struct arena arena;
    struct operation *first[PHASE_COUNT], **last[PHASE_COUNT];
    commit_done *done;
    void *user;
    struct seal_key key;
    struct sealer sealer; /* of `key`, begun with the first payload */
    bool is_sealing, has_sealer, is_complete;
    uint64_t n_leaves;
    int code;
    uint32_t new_id;
    /* a question instead of operations */
    committer_head_is *head_is;
    uint64_t head_from;
    struct store_head head;
    struct buffer proof;
};

/* On the committer: all operations of a commit in their order, within a batch of the store. */
[[gnu::warn_unused_result]] int commit_perform(struct commit *c, struct store *store);

#endif
