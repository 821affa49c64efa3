/* Questions are answered once, by their own tag, and all of them when the peer is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/limits.h"
#include "engine/ask.h"

static struct ask_table table;
static unsigned n_answers;
static int last_code;

static void on_answer(int code, const void *answer, void *user)
{
    (void)answer;
    n_answers++;
    last_code = code;
    /* Whom we tell may ask again. */
    if (user)
        *(uint64_t *)user = ask_open(&table, on_answer, NULL);
}

static int setup(void **state)
{
    (void)state;
    free(table.slots);
    table = (struct ask_table){0};
    n_answers = 0;
    last_code = 1;
    return 0;
}

static void a_tag_serves_once(void **state)
{
    (void)state;
    uint64_t tag = ask_open(&table, on_answer, NULL);
    assert_int_not_equal(tag, 0);
    assert_int_equal(ask_answer(&table, tag, 0, NULL), 0);
    assert_int_equal(ask_answer(&table, tag, 0, NULL), -SP_EPROTOCOL);
    uint64_t second = ask_open(&table, on_answer, NULL);
    assert_int_not_equal(second, tag);
    assert_int_equal(ask_answer(&table, tag, 0, NULL), -SP_EPROTOCOL);
    ask_forget(&table, second);
    assert_int_equal(ask_answer(&table, second, 0, NULL), -SP_EPROTOCOL);
    assert_int_equal(n_answers, 1);
}

static void invented_tags_find_nothing(void **state)
{
    (void)state;
    uint64_t tag = ask_open(&table, on_answer, NULL);
    const uint64_t tags[] = {0, 1, UINT64_MAX, tag + 1, tag ^ 1ull << 32, tag ^ 1ull << 63};
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++)
        assert_int_equal(ask_answer(&table, tags[i], 0, NULL), -SP_EPROTOCOL);
    assert_int_equal(n_answers, 0);
}

static void the_table_is_bounded(void **state)
{
    (void)state;
    uint32_t n = 0;
    while (ask_open(&table, on_answer, NULL))
        assert_true(++n <= 4 * LIMIT_RUNS_ACTIVE);
    ask_fail_all(&table, -SP_EUNAVAILABLE);
    assert_int_equal(n_answers, n);
    assert_int_equal(table.n_open, 0);
    assert_int_equal(last_code, -SP_EUNAVAILABLE);
}

static void failing_all_lets_ask_again(void **state)
{
    (void)state;
    uint64_t again[100] = {0};
    for (size_t i = 0; i < 100; i++)
        assert_int_not_equal(ask_open(&table, on_answer, &again[i]), 0);
    ask_fail_all(&table, -SP_EUNAVAILABLE);
    assert_true(n_answers >= 100);
    for (size_t i = 0; i < 100; i++)
        assert_int_not_equal(again[i], 0);
}

/* A slot's 2^32nd use must not give the tag that means "none". */
static void generations_pass_over_zero(void **state)
{
    (void)state;
    uint64_t tags[64];
    for (size_t i = 0; i < 64; i++)
        tags[i] = ask_open(&table, on_answer, NULL);
    for (size_t i = 0; i < 64; i++)
        ask_forget(&table, tags[i]);
    for (size_t i = 0; i < 64; i++)
        table.slots[i].generation = UINT32_MAX;
    for (unsigned round = 0; round < 3; round++) {
        for (size_t i = 0; i < 64; i++) {
            tags[i] = ask_open(&table, on_answer, NULL);
            assert_int_not_equal(tags[i], 0);
        }
        for (size_t i = 0; i < 64; i++)
            assert_int_equal(ask_answer(&table, tags[i], 0, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_tag_serves_once, setup),
        cmocka_unit_test_setup(invented_tags_find_nothing, setup),
        cmocka_unit_test_setup(the_table_is_bounded, setup),
        cmocka_unit_test_setup(failing_all_lets_ask_again, setup),
        cmocka_unit_test_setup(generations_pass_over_zero, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
