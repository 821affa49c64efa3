/* The parts of the lock-down, in the order in which sandbox_enter sets them up. Included only in this folder. */
#ifndef SANDBOX_PARTS_H
#define SANDBOX_PARTS_H

#include "base/diag.h"
#include "wire/roles.h"

#if defined(__SANITIZE_ADDRESS__)
#define SANDBOX_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANDBOX_SANITIZED 1
#endif
#endif
#ifndef SANDBOX_SANITIZED
#define SANDBOX_SANITIZED 0
#endif

/* landlock.c: which files and ports the role reaches; all others are refused by the kernel. */
[[gnu::warn_unused_result]] int landlock_enter(enum role role, const char *data_dir, struct diag *reterr);

/* filter.c: which system calls the role may make. */
[[gnu::warn_unused_result]] int filter_enter(enum role role, struct diag *reterr);

#endif
