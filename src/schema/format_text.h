/* Characters, as the formats' grammars name them. */
#ifndef SCHEMA_FORMAT_TEXT_H
#define SCHEMA_FORMAT_TEXT_H

#include "base/must.h"
#include "base/slice.h"

static inline bool text_is_digit(uint32_t c)
{
    return c >= '0' && c <= '9';
}

static inline bool text_is_letter(uint32_t c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static inline bool text_is_hex(uint32_t c)
{
    return text_is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

/* True if `c` is one of the ASCII characters of `set`. */
static inline bool text_is_among(uint32_t c, const char *set)
{
    return c && c < 0x80 && strchr(set, (int)c);
}

/* Takes the next code point off well-formed UTF-8 that is not empty. */
static inline uint32_t text_next(struct slice *rest)
{
    uint32_t c = *rest->p;
    size_t len = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    must(len <= rest->len);
    if (len > 1)
        c &= 0x7Fu >> len;
    for (size_t i = 1; i < len; i++)
        c = c << 6 | (rest->p[i] & 0x3Fu);
    rest->p += len;
    rest->len -= len;
    return c;
}

/* True if the `n` bytes at `i`, which are there, are decimal digits; *ret is their value. */
static inline bool text_digits(struct slice s, size_t i, size_t n, unsigned *ret)
{
    unsigned value = 0;
    must(i + n <= s.len);
    for (size_t j = i; j < i + n; j++) {
        if (!text_is_digit(s.p[j]))
            return false;
        value = value * 10 + (unsigned)(s.p[j] - '0');
    }
    *ret = value;
    return true;
}

#endif
