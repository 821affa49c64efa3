/* messages: the encoders, decoders and tables that follow from the lists in messages.h. No message is handled here. */
#include "wire/messages.h"

#include "base/error.h"

#define ENCODE_u8(field, max)    wire_put_u8(b, m->field);
#define ENCODE_u16(field, max)   wire_put_u16(b, m->field);
#define ENCODE_u32(field, max)   wire_put_u32(b, m->field);
#define ENCODE_u64(field, max)   wire_put_u64(b, m->field);
#define ENCODE_i32(field, max)   wire_put_u32(b, (uint32_t)m->field);
#define ENCODE_i64(field, max)   wire_put_u64(b, (uint64_t)m->field);
#define ENCODE_bytes(field, max) wire_put_bytes(b, m->field, max);
#define ENCODE_str(field, max)   wire_put_bytes(b, m->field, max);
#define ENCODE_fixed(field, max) wire_put_fixed(b, m->field, max);
#define ENCODE(kind, field, max) ENCODE_##kind(field, max)

#define DECODE_u8(field, max)    m.field = wire_get_u8(&r);
#define DECODE_u16(field, max)   m.field = wire_get_u16(&r);
#define DECODE_u32(field, max)   m.field = wire_get_u32(&r);
#define DECODE_u64(field, max)   m.field = wire_get_u64(&r);
#define DECODE_i32(field, max)   m.field = (int32_t)wire_get_u32(&r);
#define DECODE_i64(field, max)   m.field = (int64_t)wire_get_u64(&r);
#define DECODE_bytes(field, max) m.field = wire_get_bytes(&r, max);
#define DECODE_str(field, max)   m.field = wire_get_str(&r, max);
#define DECODE_fixed(field, max) wire_get_fixed(&r, m.field, max);
#define DECODE(kind, field, max) DECODE_##kind(field, max)

#define DEFINE(name)                                                                                             \
    void wire_encode_##name(struct buffer *b, const struct msg_##name *m)                                        \
    {                                                                                                            \
        WIRE_FIELDS_##name(ENCODE)                                                                               \
    }                                                                                                            \
    int wire_decode_##name(struct slice payload, struct msg_##name *ret)                                         \
    {                                                                                                            \
        struct wire_reader r = WIRE_READER(payload);                                                             \
        struct msg_##name m;                                                                                     \
        WIRE_FIELDS_##name(DECODE) int error = wire_reader_end(&r);                                              \
        if (error < 0)                                                                                           \
            return error;                                                                                        \
        *ret = m;                                                                                                \
        return 0;                                                                                                \
    }

#define M(NAME, name, from, to) DEFINE(name)
WIRE_MESSAGES(M)
#undef M
#define R(name) DEFINE(name)
WIRE_RECORDS(R)
#undef R

struct message_row {
    const char *name;
    enum role from, to;
};

static const struct message_row rows[WIRE_TYPE_COUNT] = {
#define M(NAME, name, from, to) [WIRE_##NAME] = {#NAME, from, to},
    WIRE_MESSAGES(M)
#undef M
};

const char *wire_type_name(uint16_t type)
{
    return type > WIRE_NONE && type < WIRE_TYPE_COUNT ? rows[type].name : "?";
}

bool wire_carries_fd(uint16_t type)
{
    return type == WIRE_CONTROL_CHANNEL || type == WIRE_CONTROL_FILE;
}

bool wire_may_send(uint16_t type, enum role from, enum role to)
{
    if (type <= WIRE_NONE || type >= WIRE_TYPE_COUNT)
        return false;
    const struct message_row *row = &rows[type];
    return (row->from == from || row->from == ROLE_ANY) && (row->to == to || row->to == ROLE_ANY);
}

void wire_effects_put(struct buffer *b, uint8_t kind, uint32_t number, struct slice record)
{
    wire_put_u8(b, kind);
    wire_put_u32(b, number);
    wire_put_bytes(b, record, LIMIT_FRAME / 2);
}

int wire_effects_next(struct slice *rest, uint8_t *ret_kind, uint32_t *ret_number, struct slice *ret_record)
{
    if (rest->len == 0)
        return 0;
    struct wire_reader r = WIRE_READER(*rest);
    uint8_t kind = wire_get_u8(&r);
    uint32_t number = wire_get_u32(&r);
    struct slice record = wire_get_bytes(&r, LIMIT_FRAME / 2);
    if (r.error)
        return r.error;
    if (!effect_kind_text(kind))
        return -SP_EINVALID;
    *rest = r.rest;
    *ret_kind = kind;
    *ret_number = number;
    *ret_record = record;
    return 1;
}
