/* Verification of a log with nothing but its data and the public key of its signer: the whole log, from a trusted checkpoint,
 * and one run's proof in a file. Data comes through callbacks (store gives them for a database: store/audit.h). */
#ifndef AUDIT_VERIFY_H
#define AUDIT_VERIFY_H

#include "audit/leaf.h"
#include "audit/tree.h"
#include "base/diag.h"
#include "crypto/note.h"

/* Who signs: the verifier of C2SP signed-note. */
struct audit_key {
    struct slice origin; /* the log's name and the key's; "": that of the public key (note_append_origin) */
    uint8_t public_key[32];
};

/* Reads a checkpoint (C2SP tlog-checkpoint) and verifies its signature; -SP_ESYNTAX, -SP_EKEY, -SP_ETAMPERED. */
[[gnu::warn_unused_result]] int audit_checkpoint_open(struct slice note, const struct audit_key *key, struct checkpoint *ret,
                                                      struct diag *reterr);

enum audit_fact_kind {
    AUDIT_FACT_CREDENTIAL = 1, /* ns, name */
    AUDIT_FACT_WORKFLOW,       /* ns, name, version */
    AUDIT_FACT_PRINCIPAL,      /* name */
    AUDIT_FACT_NAMESPACE,      /* ns */
    AUDIT_FACT_DEFINITION,     /* name: the digest that the row claims, 32 bytes; `digest`: that of its text */
};

/* One row of a state table, and its digest as a leaf has it. */
struct audit_fact {
    enum audit_fact_kind kind;
    struct slice ns, name, version;
    uint8_t digest[CRYPTO_HASH_LEN];
};

struct audit_run_fact {
    struct run_id run;
    enum audit_action ended; /* run.completed, .faulted, .cancelled; AUDIT_ACTION_NONE while it is open */
    uint8_t digest[CRYPTO_HASH_LEN];
};

typedef int audit_checkpoint_fn(void *user, uint64_t size, struct slice note);
typedef int audit_tile_row_fn(void *user, unsigned level, uint64_t index, size_t len);
typedef int audit_run_fn(void *user, const struct audit_run_fact *run);
typedef int audit_fact_fn(void *user, const struct audit_fact *fact);
typedef int audit_damage_fn(void *user, const char *text);

/* A whole database, read within one snapshot. `checkpoints` come in ascending size; the others in any order. */
struct audit_source {
    struct audit_log log;
    int (*size)(void *user, uint64_t *ret); /* the highest index of a leaf + 1 */
    int (*checkpoints)(void *user, audit_checkpoint_fn *each, void *each_user);
    int (*tiles)(void *user, audit_tile_row_fn *each, void *each_user);
    int (*runs)(void *user, audit_run_fn *each, void *each_user);
    int (*facts)(void *user, audit_fact_fn *each, void *each_user);
    /* What contradicts itself: an index that does not follow from its table. */
    int (*damage)(void *user, audit_damage_fn *each, void *each_user);
};

#define AUDIT_NO_LEAF UINT64_MAX

/* F(NAME, "slug") */
#define AUDIT_FINDINGS(F)                                                                                        \
    F(AUDIT_LEAF_MISSING, "leaf.missing")             /* indexes are not dense */                                \
    F(AUDIT_LEAF_MALFORMED, "leaf.malformed")         /* not canonical JSON of a leaf */                         \
    F(AUDIT_LEAF_CLOCK, "leaf.clock")                 /* time goes back by more than an hour (warning) */        \
    F(AUDIT_TILE_WRONG, "tile.wrong")                 /* a stored tile does not follow from the leaves */        \
    F(AUDIT_TILE_MISSING, "tile.missing")                                                                        \
    F(AUDIT_TILE_EXTRA, "tile.extra")                 /* a tile beyond the end of the log */                     \
    F(AUDIT_CHECKPOINT_INVALID, "checkpoint.invalid") /* form or signature */                                    \
    F(AUDIT_CHECKPOINT_BEYOND, "checkpoint.beyond")   /* signed for more leaves than there are: rolled back */   \
    F(AUDIT_CHECKPOINT_ROOT, "checkpoint.root")       /* leaves before it were altered */                        \
    F(AUDIT_CHECKPOINT_NONE, "checkpoint.none")       /* nothing is signed (warning when the log is short) */    \
    F(AUDIT_CHECKPOINT_BEHIND, "checkpoint.behind")   /* leaves have waited for a signature too long (warning) */ \
    F(AUDIT_TRUSTED_BEYOND, "trusted.beyond")         /* the log is older than the checkpoint one trusts */      \
    F(AUDIT_TRUSTED_ROOT, "trusted.root")             /* the log is not a continuation of it */                  \
    F(AUDIT_STATE_RUN, "state.run")                   /* a run's row and its leaves disagree */                  \
    F(AUDIT_STATE_CREDENTIAL, "state.credential")                                                                \
    F(AUDIT_STATE_WORKFLOW, "state.workflow")                                                                    \
    F(AUDIT_STATE_PRINCIPAL, "state.principal")                                                                  \
    F(AUDIT_STATE_NAMESPACE, "state.namespace")                                                                  \
    F(AUDIT_STATE_DEFINITION, "state.definition")                                                                \
    F(AUDIT_DATABASE_DAMAGED, "database.damaged")     /* tables and indexes contradict each other */

enum audit_finding_kind {
#define F(NAME, slug) NAME,
    AUDIT_FINDINGS(F)
#undef F
        AUDIT_FINDING_COUNT
};

struct audit_finding {
    enum audit_finding_kind kind;
    bool is_warning;
    uint64_t leaf;       /* AUDIT_NO_LEAF when it is not about a leaf */
    const char *table;   /* "leaves", "tiles", "checkpoints", "runs", "credentials" … */
    const char *row;     /* the row's key as text */
    const char *text;    /* one sentence */
};

const char *audit_finding_slug(enum audit_finding_kind kind);

/* Called for each finding, everything borrowed. */
typedef void audit_finding_fn(void *user, const struct audit_finding *finding);

struct audit_report {
    uint64_t size;             /* leaves */
    uint8_t root[CRYPTO_HASH_LEN];
    uint64_t signed_size;      /* of the newest valid checkpoint; the leaves after it are not signed yet */
    uint64_t checkpoints;      /* valid ones */
    uint64_t runs;             /* rows compared */
    uint64_t errors, warnings; /* findings; at most LIMIT_FINDINGS of each are reported one by one */
};

struct audit_verify_options {
    struct audit_key key;
    struct slice trusted; /* a checkpoint that the caller kept elsewhere; empty without one */
    int64_t now_ms;       /* wall time: how long leaves have waited for a signature is judged by it; 0: it is not judged */
};

/* Verifies the whole log: every hash from the leaves up, tiles, checkpoints, and the state tables against the leaves.
 * 0 when nothing is wrong, -SP_ETAMPERED when there are findings that are no warnings, else why it could not be done. */
[[gnu::warn_unused_result]] int audit_verify(const struct audit_source *source, const struct audit_verify_options *options,
                                             audit_finding_fn *each, void *each_user, struct audit_report *ret,
                                             struct diag *reterr);

/* Appends the proof file (JSON, docs/formats/audit-leaf.md) of the leaves of one run: those in first <= index <= last that
 * name it, under the newest `checkpoint`. -SP_ENOTFOUND when there is none, -SP_EUNAVAILABLE when the checkpoint does
 * not cover them yet. */
[[gnu::warn_unused_result]] int audit_proof_export(const struct audit_log *log, struct run_id run, uint64_t first,
                                                   uint64_t last, struct slice checkpoint, const struct audit_key *key,
                                                   struct buffer *ret, struct diag *reterr);

/* Verifies a proof file with the public key alone and calls `each` for its leaves; -SP_ESYNTAX, -SP_ETAMPERED. */
[[gnu::warn_unused_result]] int audit_proof_verify(struct slice file, const struct audit_key *key, audit_leaf_fn *each,
                                                   void *each_user, struct diag *reterr);

#endif
