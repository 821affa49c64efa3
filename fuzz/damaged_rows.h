/* A database as an engine leaves it when it is killed, and what an editor of the file makes of it: one with runs in every state,
 * sealed under the keys of a vault, in which rows, columns of any type, entries of indexes and single bytes were changed. */
#ifndef FUZZ_DAMAGED_ROWS_H
#define FUZZ_DAMAGED_ROWS_H

#include "base/id.h"
#include "crypto/secret.h"
#include "wire/messages.h"

#define ROWS_RUNS    7
#define ROWS_RESULTS 2 /* after so many results a run is at its end */
#define ROWS_TOKEN   "the-owner-of-the-test"
#define ROWS_NS      "test"
#define ROWS_NAME    "waits"

struct run_id rows_run(unsigned i);

/* The one effect that a run names after so many results: a timer, or the call of the run that has one. */
enum effect_kind rows_effect(struct run_id run, uint32_t results, struct buffer *ret_record);

/* Makes it once, in this folder, for the vault whose root key this is. */
void rows_make(const char *folder, const struct secret *root);

/* Writes a copy, edited as the fuzzer's bytes say, to this path. */
void rows_edit(struct slice edits, const char *path);

#endif
