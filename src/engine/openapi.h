/* The description of the API as an OpenAPI 3.1 document, made of routes.h, schemas.h and the list of errors.
 */
#ifndef ENGINE_OPENAPI_H
#define ENGINE_OPENAPI_H

#include "base/buffer.h"

/* Appends the whole document; the buffer's error says if it did not fit. */
void openapi_write(struct buffer *to);

#endif
