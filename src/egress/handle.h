/* Handles of secrets (docs/formats/handle.md): "sph1." + the run's nonce in base32 + "." + an index into the workflow's
 * secrets, or "a" for the credential of the call's own authentication, + ".e". Only handles with exactly this run's nonce
 * are handles; any other look-alike is text. */
#ifndef EGRESS_HANDLE_H
#define EGRESS_HANDLE_H

#include "base/buffer.h"
#include "base/limits.h"

#define HANDLE_NONCE_LEN     16
#define HANDLE_AUTHORIZATION LIMIT_SECRETS       /* the slot of "a" */
#define HANDLE_SLOTS         (LIMIT_SECRETS + 1)

struct handle_pattern {
    char prefix[40];
    size_t len;
    unsigned n_secrets;
};

enum handle_escape {
    HANDLE_RAW,
    HANDLE_PERCENT, /* RFC 3986: everything but unreserved characters is encoded */
    HANDLE_JSON,    /* inside a JSON string */
    HANDLE_MASK,    /* "***" in place of the value */
};

void handle_pattern_init(struct handle_pattern *p, const uint8_t nonce[HANDLE_NONCE_LEN], unsigned n_secrets);

/* Finds the next handle: 1, what stands before it, its slot, and `rest` behind it; 0 at the end, with all that is left in
 * `ret_before`; -SP_EINVALID when the run's own nonce is followed by no slot of the workflow. */
[[gnu::warn_unused_result]] int handle_next(const struct handle_pattern *p, struct slice *rest, struct slice *ret_before,
                                            unsigned *ret_slot);

/* Marks in `used` each slot whose handle occurs in `text`; the number of handles found, or as handle_next. */
[[gnu::warn_unused_result]] int handle_collect(const struct handle_pattern *p, struct slice text, bool used[HANDLE_SLOTS]);

/* Appends `text` to `out` with the values in place of the handles. -SP_EDENIED for a slot without a value (`p` NULL),
 * -SP_EINVALID for a value that cannot stand in JSON, or the buffer's error. Values are never searched for handles. */
[[gnu::warn_unused_result]] int handle_substitute(const struct handle_pattern *p, struct slice text, enum handle_escape escape,
                                                  const struct slice values[HANDLE_SLOTS], struct buffer *out);

/* Appends the bytes percent-encoded with upper- or lower-case digits, or JSON-escaped without quotes. */
void escape_percent(struct buffer *out, struct slice s, bool upper);
void escape_json(struct buffer *out, struct slice s);

#endif
