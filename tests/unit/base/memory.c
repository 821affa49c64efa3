/* Arenas, what a person reads (diag), and the codes of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/diag.h"
#include "base/error.h"

static void arena_memory_is_zeroed_aligned_and_apart(void **state)
{
    (void)state;
    struct arena a = {0};
    uint8_t *parts[300];
    for (size_t i = 0; i < 300; i++) {
        size_t size = i * i % 5000 + 1;
        parts[i] = arena_alloc(&a, size);
        assert_non_null(parts[i]);
        assert_int_equal((uintptr_t)parts[i] % _Alignof(max_align_t), 0);
        for (size_t k = 0; k < size; k++)
            assert_int_equal(parts[i][k], 0);
        memset(parts[i], (int)(i & 0x7F) + 1, size);
    }
    for (size_t i = 0; i < 300; i++)
        for (size_t k = 0; k < i * i % 5000 + 1; k++)
            assert_int_equal(parts[i][k], (i & 0x7F) + 1);
    assert_null(arena_alloc(&a, SIZE_MAX));
    assert_null(arena_alloc(&a, SIZE_MAX - 8));
    arena_free(&a);
    assert_non_null(arena_alloc(&a, 1));
    arena_free(&a);
}

static void arena_copies(void **state)
{
    (void)state;
    struct arena a = {0};
    bool ok = true;
    char text[] = "abc";
    struct slice copy = arena_copy(&a, slice_text(text), &ok);
    text[0] = 'x';
    assert_true(ok && slice_is(copy, "abc"));
    assert_int_equal(arena_copy(&a, (struct slice){NULL, 0}, &ok).len, 0);
    ok = false;
    (void)arena_copy(&a, SLICE_LITERAL("b"), &ok);
    assert_false(ok);
    arena_free(&a);
}

static void diag_cuts_at_a_character(void **state)
{
    (void)state;
    struct diag d = {0};
    char text[2048];
    memset(text, 'a', sizeof text);
    for (size_t i = 1; i + 2 < sizeof text; i += 2)
        memcpy(text + i, "\xc3\xa9", 2);
    text[sizeof text - 1] = 0;
    for (int shift = 0; shift < 2; shift++) {
        assert_int_equal(diag_set(&d, -SP_EINVALID, "%s%s", shift ? "x" : "", text), -SP_EINVALID);
        assert_int_equal(d.code, -SP_EINVALID);
        assert_true(strlen(d.text) < sizeof d.text && strlen(d.text) > sizeof d.text - 8);
        assert_true(slice_is_utf8(slice_text(d.text)));
        diag_hint(&d, "%s%s", shift ? "x" : "", text);
        diag_pointer(&d, "%s%s", shift ? "x" : "", text);
        assert_true(slice_is_utf8(slice_text(d.hint)) && slice_is_utf8(slice_text(d.pointer)));
    }
    diag_place(&d, 3, 4);
    assert_int_equal(d.line, 3);
    assert_int_equal(d.column, 4);
}

static void diag_may_be_absent(void **state)
{
    (void)state;
    assert_int_equal(diag_set(NULL, -ENOENT, "x"), -ENOENT);
    diag_hint(NULL, "x");
    diag_place(NULL, 1, 1);
    diag_pointer(NULL, "x");
}

static void every_error_has_its_texts(void **state)
{
    (void)state;
    static const int codes[] = {
#define E(name, number, status, exit, slug, text) -number,
        SP_ERRORS(E)
#undef E
    };
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        assert_true(strlen(error_text(codes[i])) > 0);
        assert_true(error_http_status(codes[i]) >= 400 && error_http_status(codes[i]) < 600);
        assert_true(error_exit_code(codes[i]) >= 1 && error_exit_code(codes[i]) <= 4);
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(error_slug(codes[i]), error_slug(codes[k]));
            assert_int_not_equal(codes[i], codes[k]);
        }
    }
    assert_int_equal(error_http_status(-ENOENT), 500);
    assert_int_equal(error_exit_code(-ENOENT), 4);
    assert_non_null(error_text(-99999));
    assert_non_null(error_slug(-99999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_memory_is_zeroed_aligned_and_apart),
        cmocka_unit_test(arena_copies),
        cmocka_unit_test(diag_cuts_at_a_character),
        cmocka_unit_test(diag_may_be_absent),
        cmocka_unit_test(every_error_has_its_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
