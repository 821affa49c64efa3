/* A worker may be late once, and not each time; nobody is late by standing idle, nor by our own standing still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "engine/deadline.h"

#define LOOK_MS 2000

/* `ms` go by, with a look now and then. */
static void pass(struct deadline *p, int64_t ms, bool is_owing)
{
    for (; ms > 0; ms -= LOOK_MS)
        deadline_pass(p, p->at_ms + (ms < LOOK_MS ? ms : LOOK_MS), is_owing);
}

/* How many steps a worker answers that takes `ms` for each, until its time is over; `most` if that does not come. */
static unsigned steps_of(int64_t ms, uint32_t worth_ms, unsigned most)
{
    struct deadline p;
    deadline_begin(&p, 1000);
    for (unsigned n = 0; n < most; n++) {
        pass(&p, ms, true);
        if (deadline_is_over(&p))
            return n;
        deadline_restore(&p, worth_ms);
    }
    return most;
}

static void one_that_is_silent_is_ended(void **state)
{
    assert_int_equal(steps_of(LIMIT_WORKER_SILENCE_MS + 1, LIMIT_WORKER_STEP_MS, 9), 0);
    assert_int_equal(steps_of(LIMIT_WORKER_SILENCE_MS, LIMIT_WORKER_STEP_MS, 9), 1);
}

static void one_that_is_late_each_time_is_ended(void **state)
{
    assert_int_equal(steps_of(29000, LIMIT_WORKER_STEP_MS, 9), 1);
    assert_int_equal(steps_of(10000, LIMIT_WORKER_STEP_MS, 99), 5);
    assert_int_equal(steps_of(LIMIT_WORKER_STEP_MS + 500, LIMIT_WORKER_STEP_MS, 999), 50);
}

static void one_that_works_hard_lives(void **state)
{
    assert_int_equal(steps_of(LIMIT_WORKER_STEP_MS, LIMIT_WORKER_STEP_MS, 9999), 9999);
    assert_int_equal(steps_of(LIMIT_WORKER_SILENCE_MS, LIMIT_WORKER_SILENCE_MS, 99), 99); /* a definition before each */
}

static void what_is_given_back_does_not_add_up(void **state)
{
    struct deadline p;
    deadline_begin(&p, 1000);
    for (unsigned i = 0; i < 100; i++)
        deadline_restore(&p, LIMIT_WORKER_STEP_MS);
    pass(&p, LIMIT_WORKER_SILENCE_MS + 1, true);
    assert_true(deadline_is_over(&p));
}

static void only_what_is_owed_takes_time(void **state)
{
    struct deadline p;
    deadline_begin(&p, 1000);
    pass(&p, 100000, false);
    pass(&p, LIMIT_WORKER_SILENCE_MS, true);
    assert_false(deadline_is_over(&p));
    pass(&p, 1, true);
    assert_true(deadline_is_over(&p));
}

static void our_own_standstill_is_not_the_workers(void **state)
{
    struct deadline p;
    deadline_begin(&p, 1000);
    deadline_pass(&p, 1000 + 3600000, true);
    assert_false(deadline_is_over(&p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_silent_is_ended),  cmocka_unit_test(one_that_is_late_each_time_is_ended),
        cmocka_unit_test(one_that_works_hard_lives),    cmocka_unit_test(what_is_given_back_does_not_add_up),
        cmocka_unit_test(only_what_is_owed_takes_time), cmocka_unit_test(our_own_standstill_is_not_the_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
