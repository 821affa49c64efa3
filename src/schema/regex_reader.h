/* What the files that translate regular expressions share: where they read, and where they write. */
#ifndef SCHEMA_REGEX_READER_H
#define SCHEMA_REGEX_READER_H

#include "base/buffer.h"
#include "base/error.h"

#define REGEX_DEPTH 200 /* groups within one another; PCRE2's own limit is 250 */

struct regex_reader {
    const uint8_t *at, *end;
    struct slice whole;
    struct buffer *out;
    const char *why;   /* set by the first failure */
    unsigned n_groups; /* that capture, in the whole pattern */
    unsigned depth;
    bool is_assertion[REGEX_DEPTH]; /* of each open group */
    bool repeatable;                /* a quantifier may follow */
};

static inline int regex_fail(struct regex_reader *r, const char *why)
{
    r->why = why;
    return -SP_EINVALID;
}

static inline int peek(const struct regex_reader *r)
{
    return r->at < r->end ? *r->at : -1;
}

static inline bool take(struct regex_reader *r, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(r->end - r->at) < len || memcmp(r->at, text, len) != 0)
        return false;
    r->at += len;
    return true;
}

static inline bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static inline bool is_letter(int c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

#define REGEX_CLASS UINT32_MAX

/* regex_escape.c: reads what stands behind a backslash and means the same in a class and outside. A character is left in `*ret`;
 * a class (`\d`, `\p{…}`) is written, and `*ret` is REGEX_CLASS. -SP_EINVALID. */
[[gnu::warn_unused_result]] int regex_escape(struct regex_reader *r, bool in_class, uint32_t *ret);

#endif
