/* codec: reads and writes the fields of messages. Called by the generated encoders and decoders of messages.c, and by who
 * walks a list of pairs. Must hold: no read outside `rest`, whatever the bytes say. */
#include "wire/codec.h"

#include "base/error.h"
#include "base/limits.h"

static const uint8_t *take(struct wire_reader *r, size_t len)
{
    if (r->error)
        return NULL;
    if (r->rest.len < len) {
        r->error = -SP_ETRUNCATED;
        return NULL;
    }
    const uint8_t *p = r->rest.p;
    r->rest = slice_of(p + len, r->rest.len - len);
    return p;
}

static uint64_t get_integer(struct wire_reader *r, size_t len)
{
    const uint8_t *p = take(r, len);
    uint64_t v = 0;
    if (p)
        for (size_t i = len; i-- > 0;)
            v = v << 8 | p[i];
    return v;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
    return (uint8_t)get_integer(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r)
{
    return (uint16_t)get_integer(r, 2);
}

uint32_t wire_get_u32(struct wire_reader *r)
{
    return (uint32_t)get_integer(r, 4);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
    return get_integer(r, 8);
}

struct slice wire_get_bytes(struct wire_reader *r, size_t max)
{
    uint32_t len = wire_get_u32(r);
    if (!r->error && len > max)
        r->error = -SP_ELIMIT;
    const uint8_t *p = take(r, len);
    return p ? slice_of(p, len) : (struct slice){NULL, 0};
}

struct slice wire_get_str(struct wire_reader *r, size_t max)
{
    struct slice s = wire_get_bytes(r, max);
    if (s.len && (memchr(s.p, 0, s.len) || !slice_is_utf8(s))) {
        r->error = -SP_EINVALID;
        return (struct slice){NULL, 0};
    }
    return s;
}

void wire_get_fixed(struct wire_reader *r, void *to, size_t len)
{
    const uint8_t *p = take(r, len);
    if (p)
        memcpy(to, p, len);
    else
        memset(to, 0, len);
}

int wire_reader_end(const struct wire_reader *r)
{
    if (r->error)
        return r->error;
    return r->rest.len ? -SP_ETRAILING : 0;
}

static void put_integer(struct buffer *b, uint64_t v, size_t len)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < len; i++)
        bytes[i] = (uint8_t)(v >> (8 * i));
    (void)buffer_append(b, bytes, len);
}

void wire_put_u8(struct buffer *b, uint8_t v)
{
    put_integer(b, v, 1);
}

void wire_put_u16(struct buffer *b, uint16_t v)
{
    put_integer(b, v, 2);
}

void wire_put_u32(struct buffer *b, uint32_t v)
{
    put_integer(b, v, 4);
}

void wire_put_u64(struct buffer *b, uint64_t v)
{
    put_integer(b, v, 8);
}

void wire_put_bytes(struct buffer *b, struct slice s, size_t max)
{
    if (s.len > max) {
        if (!b->error)
            b->error = -SP_ELIMIT;
        return;
    }
    put_integer(b, s.len, 4);
    (void)buffer_append_slice(b, s);
}

void wire_put_fixed(struct buffer *b, const void *p, size_t len)
{
    (void)buffer_append(b, p, len);
}

void wire_pairs_put(struct buffer *b, struct slice name, struct slice value)
{
    wire_put_bytes(b, name, LIMIT_URI);
    wire_put_bytes(b, value, LIMIT_BODY);
}

int wire_pairs_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value)
{
    if (rest->len == 0)
        return 0;
    struct wire_reader r = WIRE_READER(*rest);
    struct slice name = wire_get_bytes(&r, LIMIT_URI);
    struct slice value = wire_get_bytes(&r, LIMIT_BODY);
    if (r.error)
        return r.error;
    *rest = r.rest;
    *ret_name = name;
    *ret_value = value;
    return 1;
}

bool wire_pairs_find(struct slice pairs, const char *name, struct slice *ret_value)
{
    struct slice key, value;
    while (wire_pairs_next(&pairs, &key, &value) > 0)
        if (slice_equal_nocase(key, slice_text(name))) {
            *ret_value = value;
            return true;
        }
    return false;
}
