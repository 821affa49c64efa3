/* The core schema of YAML 1.2.2 (section 10.3): what a plain scalar is. */
#ifndef FLOW_DOCUMENT_SCALAR_H
#define FLOW_DOCUMENT_SCALAR_H

#include <jv.h>

#include "base/diag.h"
#include "base/slice.h"

/* Tags that a node may carry; TAG_NONE is for plain scalars and collections without one. */
enum document_tag {
    TAG_NONE,
    TAG_STRING,
    TAG_INTEGER,
    TAG_FLOAT,
    TAG_BOOLEAN,
    TAG_NULL,
    TAG_SEQUENCE,
    TAG_MAPPING,
};

/* The tag that a URI ("tag:yaml.org,2002:str", "!") names; -SP_EINVALID for any other. */
int document_tag_find(struct slice uri);

/* The value of a scalar: `plain` when it is not quoted and has no tag of TAG_STRING. -SP_EINVALID when the text does not fit the tag
 * or the number is not finite. */
[[gnu::warn_unused_result]] int document_scalar_value(struct slice text, bool is_plain, enum document_tag tag, jv *ret,
                                                      struct diag *reterr);

#endif
