/* buffer: bounded growing bytes. Holds: len <= capacity <= max + 1 (one byte more for buffer_text's NUL). */
#include "base/buffer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/error.h"
#include "base/must.h"

void buffer_free(struct buffer *b)
{
    if (b->secret && b->p)
        explicit_bzero(b->p, b->capacity);
    free(b->p);
    b->p = NULL;
    b->len = b->capacity = 0;
    b->error = 0;
}

void buffer_clear(struct buffer *b)
{
    if (b->secret && b->p)
        explicit_bzero(b->p, b->len);
    b->len = 0;
    b->error = 0;
}

/* A secret's old place must not stay readable, so its buffer moves by hand instead of by realloc. */
static uint8_t *resized(struct buffer *b, size_t capacity)
{
    if (!b->secret)
        return realloc(b->p, capacity);
    uint8_t *p = malloc(capacity);
    if (p && b->p) {
        memcpy(p, b->p, b->len);
        explicit_bzero(b->p, b->capacity);
        free(b->p);
    }
    return p;
}

int buffer_grow(struct buffer *b, size_t len)
{
    if (b->error)
        return b->error;
    if (len > b->max || b->len > b->max - len)
        return b->error = -SP_ELIMIT;
    size_t need = b->len + len + 1;
    if (need <= b->capacity)
        return 0;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity < need)
        capacity *= 2;
    if (capacity > b->max + 1)
        capacity = b->max + 1;
    uint8_t *p = resized(b, capacity);
    if (!p)
        return b->error = -ENOMEM;
    b->p = p;
    b->capacity = capacity;
    return 0;
}

static int append_decimal(struct buffer *b, uint64_t value, bool is_negative)
{
    char digits[21];
    size_t at = sizeof digits;
    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    if (is_negative)
        digits[--at] = '-';
    return buffer_append(b, digits + at, sizeof digits - at);
}

int buffer_append_u64(struct buffer *b, uint64_t value)
{
    return append_decimal(b, value, false);
}

int buffer_append_i64(struct buffer *b, int64_t value)
{
    return append_decimal(b, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

int buffer_printf(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        return b->error = -EINVAL;
    int r = buffer_reserve(b, (size_t)n);
    if (r < 0)
        return r;
    va_start(args, format);
    (void)vsnprintf((char *)b->p + b->len, (size_t)n + 1, format, args);
    va_end(args);
    b->len += (size_t)n;
    return 0;
}

int buffer_append_hex(struct buffer *b, struct slice s)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *to;
    int r = buffer_extend(b, s.len * 2, &to);
    if (r < 0)
        return r;
    for (size_t i = 0; i < s.len; i++) {
        to[2 * i] = (uint8_t)digits[s.p[i] >> 4];
        to[2 * i + 1] = (uint8_t)digits[s.p[i] & 15];
    }
    return 0;
}

static const char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int buffer_append_base64(struct buffer *b, struct slice s)
{
    uint8_t *to;
    int r = buffer_extend(b, (s.len + 2) / 3 * 4, &to);
    if (r < 0)
        return r;
    for (size_t i = 0; i < s.len; i += 3) {
        size_t left = s.len - i;
        uint32_t v = (uint32_t)s.p[i] << 16;
        v |= left > 1 ? (uint32_t)s.p[i + 1] << 8 : 0;
        v |= left > 2 ? s.p[i + 2] : 0;
        *to++ = (uint8_t)base64_alphabet[v >> 18];
        *to++ = (uint8_t)base64_alphabet[v >> 12 & 63];
        *to++ = left > 1 ? (uint8_t)base64_alphabet[v >> 6 & 63] : '=';
        *to++ = left > 2 ? (uint8_t)base64_alphabet[v & 63] : '=';
    }
    return 0;
}

/* A character's value, from 1; 0: it is none. The two alphabets differ in the last two. */
static const uint8_t base64_values[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,  ['I'] = 9,  ['J'] = 10,
    ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20,
    ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30,
    ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60,
    ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64, ['-'] = 63, ['_'] = 64,
};

static bool base64_is_of(uint8_t c, bool url)
{
    return url ? c != '+' && c != '/' : c != '-' && c != '_';
}

/* Decodes `s`, which has no padding; the bits that the last byte does not use must be zero, so that one value has one
 * spelling. */
static int base64_decode(struct buffer *b, struct slice s, bool url)
{
    uint8_t *to;
    size_t start = b->len;
    if (s.len % 4 == 1)
        return -SP_ESYNTAX;
    int r = buffer_extend(b, s.len / 4 * 3 + s.len % 4 * 3 / 4, &to);
    if (r < 0)
        return r;
    uint32_t bits = 0;
    int n = 0;
    bool good = true;
    for (size_t i = 0; i < s.len && good; i++) {
        uint8_t value = base64_values[s.p[i]];
        good = value && base64_is_of(s.p[i], url);
        bits = bits << 6 | ((value - 1u) & 63);
        n += 6;
        if (n >= 8) {
            n -= 8;
            *to++ = (uint8_t)(bits >> n);
            bits &= (1u << n) - 1;
        }
    }
    if (good && !bits)
        return 0;
    buffer_truncate(b, start);
    return -SP_ESYNTAX;
}

int buffer_append_base64_decoded(struct buffer *b, struct slice s)
{
    if (s.len % 4)
        return -SP_ESYNTAX;
    size_t padding = 0;
    while (padding < 2 && s.len > padding && s.p[s.len - 1 - padding] == '=')
        padding++;
    return base64_decode(b, slice_of(s.p, s.len - padding), false);
}

int buffer_append_base64url_decoded(struct buffer *b, struct slice s)
{
    return base64_decode(b, s, true);
}

int buffer_append_hex_decoded(struct buffer *b, struct slice s)
{
    if (s.len % 2)
        return -SP_ESYNTAX;
    size_t start = b->len;
    uint8_t *to;
    int r = buffer_extend(b, s.len / 2, &to);
    r = r < 0 ? r : slice_parse_hex(s, to);
    if (r < 0)
        buffer_truncate(b, start);
    return r;
}

void buffer_consume(struct buffer *b, size_t len)
{
    must(len <= b->len);
    if (len == 0)
        return;
    memmove(b->p, b->p + len, b->len - len);
    if (b->secret)
        explicit_bzero(b->p + b->len - len, len);
    b->len -= len;
}

void buffer_truncate(struct buffer *b, size_t len)
{
    must(len <= b->len);
    if (b->secret && b->p)
        explicit_bzero(b->p + len, b->len - len);
    b->len = len;
}

const char *buffer_text(struct buffer *b)
{
    if (buffer_reserve(b, 0) < 0)
        return NULL;
    b->p[b->len] = 0;
    return (const char *)b->p;
}

uint8_t *buffer_take(struct buffer *b, size_t *ret_len)
{
    if (!buffer_text(b))
        return NULL;
    uint8_t *p = TAKE_PTR(b->p);
    if (ret_len)
        *ret_len = b->len;
    b->len = b->capacity = 0;
    return p;
}
