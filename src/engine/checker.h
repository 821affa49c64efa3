/* The checker as the engine sees it: what a definition's text declares, by a process that has seen no other.
 */
#ifndef ENGINE_CHECKER_H
#define ENGINE_CHECKER_H

#include "wire/messages.h"

/* A fresh checker; takes `fd`. */
[[gnu::warn_unused_result]] int checker_connect(int fd);

/* Checks a definition; `text` is borrowed until `answered` is called: with the findings and their code, or
 * with NULL and -SP_EBUDGET when the checker was lost over it, -SP_EUNAVAILABLE when there was none in time.
 * -SP_EOVERLOAD when too many wait. */
typedef void checker_answered(int code, const struct msg_checker_findings *findings, void *user);
[[gnu::warn_unused_result]] int checker_ask(struct slice text, checker_answered *answered, void *user);

#endif
