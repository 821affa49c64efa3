/* Every message of the table: encoded and decoded again, cut at each byte, made longer by one, with each length field beyond
 * what is there; and the table of who may say what to whom. The cases come from the lists in messages.h, so that a new message
 * is tested by being there. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/messages.h"

#define FILL(kind, field, max) FILL_##kind(field, max)
#define FILL_u8(field, max)    m.field = 0xA5;
#define FILL_u16(field, max)   m.field = 0xA5B6;
#define FILL_u32(field, max)   m.field = 0xA5B6C7D8;
#define FILL_u64(field, max)   m.field = 0xA5B6C7D8E9FA0B1C;
#define FILL_i32(field, max)   m.field = -1003;
#define FILL_i64(field, max)   m.field = -1234567890123;
#define FILL_bytes(field, max) m.field = slice_of("\0\xff\x80x", 4);
#define FILL_str(field, max)   m.field = SLICE_LITERAL("t\xc3\xa4xt");
#define FILL_fixed(field, max) memset(m.field, 0x5A, max);

#define SAME(kind, field, max) SAME_##kind(field, max)
#define SAME_u8(field, max)    assert_int_equal(d.field, m.field);
#define SAME_u16(field, max)   assert_int_equal(d.field, m.field);
#define SAME_u32(field, max)   assert_int_equal(d.field, m.field);
#define SAME_u64(field, max)   assert_int_equal(d.field, m.field);
#define SAME_i32(field, max)   assert_int_equal(d.field, m.field);
#define SAME_i64(field, max)   assert_int_equal(d.field, m.field);
#define SAME_bytes(field, max) assert_true(slice_equal(d.field, m.field));
#define SAME_str(field, max)   assert_true(slice_equal(d.field, m.field));
#define SAME_fixed(field, max) assert_memory_equal(d.field, m.field, max);

/* A field longer than its maximum is not sent; bytes that are no text are not taken as one. */
#define OVER(kind, field, max) OVER_##kind(field, max)
#define OVER_u8(field, max)
#define OVER_u16(field, max)
#define OVER_u32(field, max)
#define OVER_u64(field, max)
#define OVER_i32(field, max)
#define OVER_i64(field, max)
#define OVER_fixed(field, max)
#define OVER_bytes(field, max)                                                                                   \
    {                                                                                                            \
        struct slice old = m.field;                                                                              \
        m.field = slice_of(huge, (size_t)(max) + 1);                                                             \
        buffer_clear(&b);                                                                                        \
        encode(&b, &m);                                                                                          \
        assert_int_equal(buffer_error(&b), -SP_ELIMIT);                                                          \
        m.field = old;                                                                                           \
    }
#define OVER_str(field, max)                                                                                     \
    OVER_bytes(field, max)                                                                                       \
    {                                                                                                            \
        struct slice old = m.field;                                                                              \
        m.field = slice_of("a\0b", 3);                                                                           \
        buffer_clear(&b);                                                                                        \
        encode(&b, &m);                                                                                          \
        assert_int_equal(decode(buffer_slice(&b), &d), -SP_EINVALID);                                            \
        m.field = slice_of("\xff", 1);                                                                           \
        buffer_clear(&b);                                                                                        \
        encode(&b, &m);                                                                                          \
        assert_int_equal(decode(buffer_slice(&b), &d), -SP_EINVALID);                                            \
        m.field = old;                                                                                           \
    }

static uint8_t *huge;

/* Each cut is a copy of its own, so that a sanitizer sees a read beyond it. */
#define TEST_MESSAGE(name)                                                                                       \
    static void message_##name(void **state)                                                                     \
    {                                                                                                            \
        (void)state;                                                                                             \
        void (*encode)(struct buffer *, const struct msg_##name *) = wire_encode_##name;                         \
        int (*decode)(struct slice, struct msg_##name *) = wire_decode_##name;                                   \
        struct msg_##name m = {0}, d = {0};                                                                      \
        struct buffer b = BUFFER_MAX(LIMIT_FRAME);                                                               \
        WIRE_FIELDS_##name(FILL) encode(&b, &m);                                                                 \
        assert_int_equal(buffer_error(&b), 0);                                                                   \
        assert_int_equal(decode(buffer_slice(&b), &d), 0);                                                       \
        WIRE_FIELDS_##name(SAME)                                                                                 \
        for (size_t n = 0; n < b.len; n++) {                                                                     \
            uint8_t *cut = malloc(n ? n : 1);                                                                    \
            memcpy(cut, b.p, n);                                                                                 \
            assert_int_equal(decode(slice_of(cut, n), &d), -SP_ETRUNCATED);                                      \
            free(cut);                                                                                           \
        }                                                                                                        \
        assert_int_equal(buffer_append_byte(&b, 0), 0);                                                          \
        assert_int_equal(decode(buffer_slice(&b), &d), -SP_ETRAILING);                                           \
        for (size_t n = 0; n + 4 <= b.len; n++) {                                                                \
            uint8_t old[4];                                                                                      \
            memcpy(old, b.p + n, 4);                                                                             \
            memset(b.p + n, 0xFF, 4);                                                                            \
            (void)!decode(buffer_slice(&b), &d);                                                                 \
            memcpy(b.p + n, old, 4);                                                                             \
        }                                                                                                        \
        WIRE_FIELDS_##name(OVER) buffer_free(&b);                                                                \
    }

#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#define M(NAME, name, from, to) TEST_MESSAGE(name)
WIRE_MESSAGES(M)
#undef M
#define R(name) TEST_MESSAGE(name)
WIRE_RECORDS(R)
#undef R

static void the_table_alone_says_who_may_speak(void **state)
{
    (void)state;
    assert_false(wire_may_send(WIRE_NONE, ROLE_SUPERVISOR, ROLE_ENGINE));
    assert_false(wire_may_send(WIRE_TYPE_COUNT, ROLE_SUPERVISOR, ROLE_ENGINE));
    assert_false(wire_may_send(0xFFFF, ROLE_SUPERVISOR, ROLE_ENGINE));
#define M(NAME, name, from, to)                                                                                  \
    for (unsigned a = 0; a < ROLE_COUNT; a++)                                                                    \
        for (unsigned b = 0; b < ROLE_COUNT; b++) {                                                              \
            bool wanted = ((from) == ROLE_ANY || a == (unsigned)(from)) && ((to) == ROLE_ANY || b == (unsigned)(to)); \
            assert_int_equal(wire_may_send(WIRE_##NAME, (enum role)a, (enum role)b), wanted);                    \
        }                                                                                                        \
    assert_string_equal(wire_type_name(WIRE_##NAME), #NAME);
    WIRE_MESSAGES(M)
#undef M
    assert_string_equal(wire_type_name(WIRE_TYPE_COUNT), "?");
}

/* No role but the vault ever sends a credential's value, and only to egress [I2]. */
static void values_go_from_vault_to_egress_alone(void **state)
{
    (void)state;
    for (unsigned a = 0; a < ROLE_COUNT; a++)
        for (unsigned b = 0; b < ROLE_COUNT; b++)
            assert_int_equal(wire_may_send(WIRE_VAULT_VALUE, (enum role)a, (enum role)b), a == ROLE_VAULT && b == ROLE_EGRESS);
}

static void pairs_walk_and_refuse(void **state)
{
    (void)state;
    struct buffer b = BUFFER_MAX(256);
    struct slice name, value;
    wire_pairs_put(&b, SLICE_LITERAL("Content-Type"), SLICE_LITERAL("a"));
    wire_pairs_put(&b, SLICE_LITERAL("x"), SLICE_LITERAL(""));
    assert_true(wire_pairs_find(buffer_slice(&b), "content-type", &value));
    assert_true(slice_is(value, "a"));
    assert_true(wire_pairs_find(buffer_slice(&b), "X", &value));
    assert_false(wire_pairs_find(buffer_slice(&b), "y", &value));
    struct slice rest = buffer_slice(&b);
    assert_int_equal(wire_pairs_next(&rest, &name, &value), 1);
    assert_int_equal(wire_pairs_next(&rest, &name, &value), 1);
    assert_int_equal(wire_pairs_next(&rest, &name, &value), 0);
    for (size_t n = 1; n < b.len; n++) {
        uint8_t *cut = malloc(n);
        memcpy(cut, b.p, n);
        rest = slice_of(cut, n);
        int r;
        while ((r = wire_pairs_next(&rest, &name, &value)) > 0)
            ;
        bool is_border = n == 4 + 12 + 4 + 1;
        assert_int_equal(r, is_border ? 0 : -SP_ETRUNCATED);
        free(cut);
    }
    buffer_free(&b);
}

static void effects_walk_and_refuse(void **state)
{
    (void)state;
    struct buffer b = BUFFER_MAX(256);
    uint8_t kind;
    uint32_t number;
    struct slice record;
    wire_effects_put(&b, EFFECT_TIMER, 7, SLICE_LITERAL("abc"));
    struct slice rest = buffer_slice(&b);
    assert_int_equal(wire_effects_next(&rest, &kind, &number, &record), 1);
    assert_int_equal(kind, EFFECT_TIMER);
    assert_int_equal(number, 7);
    assert_true(slice_is(record, "abc"));
    assert_int_equal(wire_effects_next(&rest, &kind, &number, &record), 0);
    b.p[0] = 99;
    rest = buffer_slice(&b);
    assert_int_equal(wire_effects_next(&rest, &kind, &number, &record), -SP_EINVALID);
    buffer_free(&b);
}

static int set_up(void **state)
{
    (void)state;
    huge = calloc(1, LIMIT_FRAME + 1);
    return huge ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    free(huge);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define M(NAME, name, from, to) cmocka_unit_test(message_##name),
        WIRE_MESSAGES(M)
#undef M
#define R(name) cmocka_unit_test(message_##name),
            WIRE_RECORDS(R)
#undef R
                cmocka_unit_test(the_table_alone_says_who_may_speak),
        cmocka_unit_test(values_go_from_vault_to_egress_alone),
        cmocka_unit_test(pairs_walk_and_refuse),
        cmocka_unit_test(effects_walk_and_refuse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
