/* slice: questions about borrowed bytes. Pure; called from everywhere. */
#include "base/slice.h"

#include <errno.h>
#include <stdlib.h>

#include "base/error.h"

static uint8_t lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + 32) : c;
}

bool slice_equal_nocase(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.p[i]) != lower(b.p[i]))
            return false;
    return true;
}

char *slice_dup(struct slice s)
{
    if (s.len && memchr(s.p, 0, s.len))
        return NULL;
    char *copy = malloc(s.len + 1);
    if (!copy)
        return NULL;
    if (s.len)
        memcpy(copy, s.p, s.len);
    copy[s.len] = 0;
    return copy;
}

/* The length of the well-formed sequence at `p` (RFC 3629, section 4), or 0. */
static size_t utf8_sequence(const uint8_t *p, size_t len)
{
    if (p[0] < 0x80)
        return 1;
    if (p[0] < 0xC2 || p[0] > 0xF4)
        return 0;
    size_t n = p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len < n)
        return 0;
    uint8_t low = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return n;
}

bool slice_is_utf8(struct slice s)
{
    size_t at = 0;
    while (at < s.len) {
        /* Nearly all text is ASCII: eight bytes at a time. */
        uint64_t eight;
        if (s.len - at >= sizeof eight) {
            memcpy(&eight, s.p + at, sizeof eight);
            if (!(eight & 0x8080808080808080)) {
                at += sizeof eight;
                continue;
            }
        }
        size_t n = utf8_sequence(s.p + at, s.len - at);
        if (!n)
            return false;
        at += n;
    }
    return true;
}

bool slice_split(struct slice *rest, uint8_t separator, struct slice *ret_head)
{
    if (!rest->p)
        return false;
    const uint8_t *cut = rest->len ? memchr(rest->p, separator, rest->len) : NULL;
    if (!cut) {
        *ret_head = *rest;
        *rest = (struct slice){NULL, 0};
        return true;
    }
    size_t n = (size_t)(cut - rest->p);
    *ret_head = slice_of(rest->p, n);
    *rest = slice_of(cut + 1, rest->len - n - 1);
    return true;
}

int slice_parse_u64(struct slice s, uint64_t *ret)
{
    if (s.len == 0 || s.len > 20 || (s.len > 1 && s.p[0] == '0'))
        return -SP_ESYNTAX;
    uint64_t value = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -SP_ESYNTAX;
        if (__builtin_mul_overflow(value, 10u, &value) || __builtin_add_overflow(value, (uint64_t)(s.p[i] - '0'), &value))
            return -ERANGE;
    }
    *ret = value;
    return 0;
}

static int hex_value(uint8_t c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

int slice_parse_hex(struct slice s, uint8_t *ret)
{
    if (s.len % 2)
        return -SP_ESYNTAX;
    for (size_t i = 0; i < s.len; i += 2) {
        int high = hex_value(s.p[i]), low = hex_value(s.p[i + 1]);
        if (high < 0 || low < 0)
            return -SP_ESYNTAX;
        ret[i / 2] = (uint8_t)(high << 4 | low);
    }
    return 0;
}

struct slice slice_owned(struct slice s)
{
    uint8_t *copy = malloc(s.len ? s.len : 1);
    if (copy && s.len)
        memcpy(copy, s.p, s.len);
    return copy ? slice_of(copy, s.len) : (struct slice){0};
}

void slice_owned_free(struct slice *s)
{
    free((void *)(uintptr_t)s->p);
    *s = (struct slice){0};
}
