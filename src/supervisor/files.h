/* The files that sallyportd opens for the roles: none of them opens any itself. */
#ifndef SUPERVISOR_FILES_H
#define SUPERVISOR_FILES_H

#include "base/diag.h"

/* A file that only its owner may read, and that belongs to us or to root: a key. */
[[gnu::warn_unused_result]] int files_open_secret(const char *path, int *ret_fd, struct diag *reterr);

/* A file that anyone may read but only its owner may change: a certificate. */
[[gnu::warn_unused_result]] int files_open_public(const char *path, int *ret_fd, struct diag *reterr);

#endif
