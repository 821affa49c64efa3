/* What the table of src/sandbox/calls.h says about a call with its arguments, read apart from the filter that
 * is made of it. */
#ifndef JAIL_VERDICT_H
#define JAIL_VERDICT_H

#include <stdint.h>
#include <sys/types.h>

#include "wire/roles.h"

#define VERDICT_ARGS 5 /* no rule speaks of the sixth */

enum verdict { NOT_TRIED, LET_THROUGH, REFUSED, FATAL };

bool verdict_has_call(const int *calls, int call);

/* `own_pid` is the id of the process that makes the call; the error is 0 unless the call is refused. */
enum verdict verdict_expect(enum role role, pid_t own_pid, int call, const uint64_t args[VERDICT_ARGS],
                            int *ret_error);

#endif
