/* A borrowed run of bytes. Who made it owns the bytes; a slice that is kept says so where it is declared. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *p;
    size_t len;
};

#define SLICE_LITERAL(text) ((struct slice){(const uint8_t *)("" text), sizeof(text) - 1})
/* For printf's "%.*s". */
#define SLICE_ARGS(s) (int)(s).len, (const char *)(s).p

static inline struct slice slice_of(const void *p, size_t len)
{
    return (struct slice){(const uint8_t *)p, len};
}

static inline struct slice slice_text(const char *text)
{
    return text ? slice_of(text, strlen(text)) : (struct slice){NULL, 0};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

static inline bool slice_is(struct slice a, const char *text)
{
    return slice_equal(a, slice_text(text));
}

static inline bool slice_starts(struct slice a, const char *prefix)
{
    size_t n = strlen(prefix);
    return a.len >= n && memcmp(a.p, prefix, n) == 0;
}

/* ASCII case-insensitive equality, for header names, schemes and hosts. */
bool slice_equal_nocase(struct slice a, struct slice b);

/* The bytes as a new NUL-terminated string; NULL without memory or if the slice holds a NUL. */
char *slice_dup(struct slice s);

/* True if the bytes are well-formed UTF-8 (RFC 3629). */
bool slice_is_utf8(struct slice s);

/* Cuts `*rest` at the first `separator`: the part before it goes to `ret_head`; false when `*rest` is used up. */
bool slice_split(struct slice *rest, uint8_t separator, struct slice *ret_head);

/* Parses a plain decimal number without sign, spaces or superfluous zeros; -SP_ESYNTAX or -ERANGE. */
[[gnu::warn_unused_result]] int slice_parse_u64(struct slice s, uint64_t *ret);

/* Parses hex digits, two for each byte, of either case, into s.len / 2 bytes; -SP_ESYNTAX. */
[[gnu::warn_unused_result]] int slice_parse_hex(struct slice s, uint8_t *ret);

/* A copy of the bytes, also of none, that the caller owns; its `p` is NULL without memory. Freeing leaves an empty one. */
struct slice slice_owned(struct slice s);
void slice_owned_free(struct slice *s);

#endif
