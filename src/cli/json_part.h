/* Parts of a JSON text as they stand in it, byte for byte: a run's output must not change on its way through the command. */
#ifndef CLI_JSON_PART_H
#define CLI_JSON_PART_H

#include "base/slice.h"

/* The value of the first member `key` (a plain name) of the object `json`, which must be well-formed. */
bool json_part(struct slice json, const char *key, struct slice *ret);

#endif
