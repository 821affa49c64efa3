/* URI references (RFC 3986): split and resolved against a base. */
#ifndef SCHEMA_URI_H
#define SCHEMA_URI_H

#include "base/buffer.h"

/* The five parts, without their delimiters; a part that is absent has `p` NULL (the path is never absent). */
struct uri {
    struct slice scheme;
    struct slice authority;
    struct slice path;
    struct slice query;
    struct slice fragment;
};

void uri_split(struct slice text, struct uri *ret);

/* Appends `reference` resolved against the absolute `base` (section 5.2.2), without its fragment. */
int uri_resolve(struct slice base, struct slice reference, struct buffer *out);

/* Appends the text with %XX decoded; -SP_ESYNTAX. */
int uri_decode(struct slice text, struct buffer *out);

#endif
