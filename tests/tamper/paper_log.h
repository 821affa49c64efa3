/* A log and its state tables in memory, made from lines of text, so that each kind of damage is a few lines in a data file. What
 * is written is well made (leaves canonical, tiles and checkpoints as the tree gives them) but for what the lines say:
 *
 *   leaf ACTION KEY=VALUE…            ns, object, wf, ver, def, digest, run, before, outcome, time; a digest is one letter
 *   leaves N                          so many login.ok
 *   runs N                            so many runs that end at once, and their rows
 *   credentials N                     so many leaves and rows of credentials
 *   raw TEXT                          a leaf as it stands
 *   gap                               an index without a leaf
 *   run ID STATE DIGEST               a row of a run: open, completed, faulted or cancelled
 *   row KIND NS NAME VERSION DIGEST   a row of another table; "-" for nothing
 *   sign, trust                       a checkpoint of what is there: in the log, or kept elsewhere
 *   note SIZE HOW                     a bad one: stranger, garbage, resized, rerooted, unsigned
 *   tile LEVEL INDEX HOW              a stored tile: flipped, gone, longer, or new with so many hashes
 *   damage TEXT                       what the database says of itself
 *   cut N                             the last leaves are gone
 *   fails CALL                        reading of leaves, size, tile, checkpoints, tiles, runs, facts or damage fails */
#ifndef TAMPER_PAPER_LOG_H
#define TAMPER_PAPER_LOG_H

#include "audit/verify.h"

struct paper_log;

struct paper_log *paper_log_new(void);
void paper_log_free(struct paper_log *log);

/* Writes one line of the above; aborts on what is none. */
void paper_log_write(struct paper_log *log, struct slice line);

/* The tiles of the rightmost edge, after the last line. */
void paper_log_end(struct paper_log *log);

/* As verification reads it; both live as long as the log. */
const struct audit_source *paper_log_source(const struct paper_log *log);
struct audit_verify_options paper_log_options(const struct paper_log *log);

#endif
