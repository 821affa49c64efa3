/* One line on standard error for a person who waits at a terminal; nothing elsewhere. It comes when something
 * takes long, and is erased before anything else is printed. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <stdint.h>

/* Shows how far it is, now and then: "leaves read: 42%", or the number alone if it is not known of how many
 * (0). To be called for each thing that is done. */
void progress_step(const char *things, uint64_t done, uint64_t of);

void progress_erase(void);

#endif
