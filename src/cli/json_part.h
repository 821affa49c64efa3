/* Parts of a JSON text as they stand in it, byte for byte: a run's output must not change on its way through the command. */
#ifndef CLI_JSON_PART_H
#define CLI_JSON_PART_H

#include <jansson.h>

#include "base/slice.h"

/* For json_read of what holds somebody's data: it may have U+0000, and integers beyond 64 bits. Who needs their digits takes json_part. */
#define JSON_OF_DATA (JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL)

/* The value of the first member `key` (a plain name) of the object `json`, which must be well-formed. */
bool json_part(struct slice json, const char *key, struct slice *ret);

#endif
