/* transparency-dev/merkle: inclusion and consistency proofs, each with its verdict. Proofs of subtrees, which
 * we do not use, are run where they are proofs of a whole tree: an aligned subtree is a tree of its own, and
 * a subtree from 0 is a prefix. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "crypto/merkle.h"
#include "suite.h"

struct counts {
    struct suite_result result;
    unsigned n_wanted; /* cases that the suite wants refused, and that are for us */
};

/* Roots of other lengths in the suite stand for "any text": equal texts give equal hashes. */
static void hash_of(const json_t *text, uint8_t ret[32])
{
    _cleanup_buffer_ struct buffer b = BUFFER_MAX(4096);
    struct slice s = slice_text(json_string_value(text));
    assert_int_equal(buffer_append_base64_decoded(&b, s), 0);
    if (b.len == 32)
        memcpy(ret, b.p, 32);
    else
        crypto_sha256(buffer_slice(&b), ret);
}

static void proof_of(const json_t *list, struct buffer *ret)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        assert_int_equal(
            buffer_append_base64_decoded(ret, slice_text(json_string_value(json_array_get(list, i)))), 0);
}

static bool has_odd_node(const json_t *list)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_string_length(json_array_get(list, i)) != 44)
            return true;
    return false;
}

static uint64_t number(const json_t *o, const char *key)
{
    const json_t *n = json_object_get(o, key);
    /* What jansson can only read as a real number is near 2^64; none such is accepted. */
    return json_is_real(n) && json_real_value(n) >= 0x1p63 ? UINT64_MAX
                                                           : (uint64_t)(int64_t)json_number_value(n);
}

static bool is_aligned(uint64_t start, uint64_t end)
{
    uint64_t width = 1;
    while (start < end && width < end - start && width < (1ull << 62))
        width *= 2;
    return start < end && start % width == 0;
}

/* 1 accepted, 0 refused, -1 not for us. */
static int verdict(const char *path, const json_t *o)
{
    _cleanup_buffer_ struct buffer proof = BUFFER_MAX(65536);
    uint8_t a[32], b[32];
    bool subtree = strncmp(path, "subtree", 7) == 0;
    const json_t *nodes = json_object_get(o, "proof");
    if (has_odd_node(nodes))
        return 0; /* a proof on our wire has whole nodes alone */
    proof_of(nodes, &proof);
    uint64_t start = subtree ? number(o, "start") : 0;
    if (strstr(path, "consistency")) {
        hash_of(json_object_get(o, "root1"), a);
        hash_of(json_object_get(o, "root2"), b);
        if (subtree && (start != 0 || number(o, "end") == 0))
            return -1;
        return merkle_verify_consistency(number(o, subtree ? "end" : "size1"), a,
                                         number(o, subtree ? "size" : "size2"), b, buffer_slice(&proof)) == 0;
    }
    if (json_string_length(json_object_get(o, "leafHash")) != 44 ||
        json_string_length(json_object_get(o, "root")) != 44)
        return 0;
    hash_of(json_object_get(o, "leafHash"), a);
    hash_of(json_object_get(o, "root"), b);
    if (subtree && !is_aligned(start, number(o, "end")))
        return 0;
    return merkle_verify_inclusion(number(o, "leafIdx") - start,
                                   subtree ? number(o, "end") - start : number(o, "treeSize"), a,
                                   buffer_slice(&proof), b) == 0;
}

static void run_case(void *user, const char *name, const char *path)
{
    struct counts *counts = user;
    json_error_t error;
    json_t *o = json_load_file(path, JSON_DECODE_INT_AS_REAL, &error);
    assert_non_null(o);
    bool wanted = !json_is_true(json_object_get(o, "wantErr"));
    int got = verdict(name, o);
    if (got >= 0 && got != wanted)
        fail_msg("%s: %s, but it must be %s", name, got ? "accepted" : "refused",
                 wanted ? "accepted" : "refused");
    counts->result.cases++;
    counts->result.passed += got >= 0;
    counts->result.left_out += got < 0;
    counts->n_wanted += got == 0;
    json_decref(o);
}

static void test_suite(void **state)
{
    char root[SUITE_PATH_MAX];
    struct counts counts = {0};
    suite_path_or_skip(root, "suites/merkle/testdata");
    suite_files(root, ".json", run_case, &counts);
    assert_true(suite_print("merkle", &counts.result));
    print_message("%u of those that passed had to be refused\n", counts.n_wanted);
    assert_true(counts.result.passed > 400 && counts.n_wanted > 400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_suite)};
    return cmocka_run_group_tests_name("conformance/merkle", tests, NULL, NULL);
}
