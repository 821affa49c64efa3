/* The documents of the 2020-12 dialect that are built in. */
#ifndef SCHEMA_METASCHEMA_H
#define SCHEMA_METASCHEMA_H

#include "base/slice.h"

#define SCHEMA_DIALECT_ROOT "https://json-schema.org/draft/2020-12/"

/* The JSON text of the built-in document with this URI (without a fragment), or NULL. */
const char *metaschema_text(struct slice uri);

#endif
