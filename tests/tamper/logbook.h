/* A small database like the engine's, for the tests of store, tampering and faults: one namespace, one workflow, one principal,
 * two credentials, runs with two leaves each, and a signed checkpoint. */
#ifndef TAMPER_LOGBOOK_H
#define TAMPER_LOGBOOK_H

#include "store/audit.h"
#include "store/store.h"

extern const uint8_t logbook_seed[32]; /* signs the checkpoints */
struct audit_key logbook_key(void);

/* The rows that do not depend on runs, in one batch. Returns the first error. */
int logbook_found(struct store *store);

/* `n` runs that ended, ids from `first` on, in one batch. */
int logbook_runs(struct store *store, uint64_t first, uint64_t n);

/* One that waits. */
int logbook_open_run(struct store *store, uint64_t i);

/* Signs what is there and keeps the checkpoint. */
int logbook_sign(struct store *store);

/* The whole of it in a new file: `n_ended` runs that ended and then `n_open` that wait. Returns the first error. */
int logbook_make(const char *path, uint64_t n_ended, uint64_t n_open);

/* Appends the checkpoint that would be signed now. */
int logbook_checkpoint(struct store *store, struct buffer *ret);

/* Verifies the file as the command does; findings go to `each`, and `ret` may be NULL. */
int logbook_verify(const char *path, struct slice trusted, audit_finding_fn *each, void *user, struct audit_report *ret);

struct run_id logbook_run(uint64_t i); /* the id of run i */

/* A new folder under $TMPDIR; removed with its files by logbook_folder_remove. `ret` has 128 bytes. */
void logbook_folder(char ret[128]);
void logbook_folder_remove(const char *folder);

#endif
