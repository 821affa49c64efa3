/* What a start finds of the log after its last signed head: leaves of a life that did not stop in order, or somebody else's. */
#ifndef ENGINE_RESUMED_H
#define ENGINE_RESUMED_H

#include "crypto/note.h"
#include "store/store.h"

struct commit;

/* Holds the log against the last signed head, of size 0 without one: that it begins with it, that what is behind it is whole, leaves and
 * tree, and that `head`, the store's, which will be signed next, is what follows. -SP_ETAMPERED, and what is wrong. Of signed leaves the
 * last 255 are read at most, of their tree one tile for each level; unsigned ones are all read. */
[[gnu::warn_unused_result]] int resumed_look(struct store_reader *reader, const struct checkpoint *last, const struct store_head *head,
                                             struct diag *reterr);

/* Adds the leaf that tells of it to the commit of the start, as the first of this life; none when everything was signed. */
void resumed_tell(struct commit *c);

#endif
