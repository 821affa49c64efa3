/* api: the contract of flow.h beyond what a run computes: lies of the peer, races, references, input that is
 * not JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/error.h"
#include "flow/flow.h"

#define HEAD "document: {dsl: '1.0.3', namespace: a, name: b, version: '0.1.0'}\n"

static struct flow_definition *compile(const char *text)
{
    struct buffer findings = BUFFER_MAX(LIMIT_DEFINITION), manifest = BUFFER_MAX(LIMIT_DEFINITION);
    struct flow_definition *d = NULL;
    assert_int_equal(flow_definition_compile(slice_text(text), &findings, &manifest, &d), 0);
    buffer_free(&findings);
    buffer_free(&manifest);
    return d;
}

static struct flow_run *start(const char *text)
{
    struct flow_definition *d = compile(text);
    struct flow_run *run = NULL;
    struct msg_worker_start m = {.run = 1, .started_ms = 1000, .input = slice_text("{}")};
    assert_int_equal(flow_run_new(d, &m, &run, NULL), 0);
    flow_definition_unref(d); /* the run has its own reference */
    return run;
}

static int deliver(struct flow_run *run, uint32_t effect, enum effect_kind kind)
{
    struct msg_worker_result m = {.effect = effect, .kind = (uint8_t)kind, .at_ms = 2000, .status = 200};
    return flow_run_deliver(run, &m);
}

static enum step_status step(struct flow_run *run)
{
    struct flow_step s = {0};
    assert_int_equal(flow_run_step(run, &s), 0);
    return s.status;
}

static void test_input_that_is_not_json(void **state)
{
    struct flow_definition *d = compile(HEAD "do: [{a: {set: {x: 1}}}]");
    struct flow_run *run = NULL;
    struct diag diag = {0};
    static const char *const inputs[] = {"", "{", "{\"a\":1,\"a\":2}", "NaN", "1 2", "\xff"};
    for (size_t i = 0; i < sizeof inputs / sizeof inputs[0]; i++) {
        struct msg_worker_start m = {.input = slice_text(inputs[i])};
        assert_int_equal(flow_run_new(d, &m, &run, &diag), -SP_ESYNTAX);
    }
    flow_definition_unref(d);
}

static void test_lies_are_refused(void **state)
{
    struct flow_run *run = start(HEAD "do: [{e: {emit: {event: {with: {type: t}}}}}, {w: {wait: PT1S}}]");
    assert_int_equal(deliver(run, 1, EFFECT_EVENT), -SP_EINVALID); /* before anything is open */
    assert_int_equal(step(run), STEP_WAITING);
    assert_int_equal(deliver(run, 0, EFFECT_TIMER), -SP_EINVALID);
    assert_int_equal(deliver(run, 3, EFFECT_TIMER), -SP_EINVALID);
    assert_int_equal(deliver(run, 2, EFFECT_CALL), -SP_EINVALID);
    assert_int_equal(step(run), STEP_WAITING);
    assert_int_equal(deliver(run, 2, EFFECT_TIMER), 0);
    assert_int_equal(step(run), STEP_COMPLETED);
    flow_run_free(run);
}

static void test_late_results_are_ignored(void **state)
{
    struct flow_run *run = start(HEAD "do: [{f: {fork: {compete: true, branches: [{a: {wait: PT1S}}, {b: "
                                      "{wait: PT2S}}]}}}, {w: {wait: PT3S}}]");
    assert_int_equal(step(run), STEP_WAITING);
    assert_int_equal(deliver(run, 1, EFFECT_TIMER), 0);
    assert_int_equal(step(run), STEP_WAITING);
    assert_int_equal(deliver(run, 2, EFFECT_TIMER), 0); /* cancelled meanwhile */
    assert_int_equal(step(run), STEP_WAITING);
    assert_int_equal(deliver(run, 4, EFFECT_TIMER), 0);
    assert_int_equal(step(run), STEP_COMPLETED);
    assert_int_equal(deliver(run, 4, EFFECT_TIMER), 0);
    assert_int_equal(step(run), STEP_COMPLETED);
    flow_run_free(run);
}

static void test_effects_that_do_not_fit_a_step(void **state)
{
    struct flow_run *run =
        start(HEAD "do: [{l: {for: {in: '${ [range(4)] }'}, do: [{e: {emit: {event: {with: {type: t, data: "
                   "'${ [range(400000)] | tojson }'}}}, output: {as: '{}'}}}]}}]");
    struct flow_step s = {0};
    assert_int_equal(flow_run_step(run, &s), 0);
    assert_int_equal(s.status, STEP_FAULTED);
    assert_int_equal(s.output.len, 0);
    assert_non_null(memmem(s.error.p, s.error.len, "limit exceeded", 14));
    flow_run_free(run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_input_that_is_not_json),
        cmocka_unit_test(test_lies_are_refused),
        cmocka_unit_test(test_late_results_are_ignored),
        cmocka_unit_test(test_effects_that_do_not_fit_a_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
