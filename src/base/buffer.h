/* A growing run of bytes that is born with a maximum [I6]. An append that fails leaves the buffer as it was and makes the
 * failure stick: later appends fail too, so a chain of appends needs one check at its end (`buffer_error`). */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdarg.h>

#include "base/cleanup.h"
#include "base/slice.h"

struct buffer {
    uint8_t *p;
    size_t len;
    size_t capacity;
    size_t max;
    int error;   /* 0, -ENOMEM or -SP_ELIMIT; sticks */
    bool secret; /* wiped when it grows, is cut or is freed */
};

/* A buffer of at most `max` bytes that owns nothing yet. */
#define BUFFER_MAX(limit) ((struct buffer){.max = (limit)})

/* Wipes (if secret) and frees the bytes; the buffer is empty and usable again. */
void buffer_free(struct buffer *b);
#define _cleanup_buffer_ _cleanup_(buffer_free)

/* Forgets the content and the sticky error, keeps the memory. */
void buffer_clear(struct buffer *b);

/* All return 0 or the sticky error. */

/* Makes room where there is none: for buffer_reserve alone. */
int buffer_grow(struct buffer *b, size_t len);

/* Makes room for `len` more bytes without changing the content. */
static inline int buffer_reserve(struct buffer *b, size_t len)
{
    return b->error == 0 && len < b->capacity - b->len ? 0 : buffer_grow(b, len); /* one byte is left for buffer_text's NUL */
}

/* Appends `len` bytes of undefined content and points `ret` at them; they move at the next append. */
static inline int buffer_extend(struct buffer *b, size_t len, uint8_t **ret)
{
    int r = buffer_reserve(b, len);
    if (r < 0)
        return r;
    *ret = b->p + b->len;
    b->len += len;
    return 0;
}

static inline int buffer_append(struct buffer *b, const void *p, size_t len)
{
    int r = buffer_reserve(b, len);
    if (r < 0 || len == 0)
        return r;
    memcpy(b->p + b->len, p, len);
    b->len += len;
    return 0;
}

static inline int buffer_append_slice(struct buffer *b, struct slice s)
{
    return buffer_append(b, s.p, s.len);
}

static inline int buffer_append_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

static inline int buffer_append_byte(struct buffer *b, uint8_t byte)
{
    return buffer_append(b, &byte, 1);
}

int buffer_append_u64(struct buffer *b, uint64_t value); /* in decimal */
int buffer_append_i64(struct buffer *b, int64_t value);  /* in decimal */
[[gnu::format(printf, 2, 3)]] int buffer_printf(struct buffer *b, const char *format, ...);

/* Appends lower-case hex, or base64 with padding (RFC 4648, section 4). */
int buffer_append_hex(struct buffer *b, struct slice s);
int buffer_append_base64(struct buffer *b, struct slice s);

/* Decodes strict base64 (RFC 4648, section 4, padding required, no white space), or its URL-safe alphabet without
 * padding; -SP_ESYNTAX on anything else, leaving the buffer as it was. */
int buffer_append_base64_decoded(struct buffer *b, struct slice s);
int buffer_append_base64url_decoded(struct buffer *b, struct slice s);
int buffer_append_hex_decoded(struct buffer *b, struct slice s);

/* Drops `len` bytes from the front, or cuts the buffer down to `len` bytes. */
void buffer_consume(struct buffer *b, size_t len);
void buffer_truncate(struct buffer *b, size_t len);

/* The content, borrowed until the next append. */
static inline struct slice buffer_slice(const struct buffer *b)
{
    return (struct slice){b->p, b->len};
}

static inline int buffer_error(const struct buffer *b)
{
    return b->error;
}

/* Appends a NUL that is not counted and returns the content as text; NULL when the sticky error is set. */
const char *buffer_text(struct buffer *b);

/* Hands the bytes on: the caller frees them with free(); the buffer is empty. NULL when the sticky error is set. */
uint8_t *buffer_take(struct buffer *b, size_t *ret_len);

#endif
