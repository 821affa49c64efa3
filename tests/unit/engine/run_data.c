/* What one answer holds of a run's data: as much as there is room for, never more, and the rest by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/json_reader.h"
#include "engine/run_data.h"

#define ROOM 1000

static void give(struct run_data *data, enum run_part part, size_t len)
{
    static uint8_t texts[RUN_PART_COUNT][ROOM];
    uint8_t *text = texts[part];
    memset(text, 'x', ROOM);
    text[0] = text[len - 1] = '"';
    data->part[part] = slice_of(text, len);
}

/* Writes it as an answer does, and says which parts are there and which are named, as "input,error;output". */
static const char *written(const struct run_data *data, size_t room)
{
    static char said[128];
    _cleanup_buffer_ struct buffer body = BUFFER_MAX(ROOM + 64);
    struct json_writer w = JSON_WRITER(&body);
    json_object_begin(&w);
    json_key_text(&w, "id", "r");
    size_t before = body.len;
    unsigned which = run_data_fitting(data, room);
    run_data_write(&w, data, which);
    assert_true(body.len - before <= run_data_len(data, which) && run_data_len(data, which) <= room);
    json_object_end(&w);
    assert_int_equal(buffer_error(&body), 0);
    json_t *root = json_read(buffer_slice(&body), 0, NULL), *omitted = json_object_get(root, "omitted");
    assert_non_null(root);
    said[0] = '\0';
    for (int i = 0; i < RUN_PART_COUNT; i++)
        if (json_object_get(root, run_part_text(i)))
            (void)snprintf(said + strlen(said), sizeof said - strlen(said), "%s,", run_part_text(i));
    for (size_t i = 0; i < json_array_size(omitted); i++)
        (void)snprintf(said + strlen(said), sizeof said - strlen(said), ";%s", json_string_value(json_array_get(omitted, i)));
    json_decref(root);
    return said;
}

static void what_has_room_is_shown_and_the_rest_named(void **state)
{
    (void)state;
    struct run_data data = {0};
    assert_string_equal(written(&data, ROOM), "");
    give(&data, PART_INPUT, 400);
    give(&data, PART_OUTPUT, 400);
    assert_string_equal(written(&data, ROOM), "input,output,");
    give(&data, PART_CONTEXT, 400);
    assert_string_equal(written(&data, ROOM), "input,output,;context");
    give(&data, PART_CONTEXT, 2);
    assert_string_equal(written(&data, ROOM), "input,output,context,");
    give(&data, PART_OUTPUT, 900);
    assert_string_equal(written(&data, ROOM), "output,context,;input");
    data.part[PART_OUTPUT] = (struct slice){0};
    give(&data, PART_ERROR, 600);
    assert_string_equal(written(&data, ROOM), "error,context,;input");
    give(&data, PART_ERROR, ROOM);
    assert_string_equal(written(&data, ROOM), "input,context,;error");
}

static void it_never_takes_more_room(void **state)
{
    (void)state;
    for (size_t input = 0; input < ROOM - 2; input += 97)
        for (size_t output = ROOM / 2; output < ROOM; output++) {
            struct run_data data = {0};
            give(&data, PART_CONTEXT, ROOM - output + 2);
            give(&data, PART_OUTPUT, output);
            if (input)
                give(&data, PART_INPUT, input + 2);
            (void)written(&data, ROOM);
        }
}

static void names_are_parsed(void **state)
{
    (void)state;
    assert_int_equal(run_part_parse(SLICE_LITERAL("context")), PART_CONTEXT);
    assert_int_equal(run_part_parse(SLICE_LITERAL("inputs")), -1);
    assert_int_equal(run_part_parse((struct slice){0}), -1);
    assert_null(run_part_text(RUN_PART_COUNT));
    assert_null(run_part_text(-1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_has_room_is_shown_and_the_rest_named),
        cmocka_unit_test(it_never_takes_more_room),
        cmocka_unit_test(names_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
