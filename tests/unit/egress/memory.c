/* The allocator that libcurl is given: what it frees is wiped before it goes back [I2], sizes that overflow are refused, and libcurl that
 * does not start is no egress [I8]. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>
#include <curl/curl.h>
#include <stdlib.h>

#include "base/error.h"
#include "egress/memory.h"

#define SECRET "a-password-that-libcurl-copied"

static struct {
    CURLcode answer;
    unsigned n;
    curl_malloc_callback malloc;
    curl_free_callback free;
    curl_realloc_callback realloc;
    curl_strdup_callback strdup;
    curl_calloc_callback calloc;
} given;

static const char *wiped; /* as free() finds it, its first bytes the block's own */
static bool is_wiped, has_no_memory;

CURLcode __wrap_curl_global_init_mem(long flags, curl_malloc_callback m, curl_free_callback f, curl_realloc_callback r,
                                     curl_strdup_callback s, curl_calloc_callback c);
void __wrap_free(void *p);
void __real_free(void *p);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

CURLcode __wrap_curl_global_init_mem(long flags, curl_malloc_callback m, curl_free_callback f, curl_realloc_callback r,
                                     curl_strdup_callback s, curl_calloc_callback c)
{
    CURLcode answer = given.answer;
    given.n++;
    given.malloc = m, given.free = f, given.realloc = r, given.strdup = s, given.calloc = c;
    return answer;
}

void __wrap_free(void *p)
{
    if (wiped) {
        is_wiped = memcmp(wiped, (char[sizeof SECRET]){0}, sizeof SECRET) == 0;
        wiped = NULL;
    }
    __real_free(p);
}

void *__wrap_malloc(size_t size)
{
    return has_no_memory ? NULL : __real_malloc(size);
}

static void test_libcurl_that_does_not_start(void **state)
{
    given.answer = CURLE_FAILED_INIT;
    assert_int_equal(memory_init_curl(), -SP_EUNAVAILABLE);
    given.answer = CURLE_OK;
    assert_int_equal(memory_init_curl(), 0);
    assert_int_equal(memory_init_curl(), 0);
    assert_int_equal(given.n, 2); /* once it has started, not again */
}

static void test_blocks_are_wiped(void **state)
{
    char *text = given.strdup(SECRET);
    assert_string_equal(text, SECRET);
    wiped = text;
    char *longer = given.realloc(text, 2 * sizeof SECRET); /* moves: realloc() would leave the old one as it was */
    assert_true(is_wiped);
    assert_string_equal(longer, SECRET);
    is_wiped = false;
    wiped = longer;
    char *shorter = given.realloc(longer, 3);
    assert_true(is_wiped);
    assert_memory_equal(shorter, SECRET, 3);
    given.free(shorter);
    text = given.realloc(NULL, sizeof SECRET);
    memcpy(text, SECRET, sizeof SECRET);
    is_wiped = false;
    wiped = text;
    given.free(text);
    assert_true(is_wiped);
    given.free(NULL);
    text = given.calloc(3, 5);
    assert_memory_equal(text, (char[15]){0}, 15);
    given.free(text);
}

static void test_no_memory(void **state)
{
    volatile size_t most = SIZE_MAX; /* volatile: the compiler warns of what is to be refused */
    assert_null(given.malloc(most));
    assert_null(given.malloc(most - 8));
    assert_null(given.calloc(most / 2, 3));
    char *text = given.strdup(SECRET);
    has_no_memory = true;
    bool all_null =
        !given.malloc(1) && !given.calloc(1, 1) && !given.strdup("") && !given.realloc(NULL, 1) && !given.realloc(text, 99);
    has_no_memory = false;
    assert_true(all_null);
    assert_string_equal(text, SECRET); /* a realloc that fails leaves it */
    given.free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_libcurl_that_does_not_start), cmocka_unit_test(test_blocks_are_wiped),
                                       cmocka_unit_test(test_no_memory)};
    return cmocka_run_group_tests_name("egress/memory", tests, NULL, NULL);
}
