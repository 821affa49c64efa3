/* What a start finds of the log after its last signed head: leaves of a life that did not stop in order, or somebody else's. */
#ifndef ENGINE_RESUMED_H
#define ENGINE_RESUMED_H

#include "store/store.h"

/* Looks at the log's end; `signed_size` is that of the last signed head, 0 without one. */
[[gnu::warn_unused_result]] int resumed_look(struct store_reader *reader, uint64_t signed_size);

/* The leaf that tells of it, before any other of this life; none when everything is signed. False: it could not be begun. */
[[nodiscard]] bool resumed_tell(void);

#endif
