/* Gives libcurl an allocator that wipes what is freed. */
#ifndef EGRESS_MEMORY_H
#define EGRESS_MEMORY_H

/* Initialises libcurl once for the process; 0 or -SP_EUNAVAILABLE. */
[[gnu::warn_unused_result]] int memory_init_curl(void);

#endif
