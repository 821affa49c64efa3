/* json_part: a member's value as it stands in the text, byte for byte. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "cli/json_part.h"

static const struct {
    const char *json, *key, *value; /* NULL: there is none */
} cases[] = {
    {"{\"a\":1}", "a", "1"},
    {"{\"a\":1}", "b", NULL},
    {" { \"a\" : 1.50e3 , \"b\" : [1,{\"c\":\"]}\"}] } ", "b", "[1,{\"c\":\"]}\"}]"},
    {" { \"a\" : 1.50e3 , \"b\" : 2 } ", "a", "1.50e3"},
    {"{\"x\":{\"output\":1},\"output\":12345678901234567890}", "output", "12345678901234567890"},
    {"{\"x\":\"\\\"output\\\":1,\",\"output\":\"\\\\\"}", "output", "\"\\\\\""},
    {"{\"output\":null}", "output", "null"},
    {"{\"output\":\"a\\\"b\"}", "output", "\"a\\\"b\""},
    {"{\"outputs\":1,\"output\":{}}", "output", "{}"},
    {"{}", "a", NULL},
    {"[1]", "a", NULL},
    {"", "a", NULL},
    {"{\"a\"", "a", NULL},
    {"{\"a\":", "a", NULL},
    {"{\"a\\", "a", NULL},
};

static void each_case(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct slice value = {NULL, 0};
        bool found = json_part(slice_text(cases[i].json), cases[i].key, &value);
        if (found != (cases[i].value != NULL) || (found && !slice_is(value, cases[i].value)))
            fail_msg("case %zu: %s: got %.*s, expected %s", i, cases[i].json, SLICE_ARGS(value),
                     cases[i].value ? cases[i].value : "nothing");
    }
}

/* Cut anywhere, it reads no byte outside: each cut is a copy of its own. */
static void a_cut_text_is_not_overrun(void **state)
{
    (void)state;
    static const char text[] = "{\"a\\\\\":[{\"b\":\"c\\\"\"}],\"output\":{\"d\":[1,2,\"\\u0041\"]}}";
    for (size_t n = 0; n < sizeof text; n++) {
        struct slice value;
        uint8_t *cut = malloc(n ? n : 1);
        memcpy(cut, text, n);
        (void)json_part(slice_of(cut, n), "output", &value);
        free(cut);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_case),
        cmocka_unit_test(a_cut_text_is_not_overrun),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
