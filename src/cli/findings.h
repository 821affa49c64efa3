/* What the check found in a definition, as lines for a person. */
#ifndef CLI_FINDINGS_H
#define CLI_FINDINGS_H

#include <jansson.h>
#include <stdio.h>

/* FILE:LINE:COLUMN: LEVEL: MESSAGE [RULE], and the hint below it. */
void findings_print(FILE *to, const char *file, const json_t *findings);

#endif
