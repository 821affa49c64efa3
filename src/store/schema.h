/* The steps of the schema, for tests that make a database as an older release left it. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stdint.h>

/* The version that this program writes. */
int64_t schema_version(void);

/* The SQL that leads from this version to the next; NULL from the last one. Version 0 is an empty file. */
const char *schema_step(int64_t from);

#endif
