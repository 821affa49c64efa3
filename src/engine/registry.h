/* How the tables of workflows.c are filled: by loading, and by deploy.c. */
#ifndef ENGINE_REGISTRY_H
#define ENGINE_REGISTRY_H

#include "engine/workflows.h"

[[gnu::warn_unused_result]] int registry_add_definition(const uint8_t digest[32], struct slice text);
/* Takes `w` over, on success. The live version of a name is found by it; an older one by its id alone. */
[[gnu::warn_unused_result]] int registry_add_workflow(struct workflow *w, bool is_live);
/* Adds a workflow from its row. */
[[gnu::warn_unused_result]] int registry_load_workflow(struct store_reader *reader, const struct store_workflow *row,
                                                       bool is_live, struct workflow **ret);

#endif
