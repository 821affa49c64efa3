/* Which headers pass through the gateway, in both directions. A header without a line here ends at the gateway. Pure. */
#ifndef GATEWAY_HEADERS_H
#define GATEWAY_HEADERS_H

#include "base/slice.h"

enum header_use {
    HEADER_DROP,   /* unknown here: not passed on */
    HEADER_PASS,   /* passed on; a second one is refused, since two readers may choose differently */
    HEADER_LIST,   /* passed on; list-valued, so several are one (RFC 9110, 5.3) */
    HEADER_FRAMING, /* HEADER_PASS, but read by us and not passed on */
};

/* What to do with a request's header. `ret_name` is the lower-case name (static, or in `scratch`), `ret_index` its place in
 * the table, below HEADER_TABLE_MAX, or -1 for a name that only a prefix let in (ce-, svix-). */
#define HEADER_TABLE_MAX 64
#define HEADER_NAME_MAX  64
struct header_match {
    enum header_use use;
    struct slice name;
    int index;
};
struct header_match request_header_find(struct slice name, uint8_t scratch[HEADER_NAME_MAX]);

/* The places of the headers that the gateway itself reads. */
enum header_place {
    HEADER_HOST,
    HEADER_CONTENT_LENGTH,
    HEADER_TRANSFER_ENCODING,
    HEADER_X_FORWARDED_FOR,
    HEADER_FORWARDED,
    HEADER_NAMED_COUNT
};

/* The name in the form in which it is sent to the client; NULL when the engine may not set it. */
const char *response_header_find(struct slice name);

#endif
