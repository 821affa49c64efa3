/* The lock-down of a role: no new privileges, descriptors closed, resource limits, core dumps off, Landlock, seccomp.
 * One table for each role says what it may do and why; everything else is refused. Works without root; when started as root,
 * the supervisor gives each role a uid of its own before exec. */
#ifndef SANDBOX_SANDBOX_H
#define SANDBOX_SANDBOX_H

#include "base/diag.h"
#include "wire/roles.h"

/* Locks the calling process down as `role`. `data_dir` may be NULL; only the engine may reach it. Descriptors other than
 * 0-3 are closed first. 0, or a negative code and why; then the caller must not serve [I8]. */
[[gnu::warn_unused_result]] int sandbox_enter(enum role role, const char *data_dir, struct diag *reterr);

#endif
