/* JSON from outside without memory: the N-th allocation of jansson fails, for N from 1 on until none does. Nothing is read then, and
 * nothing is written behind what was allocated: a mark stands there, which jansson, that no sanitizer looks into, must not touch. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json_reader.h"

#define MARK 64

struct block {
    size_t len;
    uint8_t bytes[];
};

void *__real_malloc(size_t size);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void __wrap_free(void *p);

static unsigned n_blocks, fail_at;

void *__wrap_malloc(size_t size)
{
    if (++n_blocks == fail_at)
        return NULL;
    struct block *b = __real_malloc(sizeof *b + size + MARK);
    assert_non_null(b);
    b->len = size;
    memset(b->bytes + size, 0xA5, MARK);
    return b->bytes;
}

void __wrap_free(void *p)
{
    struct block *b = p ? (struct block *)((uint8_t *)p - offsetof(struct block, bytes)) : NULL;
    for (size_t i = 0; b && i < MARK; i++)
        assert_int_equal(b->bytes[b->len + i], 0xA5);
    __real_free(b);
}

static void read_without_memory(struct slice text)
{
    for (fail_at = 1;; fail_at++) {
        json_error_t error;
        n_blocks = 0;
        json_t *value = json_read(text, 0, &error);
        if (n_blocks < fail_at) {
            assert_non_null(value);
            json_decref(value);
            break;
        }
        assert_null(value);
        assert_int_equal(json_read_failure(&error), -ENOMEM);
    }
    assert_true(fail_at > 4);
}

/* Tokens of each length: the room that jansson's lexer has may end anywhere in one, at its quote too. */
static void no_memory_is_no_value(void **state)
{
    (void)state;
    char text[512];
    for (int len = 1; len < 140; len++) {
        int n = snprintf(text, sizeof text, "{\"%0*d\":[\"%0*d\",\"\\u00e9\",%.*s],\"next\":\"\"}", len, 1, len, 2, 1 + len % 17,
                         "12345678901234567");
        read_without_memory(slice_of(text, (size_t)n));
    }
}

/* One refusal is of one text. */
static void memory_comes_back(void **state)
{
    (void)state;
    json_error_t error;
    n_blocks = 0;
    fail_at = 2;
    assert_null(json_read(SLICE_LITERAL("[1,2,3]"), 0, &error));
    json_t *list = json_array();
    assert_non_null(list);
    json_decref(list);
    list = json_read(SLICE_LITERAL("[1,2,3]"), 0, &error);
    assert_int_equal(json_array_size(list), 3);
    json_decref(list);
    /* What is made otherwise is refused by itself, and no text after it. */
    n_blocks = 0;
    fail_at = 1;
    assert_null(json_array());
    list = json_read(SLICE_LITERAL("[]"), 0, &error);
    assert_non_null(list);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_memory_is_no_value),
        cmocka_unit_test(memory_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
