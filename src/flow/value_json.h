/* A value as JSON text: minimal, keys in the order in which libjq keeps them, numbers as libjq writes them. What libjq's own
 * jv_dump_string does takes three times as long. */
#ifndef FLOW_VALUE_JSON_H
#define FLOW_VALUE_JSON_H

#include <jv.h>

#include "base/buffer.h"

/* Appends `v`, borrowed, which must not be flow_value_is_too_big(); the buffer's error tells whether it fitted. */
void flow_value_write(struct buffer *b, jv v);

#endif
