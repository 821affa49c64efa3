/* Steps as a hostile worker would write them: each is refused before the engine acts on any part of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"
#include "engine/step_check.h"

static struct msg_worker_step step_of(enum step_status status)
{
    struct msg_worker_step m = {.run = 1, .status = (uint8_t)status, .context = SLICE_LITERAL("null")};
    m.output = status == STEP_COMPLETED ? SLICE_LITERAL("{}") : (struct slice){0};
    m.error = status == STEP_FAULTED ? SLICE_LITERAL("{}") : (struct slice){0};
    return m;
}

static void put_timer(struct buffer *b, uint32_t number, uint64_t delay_ms)
{
    struct buffer record = BUFFER_MAX(64);
    wire_encode_effect_timer(&record, &(struct msg_effect_timer){.delay_ms = delay_ms});
    wire_effects_put(b, EFFECT_TIMER, number, buffer_slice(&record));
    buffer_free(&record);
}

static int check_one(uint8_t kind, uint32_t number, struct slice record)
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1024);
    wire_effects_put(&b, kind, number, record);
    struct msg_worker_step m = step_of(STEP_WAITING);
    uint32_t last;
    m.effects = buffer_slice(&b);
    return step_check(&m, 0, &last);
}

static void honest_steps_pass(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(1024);
    uint32_t last = 7;
    put_timer(&b, 8, 1000);
    put_timer(&b, 9, 0);
    struct msg_worker_step m = step_of(STEP_WAITING);
    m.effects = buffer_slice(&b);
    m.trace = slice_of("\0\0\1\0\0\2", 6);
    assert_int_equal(step_check(&m, last, &last), 0);
    assert_int_equal(last, 9);
    m = step_of(STEP_COMPLETED);
    assert_int_equal(step_check(&m, last, &last), 0);
    m = step_of(STEP_FAULTED);
    assert_int_equal(step_check(&m, last, &last), 0);
    assert_int_equal(last, 9);
}

static void numbers_only_grow(void **state)
{
    (void)state;
    static const struct {
        uint32_t first, second;
    } cases[] = {{0, 1}, {3, 9}, {8, 8}, {9, 8}, {8, 2 * LIMIT_EFFECTS + 1}, {1u << 24, (1u << 24) + 1}, {UINT32_MAX, 8}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _cleanup_buffer_ struct buffer b = BUFFER_MAX(1024);
        uint32_t last = 7;
        put_timer(&b, cases[i].first, 1);
        put_timer(&b, cases[i].second, 1);
        struct msg_worker_step m = step_of(STEP_WAITING);
        m.effects = buffer_slice(&b);
        assert_true(step_check(&m, last, &last) < 0);
        assert_int_equal(last, 7);
    }
}

/* The number of an event is in the nonce of its sealing, which has room for 24 bits and asserts it. */
static void events_beyond_the_nonce_are_refused(void **state)
{
    (void)state;
    _cleanup_buffer_ struct buffer record = BUFFER_MAX(64);
    wire_encode_effect_event(&record, &(struct msg_effect_event){.event = SLICE_LITERAL("{}")});
    assert_int_equal(check_one(EFFECT_EVENT, 1, buffer_slice(&record)), 0);
    assert_true(check_one(EFFECT_EVENT, 1u << 24, buffer_slice(&record)) < 0);
}

static void malformed_records_are_refused(void **state)
{
    (void)state;
    for (unsigned kind = 0; kind < 256; kind++) {
        assert_true(check_one((uint8_t)kind, 1, (struct slice){0}) < 0);
        assert_true(check_one((uint8_t)kind, 1, slice_of("\377\377\377\377\377", 5)) < 0);
    }
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(64);
    put_timer(&b, 1, UINT64_MAX);
    struct msg_worker_step m = step_of(STEP_WAITING);
    uint32_t last;
    m.effects = buffer_slice(&b);
    assert_true(step_check(&m, 0, &last) < 0);
    for (size_t len = 1; len < b.len; len++) {
        m.effects = slice_of(b.p, len);
        assert_true(step_check(&m, 0, &last) < 0);
    }
}

static void traces_are_whole(void **state)
{
    (void)state;
    struct msg_worker_step m = step_of(STEP_WAITING);
    uint32_t last;
    const struct slice traces[] = {SLICE_LITERAL("\0"), SLICE_LITERAL("\0\0\1\0"), SLICE_LITERAL("\0\0\0"),
                                   SLICE_LITERAL("\0\0\377")};
    for (size_t i = 0; i < sizeof traces / sizeof traces[0]; i++) {
        m.trace = traces[i];
        assert_true(step_check(&m, 0, &last) < 0);
    }
}

static void texts_are_json_and_ends_are_there(void **state)
{
    (void)state;
    uint32_t last;
    struct msg_worker_step m = step_of(STEP_FAULTED);
    m.error = SLICE_LITERAL("{\"type\":\"\377\"}");
    assert_true(step_check(&m, 0, &last) < 0);
    m = step_of(STEP_COMPLETED);
    m.output = (struct slice){0};
    assert_true(step_check(&m, 0, &last) < 0);
    m = step_of(STEP_COMPLETED);
    m.context = SLICE_LITERAL("\300\200");
    assert_true(step_check(&m, 0, &last) < 0);
    m = step_of(STEP_COMPLETED);
    m.output = SLICE_LITERAL("1},\"state\":\"cancelled\",\"error\":{");
    assert_true(step_check(&m, 0, &last) < 0);
    m = step_of(STEP_COMPLETED);
    m.status = 77;
    assert_true(step_check(&m, 0, &last) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_steps_pass),
        cmocka_unit_test(numbers_only_grow),
        cmocka_unit_test(events_beyond_the_nonce_are_refused),
        cmocka_unit_test(malformed_records_are_refused),
        cmocka_unit_test(traces_are_whole),
        cmocka_unit_test(texts_are_json_and_ends_are_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
