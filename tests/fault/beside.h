/* A file beside the executable, through which a test speaks to a role while it runs. */
#ifndef FAULT_BESIDE_H
#define FAULT_BESIDE_H

#include <stddef.h>

/* Maps its first bytes, shared, for the life of the process; `protection` as for mmap. Call it before main: a role that has
 * locked itself down opens nothing more. */
void *beside_map(const char *name, size_t len, int protection);

#endif
