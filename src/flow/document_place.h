/* Where each node of a document stands: a tree beside the value, in one array. */
#ifndef FLOW_DOCUMENT_PLACE_H
#define FLOW_DOCUMENT_PLACE_H

#include <jv.h>
#include <stdint.h>

#include "base/limits.h"
#include "flow/document.h"

#define PLACE_NONE UINT32_MAX

struct place {
    uint32_t line, column;
    uint32_t key_line, key_column; /* 0 when it is not a member of a mapping */
    uint32_t first_child, last_child, next;
    uint32_t target; /* of an alias: the anchored node, whose children it shares */
    jv key;          /* invalid when it is not a member of a mapping */
};

struct flow_document {
    jv value;
    struct place *places; /* the root is the first */
    uint32_t n_places, places_size;
};

/* Adds a place as the last child of `parent` (PLACE_NONE for the root); its index, or -ENOMEM or -SP_ELIMIT. */
int document_place_add(struct flow_document *d, uint32_t parent);

#endif
