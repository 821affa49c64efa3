/* The bounded codec of messages between roles. Little-endian integers; bytes and text carry a u32 length. A reader never
 * trusts a length: it checks it against what is there and against the field's own maximum, and its error sticks, so that a
 * decoder is a list of reads and one check. The bytes that a reader gives are borrowed from the frame.
 * The byte format is docs/formats/wire.md. */
#ifndef WIRE_CODEC_H
#define WIRE_CODEC_H

#include "base/buffer.h"

struct wire_reader {
    struct slice rest;
    int error; /* 0, -SP_ETRUNCATED, -SP_ELIMIT, -SP_EINVALID; sticks */
};

#define WIRE_READER(frame) ((struct wire_reader){.rest = (frame)})

uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
struct slice wire_get_bytes(struct wire_reader *r, size_t max);
struct slice wire_get_str(struct wire_reader *r, size_t max); /* UTF-8 without NUL */
void wire_get_fixed(struct wire_reader *r, void *to, size_t len);

/* 0, the sticky error, or -SP_ETRAILING when bytes are left over. */
[[gnu::warn_unused_result]] int wire_reader_end(const struct wire_reader *r);

/* Errors stick in the buffer. A value longer than `max` is a sticky -SP_ELIMIT: what a peer would refuse is not sent. */
void wire_put_u8(struct buffer *b, uint8_t v);
void wire_put_u16(struct buffer *b, uint16_t v);
void wire_put_u32(struct buffer *b, uint32_t v);
void wire_put_u64(struct buffer *b, uint64_t v);
void wire_put_bytes(struct buffer *b, struct slice s, size_t max);
void wire_put_fixed(struct buffer *b, const void *p, size_t len);

/* A list of name-value pairs inside a bytes field: headers and the like. Append with _put; walk with _next, which gives
 * 1 and a pair, 0 at the end, or a negative code on a malformed list. */
void wire_pairs_put(struct buffer *b, struct slice name, struct slice value);
[[gnu::warn_unused_result]] int wire_pairs_next(struct slice *rest, struct slice *ret_name, struct slice *ret_value);

/* The value of the first pair with this name (ASCII case-insensitive); false if there is none or the list is malformed. */
bool wire_pairs_find(struct slice pairs, const char *name, struct slice *ret_value);

#endif
