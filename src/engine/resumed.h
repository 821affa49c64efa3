/* What a start finds of the log after its last signed head: leaves of a life that did not stop in order, or somebody else's. */
#ifndef ENGINE_RESUMED_H
#define ENGINE_RESUMED_H

#include "crypto/note.h"
#include "store/store.h"

/* Holds the log against the last signed head, of size 0 without one: that it begins with it, and that what is behind it is whole, leaves
 * and tree. -SP_ETAMPERED, and what is wrong. Of signed leaves the last 255 are read at most, of their tree one tile for each level. */
[[gnu::warn_unused_result]] int resumed_look(struct store_reader *reader, const struct checkpoint *last, struct diag *reterr);

/* The leaf that tells of it, before any other of this life; none when everything is signed. False: it could not be begun. */
[[nodiscard]] bool resumed_tell(void);

#endif
