/* What the programs that test JSON Schema share. Each fails the test that calls it when it cannot do its work. */
#ifndef UNIT_SCHEMA_CASES_H
#define UNIT_SCHEMA_CASES_H

#include "schema/schema.h"

extern struct schema_errors errors; /* of the last `validated` */

jv json(const char *text);
struct schema *compiled(const char *text);

/* Validates the instance (consumed) in both ways, which must agree. */
int validated(const struct schema *s, jv instance);

/* Cases are lines, fields separated by tabs; "#" begins a comment. */
void each_case(const char *file, void (*run)(char **fields));

#endif
