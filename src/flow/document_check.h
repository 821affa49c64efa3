/* What is checked of a document's bytes before a YAML parser sees them. */
#ifndef FLOW_DOCUMENT_CHECK_H
#define FLOW_DOCUMENT_CHECK_H

#include "base/diag.h"
#include "base/slice.h"

/* Drops a byte-order mark; -SP_ELIMIT, or -SP_ESYNTAX for malformed UTF-8 and control characters. */
[[gnu::warn_unused_result]] int document_check(struct slice *text, struct diag *reterr);

#endif
