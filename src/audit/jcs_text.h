/* A JSON string for jcs.c, which cannot include base/json_writer.h: jansson has functions of the same names. */
#ifndef AUDIT_JCS_TEXT_H
#define AUDIT_JCS_TEXT_H

#include "base/buffer.h"

int jcs_put_text(struct buffer *b, struct slice text);

#endif
