/* The messages between roles: every decoder on every input, in sequences of frames as a channel sees them. What decodes must
 * encode to the same bytes; what a pairs or effects field holds is walked to its end. */
#include "wire/messages.h"

#include "base/must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk_pairs(struct slice rest)
{
    struct slice name, value;
    while (wire_pairs_next(&rest, &name, &value) > 0)
        must(name.len <= LIMIT_URI && value.len <= LIMIT_BODY);
    (void)wire_pairs_find(rest, "content-type", &value);
}

static void walk_effects(struct slice rest)
{
    uint8_t kind;
    uint32_t number;
    struct slice record;
    struct msg_effect_call call;
    while (wire_effects_next(&rest, &kind, &number, &record) > 0)
        if (wire_decode_effect_call(record, &call) == 0)
            walk_pairs(call.headers);
}

#define LOOK(kind, field, max) LOOK_##kind(field)
#define LOOK_u8(field)
#define LOOK_u16(field)
#define LOOK_u32(field)
#define LOOK_u64(field)
#define LOOK_i32(field)
#define LOOK_i64(field)
#define LOOK_fixed(field)
#define LOOK_str(field) must(slice_is_utf8(m.field) || m.field.len == 0);
#define LOOK_bytes(field)                                                                                        \
    walk_pairs(m.field);                                                                                         \
    walk_effects(m.field);

#define ROUND_TRIP(name)                                                                                         \
    static void try_##name(struct slice payload)                                                                 \
    {                                                                                                            \
        struct msg_##name m;                                                                                     \
        if (wire_decode_##name(payload, &m) < 0)                                                                 \
            return;                                                                                              \
        WIRE_FIELDS_##name(LOOK)                                                                                 \
        struct buffer b = BUFFER_MAX(LIMIT_FRAME);                                                               \
        wire_encode_##name(&b, &m);                                                                              \
        must(slice_equal(buffer_slice(&b), payload));                                                            \
        buffer_free(&b);                                                                                         \
    }
#define M(NAME, name, from, to) ROUND_TRIP(name)
WIRE_MESSAGES(M)
#undef M
#define R(name) ROUND_TRIP(name)
WIRE_RECORDS(R)
#undef R

static void try_type(uint16_t type, struct slice payload)
{
    switch (type) {
#define M(NAME, name, from, to)                                                                                  \
    case WIRE_##NAME:                                                                                            \
        try_##name(payload);                                                                                     \
        break;
        WIRE_MESSAGES(M)
#undef M
    default:
#define R(name) try_##name(payload);
        WIRE_RECORDS(R)
#undef R
        break;
    }
}

/* Frames one after the other: u16 type, u16 length, payload; the last one takes what is left. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    while (size >= 4) {
        uint16_t type = (uint16_t)(data[0] | data[1] << 8);
        size_t length = (size_t)(data[2] | data[3] << 8);
        data += 4;
        size -= 4;
        if (length > size)
            length = size;
        try_type(type % (WIRE_TYPE_COUNT + 1), slice_of(data, length));
        (void)wire_type_name(type);
        for (unsigned from = 0; from < ROLE_COUNT; from++)
            (void)wire_may_send(type, (enum role)from, ROLE_ENGINE);
        data += length;
        size -= length;
    }
    return 0;
}
