/* Signed heads of the audit log: the vault signs the log's head every second in which it has grown, and on demand. */
#ifndef ENGINE_CHECKPOINTS_H
#define ENGINE_CHECKPOINTS_H

#include "store/store.h"

[[gnu::warn_unused_result]] int checkpoints_load(struct store_reader *reader);
/* resumed_look at what is behind the last checkpoint, when the signer is known. To be asked before a leaf is added, which would hide that
 * the log is shorter. */
[[gnu::warn_unused_result]] int checkpoints_check(struct store_reader *reader, struct diag *reterr);
/* Signs what is there, and then what comes, each second. `signed_first` is called once, when the first is kept or cannot be: with
 * -SP_EUNAVAILABLE when the vault went away, whose next life is reason to call again; else `why` is for a person. */
void checkpoints_start(void (*signed_first)(int code, const char *why));
/* Signs what is left, if the vault is there, and calls `done` in any case, after some seconds at most. */
void checkpoints_finish(void (*done)(void));
/* The vault was (re)started: the next signature needs the last checkpoint. */
void checkpoints_vault_restarted(void);

#endif
