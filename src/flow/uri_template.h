/* URIs as the DSL has them: RFC 6570 templates with simple string expansion only, query parameters, and the check of an
 * absolute http(s) URI before it becomes a call. */
#ifndef FLOW_URI_TEMPLATE_H
#define FLOW_URI_TEMPLATE_H

#include <jv.h>

#include "base/buffer.h"
#include "base/diag.h"

/* Whether the template is well-formed: braces pair, a name stands in each, and no operator of RFC 6570's higher levels does.
 * -SP_ESYNTAX or -SP_EUNSUPPORTED; the diag's column leads to the place. */
[[gnu::warn_unused_result]] int flow_uri_template_check(struct slice template, struct diag *reterr);

/* Appends the template with each `{name}` replaced by the property of exactly that name (`{pet.id}` is "pet.id") of
 * `variables`, borrowed. Everything but unreserved characters is percent-encoded; missing and null give nothing. What is not an
 * object has no properties. -SP_EINVALID for an array or object: the caller raises `expression`, status 400. */
[[gnu::warn_unused_result]] int flow_uri_expand(struct slice template, jv variables, struct buffer *ret, struct diag *reterr);

/* Adds each property of `query` (borrowed) as a parameter, in the order of their names; an array gives its parameter once
 * for each item, null gives none. -SP_EINVALID for what is not a scalar then. */
[[gnu::warn_unused_result]] int flow_uri_append_query_object(struct buffer *uri, jv query, struct diag *reterr);

/* The parts of an absolute URI, borrowed from it. `host` is without the brackets of IPv6. */
struct flow_uri {
    struct slice scheme;
    struct slice host;
    uint16_t port;      /* the scheme's default when none is written */
    struct slice path;  /* begins with '/', or is empty */
    struct slice query; /* without '?'; NULL when there is none */
    struct slice whole; /* the URI without its fragment */
};

/* Checks an absolute http or https URI: no control bytes, spaces, backslashes or bytes beyond ASCII, no userinfo, a host, a port of
 * 1-65535. -SP_EINVALID or -SP_ELIMIT. */
[[gnu::warn_unused_result]] int flow_uri_check(struct slice uri, struct flow_uri *ret, struct diag *reterr);

#endif
