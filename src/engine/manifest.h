/* Reads the manifest that a checker wrote for a definition (docs/formats/findings.md) into a workflow. */
#ifndef ENGINE_MANIFEST_H
#define ENGINE_MANIFEST_H

#include "engine/workflows.h"

/* Fills name, version and all that comes from the manifest; `ret_ns` is the namespace's name. -SP_ESYNTAX, -SP_EINVALID,
 * -ENOMEM leave nothing owned. */
[[gnu::warn_unused_result]] int manifest_read(struct slice manifest, struct workflow *w, char ret_ns[64]);
void manifest_release(struct workflow *w);

#endif
