/* The URI that is about to be called: the subset of RFC 3986 on which every parser agrees about the host and the path. */
#ifndef POLICY_URI_H
#define POLICY_URI_H

#include "policy/origin.h"

struct policy_uri {
    struct policy_origin origin;
    struct slice path;  /* borrowed from the text; begins with '/', or is empty when the text has none */
    struct slice query; /* borrowed from the text, without '?'; `p` is NULL when the text has none */
};

/* Refuses what origin.h refuses, and: fragments, controls, spaces, non-ASCII, backslashes and other characters that RFC 3986
 * wants encoded, broken percent escapes, dot segments in any spelling, and more than LIMIT_URI bytes. 0, -SP_EINVALID or
 * -SP_ELIMIT, with the reason in `reterr` (may be NULL). */
[[gnu::warn_unused_result]] int policy_uri_parse(struct slice uri, struct policy_uri *ret, struct diag *reterr);

/* 0 if no segment of the path is "." or ".." in any spelling, -SP_EINVALID otherwise. */
[[gnu::warn_unused_result]] int policy_path_check(struct slice path, struct diag *reterr);

#endif
