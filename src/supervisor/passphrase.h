/* The passphrase of the root key, from where no other process can read it. */
#ifndef SUPERVISOR_PASSPHRASE_H
#define SUPERVISOR_PASSPHRASE_H

#include "base/buffer.h"
#include "base/diag.h"

#define PASSPHRASE_MAX 1024

/* Fills `ret` (a secret buffer of PASSPHRASE_MAX): from systemd's credential of this name, or, when it is NULL, from the
 * terminal without echo, or from standard input if that is none. */
[[gnu::warn_unused_result]] int passphrase_read(const char *credential, struct buffer *ret, struct diag *reterr);

#endif
