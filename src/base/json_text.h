/* A text as JSON. Apart from json_writer.h, whose names are jansson's too. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/buffer.h"

/* Quoted, and escaped as RFC 8785 (JCS) wants; bytes that are not UTF-8 become U+FFFD. The buffer's sticky error. */
int buffer_append_json_text(struct buffer *b, struct slice s);

#endif
